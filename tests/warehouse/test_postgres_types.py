"""Values survive the way from DuckDB to PostgreSQL's text and back, whatever their type."""

from __future__ import annotations

import duckdb
import pytest

from dagster_project.warehouse.postgres_types import (
    incoming_sql,
    is_nested,
    postgres_type,
    write_csv_sql,
)
from dagster_project.warehouse.publish_marts import describe_marts, measure

# Type and three values as SQL; each column also holds a NULL.
VALUES = {
    "BOOLEAN": ("true", "false", "true"),
    "TINYINT": ("-128", "0", "127"),
    "UTINYINT": ("255", "0", "1"),
    "BIGINT": ("-9223372036854775808", "0", "9223372036854775807"),
    "UBIGINT": ("18446744073709551615", "0", "1"),
    "HUGEINT": ("170141183460469231731687303715884105727", "-1", "0"),
    "FLOAT": ("0.1", "-3.4e38", "1e-40"),
    "DOUBLE": ("0.1", "1e22", "5e-324"),
    "DECIMAL(18, 4)": ("99999999999999.9999", "-0.0001", "0"),
    "DATE": ("'2025-03-26'", "'0001-01-01'", "'9999-12-31'"),
    "TIME": ("'23:59:59.999999'", "'00:00:00'", "'09:30:00'"),
    "TIMESTAMP": ("'2025-03-26 13:30:00.123456'", "'1969-12-31 23:59:59'", "'2009-01-03 18:15:05'"),
    "TIMESTAMP WITH TIME ZONE": (
        "'2025-03-26 09:30:00-04'",
        "'1970-01-01 00:00:00+00'",
        "'2025-11-02 01:30:00-05'",
    ),
    "INTERVAL": ("INTERVAL 3 DAYS", "INTERVAL 14 MONTHS", "INTERVAL '36:00:01.5'"),
    "UUID": ("'0a1b2c3d-0000-4000-8000-000000000001'",) * 3,
    "BLOB": (r"'\xAA\x00\x5C'::BLOB", "''::BLOB", "'text'::BLOB"),
    # What CSV might take for NULL, for a line's end, or for the end of the value.
    "VARCHAR": (r"'\N'", "''", "'a\"b,c' || chr(13) || chr(10) || chr(9) || '\\.' || '₿'"),
    "VARCHAR[]": (r"['\N', NULL, '', 'a,\"b']", "[]", "['[]']"),
    "DOUBLE[]": ("[0.1, NULL, 1e-300]", "[]", "[1]"),
    "STRUCT(a VARCHAR, b DATE)": (
        "{'a': 'x\"y', 'b': DATE '2025-01-01'}",
        "{'a': NULL, 'b': NULL}",
        "{'a': '', 'b': NULL}",
    ),
    "ENUM('A', 'B')": ("'A'", "'B'", "'A'"),
}


def _table(connection: duckdb.DuckDBPyConnection, duckdb_type: str) -> None:
    connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts")
    connection.execute(
        f"CREATE TABLE marts.fct_values (id INTEGER PRIMARY KEY, value {duckdb_type})"
    )
    for number, value in enumerate((*VALUES[duckdb_type], "NULL")):
        connection.execute(f"INSERT INTO marts.fct_values VALUES ({number}, {value})")


@pytest.mark.parametrize("duckdb_type", VALUES)
def test_values_survive_the_text_they_travel_in(tmp_path, duckdb_type):
    path = str(tmp_path / "it's.csv")
    with duckdb.connect() as connection:
        _table(connection, duckdb_type)
        (mart,) = describe_marts(connection, "memory")
        connection.execute(write_csv_sql(mart, mart.relation("memory"), path))
        returned = incoming_sql(mart, path)
        assert (
            connection.execute(f"SELECT * FROM {returned} ORDER BY id").fetchall()
            == connection.execute("SELECT * FROM marts.fct_values ORDER BY id").fetchall()
        )
        assert measure(connection, returned, mart) == measure(
            connection, mart.relation("memory"), mart
        )


@pytest.mark.parametrize(
    ("duckdb_type", "expected"),
    [
        ("DOUBLE", "double precision"),
        ("TIMESTAMP", "timestamp"),
        ("TIMESTAMP WITH TIME ZONE", "timestamptz"),
        ("BOOLEAN", "boolean"),
        ("DECIMAL(18,4)", "numeric(18, 4)"),
        ("UBIGINT", "numeric(20, 0)"),
        ("VARCHAR[]", "jsonb"),
        ("DECIMAL(9,2)[3]", "jsonb"),
        ("STRUCT(a INTEGER, b VARCHAR[])", "jsonb"),
        ("MAP(VARCHAR, DOUBLE)", "jsonb"),
        ("ENUM('A', 'B')", "text"),
        # What no rule knows keeps its text; it cannot become SQL of its own.
        ("ENUM('x'); DROP TABLE y; --')", "text"),
    ],
)
def test_every_type_has_one_in_postgres(duckdb_type, expected):
    assert postgres_type(duckdb_type) == expected
    assert is_nested(duckdb_type) == (expected == "jsonb")
