"""Reads the published marts: one short connection per question, as every reader should."""

from __future__ import annotations

from pathlib import Path

import duckdb

from dagster_project.warehouse import publish_files as files
from dagster_project.warehouse.ddl import quoted
from dagster_project.warehouse.publish_marts import ABOUT_NAMES, MARTS_SCHEMA


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


def published_row_counts(path: Path) -> dict[str, int]:
    """Rows of each published table, counted in the file as a reader opens it."""
    with duckdb.connect(str(path), read_only=True) as connection:
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
