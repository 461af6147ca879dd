"""Bitcoin bars of Kraken, by day and by hour: the second exchange.

``GET /0/public/OHLC?pair=XBTUSD&interval&since`` answers with arrays ``[time, open, high, low,
close, vwap, volume, count]``, prices as text, oldest first, the newest 720 at most however far
back one asks. ``last`` is the start of the last closed bar; the row after it is still open.
Errors come with HTTP 200 in ``error``.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from dagster_project.contracts import Table, Window
from dagster_project.sources.live.candles import (
    BAR_S,
    Bars,
    Candle,
    candle,
    candle_answer,
)
from dagster_project.sources.live.figures import (
    BitcoinVendor,
    RejectedRows,
    day_hint,
    day_of,
    epoch_s,
    instant_s,
    moment_s,
)
from dagster_project.sources.live.http_errors import Later
from dagster_project.sources.live.strict_json import (
    Unbelievable,
    array,
    malformed,
    mapping,
    parse_json,
)
from dagster_project.sources.live.vendor import Tally, VendorAnswer

HOST = "kraken"
# However far back one asks, no more bars than these come.
MOST_BARS = 720
_PATH = "/0/public/OHLC"
_PAIR = "XBTUSD"
# The exchange answers under its own name of the pair.
_PAIR_ANSWERED = ("XXBTZUSD", "XBTUSD")
_FIELDS = 8
# What it says when asking again later may help, and the status that others say it with.
_PASSING = {
    "EAPI:Rate limit": HTTPStatus.TOO_MANY_REQUESTS,
    "EGeneral:Too many": HTTPStatus.TOO_MANY_REQUESTS,
    "EGeneral:Temporary": HTTPStatus.SERVICE_UNAVAILABLE,
    "EService:": HTTPStatus.SERVICE_UNAVAILABLE,
}


class Kraken(BitcoinVendor):
    """The vendor ``kraken``: tables btc_prices, btc_prices_second_source, btc_hourly_prices."""

    name = "kraken"
    tables = BAR_S

    def _answer(self, table: Table, window: Window, cost: Tally) -> VendorAnswer:
        step_s = BAR_S[table.name]
        params = {
            "pair": _PAIR,
            "interval": str(step_s // 60),
            # A bar earlier, because nobody states whether the bar at `since` is among them.
            "since": str(epoch_s(window.start) - step_s),
        }
        reply = cost.ask(self._client, HOST, _PATH, params, busy=says_later)
        candles, left_out = parse_ohlc(parse_json(reply), step_s)
        bars = Bars(tuple(candles), left_out, moment_s(reply.retrieved_at))
        notes = []
        starts = [bar.start_s for bar in candles]
        if len(starts) >= MOST_BARS - 1 and min(starts) > epoch_s(window.start):
            notes.append(
                f"{self.name} answers with the newest {MOST_BARS} bars only: nothing before "
                f"{day_of(min(starts))} can be had"
            )
        return candle_answer(self.name, table, window, [bars], cost, notes)


def _words(errors: list[Any]) -> str:
    return "; ".join(str(error)[:100] for error in errors[:3])


def says_later(body: Any) -> Later | None:
    """Whether a decoded answer is one of the errors that pass; they come with status 200."""
    errors = body.get("error") if isinstance(body, dict) else None
    if not isinstance(errors, list):
        return None
    for error in errors:
        for beginning, status in _PASSING.items():
            if str(error).startswith(beginning):
                return Later(_words(errors), status)
    return None


def parse_ohlc(body: Any, step_s: int) -> tuple[list[Candle], RejectedRows]:
    """Closed bars of ``step_s`` seconds in a decoded answer, and those left out.

    Raises SourceError when the answer is an error, is about another pair, does not say which
    bar is open, or has rows of which none is believable.
    """
    errors = array(mapping(body, "the body", HOST).get("error"), "error", where=HOST)
    if errors:
        raise malformed(HOST, _words(errors))
    result = mapping(body.get("result"), "result", HOST)
    pairs = sorted(name for name in result if name != "last")
    if len(pairs) != 1 or pairs[0] not in _PAIR_ANSWERED:
        raise malformed(HOST, f"the pairs {', '.join(map(repr, pairs))[:100] or 'none'}")
    rows = array(result[pairs[0]], "the bars", where=HOST)
    try:
        last_s = instant_s(result.get("last"), step_s)
    except Unbelievable as error:
        # Without it nobody knows which bar is still open.
        raise malformed(HOST, f"the field last: {error}") from None
    candles, left_out, n_open = [], RejectedRows(), 0
    for at, row in enumerate(rows):
        if not isinstance(row, list) or len(row) < _FIELDS:
            raise malformed(HOST, f"row {at} is no array of {_FIELDS} values")
        start, opening, high, low, close, _vwap, volume, _count = row[:_FIELDS]
        try:
            bar = candle(start, (opening, high, low, close), volume, step_s)
        except Unbelievable as error:
            left_out.add(f"row {at}", str(error), day_hint(start))
            continue
        if bar.start_s > last_s:
            n_open += 1
        else:
            candles.append(bar)
    if n_open > 1:
        raise malformed(HOST, f"{n_open} bars after the last closed one")
    if len(left_out) and not candles:
        raise malformed(HOST, f"no believable bar ({left_out.first})")
    return candles, left_out
