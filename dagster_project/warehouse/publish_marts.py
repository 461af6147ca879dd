"""The marts as a file describes them: shape, rows, content checksum and coverage."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import duckdb

from dagster_project.contracts import TABLES
from dagster_project.warehouse.ddl import RAW_SCHEMA, quoted

MARTS_SCHEMA = "marts"
# Tables that the publisher writes beside the marts; no mart may have such a name.
PUBLICATION_TABLE = "publication"
PUBLICATION_TABLES_TABLE = "publication_tables"
ABOUT_NAMES = (PUBLICATION_TABLE, PUBLICATION_TABLES_TABLE)


@dataclass(frozen=True)
class MartColumn:
    """One column as DuckDB's catalogue has it."""

    name: str
    type: str
    description: str
    required: bool


@dataclass(frozen=True)
class Mart:
    """One table of schema ``marts`` as DuckDB's catalogue has it."""

    name: str
    description: str
    columns: tuple[MartColumn, ...]
    primary_key: tuple[str, ...]

    @property
    def parquet_name(self) -> str:
        """File name: the table's own, with characters that mean something to paths encoded."""
        return f"{quote(self.name, safe='')}.parquet"

    @property
    def order_sql(self) -> str:
        return ", ".join(quoted(name) for name in self.primary_key)

    @property
    def without_key(self) -> Mart:
        """The table as the published file has it: the key is stated beside it, not declared."""
        return replace(self, primary_key=())

    def relation(self, catalog: str) -> str:
        return f"{quoted(catalog)}.{quoted(MARTS_SCHEMA)}.{quoted(self.name)}"

    def shape(self) -> dict[str, Any]:
        """What a reader sees of the table besides its rows."""
        return {
            "name": self.name,
            "description": self.description,
            "columns": [
                {
                    "name": c.name,
                    "type": c.type,
                    "description": c.description,
                    "required": c.required,
                }
                for c in self.columns
            ],
            "primary_key": list(self.primary_key),
        }


@dataclass(frozen=True)
class Content:
    """Rows of one table, and a checksum of them that does not depend on their order."""

    rows: int
    checksum: str


def describe_marts(connection: duckdb.DuckDBPyConnection, catalog: str) -> tuple[Mart, ...]:
    """All tables of schema ``marts`` in an attached file, by name."""
    tables = connection.execute(
        "SELECT table_name, coalesce(comment, '') FROM duckdb_tables() "
        "WHERE database_name = ? AND schema_name = ? ORDER BY table_name",
        [catalog, MARTS_SCHEMA],
    ).fetchall()
    columns = connection.execute(
        "SELECT table_name, column_name, data_type, coalesce(comment, ''), NOT is_nullable "
        "FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? "
        "ORDER BY table_name, column_index",
        [catalog, MARTS_SCHEMA],
    ).fetchall()
    keys = _primary_keys(connection, catalog)
    return tuple(
        Mart(
            name,
            description,
            tuple(MartColumn(*row[1:]) for row in columns if row[0] == name),
            keys.get(name, ()),
        )
        for name, description in tables
    )


def _primary_keys(
    connection: duckdb.DuckDBPyConnection, catalog: str
) -> dict[str, tuple[str, ...]]:
    """Columns of the grain by mart: as the build stated them, or as a table declares them."""
    declared = connection.execute(
        "SELECT table_name, constraint_column_names FROM duckdb_constraints() "
        "WHERE database_name = ? AND schema_name = ? AND constraint_type = 'PRIMARY KEY'",
        [catalog, MARTS_SCHEMA],
    ).fetchall()
    has_stated = connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'quality' "
        "AND table_name = 'mart_keys'",
        [catalog],
    ).fetchone()
    stated = (
        connection.execute(
            f"SELECT table_name, primary_key FROM {quoted(catalog)}.quality.mart_keys "
            "WHERE schema_name = ?",
            [MARTS_SCHEMA],
        ).fetchall()
        if has_stated
        else []
    )
    return {name: tuple(columns) for name, columns in [*declared, *stated]}


def mart_of(shape: dict[str, Any]) -> Mart:
    """The table that an entry of a manifest's table list describes."""
    return Mart(
        shape["name"],
        shape["description"],
        tuple(
            MartColumn(c["name"], c["type"], c["description"], c["required"])
            for c in shape["columns"]
        ),
        tuple(shape["primary_key"]),
    )


