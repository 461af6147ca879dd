"""Reads the published marts: one short connection per question, as every reader should."""

from __future__ import annotations

from pathlib import Path

import duckdb

from dagster_project.warehouse.ddl import quoted

MARTS_SCHEMA = "marts"


def published_row_counts(path: Path) -> dict[str, int]:
    """Rows of each published table, counted in the file as a reader opens it."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_name FROM duckdb_tables() "
            "WHERE database_name = current_database() AND schema_name = ? ORDER BY table_name",
            [MARTS_SCHEMA],
        ).fetchall()
        counts = {}
        for (name,) in names:
            row = connection.execute(
                f"SELECT count(*) FROM {MARTS_SCHEMA}.{quoted(name)}"
            ).fetchone()
            counts[name] = row[0] if row else 0
    return counts
