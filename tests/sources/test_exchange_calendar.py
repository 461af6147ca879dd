"""Sessions of exchanges, against days everybody can look up."""

from __future__ import annotations

from datetime import date

import pytest

from dagster_project.contracts import BY_NAME, Window
from dagster_project.errors import SourceError
from dagster_project.sources.exchange_calendar import ExchangeCalendar

SESSIONS = BY_NAME["exchange_sessions"]


@pytest.fixture(scope="module")
def calendar() -> ExchangeCalendar:
    return ExchangeCalendar(first=date(2025, 3, 3), today=date(2025, 3, 26))


@pytest.fixture(scope="module")
def sessions(calendar):
    return calendar.extract(SESSIONS).frame.set_index("session_date")


def test_it_reaches_a_year_back_and_to_the_end_of_next_year(calendar, sessions):
    assert sessions.index.min().date() == date(2024, 1, 2)
    assert sessions.index.max().date() == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("day", "open_that_day"),
    [
        ("2025-03-26", True),
        ("2025-03-29", False),  # Saturday
        ("2025-01-09", False),  # national day of mourning
        ("2025-04-18", False),  # Good Friday
        ("2024-07-03", True),  # early close
        ("2024-07-04", False),
    ],
)
def test_days_open_and_closed(sessions, day, open_that_day):
    assert (day in sessions.index) == open_that_day


def test_closes_are_instants_in_utc_and_early_ones_marked(sessions):
    winter, summer = sessions.loc["2025-03-07"], sessions.loc["2025-03-10"]
    assert (winter["closes_at"].hour, summer["closes_at"].hour) == (21, 20)
    assert not winter["is_early_close"]
    early = sessions.loc["2024-07-03"]
    assert early["is_early_close"]
    assert (early["closes_at"].hour, early["closes_at"].minute) == (17, 0)
    assert sessions["closes_at"].dt.tz is None


def test_only_the_full_answer_claims_to_be_complete(calendar):
    window = Window(date(2025, 3, 24), date(2025, 3, 28))
    week = calendar.extract(SESSIONS, window)
    assert len(week.frame) == 5
    assert not week.complete
    assert calendar.extract(SESSIONS).complete


def test_early_closes_are_those_before_four_in_new_york(sessions):
    """The library's own list says the same as the clock."""
    closes = sessions["closes_at"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    assert (sessions["is_early_close"] == (closes.dt.hour < 16)).all()


def test_every_day_is_a_session_of_24_7():
    frame = ExchangeCalendar(date(2025, 3, 3), date(2025, 3, 26), "24/7").extract(SESSIONS).frame
    assert len(frame) == 366 + 365 + 365
    assert (frame["closes_at"] > frame["opens_at"]).all()
    assert not frame["is_early_close"].any()
    assert set(frame["source_ref"].str.split(" ").str[0]) == {"exchange_calendars:24/7"}


@pytest.mark.parametrize(("code", "day"), [("XLON", date(2025, 5, 5)), ("XTKS", date(2025, 2, 11))])
def test_holidays_are_those_of_the_exchange(code, day):
    days = ExchangeCalendar(date(2025, 3, 3), date(2025, 3, 26), code).extract(SESSIONS).frame
    assert day not in set(days["session_date"].dt.date)


def test_an_unknown_name_is_refused_with_names_that_are_near():
    with pytest.raises(SourceError, match="no exchange calendar 'XNYC'") as refused:
        ExchangeCalendar(date(2025, 3, 3), date(2025, 3, 26), "XNYC").extract(SESSIONS)
    assert "XNYS" in refused.value.mend


def test_years_that_a_calendar_does_not_know_are_refused():
    with pytest.raises(SourceError, match="does not reach from 1961") as refused:
        ExchangeCalendar(date(1962, 1, 2), date(2025, 3, 26), "XKRX").extract(SESSIONS)
    assert "calendar in study/parameters.csv" in refused.value.where
