"""The publication in PostgreSQL: a whole schema loaded beside the published one, then renamed.

``marts``                    the publication readers see
``marts_<publication_id>``   earlier ones, as long as their files are on disk
``marts_building``           one that is being made

What is loaded is the publication on disk, so the two never differ in what they hold. The steps
are: reader's role, clear leftovers, load (one transaction), verify, switch, prune. The switch is
one transaction that takes every published table for itself before it renames: a reader's
transaction that has touched any table of a publication sees that publication to its end.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb
import psycopg
from psycopg import errors, sql

from dagster_project.errors import PublicationRefused, WarehouseLocked
from dagster_project.secret import Secret, blanked
from dagster_project.warehouse import publish_files as files
from dagster_project.warehouse.connection import attach_read_only
from dagster_project.warehouse.postgres_roles import (
    end_overlong_readers,
    ensure_reader,
    other_databases,
)
from dagster_project.warehouse.postgres_types import CSV_NULL, incoming_sql, postgres_type
from dagster_project.warehouse.postgres_types import write_csv_sql as outgoing_csv_sql
from dagster_project.warehouse.publish_about import ABOUT
from dagster_project.warehouse.publish_marts import (
    MARTS_SCHEMA,
    PUBLICATION_TABLE,
    Content,
    Mart,
    mart_of,
    measure,
)

Connection = psycopg.Connection[tuple[Any, ...]]

BUILDING_SCHEMA = f"{MARTS_SCHEMA}_building"
REPLACED_SCHEMA = f"{MARTS_SCHEMA}_replaced"
APPLICATION = "miner-warehouse publisher"
# A schema with this comment was made here; no other is ever renamed or dropped.
MARK = "miner-warehouse publication "
SOURCE_CATALOG = "release"
SCRATCH = f"{files.BUILDING_PREFIX}postgres"
MAX_NAME_BYTES = 63

LOCK_KEY = "miner-warehouse publication"
LOCK_ATTEMPTS = 60
LOCK_WAIT_SECONDS = 0.5
# Longer than the reader's role may idle in a transaction, so that one forgotten transaction
# does not stop a publication.
SWITCH_PATIENCE_SECONDS = 120.0
# Readers wait while the switch asks for its locks. It gives up before the server would look for
# a deadlock (a second by default), so that no reader is ever the victim, and asks again.
SWITCH_TRY_MS = 400
SWITCH_PAUSE_SECONDS = 0.2
# No statement waits longer for a lock, wherever it is.
LOCK_TIMEOUT_MS = 30_000
# A question may take five minutes: a transaction that holds the tables for twice as long has its
# timeouts switched off.
LONGEST_READ_SECONDS = 600.0

_CSV = sql.SQL("FORMAT csv, NULL {}, ENCODING 'UTF8'").format(sql.Literal(CSV_NULL))


@dataclass(frozen=True)
class PostgresReport:
    """What happened in PostgreSQL. ``unchanged``: readers saw this publication already."""

    publication_id: str
    unchanged: bool
    reloaded: bool
    tables: int
    rows: int
    replaced: str | None
    pruned: tuple[str, ...]
    kept_for_others: tuple[str, ...]
    # Databases of others on the same server that readers may connect to.
    open_to_readers: tuple[str, ...]
    switch_tries: int
    load_seconds: float
    switch_seconds: float

    def summary(self) -> str:
        """One line for a log."""
        size = f"{self.tables} tables, {self.rows:,} rows"
        if self.unchanged:
            return f"PostgreSQL: unchanged since {self.publication_id} ({size})"
        how = "loaded" if self.reloaded else "kept and shown again"
        return f"PostgreSQL: {how} {self.publication_id} ({size})"

    def figures(self) -> dict[str, Any]:
        """What a page shows of it; no address, no password."""
        return {
            "dagster/row_count": self.rows,
            "publication_id": self.publication_id,
            "unchanged": self.unchanged,
            "tables": self.tables,
            "load_seconds": round(self.load_seconds, 2),
            "switch_seconds": round(self.switch_seconds, 3),
            "switch_tries": self.switch_tries,
            "dropped_schemas": ", ".join(self.pruned) or "none",
            "schemas_others_depend_on": ", ".join(self.kept_for_others) or "none",
            "other_databases_open_to_readers": ", ".join(self.open_to_readers) or "none",
            "summary": self.summary(),
        }


# --- talking to the server ---------------------------------------------------------------


def _said(error: psycopg.Error, url: Secret) -> str:
    """The server's words without the password, whichever way it was written."""
    text = " ".join((error.diag.message_primary or str(error)).split())
    password = urlsplit(url.reveal()).password or ""
    words = (url.reveal(), unquote(password), password)
    return blanked(text, (word for word in words if word)) or type(error).__name__


