"""Rows of network_metrics_second_source: what the sources of hashrates share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from typing import Any

from dagster_project.contracts import Table, Window
from dagster_project.sources.live.daily import daily_answer
from dagster_project.sources.live.figures import BITCOIN, LeftOut, wrong_question
from dagster_project.sources.live.vendor import Client, Tally, VendorAnswer

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
    left_out: LeftOut
    asked_on: date


class HashrateVendor(ABC):
    """A vendor of table network_metrics_second_source.

    ``is_independent``: its estimate is not the first source's formula over again.
    """

    name: str
    is_independent: bool

    def __init__(self, client: Client) -> None:
        self._client = client

    @abstractmethod
    def _estimates(self, window: Window, cost: Tally) -> Estimates:
        """Estimates that hold the window's days, as far as there are any. Raises SourceError."""

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        """Estimates for the window's days. Raises SourceError."""
        if table.name != TABLE or symbol != BITCOIN:
            raise wrong_question(self.name, table, symbol)
        with Tally() as cost:
            found = self._estimates(window, cost)
            return daily_answer(
                self.name,
                table,
                window,
                [self._row(hashrate) for hashrate in found.hashrates],
                cost,
                found.left_out,
                over_by=found.asked_on,
            )

    def _row(self, estimate: Hashrate) -> dict[str, Any]:
        """The estimate under the contract's column names."""
        return {
            "date_utc": estimate.date_utc,
            "source": self.name,
            "stamped_date": estimate.stamped_date,
            "hashrate_eh_s": estimate.eh_s,
            "is_independent": self.is_independent,
            "source_ref": f"{self.name} {estimate.stamped_date}",
        }
