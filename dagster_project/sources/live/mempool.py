"""Hashrate as mempool.space estimates it from the blocks that its own node saw.

``GET /api/v1/mining/hashrate/{3m,1y,3y,all}`` answers with ``hashrates``: objects of a
``timestamp`` (00:00 UTC) and ``avgHashrate`` in H/s, an integer beyond 2**63. The value stamped
with day D covers the 24 hours before: it is what Coin Metrics calls day D-1.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from dagster_project.contracts import Window
from dagster_project.sources.live.figures import RejectedRows, utc_naive
from dagster_project.sources.live.hashrates import (
    H_PER_EH,
    Estimates,
    Hashrate,
    HashrateVendor,
    parse_estimates,
)
from dagster_project.sources.live.strict_json import parse_json
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


def parse_hashrates(body: Any) -> tuple[list[Hashrate], RejectedRows]:
    """Estimates in a decoded answer, as parse_estimates reads them.

    The list of all days begins with the first block's own time, on no midnight.
    """
    rows = body.get("hashrates") if isinstance(body, dict) else None
    return parse_estimates("mempool.space", rows, "timestamp", "avgHashrate", H_PER_EH, 1)
