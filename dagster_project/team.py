"""One Dagster instance for a team: its database, and which machine makes its runs.

Dagster's runs and events stand in PostgreSQL. Everybody's `make ui` shows them and may ask for
runs; one output folder makes them, because asset keys, pools and the queue of an instance know
one working file. Which one is a row of the same database.
"""

from __future__ import annotations

import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from filelock import FileLock

from dagster_project.errors import InstanceUnavailable, SettingsError
from dagster_project.secret import Secret, blanked
from dagster_project.settings import (
    DAGSTER_POSTGRES_VARIABLE,
    DAGSTER_SCHEME,
    WRITER_POOL,
    Settings,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

# A server behind a closed firewall answers nothing at all.
CONNECT_TIMEOUT_S = 10
_OWNER = "miner_warehouse_owner"
_CREATE_OWNER = f"""
CREATE TABLE IF NOT EXISTS {_OWNER} (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    study_id text NOT NULL,
    machine text NOT NULL,
    folder text NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
)"""
_MIGRATE = "make team MIGRATE=1"


@dataclass(frozen=True)
class Owner:
    """The output folder whose runs an instance records. ``is_here``: it is this one's."""

    machine: str
    folder: str
    since: datetime
    is_here: bool

    def in_words(self) -> str:
        here = "this folder" if self.is_here else "not here"
        return f"{self.machine}, {self.folder} ({here}), since {self.since:%Y-%m-%d}"


def storage_address(url: Secret) -> str:
    """The address as Dagster's storage needs it: psycopg2 named, waiting for a server bounded.

    SQLAlchemy 2.1 takes psycopg 3 where no driver is named, and dagster-postgres is written for
    psycopg2: `with connection:` closes the one and commits the other.
    """
    parts = urlsplit(url.reveal())
    waits = any(name == "connect_timeout" for name, _ in parse_qsl(parts.query))
    query = parts.query if waits else f"{parts.query}&connect_timeout={CONNECT_TIMEOUT_S}"
    address = f"{parts.netloc}{parts.path}?{query.lstrip('&')}"
    return f"{DAGSTER_SCHEME}://{address}"


def server_name(url: Secret) -> str:
    """Where the database is, for a message: without user and password."""
    parts = urlsplit(url.reveal())
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "socket"
    return f"postgresql://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _said(error: Exception, url: Secret) -> str:
    """The server's own words in one line, without the password however it was written."""
    cause = getattr(error, "orig", None) or error.__cause__ or error
    text = " ".join(str(getattr(cause, "orig", None) or cause).split())
    password = urlsplit(url.reveal()).password or ""
    words = (url.reveal(), unquote(password), password)
    return blanked(text, (word for word in words if word)) or type(error).__name__


def _without(
    show: Callable[[sys.UnraisableHookArgs], object], *kinds: type[BaseException]
) -> Callable[[sys.UnraisableHookArgs], None]:
    """``show``, but for errors of these kinds and what they led to."""

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        error = unraisable.exc_value
        while error is not None:
            if isinstance(error, kinds):
                return
            error = error.__cause__ or error.__context__
        show(unraisable)

    return hook


@contextmanager
def readable_storage_failures(settings: Settings) -> Iterator[None]:
    """Turn what Dagster's storage raises when its server goes away into one clear message."""
    if not settings.dagster_postgres_url:
        yield
        return
    from dagster_postgres.utils import DagsterPostgresException
    from sqlalchemy.exc import SQLAlchemyError

    shown = sys.unraisablehook
    # Dagster's half-run steps try to record their end once more when they are let go, in vain.
    sys.unraisablehook = _without(shown, DagsterPostgresException, SQLAlchemyError)
    try:
        yield
        sys.unraisablehook = shown
    except (DagsterPostgresException, SQLAlchemyError) as error:
        # The error itself stays here: it may carry the connection, and that the password.
        raise InstanceUnavailable(
            "Dagster's shared database does not answer any more, so the run was given up: "
            f"{_said(error, settings.dagster_postgres_url)}",
            where=server_name(settings.dagster_postgres_url),
            mend="bring the server back and run again: the next run marks this one as failed; what "
            "was loaded and published before is untouched",
        ) from None


@contextmanager
def _connected(url: Secret) -> Iterator[Connection]:
    """A transaction in the shared database.

    Raises SettingsError without the driver, InstanceUnavailable where the server refuses.
    """
    try:
        import dagster_postgres  # noqa: F401 - Dagster loads it by the name in dagster.yaml
        import psycopg2  # noqa: F401 - and it needs this driver
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in {"dagster_postgres", "psycopg2"}:
            raise
        raise SettingsError(
            "Dagster's storage in PostgreSQL is not installed.",
            mend="give 'make team' once; without make: pip install '.[team]'",
        ) from error
    import sqlalchemy as sa

    try:
        engine = sa.create_engine(storage_address(url), poolclass=sa.NullPool)
        with engine.begin() as connection:
            yield connection
    except sa.exc.SQLAlchemyError as error:
        raise InstanceUnavailable(
            f"Dagster's shared database cannot be used: {_said(error, url)}",
            where=server_name(url),
            mend=f"mend what is named above, or unset {DAGSTER_POSTGRES_VARIABLE} to record runs "
            "on this machine alone; nothing was started",
        ) from None


def _revisions() -> tuple[str, set[str]]:
    """The revision of Dagster's tables that this Dagster wants, and all it knows."""
    from alembic.script import ScriptDirectory
    from dagster_postgres import run_storage
    from dagster_postgres.utils import pg_alembic_config

    scripts = ScriptDirectory.from_config(pg_alembic_config(run_storage.__file__))
    return str(scripts.get_current_head()), {step.revision for step in scripts.walk_revisions()}


def _refuse_version(url: Secret, found: str) -> None:
    """Raises InstanceUnavailable unless ``found`` is the revision of tables we work with."""
    wanted, known = _revisions()
    if found == wanted:
        return
    if found in known:
        raise InstanceUnavailable(
            "The tables of Dagster's shared database are those of an older Dagster "
            f"(revision {found}, this one needs {wanted}).",
            where=server_name(url),
            mend=f"stop every 'make ui' on it, then give '{_MIGRATE}' once; older checkouts of the "
            "team must be brought up to date too",
        )
    raise InstanceUnavailable(
        "The tables of Dagster's shared database are not known to this Dagster "
        f"(revision {found or 'none'}, this one needs {wanted}): a newer one, or another program, "
        "made them.",
        where=server_name(url),
        mend="bring this checkout up to date, or name a database that holds nothing else",
    )


def _found_revision(connection: Connection) -> str | None:
    """Revision of Dagster's tables there; None in a database that has none of them yet."""
    import sqlalchemy as sa

    tables = set(sa.inspect(connection).get_table_names())
    if not tables & {"runs", "event_logs", "jobs", "alembic_version"}:
        return None
    if "alembic_version" not in tables:
        return ""
    return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")) or "")


def _one_at_a_time(connection: Connection) -> None:
    """Until this transaction ends: two machines may come to an empty database together."""
    import sqlalchemy as sa

    connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": _OWNER})


def _make_tables(url: Secret) -> None:
    """Let Dagster make its tables and the writer's slot; it does so without a lock of its own.

    The first two steps that find no slot both make one, and PostgreSQL refuses the second.
    """
    from dagster_postgres import DagsterPostgresStorage

    made = DagsterPostgresStorage(storage_address(url), should_autocreate_tables=True)
    made.event_log_storage.set_concurrency_slots(WRITER_POOL, 1)
    for part in (made.run_storage, made.event_log_storage, made.schedule_storage):
        part.dispose()


def require_database(settings: Settings, *, any_known_version: bool = False) -> None:
    """Raises where the shared database cannot hold this Dagster's runs.

    SettingsError without the driver; InstanceUnavailable where the server does not answer,
    refuses the log-in, or holds tables of another version of Dagster.
    """
    url = settings.dagster_postgres_url
    with _connected(url) as connection:
        _one_at_a_time(connection)
        found = _found_revision(connection)
        if found is None:
            _make_tables(url)
            return
    if any_known_version and found in _revisions()[1]:
        return
    _refuse_version(url, found)


def _study_id(settings: Settings) -> str:
    """A name of this output folder that stays when the machine gets another one."""
    path = settings.dagster_home / "study_id"
    # Who asks at the same moment must not read the file before its name is in it.
    with FileLock(path.with_suffix(".lock")):
        known = path.read_text(encoding="utf-8").strip() if path.exists() else ""
        if not known:
            known = str(uuid.uuid4())
            path.write_text(f"{known}\n", encoding="utf-8")
    return known


def claim(settings: Settings, *, take_over: bool = False) -> Owner:
    """Whose runs the shared instance records: the first output folder that asks, until another
    takes over.

    Needs the output folders. Raises as ``require_database`` does.
    """
    import sqlalchemy as sa

    ours: dict[str, Any] = {
        "study_id": _study_id(settings),
        "machine": socket.gethostname(),
        "folder": str(settings.output_dir),
    }
    on_conflict = (
        "(only_one) DO UPDATE SET study_id = excluded.study_id, machine = excluded.machine, "
        "folder = excluded.folder, since = now()"
        if take_over
        else "DO NOTHING"
    )
    with _connected(settings.dagster_postgres_url) as connection:
        _one_at_a_time(connection)
        connection.execute(sa.text(_CREATE_OWNER))
        connection.execute(
            sa.text(
                f"INSERT INTO {_OWNER} (study_id, machine, folder) "
                f"VALUES (:study_id, :machine, :folder) ON CONFLICT {on_conflict}"
            ),
            ours,
        )
        found = _read_owner(connection, settings)
    assert found is not None, "a row was just put there"
    return found


def _read_owner(connection: Connection, settings: Settings) -> Owner | None:
    import sqlalchemy as sa

    if not sa.inspect(connection).has_table(_OWNER):
        return None
    row = connection.execute(
        sa.text(f"SELECT study_id, machine, folder, since FROM {_OWNER}")
    ).one_or_none()
    if row is None:
        return None
    is_here = bool(row.study_id == _study_id(settings))
    return Owner(row.machine, row.folder, row.since, is_here)


def require_ours(settings: Settings) -> None:
    """Raises InstanceUnavailable where runs of the shared instance are made in another folder."""
    if not settings.dagster_postgres_url:
        return
    found = claim(settings)
    if not found.is_here:
        raise InstanceUnavailable(
            f"Runs of the shared instance are made on {found.machine}, in {found.folder}.",
            where=server_name(settings.dagster_postgres_url),
            mend="ask for a run on the page of 'make ui', which that machine then makes; for a run "
            f"of your own unset {DAGSTER_POSTGRES_VARIABLE}; if that machine is gone, "
            "'make team HERE=1' takes over",
        )


def describe(settings: Settings, *, take_over: bool = False, migrate: bool = False) -> list[str]:
    """What `make team` prints: the shared instance, who makes its runs, and what was changed.

    ``take_over`` moves the runs to this output folder and ends those the other one left;
    ``migrate`` brings Dagster's tables to this version. Raises as ``require_database`` does.
    """
    if not settings.dagster_postgres_url:
        raise SettingsError(
            "No shared instance is named: Dagster's runs are recorded on this machine.",
            where=str(settings.dagster_home),
            mend=f"set {DAGSTER_POSTGRES_VARIABLE}=postgresql://user@host/database",
        )
    import dagster as dg

    from dagster_project import instance as local

    url = settings.dagster_postgres_url
    lines = [f"Shared instance: {server_name(url)}"]
    local.prepare_instance(settings, any_known_version=migrate)
    with readable_storage_failures(settings), dg.DagsterInstance.get() as instance:
        if migrate:
            instance.upgrade()
            lines.append(f"  tables    brought to those of Dagster {dg.__version__}")
        if take_over:
            claim(settings, take_over=True)
            ended = local.end_dead_runs(instance, taken_over=True)
            lines.append(f"  moved     to this folder; {len(ended)} unfinished runs ended")
        with _connected(url) as connection:
            owner = _read_owner(connection, settings)
        beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
        runs = instance.get_runs_count()
    lines.append(f"  runs by   {owner.in_words() if owner else 'nobody yet'}")
    ago = f"{datetime.now(UTC).timestamp() - max(beats):.0f} s ago" if beats else "never"
    return [*lines, f"  daemon    last sign of life: {ago}", f"  recorded  {runs:,} runs"]
