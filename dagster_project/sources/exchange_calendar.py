"""Sessions of an exchange from the maintained exchange_calendars library."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dagster_project.contracts import (
    CALENDAR_PARAMETER,
    DEFAULT_CALENDAR,
    SOURCE_REF,
    Extract,
    Table,
    Window,
    typed_frame,
)
from dagster_project.errors import SourceError
from dagster_project.sources.base import OnePart

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar as Calendar

NEW_YORK = ZoneInfo("America/New_York")
# No vendor of daily bars reaches back further.
_FIRST_KNOWN = date(1962, 1, 2)


_WHERE = f"{CALENDAR_PARAMETER} in study/parameters.csv"


def _open(code: str, first: date, last: date) -> Calendar:
    """The library's calendar. Raises SourceError for an unknown name or years it does not know."""
    # Imported here: building calendars is slow, and only this asset needs it.
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        return exchange_calendars.get_calendar(code, start=first.isoformat(), end=last.isoformat())
    except InvalidCalendarName as error:
        names = exchange_calendars.get_calendar_names()
        close = get_close_matches(code.upper(), names, n=3, cutoff=0.5)
        raise SourceError(
            f"There is no exchange calendar {code!r}.",
            where=_WHERE,
            mend=f"name one of exchange_calendars, for example {', '.join(close or names[:5])}",
        ) from error
    except ValueError as error:
        raise SourceError(
            f"The exchange calendar {code} does not reach from {first} to {last}: "
            f"{str(error).splitlines()[0]}",
            where=_WHERE,
            mend="leave out figures before its first year, or name another calendar",
        ) from error


@lru_cache(maxsize=1)
def _known_sessions() -> list[date]:
    last = date(datetime.now(UTC).year + 1, 12, 31)
    return [stamp.date() for stamp in _open(DEFAULT_CALENDAR, _FIRST_KNOWN, last).sessions]


def sessions_in(window: Window) -> list[date]:
    """Sessions of the New York Stock Exchange in ``window``, from 1962 to the end of next year."""
    known = _known_sessions()
    return known[bisect_left(known, window.start) : bisect_right(known, window.end)]


class ExchangeCalendar(OnePart):
    """Sessions with their instants, from the year before ``first`` to the end of next year.

    A year of sessions before the first figure lets an early event have a previous session.
    ``code`` is a name of exchange_calendars: XNYS, XLON, XTKS, 24/7, ...
    """

    def __init__(self, first: date, today: date, code: str = DEFAULT_CALENDAR) -> None:
        self._first = date(first.year - 1, 1, 1)
        self._last = date(today.year + 1, 12, 31)
        self._code = code

    @property
    def name(self) -> str:
        return f"exchange_calendars:{self._code}"

    def span(self) -> Window:
        """First to last day whose sessions it answers with."""
        return Window(self._first, self._last)

    def extract(self, table: Table, window: Window | None = None) -> Extract:
        """All sessions of the calendar's range (``window`` narrows it). Raises SourceError."""
        import exchange_calendars

        start, end = (window.start, window.end) if window else (self._first, self._last)
        calendar = _open(self._code, start, end)
        early = {stamp.date() for stamp in calendar.early_closes}
        sessions = [stamp.date() for stamp in calendar.sessions]
        columns = {
            "session_date": sessions,
            "opens_at": list(calendar.opens.dt.tz_convert(None)),
            "closes_at": list(calendar.closes.dt.tz_convert(None)),
            "is_early_close": [session in early for session in sessions],
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
