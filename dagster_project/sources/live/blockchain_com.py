"""Hashrate as blockchain.com charts it: a check of the load, no independent evidence.

``GET /charts/hash-rate?timespan&start&sampled=false&format=json`` answers with ``values``:
objects of ``x`` (00:00 UTC of the day) and ``y`` in TH/s. The estimate is difficulty times blocks
found, which is Coin Metrics' formula too: that the two agree says nothing about the network.
"""

from __future__ import annotations

from typing import Any

from dagster_project.contracts import Window
from dagster_project.sources.live.figures import RejectedRows, utc_naive
from dagster_project.sources.live.hashrates import (
    TH_PER_EH,
    Estimates,
    Hashrate,
    HashrateVendor,
    parse_estimates,
)
from dagster_project.sources.live.strict_json import malformed, mapping, parse_json
from dagster_project.sources.live.vendor import Tally

HOST = "blockchain_com"
_PATH = "/charts/hash-rate"


class BlockchainCom(HashrateVendor):
    """The vendor ``blockchain.com``: table network_metrics_second_source, not independent."""

    name = "blockchain.com"
    is_independent = False

    def _estimates(self, window: Window, cost: Tally) -> Estimates:
        days = (window.end - window.start).days + 1
        return self._ask({"start": window.start.isoformat(), "timespan": f"{days}days"}, cost)

    def _ask(self, params: dict[str, str], cost: Tally) -> Estimates:
        # Sampled charts leave out days without saying which.
        asked = {**params, "format": "json", "sampled": "false"}
        reply = cost.ask(self._client, HOST, _PATH, asked)
        hashrates, left_out = parse_chart(parse_json(reply))
        return Estimates(tuple(hashrates), left_out, utc_naive(reply.retrieved_at).date())


def parse_chart(body: Any) -> tuple[list[Hashrate], RejectedRows]:
    """Estimates in a decoded chart and rows left out.

    Raises SourceError for another shape, unit or period, or when no value of some is believable.
    """
    if mapping(body, "the body", HOST).get("status") != "ok":
        raise malformed("blockchain.com", f"the status {str(body.get('status'))[:60]!r}")
    unit = body.get("unit")
    if not isinstance(unit, str) or "TH/s" not in unit:
        # A chart in another unit would be a million times too small or large.
        raise malformed("blockchain.com", f"the unit {str(unit)[:60]!r}")
    if body.get("period") != "day":
        raise malformed("blockchain.com", f"the period {str(body.get('period'))[:60]!r}")
    return parse_estimates("blockchain.com", body.get("values"), "x", "y", TH_PER_EH, 0)