def server_name(url: Secret) -> str:
    """Where the database is, for a message: without user and password."""
    parts = urlsplit(url.reveal())
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "socket"
    return f"postgresql://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


@contextmanager
def _clear_failures(url: Secret) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        # The error itself stays here: it carries the connection, and that the password.
        raise PublicationRefused(
            f"PostgreSQL refused: {_said(error, url)}.",
            where=server_name(url),
            mend="mend what is named above and give 'make postgres'; readers of PostgreSQL keep "
            "the publication they had, and the files are published",
        ) from None


@contextmanager
def connected(url: Secret) -> Iterator[Connection]:
    """A connection of the publisher: UTC, every statement its own transaction.

    Raises PublicationRefused, without the password, where the server cannot be reached or
    refuses a statement of the block.
    """
    with (
        _clear_failures(url),
        psycopg.connect(
            url.reveal(),
            autocommit=True,
            application_name=APPLICATION,
            connect_timeout=10,
            options="-c timezone=UTC -c client_encoding=UTF8 -c datestyle=ISO "
            "-c intervalstyle=postgres -c extra_float_digits=1 "
            # The database's defaults are made for readers.
            "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 "
            f"-c lock_timeout={LOCK_TIMEOUT_MS}",
        ) as connection,
    ):
        yield connection


def _one(connection: Connection, query: str, *parameters: object) -> Any:
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None


@contextmanager
def _publisher_lock(connection: Connection, url: Secret) -> Iterator[None]:
    """One publisher per database; the server drops the lock when its connection ends."""
    for attempt in range(LOCK_ATTEMPTS):
        if _one(connection, "SELECT pg_try_advisory_lock(hashtext(%s))", LOCK_KEY):
            break
        if attempt + 1 == LOCK_ATTEMPTS:
            raise WarehouseLocked(
                "Another run is publishing to this database.",
                where=server_name(url),
                mend="wait for that run to end, then give 'make postgres'",
            )
        time.sleep(LOCK_WAIT_SECONDS)
    yield


# --- what is there ------------------------------------------------------------------------


def kept_schema(publication_id: str) -> str:
    """Name of the schema that keeps a publication which is not shown."""
    return f"{MARTS_SCHEMA}_{publication_id.lower().replace('-', '_')}"


def our_schemas(connection: Connection) -> dict[str, str]:
    """Schemas that this project made, and the publication in each."""
    rows = connection.execute(
        "SELECT nspname, obj_description(oid, 'pg_namespace') FROM pg_namespace "
        "WHERE starts_with(obj_description(oid, 'pg_namespace'), %s) ORDER BY nspname",
        [MARK],
    ).fetchall()
    return {
        name: comment.removeprefix(MARK)
        for name, comment in rows
        if name == MARTS_SCHEMA or name.startswith(f"{MARTS_SCHEMA}_")
    }


def _tables_of(connection: Connection, schema: str) -> list[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = quote_ident(%s)::regnamespace "
        "AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY relname",
        [schema],
    ).fetchall()
    return [name for (name,) in rows]


def _refuse_foreign_schema(connection: Connection, url: Secret) -> None:
    ours = our_schemas(connection)
    for schema in (MARTS_SCHEMA, BUILDING_SCHEMA):
        exists = _one(connection, "SELECT count(*) FROM pg_namespace WHERE nspname = %s", schema)
        if exists and schema not in ours:
            raise PublicationRefused(
                f"The database has a schema {schema} that was not made here.",
                where=server_name(url),
                mend="name a database of its own in MINER_POSTGRES_URL, or rename that schema",
            )


