"""Order by a key, told by neighbours: what sorting and counting would say."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.warehouse.key_order import in_key_order

ROWS_OF_MANY_GROUPS = 400_000


def _holding(rows: list[tuple[str | None, int | None]]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute('CREATE TABLE kept (ticker VARCHAR, "a day" INTEGER)')
    if rows:
        connection.executemany("INSERT INTO kept VALUES (?, ?)", rows)
    return connection


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.sampled_from(["A", "B", "a", "Á"])),
            st.one_of(st.none(), st.integers(0, 2)),
        ),
        max_size=5,
    )
)
def test_it_holds_where_keys_are_there_and_rise(rows: list[tuple[str | None, int | None]]) -> None:
    keys = [
        (ticker.encode(), day) for ticker, day in rows if ticker is not None and day is not None
    ]
    expected = len(keys) == len(rows) and keys == sorted(set(keys))
    with _holding(rows) as connection:
        assert in_key_order(connection, "kept", ("ticker", "a day")) is expected


@pytest.mark.parametrize("place", [0, 200_000, ROWS_OF_MANY_GROUPS - 1])
@pytest.mark.parametrize("fault", ["repeated", "missing"])
def test_one_fault_among_many_rows_is_seen_on_every_thread(place: int, fault: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 4")
        connection.execute(f"CREATE TABLE kept AS FROM range({ROWS_OF_MANY_GROUPS}) AS t (n)")
        assert in_key_order(connection, "kept", ("n",))
        # The row before, or after the first one, has this key already.
        wrong = "NULL" if fault == "missing" else f"{place - 1 if place else 1}"
        connection.execute(f"UPDATE kept SET n = {wrong} WHERE n = {place}")
        assert not in_key_order(connection, "kept", ("n",))
