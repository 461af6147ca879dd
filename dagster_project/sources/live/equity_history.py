"""What any price vendor says about one share, and how it becomes rows of the raw tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from itertools import groupby
from typing import Any

from dagster_project.contracts import BY_NAME, Kind, Table, Window
from dagster_project.errors import SourceError
from dagster_project.sources.live.figures import in_bounds, ranges
from dagster_project.sources.live.strict_json import Unbelievable, UnusableAnswer

# A close may lie this far outside its own low and high: rounding and adjustment, as a share of
# the price. Check ohlc_is_consistent blocks a publication beyond it.
OHLC_TOLERANCE = 0.001
# Two bars of one day are the day and its repetition while their closes lie this close together;
# two symbols are one share while their closes of one day do.
SAME_DAY_TOLERANCE = 0.005
# More absurd bars than this share of an answer, and more than one: then nothing of it is believed.
MAX_ABSURD_SHARE = 0.01

# Why a bar is left out.
WITHOUT_CLOSE = "without a close"
ABSURD = "with figures that cannot be true"
UNFINISHED = "whose session is not over"
CLOSED = "on which the exchange was closed"
PHANTOM = "after the last trade that the answer itself names"
# Of these days a bar should be there; the others are none that anybody lacks.
_LOST = (WITHOUT_CLOSE, ABSURD, PHANTOM)

_PRICES = BY_NAME["equity_prices"]
_BAR_COLUMNS = tuple(map(_PRICES.column, ("open", "high", "low", "close", "volume")))


class UnknownSymbol(SourceError):
    """The vendor does not know the symbol, or no longer: another alias may be right."""


@dataclass(frozen=True)
class Bar:
    """One session. Prices adjusted for splits, in the listing currency; None is missing."""

    session_date: date
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: int | float | None


@dataclass(frozen=True)
class Split:
    """``ratio`` new shares for one old share, from ``ex_date`` on."""

    ex_date: date
    ratio: float


@dataclass(frozen=True)
class Dividend:
    """Cash for one share without it from ``ex_date`` on; ``basis`` as in equity_dividends."""

    ex_date: date
    amount: float
    basis: str


@dataclass(frozen=True)
class DoubtfulEvent:
    """A split or dividend that is not believed; ``ex_date`` is None where it has none."""

    ex_date: date | None
    why: str


@dataclass(frozen=True)
class History:
    """What a vendor holds of one share within a window: in order, one bar a day, all of it sound.

    ``left_out`` are the days of bars that were not believed, by reason; ``doubtful`` the events
    that were not; ``missing`` the sessions that were over and have no bar here.
    """

    bars: tuple[Bar, ...] = ()
    splits: tuple[Split, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    left_out: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    doubtful: tuple[DoubtfulEvent, ...] = ()
    missing: tuple[date, ...] = ()

    @property
    def is_complete(self) -> bool:
        """False where something that the vendor should have is not here."""
        return not (self.missing or self.doubtful)

    def notes(self, symbol: str) -> tuple[str, ...]:
        """What was left out or is missing, as text."""
        named = {day for days in self.left_out.values() for day in days}
        counted = [(days, f"day{{}} {why} left out") for why, days in self.left_out.items()]
        if absent := [day for day in self.missing if day not in named]:
            counted.append((tuple(absent), "session{} missing"))
        return (
            *(
                f"{symbol}: {len(days)} {words.format('s' * (len(days) > 1))} ({ranges(days)})"
                for days, words in counted
            ),
            *(f"{symbol}: {event.why}; left out" for event in self.doubtful),
        )


def positive(value: float | None, at_most: float | None) -> bool:
    """Is ``value`` a number above zero and up to ``at_most``?"""
    return value is not None and at_most is not None and 0 < value <= at_most


def _is_sound(bar: Bar) -> bool:
    try:
        for column in _BAR_COLUMNS:
            in_bounds(column, getattr(bar, column.name))
    except Unbelievable:
        return False
    if bar.volume is not None and not float(bar.volume).is_integer():
        return False
    if bar.high is None or bar.low is None:
        return True
    if bar.low > bar.high * (1 + OHLC_TOLERANCE):
        return False
    return all(
        bar.low * (1 - OHLC_TOLERANCE) <= price <= bar.high * (1 + OHLC_TOLERANCE)
        for price in (bar.open, bar.close)
        if price is not None
    )


def is_same_price(one: float | None, other: float | None) -> bool:
    """Do two closes of one day agree?"""
    return bool(one and other) and abs(one / other - 1) <= SAME_DAY_TOLERANCE  # type: ignore[operator]


def _one_of_a_day(bars: list[Bar]) -> Bar | None:
    """The bar that stands for its day, None where they contradict each other.

    The one with the largest volume, which only grows in a session, and of these the last: a
    vendor appends the running bar to a day that has one.
    """
    if not all(is_same_price(bar.close, bars[-1].close) for bar in bars):
        return None
    return max(reversed(bars), key=lambda bar: -1 if bar.volume is None else bar.volume)


def validate_bars(
    bars: Iterable[Bar],
    *,
    window: Window,
    is_over: Callable[[date], bool],
    today: date,
    sessions: Sequence[date] | None,
    last_trade: date | None = None,
    first_trade: date | None = None,
) -> History:
    """The days of ``window`` that can be believed, one bar each, in order of date.

    ``is_over`` says whether the session of a day was over when the answer was given, ``today``
    which day that was at the exchange. ``sessions`` are those of the window by the calendar (None:
    another exchange's). ``last_trade`` and ``first_trade`` are the days between which the answer
    itself says that the share was traded. Raises UnusableAnswer for days that have not come yet
    and where more than MAX_ABSURD_SHARE of the days cannot be true.
    """
    inside = [bar for bar in bars if window.start <= bar.session_date <= window.end]
    future = [bar.session_date for bar in inside if bar.session_date > today]
    if future:
        raise UnusableAnswer(
            f"The answer has prices of {max(future)}, which had not come when it was given."
        )
    open_days = None if sessions is None else set(sessions)
    kept: list[Bar] = []
    left_out: dict[str, list[date]] = defaultdict(list)
    # Sorting keeps the order of the bars of one day.
    ordered = sorted(inside, key=lambda bar: bar.session_date)
    for day, group in groupby(ordered, key=lambda bar: bar.session_date):
        closed = [bar for bar in group if bar.close is not None]
        if open_days is not None and day not in open_days:
            left_out[CLOSED].append(day)
        elif not is_over(day):
            left_out[UNFINISHED].append(day)
        elif last_trade is not None and day > last_trade:
            left_out[PHANTOM].append(day)
        elif not closed:
            left_out[WITHOUT_CLOSE].append(day)
        elif not all(map(_is_sound, closed)) or (chosen := _one_of_a_day(closed)) is None:
            left_out[ABSURD].append(day)
        else:
            kept.append(chosen)
    absurd, n_days = len(left_out[ABSURD]), len(kept) + len(left_out[ABSURD])
    if absurd > max(1, MAX_ABSURD_SHARE * n_days):
        raise UnusableAnswer(
            f"{absurd} of {n_days} days have figures that cannot be true; nothing of the answer "
            "is believed."
        )
    present = {bar.session_date for bar in kept}
    lost = {day for reason in _LOST for day in left_out[reason]}
    first = min((*present, *lost, *([first_trade] if first_trade else [])), default=None)
    if first is not None:
        lost.update(day for day in sessions or () if day >= first and is_over(day))
    return History(
        tuple(kept),
        left_out={reason: tuple(days) for reason, days in left_out.items() if days},
        missing=tuple(sorted(lost - present)),
    )


def with_events(
    history: History,
    splits: Iterable[Split],
    dividends: Iterable[Dividend],
    doubtful: Iterable[DoubtfulEvent],
    *,
    window: Window,
    today: date,
) -> History:
    """``history`` with the splits and dividends of its window that have happened by ``today``.

    Dividends of one ex-date are added up. An event that cannot be is left out and named: it
    says nothing against the prices.
    """
    widest = BY_NAME["equity_splits"].column("ratio").at_most
    largest = BY_NAME["equity_dividends"].column("amount_usd").at_most
    doubts = list(doubtful)
    ratios: dict[date, set[float]] = defaultdict(set)
    for split in splits:
        ratios[split.ex_date].add(split.ratio)
    paid: dict[date, Dividend] = {}
    for dividend in dividends:
        day = dividend.ex_date
        if positive(dividend.amount, largest):
            before = paid[day].amount if day in paid else 0.0
            paid[day] = Dividend(day, before + dividend.amount, dividend.basis)
        else:
            doubts.append(DoubtfulEvent(day, f"a dividend of {dividend.amount:g} on {day}"))
    for day, of_day in ratios.items():
        if len(of_day) > 1 or not all(positive(each, widest) for each in of_day):
            listed = " and ".join(f"{each:g}" for each in sorted(of_day))
            doubts.append(DoubtfulEvent(day, f"a split of {day} with the ratio {listed}"))
            of_day.clear()

    def happened(day: date | None) -> bool:
        # A split that is announced has not changed any price yet.
        return day is None or window.start <= day <= min(window.end, today)

    return History(
        history.bars,
        tuple(
            Split(day, each)
            for day, of_day in sorted(ratios.items())
            for each in of_day
            if each != 1 and happened(day)
        ),
        tuple(each for day, each in sorted(paid.items()) if happened(day)),
        history.left_out,
        tuple(event for event in doubts if happened(event.ex_date)),
        history.missing,
    )


# Raw tables that a price vendor can fill, and what of a history each of them holds.
_HELD = {
    "equity_prices": "bars",
    "equity_closes_second_source": "bars",
    "equity_splits": "splits",
    "equity_dividends": "dividends",
}
_CALLED = {"amount_usd": "amount", "amount_basis": "basis"}


def columns_for(table: Table, ticker: str, history: History) -> dict[str, list[Any]]:
    """Columns of ``table`` for one ticker, lists of equal length.

    Raises SourceError where a price vendor does not fill the table.
    """
    if table.name not in _HELD:
        raise SourceError(
            f"No price vendor fills table {table.name}.",
            mend=f"ask it for one of {', '.join(_HELD)}",
        )
    held = getattr(history, _HELD[table.name])
    columns: dict[str, list[Any]] = {"ticker": [ticker] * len(held)}
    for column in table.columns[1:]:
        values = [getattr(each, _CALLED.get(column.name, column.name)) for each in held]
        if column.kind is Kind.INTEGER:
            values = [None if value is None else int(value) for value in values]
        columns[column.name] = values
    return columns


def missing_of(table: Table, history: History) -> tuple[date, ...]:
    """Days of ``table`` that another vendor may know: sessions, or ex-dates of doubtful events."""
    if table.time_column:
        return history.missing
    return tuple(sorted({event.ex_date for event in history.doubtful if event.ex_date}))


def as_of(retrieved_at: datetime, zone: tzinfo) -> datetime:
    """When an answer was given, by the clock of the exchange; without a zone it is UTC."""
    aware = retrieved_at if retrieved_at.tzinfo else retrieved_at.replace(tzinfo=UTC)
    return aware.astimezone(zone)