def _drop(connection: Connection, schema: str) -> bool:
    """Drop one of our schemas; False where something of somebody else hangs on it."""
    try:
        with connection.transaction():
            tables = [sql.Identifier(schema, name) for name in _tables_of(connection, schema)]
            if tables:
                # All in one statement: they may refer to one another. Nothing cascades.
                connection.execute(
                    sql.SQL("DROP TABLE {} RESTRICT").format(sql.SQL(", ").join(tables))
                )
            connection.execute(sql.SQL("DROP SCHEMA {} RESTRICT").format(sql.Identifier(schema)))
    except (
        errors.DependentObjectsStillExist,
        errors.WrongObjectType,
        errors.LockNotAvailable,
    ):
        return False
    return True


def clear_leftovers(connection: Connection) -> tuple[str, ...]:
    """Remove what a killed run left; the lock is held, so nothing of it is in use."""
    return tuple(
        schema
        for schema in our_schemas(connection)
        if schema in (BUILDING_SCHEMA, REPLACED_SCHEMA) and _drop(connection, schema)
    )


# --- loading --------------------------------------------------------------------------------


def _check_names(marts: tuple[Mart, ...]) -> None:
    long = [
        name
        for mart in marts
        for name in (mart.name, *(f"{mart.name}.{c.name}" for c in mart.columns))
        if len(name.rpartition(".")[2].encode()) > MAX_NAME_BYTES or "\0" in name
    ]
    if long:
        raise PublicationRefused(
            f"PostgreSQL names have at most {MAX_NAME_BYTES} bytes and no zero byte.",
            where=", ".join(long),
            mend="rename it in the model",
        )


def _comment(connection: Connection, kind: str, name: sql.Composable, text: str) -> None:
    if text:
        connection.execute(
            sql.SQL("COMMENT ON {} {} IS {}").format(sql.SQL(kind), name, sql.Literal(text))
        )


def create_table(connection: Connection, schema: str, mart: Mart) -> None:
    """An empty table with types, NOT NULLs and comments."""
    name = sql.Identifier(schema, mart.name)
    columns = [
        sql.SQL("{} {} {}").format(
            sql.Identifier(column.name),
            sql.SQL(postgres_type(column.type)),
            sql.SQL("NOT NULL" if column.required else ""),
        )
        for column in mart.columns
    ]
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(columns)))
    _comment(connection, "TABLE", name, mart.description)
    for column in mart.columns:
        field = sql.Identifier(schema, mart.name, column.name)
        _comment(connection, "COLUMN", field, column.description)


def fill_table(
    connection: Connection,
    source: duckdb.DuckDBPyConnection,
    schema: str,
    mart: Mart,
    scratch: Path,
) -> None:
    """Copy a table's rows from the published DuckDB file."""
    path = scratch / "rows.csv"
    source.execute(outgoing_csv_sql(mart, mart.relation(SOURCE_CATALOG), str(path)))
    # Frozen: also a transaction that began before this load finds the rows, not an empty table.
    statement = sql.SQL("COPY {} FROM STDIN (FREEZE, {})").format(
        sql.Identifier(schema, mart.name), _CSV
    )
    with path.open("rb") as rows, connection.cursor().copy(statement) as copy:
        while block := rows.read(1 << 18):
            copy.write(block)
    path.unlink()


def add_keys(
    connection: Connection, schema: str, mart: Mart, references: list[dict[str, str]]
) -> None:
    """The primary key, and an index on each of its other columns: what readers filter by."""
    table = sql.Identifier(schema, mart.name)
    if mart.primary_key:
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(
                table, sql.SQL(", ").join(map(sql.Identifier, mart.primary_key))
            )
        )
    referring = [reference["column"] for reference in references]
    for column in dict.fromkeys((*mart.primary_key[1:], *referring)):
        if mart.primary_key[:1] != (column,):
            connection.execute(
                sql.SQL("CREATE INDEX ON {} ({})").format(table, sql.Identifier(column))
            )


