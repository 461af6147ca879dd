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


def rows_by_month(
    connection: duckdb.DuckDBPyConnection, table: Table, start: date, end: date
) -> dict[str, int]:
    """Rows of a series between two days, by month (its first day as text); 0 for empty months."""
    assert table.time_column, f"{table.name} is no series"
    found = dict(
        connection.execute(
            f"SELECT date_trunc('month', {quoted(table.time_column)})::DATE::VARCHAR, count(*) "
            f"FROM {raw_name(table)} WHERE {quoted(table.time_column)} BETWEEN ? AND ? GROUP BY 1",
            [start, end],
        ).fetchall()
    )
    months = connection.execute(
        "SELECT unnest(generate_series(date_trunc('month', ?::DATE), ?::DATE, INTERVAL 1 MONTH))"
        "::DATE::VARCHAR",
        [start, end],
    ).fetchall()
    return {month: found.get(month, 0) for (month,) in months}
