"""The one way to open the working file: one writer, closed after use, clear when locked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from dagster_project.errors import WarehouseLocked, WarehouseProjectError

LOCK_ATTEMPTS = 20
LOCK_WAIT_SECONDS = 0.5


def _is_lock_error(error: duckdb.Error) -> bool:
    text = str(error)
    return (
        "Could not set lock" in text
        or "Conflicting lock" in text
        or "being used by another" in text
    )


def open_duckdb(
    path: Path,
    *,
    read_only: bool = False,
    attempts: int = LOCK_ATTEMPTS,
    wait_seconds: float = LOCK_WAIT_SECONDS,
) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB file, waiting up to ``attempts * wait_seconds`` for its lock.

    Raises WarehouseLocked naming the process that holds the file, or
    WarehouseProjectError where the file is not a readable DuckDB database.
    """
    for attempt in range(attempts):
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            if not _is_lock_error(error):
                raise WarehouseProjectError(
                    f"The DuckDB file cannot be opened: {error}",
                    where=str(path),
                    mend="if it was damaged, 'make rebuild' sets it aside and builds a new one "
                    "from the data folder",
                ) from error
            if attempt + 1 == attempts:
                raise WarehouseLocked(
                    "Another program holds the working file.",
                    where=f"{path} ({str(error).split(' See also')[0]})",
                    mend="close that program or wait for its run to end, then run again; "
                    "readers should open the published file, which is never locked",
                ) from error
            time.sleep(wait_seconds)
    raise AssertionError("unreachable: attempts is at least 1")


@contextmanager
def warehouse(
    path: Path, *, read_only: bool = False, attempts: int = LOCK_ATTEMPTS
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The working file, closed when the block ends however it ends."""
    connection = open_duckdb(path, read_only=read_only, attempts=attempts)
    try:
        yield connection
    finally:
        connection.close()
