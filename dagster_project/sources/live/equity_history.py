"""What any price vendor says about one share, and how it becomes rows of the raw tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from itertools import groupby
from typing import Any

from dagster_project.contracts import Table, Window
from dagster_project.errors import SourceError

# The bounds of contract equity_prices: what lies outside is a broken feed.
MAX_PRICE = 10_000_000
MAX_VOLUME = 1e12
# Widest split on record is far inside; the contract of equity_splits has the same bound.
MAX_RATIO = 10_000
# A close may lie this far outside its own low and high: rounding and adjustment, as a share of
# the price. Check ohlc_is_consistent blocks a publication beyond it.
OHLC_TOLERANCE = 0.001
# Two bars of one day are the day and its repetition while their closes lie this close together.
SAME_DAY_TOLERANCE = 0.005
# More absurd bars than this share of an answer, and more than one: then nothing of it is believed.
MAX_ABSURD_SHARE = 0.01


class UnknownSymbol(SourceError):
    """The vendor does not know the symbol, or no longer: another alias may be right."""


class UnusableAnswer(SourceError):
    """The answer does not have the shape that was agreed, or cannot be true."""


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
class History:
    """What a vendor holds of one share within a window: in order, one bar a day, all of it sound.

    The counts say how many days were left out: without a close, with figures that cannot be
    true, and with a session that was not over.
    """

    bars: tuple[Bar, ...] = ()
    splits: tuple[Split, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    n_without_close: int = 0
    n_absurd: int = 0
    n_unfinished: int = 0

    @property
    def is_complete(self) -> bool:
        """False where a day that the vendor has is not here."""
        return not (self.n_without_close or self.n_absurd)

    def notes(self, symbol: str) -> tuple[str, ...]:
        """What was left out, in words."""
        counted = (
            (self.n_without_close, "without a close"),
            (self.n_absurd, "with figures that cannot be true"),
            (self.n_unfinished, "whose session is not over"),
        )
        return tuple(
            f"{symbol}: {count} day{'s' * (count > 1)} {words} left out"
            for count, words in counted
            if count
        )


def whole_number(value: Any, what: str) -> int:
    """``value`` where it is an integer. Raises UnusableAnswer."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnusableAnswer(f"The answer has {shown(value)} where {what}, an integer, belongs.")
    whole: int = value
    return whole


