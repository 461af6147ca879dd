"""The role that reads the publication in PostgreSQL, and proof that it can do nothing else."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors, sql

from dagster_project.errors import PublicationRefused

Connection = psycopg.Connection[tuple[Any, ...]]

_NOT_SYSTEM = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'"
_WRITES = "'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'"


def _settings(schema: str) -> dict[str, str]:
    return {
        "search_path": schema,
        # UTC, as every instant in the marts is.
        "timezone": "UTC",
        "default_transaction_read_only": "on",
        # A publication waits for readers; a transaction that nobody uses must not stop it.
        "idle_in_transaction_session_timeout": "60s",
        "statement_timeout": "300s",
    }


def _ensure_role(connection: Connection, reader: str, where: str) -> None:
    try:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [reader]).fetchone():
            # It may log in, but has no password until an administrator gives it one.
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(reader)))
    except errors.InsufficientPrivilege as error:
        raise PublicationRefused(
            f"The reader's role {reader} does not exist, and this user may not create roles.",
            where=where,
            mend=f'let an administrator give: CREATE ROLE "{reader}" LOGIN;',
        ) from error


def _ensure_settings(connection: Connection, reader: str, schema: str, where: str) -> None:
    row = connection.execute(
        "SELECT s.setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole "
        "JOIN pg_database d ON d.oid = s.setdatabase "
        "WHERE r.rolname = %s AND d.datname = current_database()",
        [reader],
    ).fetchone()
    present = dict(setting.split("=", 1) for setting in (row[0] if row else ()))
    database = connection.info.dbname
    wanted = _settings(schema)
    missing = [name for name, value in wanted.items() if present.get(name, "").strip('"') != value]
    statements = [
        sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}").format(
            sql.Identifier(reader),
            sql.Identifier(database),
            sql.Identifier(name),
            sql.Identifier(wanted[name]) if name == "search_path" else sql.Literal(wanted[name]),
        )
        for name in missing
    ]
    try:
        for statement in statements:
            connection.execute(statement)
    except errors.InsufficientPrivilege as error:
        raise PublicationRefused(
            f"The settings of the reader's role {reader} cannot be made by this user.",
            where=where,
            mend="let an administrator give:\n         "
            + "\n         ".join(f"{statement.as_string(connection)};" for statement in statements),
        ) from error


def _take_from_everybody(connection: Connection, reader: str) -> None:
    """PostgreSQL lets every role make temporary tables, and before 15 write into ``public``."""
    database = connection.info.dbname
    row = connection.execute(
        "SELECT has_database_privilege(%s, current_database(), 'TEMP, CREATE'), "
        "coalesce((SELECT has_schema_privilege(%s, oid, 'CREATE') FROM pg_namespace "
        "WHERE nspname = 'public'), false)",
        [reader, reader],
    ).fetchone()
    assert row is not None
    may_temp, may_public = row
    # A user that does not own them is warned and changes nothing; what stays is found below.
    if may_temp:
        connection.execute(
            sql.SQL("REVOKE TEMP ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))
        )
    if may_public:
        # Where this user may not, reader_faults says so.
        with suppress(errors.InsufficientPrivilege):
            connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")


def reader_faults(connection: Connection, reader: str, schema: str) -> list[tuple[str, str]]:
    """What the role could do besides reading ``schema``, each with the statement that ends it."""
    role = sql.Identifier(reader).as_string(connection)
    database = sql.Identifier(connection.info.dbname).as_string(connection)
    found: list[tuple[str, str]] = []
    row = connection.execute(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, "
        "rolname = current_user, has_database_privilege(rolname, current_database(), 'TEMP'), "
        "has_database_privilege(rolname, current_database(), 'CREATE') "
        "FROM pg_roles WHERE rolname = %s",
        [reader],
    ).fetchone()
    assert row is not None
    for has, word in zip(
        row[:5], ("SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS"), strict=True
    ):
        if has:
            found.append((f"it has {word}", f"ALTER ROLE {role} NO{word};"))
    if row[5]:
        found.append(("it is the user that publishes", "-- name another role"))
    if row[6]:
        found.append(
            (
                "it may make temporary tables",
                f"REVOKE TEMP ON DATABASE {database} FROM {role}, PUBLIC;",
            )
        )
    if row[7]:
        found.append(
            ("it may create schemas", f"REVOKE CREATE ON DATABASE {database} FROM {role};")
        )
    found.extend(
        (f"it is a member of {group}", f"REVOKE {group} FROM {role};")
        for (group,) in connection.execute(
            "SELECT quote_ident(g.rolname) FROM pg_auth_members m "
            "JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member "
            "WHERE r.rolname = %s ORDER BY 1",
            [reader],
        ).fetchall()
    )
    found.extend(
        (f"it may create in schema {name}", f"REVOKE CREATE ON SCHEMA {name} FROM {role}, PUBLIC;")
        for (name,) in connection.execute(
            "SELECT quote_ident(n.nspname) FROM pg_namespace n "
            f"WHERE {_NOT_SYSTEM} AND has_schema_privilege(%s, n.oid, 'CREATE') ORDER BY 1",
            [reader],
        ).fetchall()
    )
    found.extend(
        (f"it may {what} {name}", f"REVOKE ALL ON {name} FROM {role}, PUBLIC;")
        for name, what in connection.execute(
            "SELECT format('%%I.%%I', n.nspname, c.relname), "
            f"CASE WHEN has_table_privilege(%(role)s, c.oid, {_WRITES}) THEN 'write' "
            "ELSE 'read' END "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            f"WHERE {_NOT_SYSTEM} AND c.relkind IN ('r', 'v', 'm', 'p', 'f') "
            f"AND (has_table_privilege(%(role)s, c.oid, {_WRITES}) "
            "OR (n.nspname <> %(schema)s AND has_schema_privilege(%(role)s, n.oid, 'USAGE') "
            "AND has_any_column_privilege(%(role)s, c.oid, 'SELECT'))) ORDER BY 1",
            {"role": reader, "schema": schema},
        ).fetchall()
    )
    return found


def ensure_reader(connection: Connection, reader: str, schema: str, where: str) -> None:
    """Make the role if it is missing, and refuse one that could do more than read ``schema``.

    Its password is the administrator's affair and is never touched.
    """
    _ensure_role(connection, reader, where)
    _ensure_settings(connection, reader, schema, where)
    _take_from_everybody(connection, reader)
    faults = reader_faults(connection, reader, schema)
    if faults:
        raise PublicationRefused(
            f"The reader's role {reader} can do more than read the publication: "
            f"{'; '.join(what for what, _ in faults)}.",
            where=where,
            mend="give, as its owner or an administrator (or name another role in "
            "MINER_POSTGRES_READER):\n         "
            + "\n         ".join(statement for _, statement in faults),
        )
