"""Errors a person reads: what happened, where, and how to mend it."""

from __future__ import annotations


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


class SparkFailed(WarehouseProjectError):
    """Spark could not be reached or did not finish; working file and publication stay."""
