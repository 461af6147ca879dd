"""Mutations of real answers: a vendor answers soundly or raises SourceError, nothing else."""

from __future__ import annotations

import copy
import json
import math
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.contracts import Kind, Table, Window
from dagster_project.errors import SourceError
from dagster_project.sources.live.blockchain_com import BlockchainCom
from dagster_project.sources.live.coinbase import CoinbaseExchange
from dagster_project.sources.live.coinmetrics import CoinMetrics
from dagster_project.sources.live.figures import Unbelievable, in_bounds
from dagster_project.sources.live.kraken import Kraken
from dagster_project.sources.live.mempool import MempoolSpace
from dagster_project.sources.live.vendor import VendorAnswer
from tests.sources.live.scripted_client import FIXTURES, TABLES, ScriptedClient, window

SUMMER = window("2026-08-01", "2026-08-20")
SPRING = window("2025-03-17", "2025-03-26")
CASES: dict[str, tuple[Any, str, str, Window]] = {
    "coinbase daily": (CoinbaseExchange, "coinbase/candles_daily.json", "btc_prices", SUMMER),
    "coinbase hourly": (
        CoinbaseExchange, "coinbase/candles_hourly.json", "btc_hourly_prices", SUMMER,
    ),
    "kraken": (Kraken, "kraken/ohlc_daily.json", "btc_prices_second_source", SUMMER),
    "coinmetrics": (
        CoinMetrics, "coinmetrics/asset_metrics_page_1.json", "network_metrics", SPRING,
    ),
    "mempool.space": (
        MempoolSpace, "mempool/hashrate_3m.json", "network_metrics_second_source", SPRING,
    ),
    "blockchain.com": (
        BlockchainCom, "blockchain_com/hash_rate.json", "network_metrics_second_source", SPRING,
    ),
}  # fmt: skip
FIXTURE_TEXTS = {
    fixture: (FIXTURES / fixture).read_text(encoding="utf-8") for _, fixture, _, _ in CASES.values()
}
LAST_PAGE = (FIXTURES / "coinmetrics" / "asset_metrics_last_page.json").read_bytes()
# A commit runs so many per vendor; the nightly run 10,000.
QUICK, NIGHTLY = 500, 10_000

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**60, max_value=2**80),
    st.integers(min_value=1_230_000_000, max_value=1_900_000_000),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["", "0", "-1", "1e999", "nan", "1.5", "2025-03-20T00:00:00Z", "9999-12-31T00:00:00Z",
         [], {}, [[]], [1], {"x": 1}, 0, -1, 1e308, 5e-324, 10**400, 253402300800, 1786147200]
    ),
)  # fmt: skip


ACTIONS = ("replace", "replace", "drop", "repeat", "move", "scale", "text")
# What is done where, with what: numbers are taken modulo what there is to choose from.
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 10_000), st.sampled_from(ACTIONS), st.integers(0, 10_000), JUNK
    ),
    max_size=5,
)  # fmt: skip
DAMAGE = st.none() | st.tuples(st.integers(0, 10_000), st.integers(0, 40), st.binary(max_size=4))


def _places(body: Any) -> list[tuple[Any, Any]]:
    """Every value in a decoded body, as what holds it and its name or number there."""
    places = []
    for name, value in body.items() if isinstance(body, dict) else enumerate(body):
        places.append((body, name))
        if isinstance(value, dict | list):
            places.extend(_places(value))
    return places


def _change(body: Any, where: int, action: str, other: int, junk: Any) -> Any:
    places = _places(body) if isinstance(body, dict | list) else []
    if not places:
        return junk
    parent, name = places[where % len(places)]
    value = parent[name]
    if action == "replace":
        parent[name] = copy.deepcopy(junk)
    elif action == "drop":
        del parent[name]
    elif action == "scale" and isinstance(value, int | float) and not isinstance(value, bool):
        parent[name] = value * (-1, 0, 100, 0.01, 1e6)[other % 5]
    elif action == "text" and not isinstance(value, dict | list):
        parent[name] = str(value)
    elif action == "repeat" and isinstance(parent, list):
        parent.insert(other % len(parent), copy.deepcopy(value))
    elif action == "move" and isinstance(parent, list):
        at = other % len(parent)
        parent[name], parent[at] = parent[at], parent[name]
    return body


def mutated(fixture: str, changes: Any, damage: Any) -> bytes:
    """A real answer after some changes, at times with damaged bytes."""
    body = json.loads(FIXTURE_TEXTS[fixture])
    for change in changes:
        body = _change(body, *change)
    raw = json.dumps(body).encode()
    if damage is not None:
        at, length, put = damage
        at %= len(raw)
        raw = raw[:at] + put + raw[at + length :]
    return raw


PYTHON_TYPES = {Kind.DATE: date, Kind.TEXT: str, Kind.BOOLEAN: bool, Kind.INTEGER: int,
                Kind.NUMBER: float}  # fmt: skip


def is_sound(table: Table, wanted: Window, columns: dict[str, list[Any]]) -> None:
    """Rows as the contract wants them: types, bounds, one per key, inside the window."""
    (n_rows,) = {len(values) for values in columns.values()}
    if not n_rows:
        return
    keys = list(zip(*(columns[name] for name in table.key), strict=True))
    assert len(set(keys)) == len(keys)
    assert all(wanted.start <= day <= wanted.end for day in columns["date_utc"])
    for column in table.columns:
        for value in columns[column.name]:
            try:
                in_bounds(column, value)
            except Unbelievable as error:
                pytest.fail(str(error))
            assert value is None or type(value) is PYTHON_TYPES[column.kind]
            assert not isinstance(value, float) or math.isfinite(value)


def fetch(case: str, changes: Any, damage: Any) -> VendorAnswer:
    """What the vendor makes of the mutated answer; a next page is asked for and is sound."""
    kind, fixture, table, wanted = CASES[case]
    raw = mutated(fixture, changes, damage)
    client = ScriptedClient(lambda path, params: LAST_PAGE if "next_page_token" in params else raw)
    return kind(client).fetch(TABLES[table], "BTC", wanted)


def survives(case: str, changes: Any, damage: Any) -> None:
    _, _, table, wanted = CASES[case]
    try:
        answer = fetch(case, changes, damage)
    except SourceError:
        return
    is_sound(TABLES[table], wanted, answer.columns)
    n_missing = (wanted.end - wanted.start).days + 1 - len(set(answer.columns.get("date_utc", [])))
    assert not (answer.complete and n_missing), "a hole that does not show"
    assert answer.complete or answer.notes


@pytest.mark.parametrize("case", CASES)
def test_an_answer_as_it_is_survives_with_rows(case):
    _, _, table, wanted = CASES[case]
    answer = fetch(case, [], None)
    is_sound(TABLES[table], wanted, answer.columns)
    assert len(answer.columns["date_utc"]) >= 6


QUIETLY = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=QUICK, **QUIETLY)
@given(changes=CHANGES, damage=DAMAGE)
def test_mutations_end_in_sound_rows_or_a_source_error(case, changes, damage):
    survives(case, changes, damage)


@pytest.mark.nightly
@pytest.mark.parametrize("case", CASES)
@settings(max_examples=NIGHTLY, **QUIETLY)
@given(changes=CHANGES, damage=DAMAGE)
def test_ten_thousand_mutations_end_in_sound_rows_or_a_source_error(case, changes, damage):
    survives(case, changes, damage)
