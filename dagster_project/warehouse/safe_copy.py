"""The working file as it was at the last publication, kept for the day it is damaged.

DuckDB writes new data beside the old, but it writes blocks of metadata again where they stand. A
process that is killed, or a machine that loses power, in the middle of such a write leaves a block
whose checksum is wrong, and a file that can no longer be opened. Raw tables come back from the data
folder or the archive of answers, but the record of revisions is in that file alone.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

_LOG = logging.getLogger(__name__)

# What DuckDB says of a file that was whole once. Not among them: a file of another version, of
# another program, or locked, which a copy would not mend.
_SIGNS_OF_DAMAGE = (
    "Corrupt database file",
    "does not match stored checksum",
    "Failed to deserialize",
    "No more data remaining in MetadataReader",
    "Failure while replaying WAL",
)


def copy_of(path: Path) -> Path:
    """Where the copy of a working file is kept."""
    return path.with_name(f"{path.stem}.last_published{path.suffix}")


def is_damage(error: duckdb.Error) -> bool:
    """Whether DuckDB found the file itself unsound."""
    return any(sign in str(error) for sign in _SIGNS_OF_DAMAGE)


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _same_state(path: Path, copy: Path) -> bool:
    """A copy carries the time of what it was made of."""
    if not copy.is_file():
        return False
    ours, theirs = path.stat(), copy.stat()
    return (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)


def _replace_by_copy(source: Path, target: Path) -> None:
    """``target`` becomes ``source`` as it is, whole and on the disk, or stays as it was."""
    new = target.with_name(f"{target.name}.tmp")
    before = source.stat()
    try:
        shutil.copyfile(source, new)
        os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
        with new.open("rb") as file:
            os.fsync(file.fileno())
    except OSError:
        new.unlink(missing_ok=True)
        raise
    new.replace(target)


def keep_copy(path: Path) -> bool:
    """Keep the working file as it is now; False where that is done already or cannot be done.

    No writer can change the file meanwhile. One that is at work, or that was killed and left a log
    to be written back, leaves the copy as it was: the next publication makes it.
    """
    copy = copy_of(path)
    try:
        with duckdb.connect(str(path), read_only=True):
            if _wal(path).exists() or _same_state(path, copy):
                return False
            _replace_by_copy(path, copy)
    except (duckdb.Error, OSError) as error:
        # The publication stands, and the copy before this one does.
        _LOG.warning("No copy of the working file was kept: %s", str(error).splitlines()[0])
        return False
    return True


def _opens(path: Path) -> bool:
    try:
        duckdb.connect(str(path), read_only=True).close()
    except duckdb.Error as error:
        return not is_damage(error)
    return True


def bring_back(path: Path, *, though_it_opens: bool = False) -> Path | None:
    """Put the copy in the place of a damaged working file, which is set aside.

    Returns where the damaged one is now, or None where there is no copy. Of several processes that
    find the damage at once one does it; the others find a sound file and get its path.
    """
    copy = copy_of(path)
    try:
        with copy.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if not though_it_opens and _opens(path):
                return path
            now = datetime.now(UTC)
            aside = path.with_name(f"{path.stem}.{now:%Y%m%dT%H%M%S%fZ}.damaged{path.suffix}")
            if _wal(path).exists():
                _wal(path).rename(_wal(aside))
            path.rename(aside)
            kept_at = datetime.fromtimestamp(os.fstat(held.fileno()).st_mtime, UTC)
            _replace_by_copy(copy, path)
    except FileNotFoundError:
        return None
    _LOG.warning(
        "The working file was damaged, as by a kill or a power cut while DuckDB wrote it. In its "
        "place is its copy of the last publication (%s UTC); the damaged one is %s.",
        f"{kept_at:%Y-%m-%d %H:%M}",
        aside,
    )
    return aside
