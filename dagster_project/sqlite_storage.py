"""Dagster's SQLite storages with engines that are kept.

Dagster makes a SQLAlchemy engine for every event it stores and every record it reads. An engine
holds the statements it has compiled, so each is compiled again each time: a fifth of the processor
time of `make run` (docs/decisions.md). Here an engine serves its file for as long as the process
lives; connections are opened and closed as before, so files can be moved or removed between them.

The files are Dagster's own in every respect: what one class wrote the other reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import sqlalchemy
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.pool import NullPool

# Every run has a file of its own; the page of Dagster reads those of many.
_KEPT_ENGINES = 32


@lru_cache(maxsize=_KEPT_ENGINES)
def engine_of(address: str) -> sqlalchemy.Engine:
    """The engine of one SQLite file; it keeps no connection."""
    return sqlalchemy.create_engine(
        address, poolclass=NullPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
    )


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


class KeptEventLogStorage(SqliteEventLogStorage):
    """Dagster's storage of events: one file per run, and an index of assets over all runs."""

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