def number(value: Any, what: str) -> float | None:
    """``value`` as a float, None where it is null, infinite where it is too large for one.

    Raises UnusableAnswer for text and every other type: a column that changed its type may
    have changed its meaning.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise UnusableAnswer(f"The answer has {shown(value)} where {what}, a number, belongs.")
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except ValueError:
        # A signalling NaN.
        return math.nan


def mapping(value: Any, what: str) -> dict[str, Any]:
    """``value`` where it is a JSON object. Raises UnusableAnswer."""
    if not isinstance(value, dict):
        raise UnusableAnswer(f"The answer has {shown(value)} where {what}, an object, belongs.")
    return value


def array(value: Any, what: str, length: int | None = None) -> list[Any]:
    """``value`` where it is a JSON array, of ``length``. Raises UnusableAnswer."""
    if not isinstance(value, list):
        raise UnusableAnswer(f"The answer has {shown(value)} where {what}, a list, belongs.")
    if length is not None and len(value) != length:
        raise UnusableAnswer(f"The answer has {len(value)} values of {what}, not {length}.")
    return value


def shown(value: Any) -> str:
    """A short form of an unexpected value for a message."""
    if value is None:
        return "nothing"
    text = repr(value) if isinstance(value, str | int | float | bool) else type(value).__name__
    return text if len(text) <= 40 else text[:37] + "..."


def positive(value: float | None, at_most: float) -> bool:
    """Is ``value`` a number above zero and up to ``at_most``?"""
    return value is not None and 0 < value <= at_most


def _is_sound(bar: Bar) -> bool:
    prices = (bar.open, bar.high, bar.low, bar.close)
    if any(price is not None and not positive(price, MAX_PRICE) for price in prices):
        return False
    if bar.volume is not None and not (
        0 <= bar.volume <= MAX_VOLUME and float(bar.volume).is_integer()
    ):
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


def _one_of_a_day(bars: list[Bar]) -> Bar | None:
    """The bar that stands for its day, None where they contradict each other.

    The last one: a vendor that appends the running bar to a day that has one writes the newer
    volume there, and the same prices.
    """
    last = bars[-1]
    assert last.close is not None
    near = all(
        bar.close is not None and abs(bar.close / last.close - 1) <= SAME_DAY_TOLERANCE
        for bar in bars
    )
    return last if near else None


def sifted(
    bars: Iterable[Bar],
    splits: Iterable[Split],
    dividends: Iterable[Dividend],
    *,
    window: Window,
    is_over: Callable[[date], bool],
    today: date,
) -> History:
    """The days of ``window`` that can be believed, one bar each, in order of date.

    ``is_over`` says whether the session of a day was over when the answer was given, ``today``
    which day that was at the exchange. Raises UnusableAnswer for days that have not come yet,
    for splits and dividends that cannot be, and where more than MAX_ABSURD_SHARE of the days
    cannot be true.
    """
    inside = [bar for bar in bars if window.start <= bar.session_date <= window.end]
    future = [bar.session_date for bar in inside if bar.session_date > today]
    if future:
        raise UnusableAnswer(
            f"The answer has prices of {max(future)}, which had not come when it was given."
        )
    kept: list[Bar] = []
    without_close = absurd = unfinished = 0
    # Sorting keeps the order of what stands on one day.
    ordered = sorted(inside, key=lambda bar: bar.session_date)
    for day, group in groupby(ordered, key=lambda bar: bar.session_date):
        of_day = list(group)
        closed = [bar for bar in of_day if bar.close is not None]
        if not is_over(day):
            unfinished += 1
        elif not closed:
            without_close += 1
        elif not all(map(_is_sound, closed)) or (chosen := _one_of_a_day(closed)) is None:
            absurd += 1
        else:
            kept.append(chosen)
    if absurd > max(1, MAX_ABSURD_SHARE * (len(kept) + absurd)):
        raise UnusableAnswer(
            f"{absurd} of {len(kept) + absurd} days have figures that cannot be true; nothing of "
            "the answer is believed."
        )
    return History(
        tuple(kept),
        _sound_splits(splits, window, today),
        _sound_dividends(dividends, window, today),
        without_close,
        absurd,
        unfinished,
    )


def _sound_splits(splits: Iterable[Split], window: Window, today: date) -> tuple[Split, ...]:
    by_day: dict[date, Split] = {}
    for split in splits:
        if not positive(split.ratio, MAX_RATIO):
            raise UnusableAnswer(f"A split of {split.ex_date} has the ratio {split.ratio}.")
        if by_day.setdefault(split.ex_date, split) != split:
            raise UnusableAnswer(f"Two splits of {split.ex_date} have different ratios.")
    return tuple(
        split
        for day, split in sorted(by_day.items())
        # A split that is announced has not changed any price yet.
        if window.start <= day <= min(window.end, today) and split.ratio != 1
    )


def _sound_dividends(
    dividends: Iterable[Dividend], window: Window, today: date
) -> tuple[Dividend, ...]:
    by_day: dict[date, Dividend] = {}
    for paid in dividends:
        if not positive(paid.amount, MAX_PRICE):
            raise UnusableAnswer(f"The dividend of {paid.ex_date} is {paid.amount}.")
        if by_day.setdefault(paid.ex_date, paid) != paid:
            raise UnusableAnswer(f"Two dividends of {paid.ex_date} have different amounts.")
    return tuple(
        paid
        for day, paid in sorted(by_day.items())
        if window.start <= day <= min(window.end, today)
    )


def _price_columns(ticker: str, history: History) -> dict[str, list[Any]]:
    bars = history.bars
    return {
        "ticker": [ticker] * len(bars),
        "session_date": [bar.session_date for bar in bars],
        "open": [bar.open for bar in bars],
        "high": [bar.high for bar in bars],
        "low": [bar.low for bar in bars],
        "close": [bar.close for bar in bars],
        "volume": [None if bar.volume is None else int(bar.volume) for bar in bars],
    }


def _close_columns(ticker: str, history: History) -> dict[str, list[Any]]:
    columns = _price_columns(ticker, history)
    return {name: columns[name] for name in ("ticker", "session_date", "close")}


def _split_columns(ticker: str, history: History) -> dict[str, list[Any]]:
    return {
        "ticker": [ticker] * len(history.splits),
        "ex_date": [split.ex_date for split in history.splits],
        "ratio": [split.ratio for split in history.splits],
    }


def _dividend_columns(ticker: str, history: History) -> dict[str, list[Any]]:
    return {
        "ticker": [ticker] * len(history.dividends),
        "ex_date": [paid.ex_date for paid in history.dividends],
        "amount_usd": [paid.amount for paid in history.dividends],
        "amount_basis": [paid.basis for paid in history.dividends],
    }


_COLUMNS: dict[str, Callable[[str, History], dict[str, list[Any]]]] = {
    "equity_prices": _price_columns,
    "equity_closes_second_source": _close_columns,
    "equity_splits": _split_columns,
    "equity_dividends": _dividend_columns,
}
# Raw tables that a price vendor can fill.
EQUITY_TABLES = tuple(_COLUMNS)


def columns_for(table: Table, ticker: str, history: History) -> dict[str, list[Any]]:
    """Columns of ``table`` for one ticker, lists of equal length.

    Raises SourceError where a price vendor does not fill the table.
    """
    make = _COLUMNS.get(table.name)
    if make is None:
        raise SourceError(
            f"No price vendor fills table {table.name}.",
            mend=f"ask it for one of {', '.join(EQUITY_TABLES)}",
        )
    return make(ticker, history)


def as_of(retrieved_at: datetime, zone: tzinfo) -> datetime:
    """When an answer was given, by the clock of the exchange; without a zone it is UTC."""

    aware = retrieved_at if retrieved_at.tzinfo else retrieved_at.replace(tzinfo=UTC)
    return aware.astimezone(zone)
