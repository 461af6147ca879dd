"""Figures by UTC day: what is left of an answer once every day was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from dagster_project.contracts import Table, Window
from dagster_project.sources.live.figures import (
    LeftOut,
    answer,
    days_in,
    in_bounds,
    one_each,
    ranges,
    strays,
)
from dagster_project.sources.live.strict_json import Unbelievable
from dagster_project.sources.live.vendor import Tally, VendorAnswer

# Luck moves a day's hashrate by about 8%; a hardware generation takes years to double it.
_STRAY_FACTOR = 5.0


def daily_answer(
    source: str,
    table: Table,
    window: Window,
    rows: Iterable[Mapping[str, Any]],
    cost: Tally,
    left_out: LeftOut,
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
    by_day: dict[date, Mapping[str, Any]] = one_each(
        over, lambda row: row["date_utc"], left_out, str
    )
    believed = []
    for day, row in by_day.items():
        try:
            for column in table.columns:
                in_bounds(column, row[column.name])
        except Unbelievable as error:
            left_out.add(str(day), str(error))
        else:
            believed.append(row)
    for at in reversed(strays([row["hashrate_eh_s"] for row in believed], _STRAY_FACTOR)):
        hashrate = believed[at]["hashrate_eh_s"]
        left_out.add(str(believed[at]["date_utc"]), f"{hashrate:.6g} EH/s among others")
        del believed[at]
    present = {row["date_utc"] for row in believed}
    missing = [day for day in days_in(window) if day < over_by and day not in present]
    said = [*notes, *left_out.notes(source)]
    if missing:
        said.append(f"{source}: {len(missing)} days missing ({ranges(missing)})")
    complete = not missing and not len(left_out)
    return answer(table, believed, cost, said, missing=missing, complete=complete)
