"""Figures read strictly: what is a number, which row stands out, how holes are named."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from dagster_project.contracts import Window
from dagster_project.sources.live.figures import (
    RejectedRows,
    day_hint,
    instant_s,
    moment_s,
    ranges,
    strays,
    utc_naive,
)
from dagster_project.sources.live.strict_json import Unbelievable, number, whole


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7.0),
        (2**63 + 1, 9.223372036854775808e18),
        (1.5, 1.5),
        ("63911.88", 63911.88),
        ("+4.26E8", 4.26e8),
        ("0.780497492898413749255585185190", 0.78049749289841374925),
        (Decimal("1e3"), 1000.0),
        ("-0", 0.0),
    ],
)
def test_numbers(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    "value",
    [None, True, "", " 1", "1 ", "1,5", "1_000", "0x10", "nan", "inf", "1e999", "1e-9999", ".5",
     "१", "1" * 50, [1], {}, b"1", math.nan, math.inf, 10**400, Decimal("NaN"), Decimal("1e400")],
)  # fmt: skip
def test_what_is_no_number(value):
    with pytest.raises(Unbelievable):
        number(value)


def test_whole_numbers_and_instants():
    assert whole("142.000") == whole(142) == 142
    assert instant_s(1742256000, 86_400) == 1742256000
    for wrong in (1742256001, 0, -86_400, 86_400 * 10**6, "soon"):
        with pytest.raises(Unbelievable):
            instant_s(wrong, 86_400)
    with pytest.raises(Unbelievable):
        whole("142.5")


def test_instants_with_and_without_a_zone_are_one():
    zoned = datetime(2025, 3, 26, 20, tzinfo=UTC)
    tokyo = zoned.astimezone(timezone(timedelta(hours=9)))
    assert utc_naive(zoned) == utc_naive(tokyo) == datetime(2025, 3, 26, 20)
    assert moment_s(zoned) == moment_s(tokyo) == moment_s(datetime(2025, 3, 26, 20)) == 1743019200


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], []),
        ([1], []),
        ([1, 1000], []),  # nobody knows which of two is wrong
        ([1, 1000, 1], [1]),
        ([1000, 1, 1, 1], [0]),
        ([1, 1, 1, 0.001], [3]),
        ([1, 1, 1000, 1000, 1, 1, 1], [2, 3]),
        ([1] * 5 + [100] * 5, []),  # a step that lasts condemns nobody
        ([1.1**n for n in range(40)], []),  # growth of a tenth at every step
    ],
)
def test_strays_are_off_from_most_of_their_neighbours(values, found):
    assert strays(values, 3) == found


def test_ranges_and_notes_stay_short():
    days = [date(2025, 3, n) for n in (1, 2, 3, 7, 9, 10, 20, 25)]
    assert ranges(days) == "2025-03-01 to 2025-03-03, 2025-03-07, 2025-03-09 to 2025-03-10, ..."
    left_out = RejectedRows()
    assert left_out.notes("x") == ()
    for n in range(1000):
        left_out.add(f"row {n}", "odd")
    (note,) = left_out.notes("x")
    assert note == "x: 1000 rows left out (row 0: odd; row 1: odd; row 2: odd; ...)"


def test_rows_of_days_that_nobody_asked_for_are_not_left_out():
    left_out = RejectedRows()
    left_out.add("row 0", "odd", date(2009, 1, 3))
    left_out.add("row 1", "odd", date(2025, 3, 2))
    left_out.add("row 2", "odd")
    inside = left_out.within(Window(date(2025, 3, 1), date(2025, 3, 3)))
    assert inside.notes("x") == ("x: 2 rows left out (row 1: odd; row 2: odd)",)


def test_the_day_of_an_instant_that_starts_no_bar():
    assert day_hint(1231006505) == date(2009, 1, 3)
    assert day_hint("1742428800") == date(2025, 3, 20)
    assert [day_hint(value) for value in (None, "soon", -5, 10**12, 1.5)] == [None] * 5
