"""Damaged SQLite files of Dagster's own records are set aside before a run opens them.

Dagster makes a missing file again. What a set-aside file held is the record of earlier runs: it is
lost to Dagster's pages, and the warehouse does not need it.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

_LOG = logging.getLogger(__name__)

# Read from end to end: the files that every run opens, and those of the latest runs.
_READ_BY_EVERY_RUN = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
_LATEST_RUNS = 10
_FOLDERS = ("history", "history/runs", "schedules", "storage")
# SQLITE_CORRUPT, SQLITE_FORMAT, SQLITE_NOTADB
_DAMAGE = {11, 24, 26}
_WAIT_SECONDS = 1.0


def _fault(path: Path, *, thoroughly: bool) -> str:
    """What is wrong with a file; empty where it is sound, or nobody can tell (a lock)."""
    if path.is_dir():
        return "it is a folder"
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT_SECONDS)) as connection:
            if thoroughly:
                (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                return "" if said == "ok" else str(said).splitlines()[-1]
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return str(error) if code in _DAMAGE else ""
    return ""


def _set_aside(path: Path) -> Path:
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    for suffix in ("-wal", "-shm", ""):
        file = path.with_name(path.name + suffix)
        if file.exists() or file.is_symlink():
            # Not *.db: Dagster takes every such file for the events of a run.
            aside = file.with_name(f"{path.name}.{stamp}.damaged{suffix}")
            file.rename(aside)
    return aside


def _files(dagster_home: Path) -> Iterator[tuple[Path, bool]]:
    """SQLite files, and whether each is to be read from end to end."""
    always = [dagster_home / name for name in _READ_BY_EVERY_RUN]
    yield from ((path, True) for path in always if path.exists())
    runs = [p for p in (dagster_home / "history" / "runs").glob("*.db") if p not in always]
    runs.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    yield from ((path, place < _LATEST_RUNS) for place, path in enumerate(runs))


def set_damaged_aside(dagster_home: Path) -> list[Path]:
    """Rename damaged SQLite files under ``dagster_home``; returns their new names."""
    asides = []
    for name in _FOLDERS:
        folder = dagster_home / name
        if folder.exists() and not folder.is_dir():
            asides.append((folder, "it is no folder", _set_aside(folder)))
    for path, thoroughly in _files(dagster_home):
        if fault := _fault(path, thoroughly=thoroughly):
            asides.append((path, fault, _set_aside(path)))
    for path, fault, aside in asides:
        _LOG.warning(
            "Dagster's record %s was damaged (%s). It is now %s; a new one begins with this run.",
            path,
            fault,
            aside.name,
        )
    return [aside for _, _, aside in asides]
