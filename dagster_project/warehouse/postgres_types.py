"""From DuckDB's types to PostgreSQL's, and the text in which values travel.

Values travel as CSV: every value is quoted and NULL is the bare word ``\\N``, so that no text
can be taken for it. Both servers write the shortest digits that give a number back exactly.
"""

from __future__ import annotations

import re

from dagster_project.warehouse.ddl import literal, quoted
from dagster_project.warehouse.publish_marts import Mart, MartColumn

_SIMPLE = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    # PostgreSQL has no unsigned numbers: the next wider one holds every value.
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "UBIGINT": "numeric(20, 0)",
    "HUGEINT": "numeric(39, 0)",
    "UHUGEINT": "numeric(39, 0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIME": "time",
    # The project's instants are UTC without a zone; they stay so, and one query gives the same
    # answer in both databases.
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "INTERVAL": "interval",
    "UUID": "uuid",
    "BLOB": "bytea",
    "VARCHAR": "text",
    "JSON": "jsonb",
}
# Lists, structs, maps and unions: one value that every BI tool can at least show.
_NESTED = re.compile(r".*\]|(STRUCT|MAP|UNION)\(.*", re.DOTALL)
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
CSV_NULL = "\\N"


def is_nested(duckdb_type: str) -> bool:
    return _NESTED.fullmatch(duckdb_type) is not None


def postgres_type(duckdb_type: str) -> str:
    """The column type for a DuckDB type: nested values become ``jsonb``, enums ``text``."""
    if is_nested(duckdb_type):
        return "jsonb"
    decimal = _DECIMAL.fullmatch(duckdb_type)
    if decimal:
        return f"numeric({decimal[1]}, {decimal[2]})"
    # What is left (ENUM, BIT, TIMESTAMP_NS, ...) keeps its text.
    return _SIMPLE.get(duckdb_type, "text")


def _outgoing(column: MartColumn) -> str:
    name = quoted(column.name)
    if is_nested(column.type):
        return f"CAST(to_json({name}) AS VARCHAR)"
    if column.type == "BLOB":
        return f"'\\x' || lower(hex({name}))"
    return f"CAST({name} AS VARCHAR)"


def outgoing_sql(mart: Mart, relation: str) -> str:
    """DuckDB query of a table's rows as the texts that PostgreSQL reads."""
    columns = ", ".join(f"{_outgoing(c)} AS {quoted(c.name)}" for c in mart.columns)
    return f"SELECT {columns} FROM {relation}"


def write_csv_sql(mart: Mart, relation: str, path: str) -> str:
    """DuckDB statement that writes a table's rows in the order of its key."""
    order = f" ORDER BY {mart.order_sql}" if mart.primary_key else ""
    return (
        f"COPY (FROM ({outgoing_sql(mart, relation + order)})) TO {literal(path)} "
        f"(FORMAT csv, HEADER false, DELIMITER ',', QUOTE '\"', ESCAPE '\"', "
        f"NULLSTR {literal(CSV_NULL)}, FORCE_QUOTE *)"
    )


def _incoming(column: MartColumn) -> str:
    name = quoted(column.name)
    if is_nested(column.type):
        return f"CAST(CAST({name} AS JSON) AS {column.type})"
    if column.type == "BLOB":
        return f"unhex(substr({name}, 3))"
    return f"CAST({name} AS {column.type})"


def incoming_sql(mart: Mart, path: str) -> str:
    """DuckDB query of rows that PostgreSQL wrote as CSV, in the types of the mart."""
    texts = ", ".join(f"{literal(c.name)}: 'VARCHAR'" for c in mart.columns)
    columns = ", ".join(f"{_incoming(c)} AS {quoted(c.name)}" for c in mart.columns)
    return (
        f"(SELECT {columns} FROM read_csv({literal(path)}, header = false, delim = ',', "
        f"quote = '\"', escape = '\"', nullstr = {literal(CSV_NULL)}, "
        f"allow_quoted_nulls = false, auto_detect = false, parallel = false, "
        f"max_line_size = 100000000, columns = {{{texts}}}))"
    )
