"""Whatever becomes of an answer, its parser gives sound rows or says why not."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.contracts import BY_NAME, Window, typed_frame
from dagster_project.errors import SourceError
from dagster_project.sources.live.equity_history import (
    OHLC_TOLERANCE,
    History,
    columns_for,
)
from dagster_project.sources.live.strict_json import parse_json
from dagster_project.sources.live.tiingo import parse_prices
from dagster_project.sources.live.yahoo import parse_chart
from tests.sources.live.equity_bodies import (
    CLOSES,
    DAYS,
    NO_DATA,
    NOT_FOUND,
    SATURDAY,
    chart,
    reply,
    tiingo_day,
)

PRICES = BY_NAME["equity_prices"]
MOST = {name: PRICES.column(name).at_most for name in ("close", "volume")}
WINDOW = Window(DAYS[0], DAYS[-1])
CHARTS = [
    chart(),
    chart(splits={DAYS[1]: (10, 1)}, dividends={DAYS[2]: 0.01}),
    chart([*DAYS, DAYS[-1]], [*CLOSES, 13.1]),
    chart(closes=[12.34, None, 11.99, None, 13.1]),
    NO_DATA,
    NOT_FOUND,
]
LISTS = [
    [tiingo_day(day, close) for day, close in zip(DAYS, CLOSES, strict=True)],
    [
        tiingo_day(day, close, split=2.0 if row == 2 else 1.0, paid=0.01 * (row == 3))
        for row, (day, close) in enumerate(zip(DAYS, CLOSES, strict=True))
    ],
    {"detail": "Not found."},
]

WHOLE = [json.dumps(body).encode() for body in CHARTS]

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, -1, 0, 10**400, 1761831000000, 4102444800]),
    st.floats(),
    st.decimals(allow_nan=True),
    st.text(max_size=12),
    st.sampled_from(["", "2025-10-31T00:00:00.000Z", "US", "../../etc", "NaN", "12.34"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value within a decoded body, itself included."""
    found = [path]
    if isinstance(value, dict):
        for key in value:
            found += places(value[key], (*path, key))
    elif isinstance(value, list):
        for index in range(len(value)):
            found += places(value[index], (*path, index))
    return found


def mutated(data: st.DataObject, bodies: list[Any]) -> Any:
    """A body with one to four of its values replaced, removed, repeated or moved."""
    root = {"body": copy.deepcopy(data.draw(st.sampled_from(bodies), label="body"))}
    for _ in range(data.draw(st.integers(1, 4), label="changes")):
        path = data.draw(st.sampled_from(places(root)[1:]), label="where")
        parent: Any = root
        for step in path[:-1]:
            parent = parent[step]
        step = path[-1]
        how = data.draw(st.sampled_from(["replace", "remove", "repeat", "move"]), label="how")
        if how == "remove":
            del parent[step]
            if not root:
                return None
        elif how == "repeat" and isinstance(parent, list):
            parent.insert(step, copy.deepcopy(parent[step]))
        elif how == "move" and isinstance(parent, list):
            parent.append(parent.pop(step))
        else:
            parent[step] = data.draw(ODD, label="value")
    return root["body"]


def hold(history: History) -> None:
    """Every row that is kept can be true and fits the contracts."""
    days = [bar.session_date for bar in history.bars]
    assert days == sorted(set(days))
    assert all(WINDOW.start <= day <= WINDOW.end for day in days)
    for bar in history.bars:
        prices = [bar.open, bar.high, bar.low, bar.close]
        assert bar.close is not None
        assert all(price is None or 0 < price <= MOST["close"] for price in prices)
        assert bar.volume is None or 0 <= bar.volume <= MOST["volume"]
        if bar.high is not None and bar.low is not None:
            assert bar.low * (1 - OHLC_TOLERANCE) <= bar.close <= bar.high * (1 + OHLC_TOLERANCE)
    assert all(0 < split.ratio < math.inf for split in history.splits)
    assert all(0 < paid.amount < math.inf for paid in history.dividends)
    assert len(typed_frame(PRICES, columns_for(PRICES, "BITF", history))) == len(days)


def outcome(parse: Callable[[], History]) -> str:
    """``rows`` or ``none``, where they hold, or the kind of error, where it says something."""
    try:
        history = parse()
    except SourceError as error:
        return type(error).__name__ if error.what else "an error without words"
    hold(history)
    return "rows" if history.bars else "none"


# What an answer can lead to: HttpUnavailable is a used-up allowance in words, a plain SourceError
# a body that is no JSON.
TYPED = {"SourceError", "rows", "none", "UnknownSymbol", "UnusableAnswer", "HttpUnavailable"}


def yahoo_outcome(data: st.DataObject) -> str:
    body = mutated(data, CHARTS)
    at = data.draw(st.sampled_from([SATURDAY, datetime(2025, 11, 5, 15)]), label="at")
    return outcome(lambda: parse_chart(body, "BITF", WINDOW, at))


def tiingo_outcome(data: st.DataObject) -> str:
    body = mutated(data, LISTS)
    return outcome(lambda: parse_prices(body, "BITF", WINDOW, SATURDAY))


def bytes_outcome(data: st.DataObject) -> str:
    """Bodies cut short, with bytes changed, or not of this world at all."""
    whole = data.draw(st.sampled_from(WHOLE))
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    extra = data.draw(st.binary(max_size=20))
    place = data.draw(st.integers(0, len(cut)))
    body = cut[:place] + extra + cut[place + len(extra) :]
    return outcome(lambda: parse_chart(parse_json(reply(body)), "BITF", WINDOW, SATURDAY))


QUICK = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NIGHTLY = settings(QUICK, max_examples=10_000)


@QUICK
@given(st.data())
def test_a_mutated_chart_is_sound_rows_or_a_typed_error(data: st.DataObject) -> None:
    assert yahoo_outcome(data) in TYPED


@QUICK
@given(st.data())
def test_a_mutated_list_of_days_is_sound_rows_or_a_typed_error(data: st.DataObject) -> None:
    assert tiingo_outcome(data) in TYPED


@QUICK
@given(st.data())
def test_damaged_bytes_are_sound_rows_or_a_typed_error(data: st.DataObject) -> None:
    assert bytes_outcome(data) in TYPED


@pytest.mark.nightly
@NIGHTLY
@given(st.data())
def test_ten_thousand_mutated_charts(data: st.DataObject) -> None:
    assert yahoo_outcome(data) in TYPED


@pytest.mark.nightly
@NIGHTLY
@given(st.data())
def test_ten_thousand_mutated_lists_of_days(data: st.DataObject) -> None:
    assert tiingo_outcome(data) in TYPED


@pytest.mark.nightly
@NIGHTLY
@given(st.data())
def test_ten_thousand_damaged_bodies(data: st.DataObject) -> None:
    assert bytes_outcome(data) in TYPED


def test_the_mutations_reach_rows_and_errors() -> None:
    """A fuzz that only ever meets errors, or never one, tests nothing."""
    reached: dict[str, set[str]] = {"yahoo": set(), "tiingo": set()}

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(st.data())
    def look(data: st.DataObject) -> None:
        reached["yahoo"].add(yahoo_outcome(data))
        reached["tiingo"].add(tiingo_outcome(data))

    look()
    assert {"rows", "UnusableAnswer"} <= reached["yahoo"]
    assert {"rows", "UnusableAnswer"} <= reached["tiingo"]
