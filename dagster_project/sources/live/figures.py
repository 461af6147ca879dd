"""What the bitcoin and network vendors share: questions, their cost, and figures read strictly.

A parser answers with rows or raises SourceError; a row that cannot be believed is left out and
counted, and an answer of which no row can be believed is refused.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from dagster_project.contracts import Column, Kind, Table, Window
from dagster_project.errors import SourceError
from dagster_project.sources.live.strict_json import Unbelievable, whole
from dagster_project.sources.live.vendor import Client, Tally, VendorAnswer

DAY_S = 86_400
BITCOIN = "BTC"

# Instants from 2009, the first block, to 2199, the last year that the calendars reach.
_FIRST_SECOND = int(datetime(2009, 1, 1, tzinfo=UTC).timestamp())
_LAST_SECOND = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp())
_NAMED_IN_A_NOTE = 3


@dataclass
class RejectedRows:
    """Rows that were not believed: the day of each where it is known, and why, for the log."""

    rows: list[tuple[date | None, str]] = field(default_factory=list)

    def add(self, where: str, why: str, day: date | None = None) -> None:
        self.rows.append((day, f"{where}: {why}"))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def first(self) -> str:
        return self.rows[0][1]

    def within(self, window: Window) -> RejectedRows:
        """Without the rows of days outside ``window``: nobody asked for them."""
        return RejectedRows(
            [(d, why) for d, why in self.rows if d is None or window.start <= d <= window.end]
        )

    def notes(self, source: str) -> tuple[str, ...]:
        if not self.rows:
            return ()
        listed = "; ".join(why for _, why in self.rows[:_NAMED_IN_A_NOTE])
        more = "; ..." if len(self.rows) > _NAMED_IN_A_NOTE else ""
        return (f"{source}: {len(self.rows)} rows left out ({listed}{more})",)


def utc_naive(moment: datetime) -> datetime:
    """The instant in UTC without its zone, as the warehouse stores instants."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def epoch_s(day: date) -> int:
    """Seconds from 1970 to the start of the UTC day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def moment_s(moment: datetime) -> float:
    """Seconds from 1970 to an instant; one without a zone is in UTC."""
    return utc_naive(moment).replace(tzinfo=UTC).timestamp()


def day_of(seconds: int) -> date:
    """The UTC day of an instant."""
    return datetime.fromtimestamp(seconds, UTC).date()


def instant_s(value: Any, step_s: int) -> int:
    """Seconds from 1970 that lie on a multiple of ``step_s``, between 2009 and 2199."""
    seconds = whole(value)
    if not _FIRST_SECOND <= seconds < _LAST_SECOND:
        raise Unbelievable("a time is outside 2009 to 2199")
    if seconds % step_s:
        raise Unbelievable("a time is not the start of its bar")
    return seconds


def day_hint(value: Any) -> date | None:
    """The UTC day of an instant in seconds, also of one that no bar starts at; else None."""
    try:
        seconds = whole(value)
    except Unbelievable:
        return None
    return day_of(seconds) if _FIRST_SECOND <= seconds < _LAST_SECOND else None


def in_bounds(column: Column, value: Any) -> Any:
    """``value`` where the contract's column accepts it. Raises Unbelievable."""
    if value is None:
        if column.required:
            raise Unbelievable(f"{column.name} is missing")
        return None
    if column.kind not in (Kind.NUMBER, Kind.INTEGER):
        return value
    if (
        (column.at_least is not None and value < column.at_least)
        or (column.above is not None and value <= column.above)
        or (column.at_most is not None and value > column.at_most)
    ):
        raise Unbelievable(f"{column.name} is {value:.6g}")
    return value


Row = TypeVar("Row")


def one_each(
    rows: Iterable[Row],
    key: Callable[[Row], Any],
    left_out: RejectedRows,
    name: Callable[[Any], str],
) -> dict[Any, Row]:
    """Rows by key. The same row twice counts once; two that differ are both left out."""
    by_key: dict[Any, Row] = {}
    contradicted = set()
    for row in rows:
        at = key(row)
        if at in by_key and by_key[at] != row:
            contradicted.add(at)
        by_key.setdefault(at, row)
    for at in sorted(contradicted):
        del by_key[at]
        left_out.add(name(at), "two rows that contradict each other")
    return dict(sorted(by_key.items()))


