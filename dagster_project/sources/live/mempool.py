"""Hashrate as mempool.space estimates it from the blocks that its own node saw.

``GET /api/v1/mining/hashrate/{3m,1y,3y,all}`` answers with ``hashrates``: objects of a
``timestamp`` (00:00 UTC) and ``avgHashrate`` in H/s, an integer beyond 2**63. The value stamped
with day D covers the 24 hours before: it is what Coin Metrics calls day D-1.
"""

from __future__ import annotations

from datetime import date, timedelta
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
from dagster_project.sources.live.hashrates import H_PER_EH, TABLE, Hashrate, row_of
from dagster_project.sources.live.vendor import VendorAnswer

HOST = "mempool"
# Stretches before now that can be asked for, the shortest first, with their least days.
_STRETCHES = (("3m", 89), ("1y", 365), ("3y", 1095), ("all", 0))


class MempoolSpace:
    """The vendor ``mempool.space``: table network_metrics_second_source."""

    name = "mempool.space"

    def __init__(self, client: Client) -> None:
        self._client = client

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        """Estimates for the window's days. Raises SourceError.

        A stretch ends now, whenever that is: the shortest is asked for that may hold the
        window, then longer ones until one reaches back to its start. Which those are follows
        from the window and the answers, so that a recording answers a replay.
        """
        if table.name != TABLE or symbol != BITCOIN:
            raise wrong_question(self.name, table, symbol)
        cost = Cost()
        length = (window.end - window.start).days + 1
        stretches = [name for name, days in _STRETCHES if days >= length or name == "all"]
        for stretch in stretches:
            estimates, left_out, reply = self._ask(stretch, cost)
            if min((e.date_utc for e in estimates), default=date.max) <= window.start:
                break
        return daily_answer(
            self.name,
            table,
            window,
            [row_of(self.name, estimate, is_independent=True) for estimate in estimates],
            cost,
            left_out,
            over_by=utc_naive(reply.retrieved_at).date(),
        )

    def newest_date(self) -> date | None:
        """Newest day that is over and has an estimate."""
        estimates, _, reply = self._ask("3m", Cost())
        today = utc_naive(reply.retrieved_at).date()
        return max((e.date_utc for e in estimates if e.date_utc < today), default=None)

    def _ask(self, stretch: str, cost: Cost) -> tuple[list[Hashrate], LeftOut, Reply]:
        reply = self._client.get(HOST, f"/api/v1/mining/hashrate/{stretch}")
        cost.add(reply)
        return *parse_hashrates(json_of(reply, self.name)), reply


def parse_hashrates(body: Any) -> tuple[list[Hashrate], LeftOut]:
    """Estimates in a decoded answer, under the day they cover, and rows left out.

    Raises SourceError for another shape, or when no estimate of some is believable.
    """
    rows = body.get("hashrates") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        raise malformed("mempool.space", "no list of hashrates")
    estimates, left_out = [], LeftOut()
    for at, row in enumerate(rows):
        if not isinstance(row, dict) or not {"timestamp", "avgHashrate"} <= set(row):
            raise malformed("mempool.space", f"row {at} lacks timestamp or avgHashrate")
        try:
            stamped = day_of(instant_s(row["timestamp"], DAY_S))
            eh_s = number(row["avgHashrate"]) / H_PER_EH
        except Unbelievable as error:
            left_out.add(f"row {at}", str(error))
        else:
            estimates.append(Hashrate(stamped - timedelta(days=1), stamped, eh_s))
    if len(left_out) and not estimates:
        raise malformed("mempool.space", f"no believable estimate ({left_out.reasons[0]})")
    return estimates, left_out