def add_references(
    connection: Connection, schema: str, mart: Mart, references: list[dict[str, str]]
) -> None:
    """Foreign keys, after every table has its primary key."""
    for reference in references:
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({})").format(
                sql.Identifier(schema, mart.name),
                sql.Identifier(reference["column"]),
                sql.Identifier(schema, reference["table"]),
                sql.Identifier(reference["refers_to"]),
            )
        )


@dataclass(frozen=True)
class Release:
    """A publication on disk, ready to be loaded."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def publication_id(self) -> str:
        return str(self.manifest["publication_id"])

    @property
    def marts(self) -> tuple[Mart, ...]:
        return tuple(mart_of(table) for table in self.manifest["tables"])

    @property
    def references(self) -> dict[str, list[dict[str, str]]]:
        return {t["name"]: t.get("foreign_keys", []) for t in self.manifest["tables"]}

    @cached_property
    def stated(self) -> dict[str, Content]:
        return files.stated_contents(self.folder, self.manifest)


def load_schema(connection: Connection, release: Release, reader: str, scratch: Path) -> None:
    """Make the building schema whole, in one transaction: a kill leaves nothing of it."""
    tables = (*release.marts, *ABOUT)
    _check_names(tables)
    with files.in_memory() as source, connection.transaction():
        attach_read_only(source, release.folder / files.DATABASE, SOURCE_CATALOG)
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(BUILDING_SCHEMA)))
        _mark(connection, BUILDING_SCHEMA, release.publication_id)
        for mart in tables:
            create_table(connection, BUILDING_SCHEMA, mart)
            fill_table(connection, source, BUILDING_SCHEMA, mart, scratch)
        for mart in tables:
            add_keys(connection, BUILDING_SCHEMA, mart, release.references.get(mart.name, []))
        for mart in tables:
            add_references(connection, BUILDING_SCHEMA, mart, release.references.get(mart.name, []))
            name = sql.Identifier(BUILDING_SCHEMA, mart.name)
            connection.execute(sql.SQL("ANALYZE {}").format(name))
        connection.execute(
            sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(
                sql.Identifier(BUILDING_SCHEMA), sql.Identifier(reader)
            )
        )


def _mark(connection: Connection, schema: str, publication_id: str) -> None:
    _comment(connection, "SCHEMA", sql.Identifier(schema), f"{MARK}{publication_id}")


# --- reading back ---------------------------------------------------------------------------


def measure_schema(
    connection: Connection, schema: str, marts: tuple[Mart, ...], scratch: Path
) -> dict[str, Content]:
    """Rows and checksum of each table as the server answers; a missing table is left out.

    All tables are read in one transaction, so they are of one publication.
    """
    found = {}
    with (
        files.in_memory() as oracle,
        connection.transaction(),
    ):
        present = set(_tables_of(connection, schema))
        for mart in (mart for mart in marts if mart.name in present):
            path = scratch / "answer.csv"
            columns = sql.SQL(", ").join(sql.Identifier(c.name) for c in mart.columns)
            statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT ({}, FORCE_QUOTE *)").format(
                columns, sql.Identifier(schema, mart.name), _CSV
            )
            with path.open("wb") as answer, connection.cursor().copy(statement) as copy:
                for block in copy:
                    answer.write(block)
            found[mart.name] = measure(oracle, incoming_sql(mart, str(path)), mart)
            path.unlink()
    return found


def content_faults(
    connection: Connection, schema: str, release: Release, scratch: Path
) -> list[str]:
    """Tables whose rows in ``schema`` are not those that the manifest states."""
    try:
        found = measure_schema(connection, schema, release.marts, scratch)
    except (errors.UndefinedColumn, duckdb.Error) as error:
        return [str(error).splitlines()[0]]
    return [
        f"table {name}: {found[name].rows if name in found else 'no'} rows or other content "
        f"where {stated.rows} are published"
        for name, stated in release.stated.items()
        if found.get(name) != stated
    ] + [
        f"table {name} is no part of the publication"
        for name in _tables_of(connection, schema)
        if name not in release.stated and name not in {mart.name for mart in ABOUT}
    ]


def _verify(connection: Connection, release: Release, scratch: Path) -> None:
    faults = content_faults(connection, BUILDING_SCHEMA, release, scratch)
    if faults:
        _drop(connection, BUILDING_SCHEMA)
        raise PublicationRefused(
            "What PostgreSQL holds does not equal the published files; its readers keep the "
            "previous publication.",
            where="\n         ".join(faults),
            mend="give 'make postgres' again; if it repeats, report the table",
        )


# --- the switch -------------------------------------------------------------------------------


def _holders(connection: Connection) -> str:
    rows = connection.execute(
        "SELECT DISTINCT a.pid, coalesce(nullif(a.application_name, ''), 'unnamed'), a.usename, "
        "a.state FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
        "JOIN pg_stat_activity a ON a.pid = l.pid "
        "WHERE c.relnamespace = quote_ident(%s)::regnamespace AND a.pid <> pg_backend_pid() "
        "ORDER BY a.pid",
        [MARTS_SCHEMA],
    ).fetchall()
    return "; ".join(f"pid {pid}, {name}, user {user}, {state}" for pid, name, user, state in rows)


def _rename_and_grant(
    connection: Connection, new: str, reader: str, current_id: str | None, publication_id: str
) -> None:
    show, role = sql.Identifier(MARTS_SCHEMA), sql.Identifier(reader)
    if current_id is not None:
        aside = REPLACED_SCHEMA if current_id == publication_id else kept_schema(current_id)
        connection.execute(sql.SQL("REVOKE ALL ON SCHEMA {} FROM {}").format(show, role))
        connection.execute(
            sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(show, sql.Identifier(aside))
        )
    connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(new), show))
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(show, role))


def switch(connection: Connection, url: Secret, new: str, reader: str, publication_id: str) -> int:
    """Make schema ``new`` the published one, in one transaction; returns how often it asked.

    Raises PublicationRefused, naming who is reading, where readers hold the published tables
    longer than SWITCH_PATIENCE_SECONDS.
    """
    deadline = time.monotonic() + SWITCH_PATIENCE_SECONDS
    current_id = our_schemas(connection).get(MARTS_SCHEMA)
    look_ms = _one(
        connection, "SELECT setting::integer FROM pg_settings WHERE name = 'deadlock_timeout'"
    )
    tries = 0
    while True:
        tries += 1
        try:
            with connection.transaction():
                if current_id is not None:
                    names = _tables_of(connection, MARTS_SCHEMA)
                    connection.execute(
                        f"SET LOCAL statement_timeout = {max(1, min(SWITCH_TRY_MS, look_ms // 2))}"
                    )
                    if names:
                        connection.execute(
                            sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(
                                sql.SQL(", ").join(
                                    sql.Identifier(MARTS_SCHEMA, name) for name in names
                                )
                            )
                        )
                    connection.execute("SET LOCAL statement_timeout = 0")
                _rename_and_grant(connection, new, reader, current_id, publication_id)
        except (errors.QueryCanceled, errors.LockNotAvailable, errors.DeadlockDetected):
            end_overlong_readers(connection, reader, MARTS_SCHEMA, LONGEST_READ_SECONDS)
            if time.monotonic() >= deadline:
                raise PublicationRefused(
                    "Readers hold the published tables of PostgreSQL, so the new publication "
                    "cannot be shown; they keep the previous one, whole.",
                    where=_holders(connection) or server_name(url),
                    mend="let that transaction end (or end it with pg_terminate_backend), then "
                    "give 'make postgres'; a member of pg_signal_backend ends those of readers "
                    f"after {LONGEST_READ_SECONDS / 60:.0f} minutes itself",
                ) from None
            time.sleep(SWITCH_PAUSE_SECONDS)
        else:
            return tries


def prune(connection: Connection, keep: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Drop schemas of publications that are not in ``keep``; dropped ones, and those that stay
    because something of somebody else hangs on them.
    """
    dropped: list[str] = []
    kept: list[str] = []
    for schema, publication_id in our_schemas(connection).items():
        if schema == MARTS_SCHEMA or (
            publication_id in keep and schema == kept_schema(publication_id)
        ):
            continue
        (dropped if _drop(connection, schema) else kept).append(schema)
    return tuple(dropped), tuple(kept)


