"""Dagster's SQLite storages with engines and connections that are kept.

Dagster makes a SQLAlchemy engine for every event it stores and every record it reads, opens the
file with it and closes it again. An engine holds the statements it has compiled, so each is
compiled again each time; and the last connection to close a file writes its whole log back and
waits for the disk. Together that is a third of the time of `make run` (docs/decisions.md). Here an
engine serves its file for as long as the process lives, with a connection that stays open.

The files are Dagster's own in every respect: what one class wrote the other reads. A power cut may
cost the last events (SQLite's ``synchronous=NORMAL``), never the files; a killed process costs
nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy
from dagster import EventLogEntry
from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import QueuePool

EventHandler = Callable[[EventLogEntry, str], None]
# Every run has a file of its own; the page of Dagster reads those of many.
_KEPT_ENGINES = 32
# More are opened when threads ask at once, and closed again.
_KEPT_CONNECTIONS = 1


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from one that has since taken its place."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@lru_cache(maxsize=_KEPT_ENGINES)
def engine_of(address: str) -> sqlalchemy.Engine:
    """The engine of one SQLite file, with a connection that stays open.

    A connection to a file that was removed or replaced meanwhile is given up when it is next asked
    for: Dagster clears a whole instance by removing files.
    """
    engine = sqlalchemy.create_engine(
        address,
        poolclass=QueuePool,
        pool_size=_KEPT_CONNECTIONS,
        max_overflow=-1,
        # A connection is one thread's at a time, but not always the same thread's.
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )
    path = Path(engine.url.database or "")

    @sqlalchemy.event.listens_for(engine, "connect")
    def opened(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")
        record.info["file"] = _identity(path)

    @sqlalchemy.event.listens_for(engine, "checkout")
    def taken(connection: Any, record: Any, proxy: Any) -> None:
        if _identity(path) != record.info["file"]:
            raise InvalidatePoolError("another file stands there now")

    return engine


# A connection must not be used on both sides of a fork.
os.register_at_fork(after_in_child=engine_of.cache_clear)


class KeptRunStorage(SqliteRunStorage):
    """Dagster's storage of runs."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> KeptRunStorage:
        return cls.from_local(inst_data=inst_data, **config_value)

    @contextmanager
    def connect(self) -> Iterator[sqlalchemy.Connection]:
        with engine_of(self._conn_string).connect() as connection, connection.begin():
            yield connection

    def dispose(self) -> None:
        """Close what is open; the storage may be used again."""
        engine_of(self._conn_string).dispose()
        super().dispose()


class KeptEventLogStorage(SqliteEventLogStorage):
    """Dagster's storage of events: one file per run, and an index of assets over all runs."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._watcher: SqlPollingEventWatcher | None = None
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> KeptEventLogStorage:
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        with self._db_lock:
            engine = engine_of(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def has_table(self, table_name: str) -> bool:
        engine = engine_of(self.conn_string_for_shard(INDEX_SHARD_NAME))
        with engine.connect() as connection:
            return bool(engine.dialect.has_table(connection, table_name))

    # Dagster waits for the file of a run to change. With a connection that stays open new events
    # stand in SQLite's log beside it, so they are asked for instead, as Dagster does with
    # PostgreSQL.

    def watch(self, run_id: str, cursor: str | None, callback: EventHandler) -> None:
        if self._watcher is None:
            self._watcher = SqlPollingEventWatcher(self)
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: EventHandler) -> None:
        if self._watcher is not None:
            self._watcher.unwatch_run(run_id, handler)

    def dispose(self) -> None:
        """Close what is open; the storage may be used again."""
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        for shard in {INDEX_SHARD_NAME, *self._initialized_dbs}:
            engine_of(self.conn_string_for_shard(shard)).dispose()
        super().dispose()