def foreign_keys(
    connection: duckdb.DuckDBPyConnection, catalog: str, marts: tuple[Mart, ...]
) -> dict[str, list[dict[str, str]]]:
    """Per table, the columns that refer to a dimension: column, dimension and its column.

    A column named like the one key column of a ``dim_`` table refers to it where every value
    is found there. A reference is stated only where it holds, for a reader joins by it.
    """
    dimensions = {
        mart.primary_key[0]: mart
        for mart in marts
        if mart.name.startswith("dim_") and len(mart.primary_key) == 1
    }
    found: dict[str, list[dict[str, str]]] = {mart.name: [] for mart in marts}
    for mart in marts:
        types = {column.name: column.type for column in mart.columns}
        for name, dimension in dimensions.items():
            key_type = next(c.type for c in dimension.columns if c.name == name)
            if dimension is mart or types.get(name) != key_type:
                continue
            row = connection.execute(
                f"SELECT count(*) FROM {mart.relation(catalog)} AS referring "
                f"WHERE {quoted(name)} IS NOT NULL AND {quoted(name)} NOT IN "
                f"(SELECT {quoted(name)} FROM {dimension.relation(catalog)})"
            ).fetchone()
            assert row is not None
            if not row[0]:
                found[mart.name].append(
                    {"column": name, "table": dimension.name, "refers_to": name}
                )
    return found


def views_among_marts(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[str]:
    rows = connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE database_name = ? AND schema_name = ? "
        "ORDER BY view_name",
        [catalog, MARTS_SCHEMA],
    ).fetchall()
    return [name for (name,) in rows]


def measure(connection: duckdb.DuckDBPyConnection, relation: str, mart: Mart) -> Content:
    """Rows and checksum of ``relation``, which has the mart's columns.

    Each row becomes a hash of 64 bits, and the hashes are summed: equal content gives equal sums
    in any order and from any file format (the outer hash, because DuckDB puts the columns'
    hashes together by a mere xor). DuckDB may hash otherwise in another version, so
    checksums of different versions say nothing of one another (`publish_files.stated_contents`).
    """
    # Parquet lacks some types (HUGEINT, ENUM); the cast brings them back.
    values = ", ".join(f"CAST({quoted(c.name)} AS {c.type})" for c in mart.columns)
    row = connection.execute(
        f"SELECT count(*), sum(hash(hash({values}))) FROM {relation}"
    ).fetchone()
    assert row is not None
    rows, total = row
    return Content(rows, hashlib.sha256(f"{rows}|{total or 0}".encode()).hexdigest())


def mart_coverage(
    connection: duckdb.DuckDBPyConnection, catalog: str, mart: Mart
) -> dict[str, Any]:
    """What a publication must not silently lose: tickers, and the span of each key date."""
    types = {c.name: c.type for c in mart.columns}
    key_dates = {}
    for name in mart.primary_key:
        if types[name] == "DATE":
            span = connection.execute(
                f"SELECT min({quoted(name)}), max({quoted(name)}) FROM {mart.relation(catalog)}"
            ).fetchone()
            assert span is not None
            key_dates[name] = [day.isoformat() if day else None for day in span]
    tickers: list[str] | None = None
    if "ticker" in types:
        found = connection.execute(
            f"SELECT DISTINCT CAST(ticker AS VARCHAR) AS name FROM {mart.relation(catalog)} "
            "WHERE ticker IS NOT NULL ORDER BY name"
        ).fetchall()
        tickers = [name for (name,) in found]
    return {"key_dates": key_dates, "tickers": tickers}


def source_coverage(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, Any]:
    """First and last date of each raw series, in all and per ticker."""
    present = {
        name
        for (name,) in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = ?",
            [catalog, RAW_SCHEMA],
        ).fetchall()
    }
    coverage: dict[str, Any] = {}
    for table in TABLES:
        if not table.time_column or table.name not in present:
            continue
        relation = f"{quoted(catalog)}.{quoted(RAW_SCHEMA)}.{quoted(table.name)}"
        span = f"min({quoted(table.time_column)}), max({quoted(table.time_column)}), count(*)"
        total = connection.execute(f"SELECT {span} FROM {relation}").fetchone()
        assert total is not None
        coverage[table.name] = _span(total)
        if "ticker" in table.column_names:
            rows = connection.execute(
                f"SELECT ticker, {span} FROM {relation} GROUP BY ticker ORDER BY ticker"
            ).fetchall()
            coverage[table.name]["tickers"] = {row[0]: _span(row[1:]) for row in rows}
    return coverage


def _span(row: tuple[Any, ...]) -> dict[str, Any]:
    first, last, rows = row
    return {
        "first_date": first.isoformat() if first else None,
        "last_date": last.isoformat() if last else None,
        "rows": rows,
    }