def strays(values: Sequence[float], factor: float) -> list[int]:
    """Positions of values more than ``factor`` times off most of the six nearest others.

    A majority, so that a wrong value does not condemn its neighbours and a lasting step condemns
    nobody. Fewer than two others are no company to judge by.
    """
    found = []
    for at, value in enumerate(values):
        first = min(max(at - 3, 0), max(len(values) - 7, 0))
        others = [other for n, other in enumerate(values[first : first + 7], first) if n != at]
        n_off = sum(not 1 / factor <= value / other <= factor for other in others)
        if len(others) >= 2 and n_off > len(others) / 2:
            found.append(at)
    return found


def days_in(window: Window) -> list[date]:
    """Every day of the window."""
    return [window.start + timedelta(days=n) for n in range((window.end - window.start).days + 1)]


def ranges(days: Sequence[date]) -> str:
    """Days in words: single ones and stretches, the first few of them."""
    stretches: list[tuple[date, date]] = []
    for day in days:
        if stretches and day - stretches[-1][1] == timedelta(days=1):
            stretches[-1] = (stretches[-1][0], day)
        else:
            stretches.append((day, day))
    shown = [
        str(first) if first == last else f"{first} to {last}"
        for first, last in stretches[:_NAMED_IN_A_NOTE]
    ]
    return ", ".join(shown) + (", ..." if len(stretches) > _NAMED_IN_A_NOTE else "")


def series_answer(
    source: str,
    table: Table,
    rows: Mapping[Any, Mapping[str, Any]],
    cost: Tally,
    left_out: RejectedRows,
    notes: Iterable[str],
    *,
    name: Callable[[Any], str],
    figure: str,
    factor: float,
    off: str,
    expected: Iterable[Any],
    day: Callable[[Any], date] = lambda key: key,
    unit: str = "days",
) -> VendorAnswer:
    """The answer of a series: rows by day or start of bar, in order, with the contract's columns.

    Left out is what is beyond the contract's bounds, and a row whose ``figure`` is ``factor``
    times off its neighbours (``off`` says so of it). ``expected`` are the keys that a complete
    answer has, ``name`` names one and ``day`` is the day it is on.
    """
    kept: dict[Any, Mapping[str, Any]] = {}
    for key, row in rows.items():
        try:
            for column in table.columns:
                in_bounds(column, row[column.name])
        except Unbelievable as error:
            left_out.add(name(key), str(error))
        else:
            kept[key] = row
    keys = list(kept)
    for at in strays([row[figure] for row in kept.values()], factor):
        left_out.add(name(keys[at]), off.format(kept.pop(keys[at])[figure]))
    missing = [key for key in expected if key not in kept]
    days = list(dict.fromkeys(map(day, missing)))
    said = [*notes, *left_out.notes(source)]
    if missing:
        said.append(f"{source}: {len(missing)} {unit} missing ({ranges(days)})")
    listed = list(kept.values())
    names = [c.name for c in table.stored_columns if any(c.name in row for row in listed[:1])]
    columns = {column: [row[column] for row in listed] for column in (*names, "source_ref")}
    complete = not missing and not len(left_out)
    return cost.answer(columns, notes=said, complete=complete, missing=days)


class BitcoinVendor(ABC):
    """A vendor of ``tables`` about bitcoin, which it has no symbols for."""

    name: str
    tables: Collection[str]

    def __init__(self, client: Client) -> None:
        self._client = client

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        """Rows of the window's UTC days. Raises SourceError."""
        if table.name not in self.tables or symbol != BITCOIN:
            raise SourceError(
                f"{self.name} has no {table.name} of {symbol}.",
                where=self.name,
                mend="correct the order of vendors for this table",
            )
        with Tally() as cost:
            return self._answer(table, window, cost)

    @abstractmethod
    def _answer(self, table: Table, window: Window, cost: Tally) -> VendorAnswer:
        """What fetch returns, counted in ``cost``."""
