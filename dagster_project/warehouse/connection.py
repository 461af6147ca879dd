"""The one way to open the working file: one writer, closed after use, clear when locked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import duckdb

from dagster_project.errors import WarehouseLocked, WarehouseProjectError, disk_full
from dagster_project.warehouse.ddl import literal, quoted
from dagster_project.warehouse.history import (
    heal,
    is_damage,
    is_unusable,
    read_through,
    restore_missing,
)
from dagster_project.warehouse.session import connect

LOCK_ATTEMPTS = 20
LOCK_WAIT_SECONDS = 0.5


Opened = TypeVar("Opened")


class _Unreadable(WarehouseProjectError):
    """Not held by somebody else, and yet not to be opened."""


class WorkingFileHealed(WarehouseProjectError):
    """The working file was damaged and has been restored from its history; run again."""


def _is_lock_error(error: duckdb.Error) -> bool:
    text = str(error)
    return any(
        sign in text
        for sign in (
            "Could not set lock",
            "Conflicting lock",
            "being used by another",
            # The two ways DuckDB says that this very process has the file open otherwise.
            "different configuration",
            "Unique file handle conflict",
        )
    )


def _when_unlocked(
    path: Path, attempt_open: Callable[[], Opened], attempts: int, wait_seconds: float
) -> Opened:
    for attempt in range(attempts):
        try:
            return attempt_open()
        except duckdb.Error as error:
            if not _is_lock_error(error):
                raise _Unreadable(
                    f"The DuckDB file cannot be opened: {error}",
                    where=str(path),
                    mend="run 'make run', which replaces a damaged file"
                    if is_unusable(path, error)
                    else "correct what is named above and run again",
                ) from error
            if attempt + 1 == attempts:
                raise WarehouseLocked(
                    "Another program, or another connection of this one, holds the working file.",
                    where=f"{path} ({str(error).split(' See also')[0]})",
                    mend="close that program or wait for its run to end, then run again; "
                    "readers should open the published file, which is never locked",
                ) from error
            time.sleep(wait_seconds)
    raise AssertionError("unreachable: attempts is at least 1")


def require_sound(path: Path, *, attempts: int = LOCK_ATTEMPTS) -> None:
    """Read the working file from end to end; a damaged one is restored from its history.

    DuckDB finds a damaged block when it reads it: in a table that is read at the end of a run,
    every run would fail there. Raises as ``warehouse`` does.
    """
    with suppress(WorkingFileHealed), warehouse(path, attempts=attempts) as connection:
        read_through(connection)


def open_duckdb(
    path: Path,
    *,
    read_only: bool = False,
    attempts: int = LOCK_ATTEMPTS,
    wait_seconds: float = LOCK_WAIT_SECONDS,
) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB file, waiting up to ``attempts * wait_seconds`` for its lock.

    A writer finds a missing or damaged working file restored from its history. Raises
    WarehouseLocked naming the process that holds the file, or WarehouseProjectError where the
    file cannot be opened for another reason: permission, disk, another version of DuckDB.
    """
    if not read_only and not path.exists() and not path.is_symlink():
        restore_missing(path)

    def attempt_open() -> duckdb.DuckDBPyConnection:
        return connect(path, read_only=read_only)

    try:
        return _when_unlocked(path, attempt_open, attempts, wait_seconds)
    except _Unreadable as error:
        cause = error.__cause__
        if read_only or not isinstance(cause, duckdb.Error) or not is_unusable(path, cause):
            raise
        heal(path, str(cause).splitlines()[0])
    return _when_unlocked(path, attempt_open, attempts, wait_seconds)


def attach_read_only(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    alias: str,
    *,
    attempts: int = LOCK_ATTEMPTS,
    wait_seconds: float = LOCK_WAIT_SECONDS,
) -> None:
    """Attach a DuckDB file for reading, waiting for its lock and failing as ``open_duckdb`` does.

    A connection opened read-only cannot write any other file; attaching is the way to
    read one file and write another.
    """
    statement = f"ATTACH {literal(str(path))} AS {quoted(alias)} (READ_ONLY)"
    _when_unlocked(path, lambda: connection.execute(statement), attempts, wait_seconds)


def _is_disk_failure(error: duckdb.Error) -> bool:
    if isinstance(error, duckdb.TransactionException):
        return "Failed to commit" in str(error)
    return isinstance(error, (duckdb.IOException, duckdb.FatalException))


@contextmanager
def warehouse(
    path: Path, *, read_only: bool = False, attempts: int = LOCK_ATTEMPTS
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The working file, closed when the block ends however it ends.

    A disk that is full or fails becomes WarehouseProjectError; whatever was committed
    before is still in the file.
    """
    connection = open_duckdb(path, read_only=read_only, attempts=attempts)
    try:
        yield connection
    except duckdb.Error as error:
        damaged = is_damage(error)
        if not damaged and not _is_disk_failure(error):
            raise
        connection.close()
        if not read_only and damaged:
            aside = heal(path, str(error).splitlines()[0], though_it_opens=True)
            raise WorkingFileHealed(
                f"The working file was damaged: {str(error).splitlines()[0]}",
                where=str(aside),
                mend="run again: its history has been restored",
            ) from error
        if full := disk_full(error, path):
            raise full from error
        raise WarehouseProjectError(
            f"The working file cannot be read or written: {str(error).splitlines()[0]}",
            where=str(path),
            mend="free disk space or mend what is named above and run again; what was loaded "
            "before is untouched",
        ) from error
    finally:
        connection.close()
