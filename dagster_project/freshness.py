"""When a live series is stale: its newest stored figure is older than its source makes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from dagster_project.contracts import LATE_AFTER_DAYS, Table

NEW_YORK = ZoneInfo("America/New_York")


def today_in_new_york() -> date:
    """The day it is where the shares trade."""
    return datetime.now(NEW_YORK).date()


def newest_stored(table: Table, known: Mapping[str, date]) -> date | None:
    """Newest date of a series from its last dates by symbol; None where nothing is stored.

    Where the symbols are the sources, the one that is furthest behind counts; of shares the
    furthest ahead, since one that is no longer traded has no new prices.
    """
    if not known:
        return None
    return min(known.values()) if table.symbol_column == "source" else max(known.values())


def why_stale(table_name: str, newest: date, today: date) -> str:
    """In words why the series is stale on ``today`` (New York); empty where it is not."""
    usual = LATE_AFTER_DAYS.get(table_name)
    days = (today - newest).days
    if usual is None or days <= usual:
        return ""
    return (
        f"{table_name}: the newest figure is of {newest}, {days} days ago; {usual} are usual at "
        "the most"
    )
