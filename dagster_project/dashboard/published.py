"""The publication that is shown: which one it is, and one short connection per question."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from dagster_project.errors import WarehouseProjectError

DATABASE = "miner_marts.duckdb"
MANIFEST = "manifest.json"
PARQUET = "parquet"

# A question to the marts can neither write, nor read another file, nor fetch an extension.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "lock_configuration": "true",
}


class NothingPublished(WarehouseProjectError):
    """There is no published file to show, or it cannot be read."""


class QuestionFailed(WarehouseProjectError):
    """The published file cannot answer a question of the dashboard."""


@dataclass(frozen=True)
class Publication:
    """One publication, by the folder it stands in: later publications do not change it.

    ``manifest`` is empty where the file was copied away from its publication.
    """

    publication_id: str
    database: Path
    manifest: dict[str, Any]

    @property
    def published_at(self) -> str:
        """When it was published, ISO 8601 in UTC; empty where no manifest says so."""
        return str(self.manifest.get("published_at", ""))

    @property
    def parquet_dir(self) -> Path:
        return self.database.parent / PARQUET


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        read = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def find_publication(published_path: Path) -> Publication:
    """The publication that the published path points at now.

    The link is followed once, so that file, manifest and Parquet are of one publication while
    the next one takes its place. Raises NothingPublished with what to do.
    """
    try:
        database = published_path.resolve(strict=True)
        stamp = database.stat()
    except OSError as error:
        raise NothingPublished(
            "Nothing is published yet, so there is nothing to show.",
            where=str(published_path),
            mend="build and publish with 'make run'; this page then fills by itself",
        ) from error
    manifest = _manifest(database.parent)
    # A copy without a manifest is known by its time and size.
    name = str(manifest.get("publication_id") or f"file-{stamp.st_mtime_ns:x}-{stamp.st_size:x}")
    return Publication(name, database, manifest)


def ask(
    publication: Publication, sql: str, parameters: dict[str, object] | None = None
) -> pd.DataFrame:
    """Rows that the marts answer, as a frame with the columns of ``sql``.

    Raises NothingPublished where the file cannot be opened, QuestionFailed where it opens but
    lacks what is asked for (a publication of other code) or refuses a value.
    """
    try:
        with duckdb.connect(
            str(publication.database), read_only=True, config=_CONFIG
        ) as connection:
            return connection.execute(sql, parameters or {}).df()
    except duckdb.IOException as error:
        raise NothingPublished(
            "The published file cannot be opened.",
            where=str(publication.database),
            mend="publish anew with 'make run'; this page then fills by itself",
        ) from error
    except duckdb.Error as error:
        raise QuestionFailed(
            f"The published file does not answer this question: {_first_line(error)}",
            where=f"publication {publication.publication_id}",
            mend="if it was made by older code, publish anew with 'make run'",
        ) from error


def _first_line(error: duckdb.Error) -> str:
    return str(error).strip().splitlines()[0]


def comments(publication: Publication) -> pd.DataFrame:
    """What the file says of its tables and columns: table_name, column_name (NULL for the table
    itself), data_type, description; one row each."""
    return ask(
        publication,
        "select table_name, null as column_name, null as data_type, comment as description, "
        "-1 as position from duckdb_tables() where schema_name = 'marts' "
        "union all select table_name, column_name, data_type, comment, column_index "
        "from duckdb_columns() where schema_name = 'marts' order by table_name, position",
    )
