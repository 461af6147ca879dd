"""Rows of network_metrics_second_source: how the sources of hashrates say the same thing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

TABLE = "network_metrics_second_source"
H_PER_EH = 1e18
TH_PER_EH = 1e6


@dataclass(frozen=True)
class Hashrate:
    """An estimate: the UTC day it is for, the day it is stamped with, its size in EH/s."""

    date_utc: date
    stamped_date: date
    eh_s: float


def row_of(source: str, estimate: Hashrate, *, is_independent: bool) -> dict[str, Any]:
    """The estimate under the contract's column names."""
    return {
        "date_utc": estimate.date_utc,
        "source": source,
        "stamped_date": estimate.stamped_date,
        "hashrate_eh_s": estimate.eh_s,
        "is_independent": is_independent,
        "source_ref": f"{source} {estimate.stamped_date}",
    }
