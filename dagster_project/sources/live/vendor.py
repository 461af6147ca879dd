"""What every vendor looks like: a table, a symbol and a window in, typed columns out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol, runtime_checkable

from dagster_project.contracts import Cost, Table, Window


@dataclass(frozen=True)
class VendorAnswer:
    """What one vendor said about one symbol.

    ``columns`` are lists of equal length under the contract's column names (None is missing),
    fit for ``contracts.typed_frame``. ``requests``, ``bytes`` (bodies, after decompression),
    ``waited_s`` (rate limits and back-off, seconds) and ``retries`` are what it cost.
    ``notes`` are remarks for the log. ``complete`` says that every row the vendor has in the
    window is here, so that an absent row does not exist there. ``restated`` says that prices
    before the window are on another basis since (a split lies in it). ``retrieved_at`` (UTC,
    no zone) is when the newest body was received; a replay repeats it.
    """

    columns: dict[str, list[Any]]
    requests: int
    bytes: int
    waited_s: float
    retries: int
    notes: tuple[str, ...] = ()
    complete: bool = True
    restated: bool = False
    retrieved_at: datetime | None = None

    @property
    def cost(self) -> Cost:
        return Cost(self.requests, self.retries, self.bytes, self.waited_s)


class Received(Protocol):
    """The part of an answer of the HTTP layer that its cost follows from."""

    @property
    def body(self) -> bytes: ...
    @property
    def retrieved_at(self) -> datetime: ...
    @property
    def waited_s(self) -> float: ...
    @property
    def attempts(self) -> int: ...


@dataclass
class Tally:
    """What the questions about one symbol cost so far, and when the last was answered."""

    requests: int = 0
    bytes: int = 0
    waited_s: float = 0.0
    retries: int = 0
    retrieved_at: datetime | None = None

    def add(self, reply: Received) -> None:
        self.requests += reply.attempts
        self.bytes += len(reply.body)
        self.waited_s += reply.waited_s
        # An answer from the archive took no attempt at all.
        self.retries += max(reply.attempts - 1, 0)
        received = reply.retrieved_at
        if received.tzinfo:
            received = received.astimezone(UTC).replace(tzinfo=None)
        self.retrieved_at = max(received, self.retrieved_at or received)

    def answer(
        self,
        columns: dict[str, list[Any]],
        *,
        notes: Iterable[str] = (),
        complete: bool = True,
        restated: bool = False,
    ) -> VendorAnswer:
        """What is handed on, with what it cost."""
        return VendorAnswer(
            columns=columns,
            requests=self.requests,
            bytes=self.bytes,
            waited_s=self.waited_s,
            retries=self.retries,
            notes=tuple(notes),
            complete=complete,
            restated=restated,
            retrieved_at=self.retrieved_at,
        )


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
