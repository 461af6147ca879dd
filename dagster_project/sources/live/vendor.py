"""What every vendor looks like: a table, a symbol and a window in, typed columns out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, runtime_checkable

from dagster_project.contracts import Table, Window


@dataclass(frozen=True)
class VendorAnswer:
    """What one vendor said about one symbol.

    ``columns`` are lists of equal length under the contract's column names (None is missing),
    fit for ``contracts.typed_frame``. ``requests``, ``bytes`` (bodies, after decompression),
    ``waited_s`` (rate limits and back-off, seconds) and ``retries`` are what it cost.
    ``notes`` are remarks for the log. ``complete`` says that every row the vendor has in the
    window is here, so that an absent row does not exist there.
    """

    columns: dict[str, list[Any]]
    requests: int
    bytes: int
    waited_s: float
    retries: int
    notes: tuple[str, ...] = ()
    complete: bool = True


class Vendor(Protocol):
    """One outside provider of rows."""

    @property
    def name(self) -> str:
        """Stored in column ``source`` of each row."""

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        """Rows of ``table`` for ``symbol`` within ``window``. Raises SourceError."""


@runtime_checkable
class KnowsItsNewest(Protocol):
    """A vendor that can say cheaply how fresh it is."""

    def newest_date(self) -> date | None:
        """Newest date it offers; None when it offers nothing. Raises SourceError."""
