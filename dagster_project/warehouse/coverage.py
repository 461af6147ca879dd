"""What of a series is stored already."""

from __future__ import annotations

from datetime import date

import duckdb

from dagster_project.contracts import Table
from dagster_project.warehouse.ddl import ensure_schema, quoted, raw_name


def stored_until(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, date]:
    """Last stored date per symbol of a series; under "" where the table has no symbols.

    Empty for a table without rows, and for one that is not a series.
    """
    ensure_schema(connection)
    if not table.time_column:
        return {}
    symbol = quoted(table.symbol_column) if table.symbol_column else "''"
    rows = connection.execute(
        f"SELECT {symbol}, max({quoted(table.time_column)}) FROM {raw_name(table)} "
        "GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return {name: last for name, last in rows if last is not None}


def row_count(connection: duckdb.DuckDBPyConnection, table: Table) -> int:
    """Rows stored in a raw table."""
    ensure_schema(connection)
    row = connection.execute(f"SELECT count(*) FROM {raw_name(table)}").fetchone()
    assert row is not None
    return int(row[0])
