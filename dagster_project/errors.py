"""Errors a person reads: what happened, where, and how to mend it."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path


class WarehouseProjectError(Exception):
    """Base of every error this project raises on purpose.

    ``what`` is one sentence; ``where`` names the file, line, column, table or process;
    ``mend`` says what to type or change.
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what = what
        self.where = where
        self.mend = mend
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.mend:
            lines.append(f"  mend:  {self.mend}")
        return "\n".join(lines)


class SettingsError(WarehouseProjectError):
    """The environment asks for something impossible."""


class SourceError(WarehouseProjectError):
    """A source could not be read into a typed frame; nothing was loaded."""


class LoadRefused(WarehouseProjectError):
    """A batch breaks its contract too badly to load; the last good rows stay."""


class WarehouseLocked(WarehouseProjectError):
    """Another process holds the working file."""


class ContractMismatch(WarehouseProjectError):
    """The working file was made by a contract this code cannot migrate from."""


class PublicationRefused(WarehouseProjectError):
    """The marts are not fit to replace the published ones; readers keep those."""


class InstanceUnavailable(WarehouseProjectError):
    """The Dagster instance that a team shares cannot record a run, or not one of this machine."""


class DiskFull(WarehouseProjectError):
    """Nothing more fits on a disk that is written to; what was complete before is untouched."""


# How databases say it, whose errors carry no number.
_FULL_WORDS = (
    "database or disk is full",
    "no space left on device",
    "not enough space on the disk",
)


def disk_full(error: BaseException, folder: Path) -> DiskFull | None:
    """The one message where a full disk is behind an error, or behind what led to it; else None.

    ``folder`` is named where the error names no file.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        is_full = isinstance(cause, OSError) and cause.errno in {errno.ENOSPC, errno.EDQUOT}
        if is_full or any(words in str(cause).lower() for words in _FULL_WORDS):
            named = getattr(cause, "filename", None)
            return _full(Path(named) if isinstance(named, str) else folder)
        cause = cause.__cause__ or cause.__context__
    return None


def _full(path: Path) -> DiskFull:
    place = path
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free / 2**20
    return DiskFull(
        "The disk is full: what was loaded and published before is untouched.",
        where=f"{path} ({free:,.1f} MB free there)",
        mend="free space, or set MINER_OUTPUT_DIR to a folder on another disk; then run again",
    )


class SparkFailed(WarehouseProjectError):
    """Spark could not be reached or did not finish; working file and publication stay."""
