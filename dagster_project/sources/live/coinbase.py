"""Bitcoin bars of Coinbase Exchange, by day and by hour.

``GET /products/BTC-USD/candles?granularity&start&end`` answers with arrays
``[time, low, high, open, close, volume]``, newest first, at most 300 of them, ``[]`` where the
product was not traded yet; the newest bar is still open.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
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
    BITCOIN,
    DAY_S,
    Client,
    Cost,
    LeftOut,
    Unbelievable,
    day_of,
    epoch_s,
    json_of,
    malformed,
    moment_s,
    wrong_question,
)
from dagster_project.sources.live.vendor import VendorAnswer

HOST = "coinbase"
# The interface refuses a question about more bars than these.
BARS_PER_CALL = 300
_PATH = "/products/BTC-USD/candles"
_FIELDS = 6


class CoinbaseExchange:
    """The vendor ``coinbase``: tables btc_prices, btc_prices_second_source, btc_hourly_prices."""

    name = "coinbase"

    def __init__(self, client: Client) -> None:
        self._client = client

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        """Closed bars of the window's UTC days. Raises SourceError."""
        if table.name not in BAR_S or symbol != BITCOIN:
            raise wrong_question(self.name, table, symbol)
        cost = Cost()
        return candle_answer(
            self.name, table, window, list(self._pages(BAR_S[table.name], window, cost)), cost
        )

    def newest_date(self) -> date | None:
        """Newest day that is over and has a bar."""
        bars = self._ask({"granularity": str(DAY_S)}, DAY_S, Cost())
        return max(
            (day_of(bar.start_s) for bar in bars.candles if bar.start_s + DAY_S <= bars.asked_s),
            default=None,
        )

    def _pages(self, step_s: int, window: Window, cost: Cost) -> Iterator[Bars]:
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

    def _ask(self, params: dict[str, str], step_s: int, cost: Cost) -> Bars:
        reply = self._client.get(HOST, _PATH, params)
        cost.add(reply)
        candles, left_out = parse_candles(json_of(reply, self.name), step_s)
        return Bars(tuple(candles), left_out, moment_s(reply.retrieved_at))


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_candles(body: Any, step_s: int) -> tuple[list[Candle], LeftOut]:
    """Bars of ``step_s`` seconds in a decoded answer, in its order, and those left out.

    Raises SourceError when the answer is no list of arrays, or when no bar of some is believable.
    """
    if isinstance(body, dict):
        raise malformed("coinbase", f"a message: {str(body.get('message'))[:100]}")
    if not isinstance(body, list):
        raise malformed("coinbase", "no list of bars")
    candles, left_out = [], LeftOut()
    for at, row in enumerate(body):
        if not isinstance(row, list) or len(row) < _FIELDS:
            raise malformed("coinbase", f"row {at} is no array of {_FIELDS} values")
        start, low, high, opening, close, volume = row[:_FIELDS]
        try:
            candles.append(candle(start, (opening, high, low, close), volume, step_s))
        except Unbelievable as error:
            left_out.add(f"row {at}", str(error))
    if body and not candles:
        raise malformed("coinbase", f"no believable bar ({left_out.reasons[0]})")
    return candles, left_out
