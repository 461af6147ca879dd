"""Whatever the batches, their order and their repetition, the same figures end up stored."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.warehouse.load import load

DAYS_USED = 6

# Distinct keys, so that any split of them is free of contradictions.
batches = st.dictionaries(
    keys=st.tuples(st.sampled_from(["AAA", "BBB"]), st.integers(0, DAYS_USED - 1)),
    values=st.tuples(
        st.floats(min_value=0.01, max_value=1e6, allow_nan=False),
        st.one_of(st.none(), st.integers(0, 10**9)),
    ),
    min_size=1,
    max_size=2 * DAYS_USED,
)
steady = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
REVISIONS = "SELECT count(*) FROM ingest.revisions"


@pytest.fixture
def emptied(in_memory_warehouse):
    """The warehouse without prices, at every call."""

    def empty():
        in_memory_warehouse.execute("DELETE FROM raw.equity_prices")
        in_memory_warehouse.execute("DELETE FROM ingest.revisions")
        return in_memory_warehouse

    return empty


@pytest.fixture
def rows_of(prices):
    days = [row["session_date"] for row in prices(count=DAYS_USED)]

    def rows(batch):
        return [
            {"ticker": ticker, "session_date": days[day], "close": close, "volume": volume}
            for (ticker, day), (close, volume) in batch.items()
        ]

    return rows


def stored(connection):
    return connection.execute(
        "SELECT ticker, session_date, close, volume FROM raw.equity_prices ORDER BY ALL"
    ).fetchall()


@steady
@given(batch=batches, data=st.data())
def test_two_halves_in_either_order_and_the_whole_end_the_same(
    emptied, extract_of, rows_of, batch, data
):
    rows = data.draw(st.permutations(rows_of(batch)))
    cut = data.draw(st.integers(0, len(rows)))
    states = []
    for parts in ([rows], [rows[:cut], rows[cut:]], [rows[cut:], rows[:cut], rows[:cut]]):
        connection = emptied()
        for part in parts:
            load(connection, extract_of("equity_prices", part, complete=False))
        states.append(stored(connection))
        assert connection.execute(REVISIONS).fetchall() == [(0,)]
    assert states[0] == states[1] == states[2]
    assert sorted(map(str, states[0])) == sorted(str(tuple(row.values())) for row in rows)


@steady
@given(first=batches, second=batches)
def test_the_last_complete_answer_wins_and_revisions_account_for_the_rest(
    emptied, extract_of, rows_of, first, second
):
    connection = emptied()
    load(connection, extract_of("equity_prices", rows_of(first)))
    report = load(connection, extract_of("equity_prices", rows_of(second)), allow_smaller=True)

    expected = [tuple(row.values()) for row in rows_of(second)]
    assert sorted(map(str, stored(connection))) == sorted(map(str, expected))

    kept = {key for key in first if key in second}
    changed = {key for key in kept if first[key] != second[key]}
    assert report.updated == len(changed)
    assert report.unchanged == len(kept) - len(changed)
    assert report.removed == len(first) - len(kept)
    assert report.inserted == len(second) - len(kept)
    assert connection.execute(REVISIONS).fetchall() == [(report.updated + report.removed,)]
