"""Rows of network_metrics_second_source: what the sources of hashrates share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from dagster_project.contracts import Table, Window
from dagster_project.sources.live.daily import daily_answer
from dagster_project.sources.live.figures import (
    DAY_S,
    BitcoinVendor,
    RejectedRows,
    day_hint,
    day_of,
    instant_s,
)
from dagster_project.sources.live.strict_json import Unbelievable, malformed, number
from dagster_project.sources.live.vendor import Tally, VendorAnswer

TABLE = "network_metrics_second_source"
H_PER_EH = 1e18
TH_PER_EH = 1e6


@dataclass(frozen=True)
class Hashrate:
    """An estimate: the UTC day it is for, the day it is stamped with, its size in EH/s."""

    date_utc: date
    stamped_date: date
    eh_s: float


@dataclass(frozen=True)
class Estimates:
    """What one answer holds, the rows of it that were not believed, and its UTC day."""

    hashrates: tuple[Hashrate, ...]
    left_out: RejectedRows
    asked_on: date


class HashrateVendor(BitcoinVendor):
    """A vendor of table network_metrics_second_source.

    ``is_independent``: its estimate is not the first source's formula over again.
    """

    tables = (TABLE,)
    is_independent: bool

    @abstractmethod
    def _estimates(self, window: Window, cost: Tally) -> Estimates:
        """Estimates that hold the window's days, as far as there are any. Raises SourceError."""

    def _answer(self, table: Table, window: Window, cost: Tally) -> VendorAnswer:
        found = self._estimates(window, cost)
        rows = [
            {
                "date_utc": estimate.date_utc,
                "source": self.name,
                "stamped_date": estimate.stamped_date,
                "hashrate_eh_s": estimate.eh_s,
                "is_independent": self.is_independent,
                "source_ref": f"{self.name} {estimate.stamped_date}",
            }
            for estimate in found.hashrates
        ]
        return daily_answer(
            self.name, table, window, rows, cost, found.left_out, over_by=found.asked_on
        )


def parse_estimates(
    source: str, listed: Any, at: str, figure: str, per_eh: float, days_before_stamp: int
) -> tuple[list[Hashrate], RejectedRows]:
    """Estimates of a list of objects, under the day they cover, and rows left out.

    An object has its time ``at`` and its ``figure``, of which ``per_eh`` are one EH/s. Raises
    SourceError for another shape, or when no estimate of some is believable.
    """
    if not isinstance(listed, list):
        raise malformed(source, "no list of hashrates")
    estimates, left_out = [], RejectedRows()
    before = timedelta(days=days_before_stamp)
    for place, row in enumerate(listed):
        if not isinstance(row, dict) or not {at, figure} <= set(row):
            raise malformed(source, f"row {place} lacks {at} or {figure}")
        try:
            stamped = day_of(instant_s(row[at], DAY_S))
            eh_s = number(row[figure]) / per_eh
        except Unbelievable as error:
            hint = day_hint(row[at])
            left_out.add(f"row {place}", str(error), hint and hint - before)
        else:
            estimates.append(Hashrate(stamped - before, stamped, eh_s))
    if len(left_out) and not estimates:
        raise malformed(source, f"no believable estimate ({left_out.first})")
    return estimates, left_out
