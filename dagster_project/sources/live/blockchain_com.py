"""Hashrate as blockchain.com charts it: a check of the load, no independent evidence.

``GET /charts/hash-rate?timespan&start&sampled=false&format=json`` answers with ``values``:
objects of ``x`` (00:00 UTC of the day) and ``y`` in TH/s. The estimate is difficulty times blocks
found, which is Coin Metrics' formula too: that the two agree says nothing about the network.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from dagster_project.contracts import Table, Window
from dagster_project.sources.live.daily import daily_answer
from dagster_project.sources.live.figures import (
    BITCOIN,
    DAY_S,
    Client,
    Cost,
    LeftOut,
    Reply,
    Unbelievable,
    day_of,
    instant_s,
    json_of,
    malformed,
    number,
    utc_naive,
    wrong_question,
)
from dagster_project.sources.live.hashrates import TABLE, TH_PER_EH, Hashrate, row_of
from dagster_project.sources.live.vendor import VendorAnswer

HOST = "blockchain_com"
_PATH = "/charts/hash-rate"


class BlockchainCom:
    """The vendor ``blockchain.com``: table network_metrics_second_source, not independent."""

    name = "blockchain.com"

    def __init__(self, client: Client) -> None:
        self._client = client

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        """Estimates for the window's days. Raises SourceError."""
        if table.name != TABLE or symbol != BITCOIN:
            raise wrong_question(self.name, table, symbol)
        cost = Cost()
        days = (window.end - window.start).days + 1
        estimates, left_out, reply = self._ask(
            {"start": window.start.isoformat(), "timespan": f"{days}days"}, cost
        )
        return daily_answer(
            self.name,
            table,
            window,
            [row_of(self.name, estimate, is_independent=False) for estimate in estimates],
            cost,
            left_out,
            over_by=utc_naive(reply.retrieved_at).date(),
        )

    def newest_date(self) -> date | None:
        """Newest day that is over and has an estimate."""
        estimates, _, reply = self._ask({"timespan": "14days"}, Cost())
        today = utc_naive(reply.retrieved_at).date()
        return max((e.date_utc for e in estimates if e.date_utc < today), default=None)

    def _ask(self, params: dict[str, str], cost: Cost) -> tuple[list[Hashrate], LeftOut, Reply]:
        # Sampled charts leave out days without saying which.
        asked = {**params, "format": "json", "sampled": "false"}
        reply = self._client.get(HOST, _PATH, asked)
        cost.add(reply)
        return *parse_chart(json_of(reply, self.name)), reply


def parse_chart(body: Any) -> tuple[list[Hashrate], LeftOut]:
    """Estimates in a decoded chart and rows left out.

    Raises SourceError for another shape, unit or period, or when no value of some is believable.
    """
    if not isinstance(body, dict):
        raise malformed("blockchain.com", "no object")
    if body.get("status") != "ok":
        raise malformed("blockchain.com", f"the status {str(body.get('status'))[:60]!r}")
    unit = body.get("unit")
    if not isinstance(unit, str) or "TH/s" not in unit:
        # A chart in another unit would be a million times too small or large.
        raise malformed("blockchain.com", f"the unit {str(unit)[:60]!r}")
    if body.get("period") != "day":
        raise malformed("blockchain.com", f"the period {str(body.get('period'))[:60]!r}")
    rows = body.get("values")
    if not isinstance(rows, list):
        raise malformed("blockchain.com", "no list of values")
    estimates, left_out = [], LeftOut()
    for at, row in enumerate(rows):
        if not isinstance(row, dict) or not {"x", "y"} <= set(row):
            raise malformed("blockchain.com", f"value {at} lacks x or y")
        try:
            day = day_of(instant_s(row["x"], DAY_S))
            eh_s = number(row["y"]) / TH_PER_EH
        except Unbelievable as error:
            left_out.add(f"value {at}", str(error))
        else:
            estimates.append(Hashrate(day, day, eh_s))
    if len(left_out) and not estimates:
        raise malformed("blockchain.com", f"no believable value ({left_out.reasons[0]})")
    return estimates, left_out
