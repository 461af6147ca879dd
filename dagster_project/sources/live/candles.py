"""Bars of bitcoin from exchanges: what is left of an answer once every bar was looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dagster_project.contracts import Table, Window
from dagster_project.sources.live.figures import (
    DAY_S,
    RejectedRows,
    day_of,
    epoch_s,
    instant_s,
    one_each,
    series_answer,
)
from dagster_project.sources.live.strict_json import Unbelievable, number
from dagster_project.sources.live.vendor import Tally, VendorAnswer

HOUR_S = 3_600
# Length of a bar in seconds, by the table that it fills.
BAR_S = {"btc_prices": DAY_S, "btc_prices_second_source": DAY_S, "btc_hourly_prices": HOUR_S}
# Bitcoin has never closed a day at a third or the threefold of the days around it.
_STRAY_FACTOR = 3.0


@dataclass(frozen=True)
class Candle:
    """One bar: start in seconds from 1970 (UTC), prices in USD, volume in bitcoin."""

    start_s: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= min(self.open, self.close):
            raise Unbelievable("the low is not the lowest price, or not above 0")
        if self.high < max(self.open, self.close):
            raise Unbelievable("the high is not the highest price")
        if self.volume < 0:
            raise Unbelievable("the volume is below 0")


def candle(start: Any, prices: tuple[Any, Any, Any, Any], volume: Any, step_s: int) -> Candle:
    """A bar of open, high, low and close as they were sent. Raises Unbelievable."""
    opening, high, low, close = (number(price) for price in prices)
    return Candle(instant_s(start, step_s), opening, high, low, close, number(volume))


@dataclass(frozen=True)
class Bars:
    """The bars of one answer, those that could not be believed, and when it came."""

    candles: tuple[Candle, ...]
    left_out: RejectedRows
    asked_s: float


def name_of(start_s: int) -> str:
    """The bar's start in words, to the minute (UTC)."""
    return datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def candle_answer(
    source: str,
    table: Table,
    window: Window,
    answers: Iterable[Bars],
    cost: Tally,
    notes: Iterable[str] = (),
) -> VendorAnswer:
    """All closed and believable bars of the window, with what is missing in the notes.

    A bar that was still open when its answer came is left out silently: it will come. One that
    had not begun is not believed.
    """
    step_s = BAR_S[table.name]
    first_s, after_s = epoch_s(window.start), epoch_s(window.end) + DAY_S
    left_out = RejectedRows()
    closed: list[Candle] = []
    known_until_s = 0.0
    for bars in answers:
        left_out.rows.extend(bars.left_out.within(window).rows)
        known_until_s = max(known_until_s, bars.asked_s)
        for bar in bars.candles:
            if bar.start_s > bars.asked_s:
                left_out.add(name_of(bar.start_s), "the bar lies in the future")
            elif bar.start_s + step_s <= bars.asked_s and first_s <= bar.start_s < after_s:
                closed.append(bar)
    by_start: dict[int, Candle] = one_each(closed, lambda bar: bar.start_s, left_out, name_of)
    return series_answer(
        source,
        table,
        {start: _row(source, table, bar) for start, bar in by_start.items()},
        cost,
        left_out,
        notes,
        name=name_of,
        figure="close",
        factor=_STRAY_FACTOR,
        off="a close of {:.6g} among others",
        expected=range(first_s, min(after_s, int(known_until_s) - step_s + 1), step_s),
        day=day_of,
        unit="days" if step_s == DAY_S else "hours",
    )


def _row(source: str, table: Table, bar: Candle) -> dict[str, Any]:
    row = {
        **vars(bar),
        "date_utc": day_of(bar.start_s),
        "hour_utc": bar.start_s % DAY_S // HOUR_S,
        "volume_btc": bar.volume,
    }
    return {
        **{name: row[name] for name in table.column_names},
        "source": source,
        "source_ref": f"{source} {name_of(bar.start_s)}",
    }
