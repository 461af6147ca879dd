"""DuckDB tables from contracts, and what happens when a contract has changed."""

from __future__ import annotations

import hashlib

import duckdb

from dagster_project.contracts import TABLES, Table
from dagster_project.errors import ContractMismatch

RAW_SCHEMA = "raw"
INGEST_SCHEMA = "ingest"

_INGEST_DDL = f"""
CREATE SCHEMA IF NOT EXISTS {RAW_SCHEMA};
CREATE SCHEMA IF NOT EXISTS {INGEST_SCHEMA};
CREATE TABLE IF NOT EXISTS {INGEST_SCHEMA}.contracts (
    table_name VARCHAR PRIMARY KEY,
    fingerprint VARCHAR NOT NULL,
    applied_at TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS {INGEST_SCHEMA}.batches (
    batch_id VARCHAR NOT NULL,
    table_name VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    window_start DATE,
    window_end DATE,
    retrieved_at TIMESTAMP NOT NULL,
    loaded_at TIMESTAMP NOT NULL,
    status VARCHAR NOT NULL,
    rows_read BIGINT NOT NULL,
    rows_inserted BIGINT NOT NULL,
    rows_updated BIGINT NOT NULL,
    rows_unchanged BIGINT NOT NULL,
    rows_removed BIGINT NOT NULL,
    rows_rejected BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS {INGEST_SCHEMA}.revisions (
    table_name VARCHAR NOT NULL,
    row_key VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    changed_columns VARCHAR[],
    old_row VARCHAR NOT NULL,
    old_batch_id VARCHAR NOT NULL,
    new_batch_id VARCHAR NOT NULL,
    revised_at TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS {INGEST_SCHEMA}.rejected_rows (
    batch_id VARCHAR NOT NULL,
    table_name VARCHAR NOT NULL,
    source_ref VARCHAR NOT NULL,
    column_name VARCHAR,
    reason VARCHAR NOT NULL,
    row_content VARCHAR NOT NULL,
    rejected_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE {INGEST_SCHEMA}.batches IS 'One row per load of a table: what it read and did.';
COMMENT ON TABLE {INGEST_SCHEMA}.revisions IS
    'Values that a later load replaced or removed: key, old row (JSON), and both loads.';
COMMENT ON TABLE {INGEST_SCHEMA}.rejected_rows IS
    'Rows that broke their contract and were left out, with the reason.';
COMMENT ON TABLE {INGEST_SCHEMA}.contracts IS 'Shape of each raw table as it stands in this file.';
"""
# The bookkeeping's own line in ingest.contracts, and the shape it has now.
_INGEST_LINE = "(ingest)"
_INGEST_FINGERPRINT = hashlib.sha256(_INGEST_DDL.encode()).hexdigest()


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def raw_name(table: Table) -> str:
    return f"{RAW_SCHEMA}.{quoted(table.name)}"


def create_table_sql(table: Table) -> str:
    """DDL of a raw table. Required columns are NOT NULL.

    Uniqueness of the key is the loader's work and a check's: an index on it would cost
    more than the load itself.
    """
    lines = [
        f"    {quoted(c.name)} {c.kind.duckdb_type}{' NOT NULL' if c.required else ''}"
        for c in table.stored_columns
    ]
    return f"CREATE TABLE {raw_name(table)} (\n" + ",\n".join(lines) + "\n)"


def comment_sql(table: Table) -> list[str]:
    """COMMENT statements for a raw table and its columns."""
    description = literal(f"{table.description} Grain: {table.grain}.")
    statements = [f"COMMENT ON TABLE {raw_name(table)} IS {description}"]
    statements += [
        f"COMMENT ON COLUMN {raw_name(table)}.{quoted(c.name)} IS {literal(c.description)}"
        for c in table.stored_columns
    ]
    return statements


def _columns_in_file(
    connection: duckdb.DuckDBPyConnection, table: Table
) -> dict[str, tuple[str, bool]]:
    """Type of each stored column, and whether it may be empty."""
    rows = connection.execute(
        "SELECT column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE database_name = current_database() AND schema_name = ? AND table_name = ? "
        "ORDER BY column_index",
        [RAW_SCHEMA, table.name],
    ).fetchall()
    return {name: (sql_type, nullable) for name, sql_type, nullable in rows}


def _migrate(
    connection: duckdb.DuckDBPyConnection, table: Table, present: dict[str, tuple[str, bool]]
) -> None:
    """Add new optional columns; refuse every change that could lose or bend a value.

    A column that may be empty from now on loses its NOT NULL. One that now needs a value
    gets none: the load holds every row to the contract anyway.
    """
    wanted = {c.name: c for c in table.stored_columns}
    gone = [name for name in present if name not in wanted]
    retyped = [
        f"{name} ({present[name][0]} -> {column.kind.duckdb_type})"
        for name, column in wanted.items()
        if name in present and present[name][0] != column.kind.duckdb_type
    ]
    added = [column for name, column in wanted.items() if name not in present]
    impossible = [c.name for c in added if c.required]
    if gone or retyped or impossible:
        parts = [
            *(f"column {name} is gone" for name in gone),
            *(f"column {text} changed its type" for text in retyped),
            *(f"new column {name} needs a value" for name in impossible),
        ]
        raise ContractMismatch(
            f"The working file was made by an older contract of {table.name}: {'; '.join(parts)}.",
            where=f"table {raw_name(table)}",
            mend="type 'make rebuild': it sets the old file aside and builds a new one",
        )
    for column in added:
        connection.execute(
            f"ALTER TABLE {raw_name(table)} ADD COLUMN {quoted(column.name)} "
            f"{column.kind.duckdb_type}"
        )
    for name, (_, nullable) in present.items():
        if not nullable and not wanted[name].required:
            connection.execute(
                f"ALTER TABLE {raw_name(table)} ALTER COLUMN {quoted(name)} DROP NOT NULL"
            )


def _applied(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Fingerprint by table as the file states them; empty for a new file."""
    try:
        rows = connection.execute(
            f"SELECT table_name, fingerprint FROM {INGEST_SCHEMA}.contracts"
        ).fetchall()
    except duckdb.CatalogException:
        return {}
    return dict(rows)


def _note_applied(connection: duckdb.DuckDBPyConnection, name: str, fingerprint: str) -> None:
    connection.execute(
        f"INSERT OR REPLACE INTO {INGEST_SCHEMA}.contracts VALUES (?, ?, "
        "CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP))",
        [name, fingerprint],
    )


def ensure_schema(
    connection: duckdb.DuckDBPyConnection, tables: tuple[Table, ...] = TABLES
) -> list[str]:
    """Create or migrate the raw and ingest tables; returns the names it touched.

    Raises ContractMismatch, leaving the file as it was, where a change is not additive.
    """
    applied = _applied(connection)
    wanted = {_INGEST_LINE: _INGEST_FINGERPRINT, **{t.name: t.fingerprint for t in tables}}
    if wanted.items() <= applied.items():
        # The usual case writes nothing: a comment set anew costs a checkpoint at closing.
        return []
    touched = []
    connection.execute("BEGIN")
    try:
        connection.execute(_INGEST_DDL)
        for table in tables:
            if applied.get(table.name) == table.fingerprint:
                continue
            present = _columns_in_file(connection, table)
            if present:
                _migrate(connection, table, present)
            else:
                connection.execute(create_table_sql(table))
            for statement in comment_sql(table):
                connection.execute(statement)
            _note_applied(connection, table.name, table.fingerprint)
            touched.append(table.name)
        _note_applied(connection, _INGEST_LINE, _INGEST_FINGERPRINT)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return touched
