"""What every vendor looks like: a table, a symbol and a window in, typed columns out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol, Self

from dagster_project.contracts import Cost, Table, Window
from dagster_project.errors import SourceError
from dagster_project.sources.live.http_errors import HttpRefused, HttpUnavailable, Later

JSON_TYPES = ("application/json",)
# Looks at decoded JSON, or at the text of another answer; None where it is an answer.
Busy = Callable[[Any], Later | None]


@dataclass(frozen=True)
class VendorAnswer:
    """What one vendor said about one symbol.

    ``columns`` are lists of equal length under the contract's column names (None is missing),
    fit for ``contracts.typed_frame``. ``requests``, ``bytes`` (bodies, after decompression),
    ``waited_s`` (rate limits and back-off, seconds) and ``retries`` are what it cost.
    ``notes`` are remarks for the log. ``complete`` says that every row the vendor has in the
    window is here, so that an absent row does not exist there; ``missing`` are the days that
    should have a row and have none, which the next vendor is asked for. ``restated`` says that
    prices before the window are on another basis since (a split lies in it). ``retrieved_at``
    (UTC, no zone) is when the newest body was received; a replay repeats it.
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
    missing: tuple[date, ...] = ()

    @property
    def cost(self) -> Cost:
        return Cost(self.requests, self.retries, self.bytes, self.waited_s)


class Received(Protocol):
    """The part of an answer of the HTTP layer that a vendor reads."""

    @property
    def url(self) -> str: ...
    @property
    def body(self) -> bytes: ...
    @property
    def retrieved_at(self) -> datetime: ...
    @property
    def waited_s(self) -> float: ...
    @property
    def attempts(self) -> int: ...


class Client(Protocol):
    """The part of the HTTP layer that a vendor uses."""

    def get(
        self,
        host: str,
        path_or_url: str,
        params: Mapping[str, str] | None = None,
        *,
        accept: tuple[str, ...] = JSON_TYPES,
        secret_headers: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        busy: Busy | None = None,
    ) -> Received:
        """Ask. Raises HttpRefused and HttpUnavailable."""


def spent_on(error: SourceError) -> Cost:
    """What the questions cost that ended in ``error``; nothing where no question was asked."""
    spent = error.__dict__.get("spent")
    return spent if isinstance(spent, Cost) else Cost()


@dataclass
class Tally:
    """What the questions about one symbol cost so far, and when the last was answered.

    As a context manager it writes its cost on a SourceError that leaves it (``spent_on``), so
    that what a vendor was asked in vain is told too.
    """

    requests: int = 0
    bytes: int = 0
    waited_s: float = 0.0
    retries: int = 0
    retrieved_at: datetime | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        if isinstance(error, SourceError):
            error.__dict__["spent"] = self.cost

    @property
    def cost(self) -> Cost:
        return Cost(self.requests, self.retries, self.bytes, self.waited_s)

    def ask(
        self,
        client: Client,
        host: str,
        path_or_url: str,
        params: Mapping[str, str] | None = None,
        **how: Any,
    ) -> Received:
        """Ask through ``client`` and count what it took, a refusal too. Raises SourceError."""
        try:
            reply = client.get(host, path_or_url, params, **how)
        except (HttpRefused, HttpUnavailable) as error:
            self.requests += error.attempts
            self.retries += max(error.attempts - 1, 0)
            self.waited_s += error.waited_s
            raise
        self.add(reply)
        return reply

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
        missing: Iterable[date] = (),
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
            missing=tuple(missing),
        )


class Vendor(Protocol):
    """One outside provider of rows."""

    @property
    def name(self) -> str:
        """Stored in column ``source`` of each row."""

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        """Rows of ``table`` for ``symbol`` within ``window``. Raises SourceError."""
