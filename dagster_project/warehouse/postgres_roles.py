"""The role that reads the publication in PostgreSQL, and proof that it can do nothing else.

It is a group without a log-in; people and tools have log-ins that are members. A log-in
may always change its own password and settings, so one that is shared could lock everybody out.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors, sql

from dagster_project.errors import PublicationRefused

Connection = psycopg.Connection[tuple[Any, ...]]

_NOT_SYSTEM = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'"
_WRITES = "'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'"
# PostgreSQL lets every role execute these: large objects fill the disk, and an advisory lock with
# the publisher's key would keep every publication away.
_LARGE_OBJECTS = "^(lo_(creat|create|from_bytea|import|put|truncate|truncate64|unlink)|lowrite)$"
_ADVISORY_LOCKS = "^pg_(try_)?advisory_(xact_)?lock(_shared)?$"


def _settings(schema: str) -> dict[str, str]:
    """Defaults of the database: those of a group would not reach the log-ins that are members."""
    return {
        "search_path": schema,
        # UTC, as every instant in the marts is.
        "timezone": "UTC",
        # A publication waits for readers; a transaction that nobody uses must not stop it.
        "idle_in_transaction_session_timeout": "60s",
        "statement_timeout": "300s",
    }


def _ensure_role(connection: Connection, reader: str, where: str) -> None:
    try:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [reader]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(reader)))
    except errors.InsufficientPrivilege:
        raise PublicationRefused(
            f"The reader's role {reader} does not exist, and this user may not create roles.",
            where=where,
            mend=f'let an administrator give: CREATE ROLE "{reader}" NOLOGIN;',
        ) from None


def _ensure_settings(connection: Connection, schema: str, where: str) -> None:
    row = connection.execute(
        "SELECT s.setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase "
        "WHERE s.setrole = 0 AND d.datname = current_database()"
    ).fetchone()
    present = dict(setting.split("=", 1) for setting in (row[0] if row else ()))
    wanted = _settings(schema)
    statements = [
        sql.SQL("ALTER DATABASE {} SET {} = {}").format(
            sql.Identifier(connection.info.dbname),
            sql.Identifier(name),
            sql.Identifier(value) if name == "search_path" else sql.Literal(value),
        )
        for name, value in wanted.items()
        if present.get(name, "").strip('"') != value
    ]
    try:
        for statement in statements:
            connection.execute(statement)
    except errors.InsufficientPrivilege:
        raise PublicationRefused(
            "The settings of the database cannot be made by this user, who does not own it.",
            where=where,
            mend="let its owner give:\n         "
            + "\n         ".join(f"{statement.as_string(connection)};" for statement in statements),
        ) from None


def _functions_of(connection: Connection, role: str, names: str) -> list[str]:
    """Functions of the system with such names that the role may execute, with their arguments."""
    rows = connection.execute(
        "SELECT oid::regprocedure::text FROM pg_proc "
        "WHERE pronamespace = 'pg_catalog'::regnamespace "
        "AND proname ~ %s AND has_function_privilege(%s, oid, 'EXECUTE') ORDER BY 1",
        [names, role],
    ).fetchall()
    return [signature for (signature,) in rows]


def _take_from_everybody(connection: Connection, reader: str) -> None:
    """What PostgreSQL grants to every role: temporary tables, large objects, advisory locks, and
    before 15 writing into ``public``."""
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
    for names in (_LARGE_OBJECTS, _ADVISORY_LOCKS):
        if functions := _functions_of(connection, reader, names):
            with suppress(errors.InsufficientPrivilege):
                connection.execute(f"REVOKE EXECUTE ON FUNCTION {', '.join(functions)} FROM PUBLIC")


def reader_faults(connection: Connection, reader: str, schema: str) -> list[tuple[str, str]]:
    """What the role could do besides reading ``schema``, each with the statement that ends it."""
    role = sql.Identifier(reader).as_string(connection)
    database = sql.Identifier(connection.info.dbname).as_string(connection)
    found: list[tuple[str, str]] = []
    row = connection.execute(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, "
        "rolname = current_user, has_database_privilege(rolname, current_database(), 'TEMP'), "
        "has_database_privilege(rolname, current_database(), 'CREATE'), rolcanlogin "
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
    if row[8]:
        found.append(
            (
                "it may log in, so whoever does may change its password",
                f"ALTER ROLE {role} NOLOGIN; -- then a log-in for each reader: "
                f"CREATE ROLE alice LOGIN PASSWORD '...' IN ROLE {role};",
            )
        )
    for names, what in ((_LARGE_OBJECTS, "write large objects"), (_ADVISORY_LOCKS, "lock")):
        if functions := _functions_of(connection, reader, names):
            signatures = ", ".join(functions)
            found.append(
                (
                    f"it may {what} ({signatures.split('(')[0]} and others)",
                    f"REVOKE EXECUTE ON FUNCTION {signatures} FROM {role}, PUBLIC;",
                )
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


def other_databases(connection: Connection, reader: str) -> tuple[str, ...]:
    """Databases of the same server that members of the role may connect to besides this one.

    PostgreSQL lets everybody connect to every database. Nothing is changed in those of others:
    docs/publication.md says what an administrator may do.
    """
    rows = connection.execute(
        "SELECT datname FROM pg_database WHERE datallowconn AND datname <> current_database() "
        "AND has_database_privilege(%s, oid, 'CONNECT') ORDER BY datname",
        [reader],
    ).fetchall()
    return tuple(name for (name,) in rows)


def end_overlong_readers(connection: Connection, reader: str, schema: str, seconds: float) -> int:
    """End sessions of members whose transaction has held tables of ``schema`` for too long.

    A reader may switch its timeouts off. Returns how many were ended; none where this user may not
    end sessions of others.
    """
    with suppress(errors.InsufficientPrivilege):
        rows = connection.execute(
            "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a "
            "WHERE a.pid IN (SELECT l.pid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
            "WHERE c.relnamespace = quote_ident(%s)::regnamespace) "
            "AND a.pid <> pg_backend_pid() AND pg_has_role(a.usesysid, %s, 'MEMBER') "
            "AND NOT (SELECT rolsuper FROM pg_roles WHERE oid = a.usesysid) "
            "AND a.xact_start < clock_timestamp() - make_interval(secs => %s)",
            [schema, reader, seconds],
        ).fetchall()
        return len(rows)
    return 0


def ensure_reader(connection: Connection, reader: str, schema: str, where: str) -> None:
    """Make the role if it is missing, and refuse one that could do more than read ``schema``.

    Who is a member of it is the administrator's affair.
    """
    _ensure_role(connection, reader, where)
    _ensure_settings(connection, schema, where)
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
