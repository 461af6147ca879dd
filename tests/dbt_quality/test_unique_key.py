"""Repeated keys are found in whatever order the rows stand; where they rise, none is counted."""

from __future__ import annotations

from collections import Counter

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dbt_quality.conftest import CompiledTest

NAME = "unique_key_selloff_summary_event_id__ticker"
ROWS_OF_MANY_GROUPS = 400_000


@pytest.fixture(scope="module")
def check(compiled_tests: dict[str, CompiledTest]) -> str:
    return compiled_tests[NAME].sql


def _holding(select: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("ATTACH ':memory:' AS miner_warehouse")
    connection.execute("CREATE SCHEMA miner_warehouse.marts")
    connection.execute(f"CREATE TABLE miner_warehouse.marts.selloff_summary AS {select}")
    return connection


@settings(deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.one_of(st.none(), st.sampled_from(["A", "B", "a", "Á"])),
            st.one_of(st.none(), st.sampled_from(["M", "N"])),
        ),
        max_size=7,
    )
)
def test_it_finds_what_counting_every_key_finds(
    check: str, rows: list[tuple[str | None, str | None]]
) -> None:
    empty = "SELECT ''::VARCHAR AS event_id, ''::VARCHAR AS ticker LIMIT 0"
    with _holding(empty) as connection:
        if rows:
            connection.executemany(
                "INSERT INTO miner_warehouse.marts.selloff_summary VALUES (?, ?)", rows
            )
        found = {(event, ticker): n for event, ticker, n in connection.execute(check).fetchall()}
    assert found == {key: n for key, n in Counter(rows).items() if n > 1}


@pytest.mark.parametrize("order", ["place", "-place", "hash(place)"])
def test_one_repeated_key_among_many_rows_is_found_in_any_order(check: str, order: str) -> None:
    keys = (
        f"SELECT 'e' AS event_id, printf('%07d', place - (place = 200_000)::INT) AS ticker "
        f"FROM range({ROWS_OF_MANY_GROUPS}) AS t (place) ORDER BY {order}"
    )
    with _holding(keys) as connection:
        connection.execute("SET threads = 4")
        assert connection.execute(check).fetchall() == [("e", "0199999", 2)]


def test_rows_that_rise_are_not_counted(check: str) -> None:
    keys = (
        "SELECT 'e' AS event_id, printf('%07d', place) AS ticker "
        f"FROM range({ROWS_OF_MANY_GROUPS}) AS t (place)"
    )

    def groups_counted(order: str) -> int:
        with _holding(f"{keys} ORDER BY {order}") as connection:
            connection.execute("SET enable_profiling = 'no_output'")
            assert connection.execute(check).fetchall() == []
            return _rows_of_grouping(connection.get_profiling_information(format="json"))

    assert groups_counted("place") == 0
    assert groups_counted("-place") == ROWS_OF_MANY_GROUPS


def _rows_of_grouping(profile: str) -> int:
    import json

    waiting, most = [json.loads(profile)], 0
    while waiting:
        node = waiting.pop()
        waiting += node.get("children", [])
        if "GROUP_BY" in node.get("operator_type", ""):
            most = max(most, node["operator_cardinality"])
    return most
