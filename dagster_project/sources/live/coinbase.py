"""Bitcoin bars of Coinbase Exchange, by day and by hour.

``GET /products/BTC-USD/candles?granularity&start&end`` answers with arrays
``[time, low, high, open, close, volume]``, newest first, at most 300 of them, ``[]`` where the
product was not traded yet; the newest bar is still open.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
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
    DAY_S,
    BitcoinVendor,
    RejectedRows,
    day_hint,
    epoch_s,
    moment_s,
)
from dagster_project.sources.live.strict_json import Unbelievable, array, malformed, parse_json
from dagster_project.sources.live.vendor import Tally, VendorAnswer

HOST = "coinbase"
# The interface refuses a question about more bars than these.
BARS_PER_CALL = 300
_PATH = "/products/BTC-USD/candles"
_FIELDS = 6


class CoinbaseExchange(BitcoinVendor):
    """The vendor ``coinbase``: tables btc_prices, btc_prices_second_source, btc_hourly_prices."""

    name = "coinbase"
    tables = BAR_S

    def _answer(self, table: Table, window: Window, cost: Tally) -> VendorAnswer:
        pages = list(self._pages(BAR_S[table.name], window, cost))
        return candle_answer(self.name, table, window, pages, cost)

    def _pages(self, step_s: int, window: Window, cost: Tally) -> Iterator[Bars]:
        """The window in stretches of as many bars as one call may ask for.

        The stretches follow from the window alone, never from the clock, so that a recorded
        answer is found again.
        """
        after_s = epoch_s(window.end) + DAY_S
        for start_s in range(epoch_s(window.start), after_s, BARS_PER_CALL * step_s):
            last_s = min(start_s + BARS_PER_CALL * step_s, after_s) - step_s
            asked = {"granularity": str(step_s), "start": _iso(start_s), "end": _iso(last_s)}
            bars = self._ask(asked, step_s, cost)
            # The interface may answer with bars beside the stretch; other calls ask for those.
            inside = tuple(bar for bar in bars.candles if start_s <= bar.start_s <= last_s)
            yield Bars(inside, bars.left_out, bars.asked_s)

    def _ask(self, params: dict[str, str], step_s: int, cost: Tally) -> Bars:
        reply = cost.ask(self._client, HOST, _PATH, params)
        candles, left_out = parse_candles(parse_json(reply), step_s)
        return Bars(tuple(candles), left_out, moment_s(reply.retrieved_at))


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_candles(body: Any, step_s: int) -> tuple[list[Candle], RejectedRows]:
    """Bars of ``step_s`` seconds in a decoded answer, in its order, and those left out.

    Raises SourceError when the answer is no list of arrays, or when no bar of some is believable.
    """
    if isinstance(body, dict):
        raise malformed("coinbase", f"a message: {str(body.get('message'))[:100]}")
    candles, left_out = [], RejectedRows()
    for at, row in enumerate(array(body, "the body", where=HOST)):
        if not isinstance(row, list) or len(row) < _FIELDS:
            raise malformed("coinbase", f"row {at} is no array of {_FIELDS} values")
        start, low, high, opening, close, volume = row[:_FIELDS]
        try:
            candles.append(candle(start, (opening, high, low, close), volume, step_s))
        except Unbelievable as error:
            left_out.add(f"row {at}", str(error), day_hint(start))
    if body and not candles:
        raise malformed("coinbase", f"no believable bar ({left_out.first})")
    return candles, left_out
