"""Sessions of the New York Stock Exchange from the maintained exchange_calendars library."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from dagster_project.contracts import SOURCE_REF, Extract, Table, Window, typed_frame
from dagster_project.sources.base import OnePart

CALENDAR_CODE = "XNYS"
NEW_YORK = ZoneInfo("America/New_York")
REGULAR_CLOSE = time(16, 0)
# No vendor of daily bars reaches back further.
_FIRST_KNOWN = date(1962, 1, 2)


@lru_cache(maxsize=1)
def _known_sessions() -> list[date]:
    import exchange_calendars

    last = date(datetime.now(UTC).year + 1, 12, 31)
    calendar = exchange_calendars.get_calendar(
        CALENDAR_CODE, start=_FIRST_KNOWN.isoformat(), end=last.isoformat()
    )
    return [stamp.date() for stamp in calendar.sessions]


def sessions_in(window: Window) -> list[date]:
    """Sessions of the New York Stock Exchange in ``window``, from 1962 to the end of next year."""
    known = _known_sessions()
    return known[bisect_left(known, window.start) : bisect_right(known, window.end)]


class ExchangeCalendar(OnePart):
    """Sessions with their instants, from the year before ``first`` to the end of next year.

    A year of sessions before the first figure lets an early event have a previous session.
    """

    name = f"exchange_calendars:{CALENDAR_CODE}"

    def __init__(self, first: date, today: date) -> None:
        self._first = date(first.year - 1, 1, 1)
        self._last = date(today.year + 1, 12, 31)

    def span(self) -> Window:
        """First to last day whose sessions it answers with."""
        return Window(self._first, self._last)

    def extract(self, table: Table, window: Window | None = None) -> Extract:
        """All sessions of the calendar's range (``window`` narrows it)."""
        # Imported here: building calendars is slow, and only this asset needs it.
        import exchange_calendars

        start, end = (window.start, window.end) if window else (self._first, self._last)
        calendar = exchange_calendars.get_calendar(
            CALENDAR_CODE, start=start.isoformat(), end=end.isoformat()
        )
        sessions = [stamp.date() for stamp in calendar.sessions]
        opens = list(calendar.opens.dt.tz_convert(None))
        closes = list(calendar.closes.dt.tz_convert(None))
        columns = {
            "session_date": sessions,
            "opens_at": opens,
            "closes_at": closes,
            "is_early_close": [
                stamp.replace(tzinfo=UTC).astimezone(NEW_YORK).time() < REGULAR_CLOSE
                for stamp in closes
            ],
            SOURCE_REF: [f"{self.name} {session}" for session in sessions],
        }
        return Extract(
            table=table.name,
            frame=typed_frame(table, columns),
            source=self.name,
            origin=f"exchange_calendars {exchange_calendars.__version__}",
            retrieved_at=datetime.now(UTC).replace(tzinfo=None),
            # Without a window this is every session; a narrowed answer must not remove others.
            complete=window is None,
        )
