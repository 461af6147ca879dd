"""Hashrate as mempool.space estimates it from the blocks that its own node saw.

``GET /api/v1/mining/hashrate/{3m,1y,3y,all}`` answers with ``hashrates``: objects of a
``timestamp`` (00:00 UTC) and ``avgHashrate`` in H/s, an integer beyond 2**63. The value stamped
with day D covers the 24 hours before: it is what Coin Metrics calls day D-1.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from dagster_project.contracts import Window
from dagster_project.sources.live.figures import (
    DAY_S,
    LeftOut,
    day_hint,
    day_of,
    instant_s,
    utc_naive,
)
from dagster_project.sources.live.hashrates import H_PER_EH, Estimates, Hashrate, HashrateVendor
from dagster_project.sources.live.strict_json import Unbelievable, malformed, number, parse_json
from dagster_project.sources.live.vendor import Tally

HOST = "mempool"
# Stretches before now that can be asked for, the shortest first, with their least days.
_STRETCHES = (("3m", 89), ("1y", 365), ("3y", 1095), ("all", 0))


class MempoolSpace(HashrateVendor):
    """The vendor ``mempool.space``: table network_metrics_second_source."""

    name = "mempool.space"
    is_independent = True

    def _estimates(self, window: Window, cost: Tally) -> Estimates:
        """A stretch ends now, whenever that is: the shortest is asked for that may hold the
        window, then longer ones until one reaches back to its start. Which those are follows
        from the window and the answers, so that a recording answers a replay.
        """
        length = (window.end - window.start).days + 1
        stretches = [name for name, days in _STRETCHES if days >= length or name == "all"]
        for stretch in stretches:
            found = self._ask(stretch, cost)
            if min((each.date_utc for each in found.hashrates), default=date.max) <= window.start:
                break
        return found

    def _ask(self, stretch: str, cost: Tally) -> Estimates:
        reply = cost.ask(self._client, HOST, f"/api/v1/mining/hashrate/{stretch}")
        hashrates, left_out = parse_hashrates(parse_json(reply))
        return Estimates(tuple(hashrates), left_out, utc_naive(reply.retrieved_at).date())


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
            # The list of all days begins with the first block's own time, on no midnight.
            hint = day_hint(row["timestamp"])
            left_out.add(f"row {at}", str(error), hint and hint - timedelta(days=1))
        else:
            estimates.append(Hashrate(stamped - timedelta(days=1), stamped, eh_s))
    if len(left_out) and not estimates:
        raise malformed("mempool.space", f"no believable estimate ({left_out.first})")
    return estimates, left_out
