"""Reads the published marts: one short connection per question, as every reader should."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from dagster_project.errors import WarehouseProjectError
from dagster_project.warehouse import publish_files as files
from dagster_project.warehouse.ddl import literal, quoted
from dagster_project.warehouse.publish_marts import ABOUT_NAMES, MARTS_SCHEMA
from dagster_project.warehouse.session import NO_DOWNLOADS, connect

# What a reader's connection is set to: names need no schema, instants read the same everywhere.
READER_SETTINGS = (
    f"SET search_path = {literal(MARTS_SCHEMA)}",
    "SET TimeZone = 'UTC'",
    NO_DOWNLOADS,
)


def published_files(published_dir: Path) -> tuple[Path, Path]:
    """The DuckDB file and the Parquet folder that a reader should open now.

    They are the stable paths; where the system refuses links (see ``publish_files``), the
    release that ``current.json`` names. Ask again for every question.
    """
    folder = published_dir
    name = files.current_id(published_dir)
    if name and not (published_dir / files.CURRENT).is_symlink():
        folder = published_dir / files.RELEASES / name
    return folder / files.DATABASE, folder / files.PARQUET


def require_published(path: Path) -> Path:
    """The path of the published file; raises WarehouseProjectError where there is none."""
    if not path.is_file():
        raise WarehouseProjectError(
            "Nothing is published yet.",
            where=str(path),
            mend="run 'make run', which builds and publishes the marts, or set MINER_OUTPUT_DIR "
            "to the folder of an earlier run",
        )
    return path


@contextmanager
def published(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, read-only, closed when the block ends.

    Each opening sees one whole publication, the newest; keep none open for long, or a newer
    one stays unseen. Raises WarehouseProjectError where nothing is published, and where the
    file is damaged.
    """
    require_published(path)
    try:
        with connect(path, read_only=True) as connection:
            for setting in READER_SETTINGS:
                connection.execute(setting)
            yield connection
    except duckdb.IOException as error:
        raise WarehouseProjectError(
            f"The published file cannot be read: {str(error).splitlines()[0]}",
            where=str(path),
            mend="publish again with 'make run', or go back with 'make rollback'",
        ) from error


def published_row_counts(path: Path) -> dict[str, int]:
    """Rows of each published table, counted in the file as a reader opens it."""
    with published(path) as connection:
        names = connection.execute(
            "SELECT table_name FROM duckdb_tables() "
            "WHERE database_name = current_database() AND schema_name = ? "
            "AND NOT list_contains(?, table_name) ORDER BY table_name",
            [MARTS_SCHEMA, list(ABOUT_NAMES)],
        ).fetchall()
        counts = {}
        for (name,) in names:
            row = connection.execute(
                f"SELECT count(*) FROM {MARTS_SCHEMA}.{quoted(name)}"
            ).fetchone()
            counts[name] = row[0] if row else 0
    return counts
