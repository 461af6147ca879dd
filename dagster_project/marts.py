"""The published marts as pandas frames.

    from dagster_project import marts

    marts.tables()                                       # what there is, and what it answers
    marts.columns("fct_ai_exposure")                     # names, types, meaning with units
    marts.questions()                                    # one-line questions with an example each
    marts.frame("from fct_ai_exposure where ticker = ?", ["CORZ"])
    marts.frame("from selloff(?)", ["deepseek-shock"])
    marts.publication()["published_at"]

Every call opens the file anew, read-only, and closes it: it sees the newest publication and never
stands in the way of a run. ``path`` names another published file than the settings' own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.errors import WarehouseProjectError
from dagster_project.settings import current_settings
from dagster_project.warehouse.publish_manifest import MANIFEST, read_manifest
from dagster_project.warehouse.publish_marts import MARTS_SCHEMA
from dagster_project.warehouse.reader import published, require_published

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["columns", "frame", "publication", "questions", "tables"]

_TABLES = """
    select table_name, comment as description, estimated_size as n_rows, column_count as n_columns
    from duckdb_tables()
    where database_name = current_database() and schema_name = ?
    order by table_name
"""
_COLUMNS = """
    select column_name, data_type, comment as meaning, not is_nullable as is_required
    from duckdb_columns()
    where database_name = current_database() and schema_name = ? and table_name = ?
    order by column_index
"""
_QUESTIONS = """
    select function_name as name, comment as description, parameters
    from duckdb_functions()
    where database_name = current_database() and schema_name = ? and function_type = 'table_macro'
    order by function_name
"""


def _path(path: Path | str | None) -> Path:
    return current_settings().published_path if path is None else Path(path)


def frame(
    sql: str,
    parameters: Sequence[Any] | Mapping[str, Any] = (),
    *,
    path: Path | str | None = None,
) -> pd.DataFrame:
    """The answer of one query, as DuckDB turns it into a frame.

    ``parameters`` fill ``?`` in order, or ``$name`` from a mapping: bound, never pasted into the
    text. Tables are found with and without the schema ``marts``. Days become midnights
    (``datetime64``), instants are UTC without a zone, NULL is NaN, NaT or None.

    Raises WarehouseProjectError where nothing is published, duckdb.Error where the query fails.
    """
    bound = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
    with published(_path(path)) as connection:
        return connection.execute(sql, bound).df()


def tables(*, path: Path | str | None = None) -> pd.DataFrame:
    """Every table: table_name, description, n_rows, n_columns."""
    return frame(_TABLES, [MARTS_SCHEMA], path=path)


def columns(table: str, *, path: Path | str | None = None) -> pd.DataFrame:
    """Columns of one table in their order: column_name, data_type, meaning, is_required.

    Raises WarehouseProjectError naming the tables where there is none of that name.
    """
    found = frame(_COLUMNS, [MARTS_SCHEMA, table], path=path)
    if found.empty:
        raise WarehouseProjectError(
            f"There is no published table {table!r}.",
            where=str(_path(path)),
            mend=f"choose one of: {', '.join(tables(path=path)['table_name'])}",
        )
    return found


def questions(*, path: Path | str | None = None) -> pd.DataFrame:
    """One-line questions (table macros): name, description, parameters, example."""
    found = frame(_QUESTIONS, [MARTS_SCHEMA], path=path)
    stated = publication(path=path).get("table_macros", [])
    examples = {macro["name"]: macro["example"] for macro in stated}
    found["example"] = [examples.get(name) for name in found["name"]]
    return found


def publication(*, path: Path | str | None = None) -> dict[str, Any]:
    """The manifest of the publication: id, time, code revision, checks, coverage, checksums.

    Raises WarehouseProjectError where the file stands without a readable manifest.
    """
    # Through the links, so that manifest and file are of one publication.
    release = require_published(_path(path)).resolve().parent
    read = read_manifest(release)
    if read is None:
        raise WarehouseProjectError(
            "The manifest of the publication is missing or damaged.",
            where=str(release / MANIFEST),
            mend="publish again with 'make run'",
        )
    return read
