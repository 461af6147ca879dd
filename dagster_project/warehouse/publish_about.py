"""Two small tables in every published database: which publication it is, and what it holds.

They travel with the marts, so that a reader can ask in one query, or one transaction, which
publication an answer comes from. The key of each table is stated there too: the published
DuckDB file declares none, because an index makes it unreadable to DuckDB 1.0.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb

from dagster_project.warehouse.publish_marts import (
    PUBLICATION_TABLE,
    PUBLICATION_TABLES_TABLE,
    Mart,
    MartColumn,
)

_ID = MartColumn("publication_id", "VARCHAR", "Publication; the same in both tables.", True)
PUBLICATION = Mart(
    PUBLICATION_TABLE,
    "One row: the publication that this database is.",
    (
        _ID,
        MartColumn("published_at", "TIMESTAMP", "When it was made (UTC).", True),
        MartColumn("code_revision", "VARCHAR", "Revision of the code that made it.", True),
        MartColumn("replaced", "VARCHAR", "Publication it replaced; NULL for the first.", False),
    ),
    (_ID.name,),
)
PUBLICATION_TABLES = Mart(
    PUBLICATION_TABLES_TABLE,
    "One row per published table: its key, rows and checksum.",
    (
        _ID,
        MartColumn("table_name", "VARCHAR", "Published table.", True),
        MartColumn("primary_key", "VARCHAR", "Columns of its grain, comma-separated.", True),
        MartColumn("row_count", "BIGINT", "Its rows (count).", True),
        MartColumn(
            "content_checksum",
            "VARCHAR",
            "Checksum over its rows, whatever their order; equal in every published format, and "
            "comparable between publications of one version of DuckDB.",
            True,
        ),
    ),
    ("table_name",),
)
ABOUT = (PUBLICATION, PUBLICATION_TABLES)


def about_rows(manifest: dict[str, Any]) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of both tables, by table, as the manifest has them."""
    made = datetime.fromisoformat(manifest["published_at"]).astimezone(UTC).replace(tzinfo=None)
    name = manifest["publication_id"]
    return {
        PUBLICATION.name: [(name, made, manifest["code_revision"], manifest["replaced"])],
        PUBLICATION_TABLES.name: [
            (
                name,
                table["name"],
                ", ".join(table["primary_key"]),
                table["rows"],
                table["content_checksum"],
            )
            for table in manifest["tables"]
        ],
    }


def about_faults(
    connection: duckdb.DuckDBPyConnection, catalog: str, manifest: dict[str, Any]
) -> list[str]:
    """Where the two tables of an attached file do not say what the manifest says."""
    faults = []
    for mart in ABOUT:
        columns = ", ".join(column.name for column in mart.columns)
        try:
            rows = connection.execute(
                f"SELECT {columns} FROM {mart.relation(catalog)} ORDER BY {mart.order_sql}"
            ).fetchall()
        except duckdb.Error:
            rows = []
        if rows != sorted(about_rows(manifest)[mart.name], key=lambda row: row[:2]):
            faults.append(f"table {mart.name}: does not say what the manifest says")
    return faults
