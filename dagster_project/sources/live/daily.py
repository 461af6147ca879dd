"""Figures by UTC day: what is left of an answer once every day was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from dagster_project.contracts import Table, Window
from dagster_project.sources.live.figures import RejectedRows, days_in, one_each, series_answer
from dagster_project.sources.live.vendor import Tally, VendorAnswer

# Luck moves a day's hashrate by about 8%; a hardware generation takes years to double it.
_STRAY_FACTOR = 5.0


def daily_answer(
    source: str,
    table: Table,
    window: Window,
    rows: Iterable[Mapping[str, Any]],
    cost: Tally,
    left_out: RejectedRows,
    *,
    over_by: date,
    notes: Iterable[str] = (),
) -> VendorAnswer:
    """Rows of the window's days that were over before ``over_by`` began, one a day.

    ``rows`` have the contract's columns by name, date_utc and hashrate_eh_s among them. The day
    that was not over is left out silently: it will come. A later one is not believed.
    """
    left_out = left_out.within(window)
    over: list[Mapping[str, Any]] = []
    for row in rows:
        day = row["date_utc"]
        if day > over_by:
            left_out.add(str(day), "the day lies in the future")
        elif day < over_by and window.start <= day <= window.end:
            over.append(row)
    return series_answer(
        source,
        table,
        one_each(over, lambda row: row["date_utc"], left_out, str),
        cost,
        left_out,
        notes,
        name=str,
        figure="hashrate_eh_s",
        factor=_STRAY_FACTOR,
        off="{:.6g} EH/s among others",
        expected=[day for day in days_in(window) if day < over_by],
    )