# --- the whole ----------------------------------------------------------------------------------


def _current_release(published_dir: Path) -> Release:
    name = files.current_id(published_dir)
    folder = published_dir / files.RELEASES / (name or "")
    manifest = files.read_manifest(folder) if name else None
    if manifest is None or not files.is_intact(folder, manifest):
        raise PublicationRefused(
            "There is no publication on disk to load into PostgreSQL, or its files are damaged.",
            where=str(published_dir),
            mend="build and publish with 'make run'",
        )
    return Release(folder, manifest)


@contextmanager
def scratch_folder(published_dir: Path) -> Iterator[Path]:
    """A folder for rows on their way; the next publication clears one that a kill left."""
    folder = published_dir / files.RELEASES / SCRATCH
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_shown(connection: Connection, release: Release, scratch: Path) -> bool:
    shown = our_schemas(connection).get(MARTS_SCHEMA)
    return shown == release.publication_id and not content_faults(
        connection, MARTS_SCHEMA, release, scratch
    )


def _kept_and_sound(connection: Connection, release: Release, scratch: Path) -> bool:
    schema = kept_schema(release.publication_id)
    return our_schemas(connection).get(schema) == release.publication_id and not content_faults(
        connection, schema, release, scratch
    )


def publish_postgres(published_dir: Path, url: Secret, *, reader: str) -> PostgresReport:
    """Show the publication on disk in PostgreSQL; the same again changes nothing.

    ``reader`` is the role that may read it, and nothing else. Raises PublicationRefused where
    the server, a role or a reader's lock is in the way, WarehouseLocked where another run is
    publishing. In each case PostgreSQL's readers keep what they had, whole.
    """
    with (
        files.publication_lock(published_dir),
        connected(url) as connection,
        _publisher_lock(connection, url),
        scratch_folder(published_dir) as scratch,
    ):
        release = _current_release(published_dir)
        name = release.publication_id
        _refuse_foreign_schema(connection, url)
        ensure_reader(connection, reader, MARTS_SCHEMA, server_name(url))
        clear_leftovers(connection)
        replaced = our_schemas(connection).get(MARTS_SCHEMA)
        started = time.monotonic()
        unchanged = _is_shown(connection, release, scratch)
        reloaded, tries, loaded = False, 0, started
        if not unchanged:
            new = kept_schema(name)
            if replaced == name or not _kept_and_sound(connection, release, scratch):
                reloaded, new = True, BUILDING_SCHEMA
                load_schema(connection, release, reader, scratch)
                _verify(connection, release, scratch)
            loaded = time.monotonic()
            tries = switch(connection, url, new, reader, name)
        switched = time.monotonic()
        keep = {path.name for path in (published_dir / files.RELEASES).iterdir()}
        pruned, kept_for_others = prune(connection, keep)
        ensure_reader(connection, reader, MARTS_SCHEMA, server_name(url))
        open_to_readers = other_databases(connection, reader)
    return PostgresReport(
        publication_id=name,
        unchanged=unchanged,
        reloaded=reloaded,
        tables=len(release.stated),
        rows=sum(content.rows for content in release.stated.values()),
        replaced=None if unchanged else replaced,
        pruned=pruned,
        kept_for_others=kept_for_others,
        open_to_readers=open_to_readers,
        switch_tries=tries,
        load_seconds=loaded - started,
        switch_seconds=switched - loaded,
    )


def shown_contents(
    published_dir: Path, url: Secret, marts: tuple[Mart, ...]
) -> tuple[str | None, dict[str, Content]]:
    """The publication that PostgreSQL's readers see, and rows and checksum of each table.

    Both are read in one transaction; the caller holds the publication's lock.
    """
    with connected(url) as connection, scratch_folder(published_dir) as scratch:
        if MARTS_SCHEMA not in our_schemas(connection):
            return None, {}
        with connection.transaction():
            row = connection.execute(
                sql.SQL("SELECT publication_id FROM {}").format(
                    sql.Identifier(MARTS_SCHEMA, PUBLICATION_TABLE)
                )
            ).fetchone()
            return (str(row[0]) if row else None), measure_schema(
                connection, MARTS_SCHEMA, marts, scratch
            )
