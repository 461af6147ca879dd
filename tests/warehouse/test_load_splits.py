"""A split rewrites a history in a recorded way: all rows, every old value kept, and the reason."""

from __future__ import annotations

from datetime import date

import pytest

from dagster_project.errors import LoadRefused


def test_a_new_split_replaces_the_history_and_keeps_every_old_value(loading, prices):
    before = prices()
    first = loading.load("equity_prices", before)
    # A vendor whose prices are adjusted answers with the whole history anew after a 4:1 split.
    after = [row | {"close": row["close"] / 4} for row in before[:150]] + before[150:]
    ex_date = before[150]["session_date"]
    split = loading.load(
        "equity_splits", [{"ticker": "AAA", "ex_date": ex_date, "ratio": 4}], complete=False
    )
    second = loading.load("equity_prices", after, complete=False)

    assert (split.inserted, second.updated, second.unchanged, second.removed) == (1, 150, 50, 0)
    assert loading.query("SELECT close FROM raw.equity_prices ORDER BY session_date") == [
        (row["close"],) for row in after
    ]
    kept = loading.query(
        "SELECT (old_row->>'session_date')::DATE, (old_row->>'close')::DOUBLE, changed_columns, "
        "old_batch_id, new_batch_id FROM ingest.revisions ORDER BY 1"
    )
    assert kept == [
        (row["session_date"], row["close"], ["close"], first.batch_id, second.batch_id)
        for row in before[:150]
    ]
    # The split row says by what: old close over new close, on every session before its ex-date.
    explained = loading.query(
        "SELECT count(*), min((old_row->>'close')::DOUBLE / stored.close), "
        "max((old_row->>'close')::DOUBLE / stored.close), min(splits.ratio) "
        "FROM ingest.revisions JOIN raw.equity_prices AS stored "
        "ON stored.ticker = (old_row->>'ticker') "
        "AND stored.session_date = (old_row->>'session_date')::DATE "
        "JOIN raw.equity_splits AS splits "
        "ON splits.ticker = stored.ticker AND stored.session_date < splits.ex_date"
    )
    assert explained == [(150, pytest.approx(4, rel=1e-12), pytest.approx(4, rel=1e-12), 4.0)]


def test_the_history_before_the_split_can_be_read_back(loading, prices):
    """Stored rows with their first old values laid over them are what was stored before."""
    before = prices(count=20)
    loading.load("equity_prices", before)
    loading.load("equity_prices", [row | {"close": row["close"] / 10} for row in before])
    loading.load("equity_prices", [row | {"close": row["close"] / 30} for row in before])
    read_back = loading.query(
        "SELECT (old_row->>'session_date')::DATE AS day, "
        "arg_min((old_row->>'close')::DOUBLE, revised_at) "
        "FROM ingest.revisions GROUP BY day ORDER BY day"
    )
    assert read_back == [(row["session_date"], row["close"]) for row in before]
    assert loading.query("SELECT count(*) FROM ingest.revisions") == [(40,)]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"ratio": 1}, "nothing was split"),
        ({"ratio": 0}, "not above 0"),
        ({"ratio": -2}, "not above 0"),
        ({"ratio": None}, "value is missing"),
        ({"ticker": "ZZZ"}, "is not in companies"),
    ],
)
def test_a_split_that_cannot_be_is_refused(loading, change, part):
    row = {"ticker": "AAA", "ex_date": date(2025, 3, 3), "ratio": 2} | change
    with pytest.raises(LoadRefused) as refused:
        loading.load("equity_splits", [row])
    assert part in str(refused.value)
    assert loading.rows("equity_splits") == []


def test_two_ratios_for_one_day_contradict_each_other(loading):
    rows = [{"ticker": "AAA", "ex_date": date(2025, 3, 3), "ratio": ratio} for ratio in (2, 3)]
    with pytest.raises(LoadRefused, match="different"):
        loading.load("equity_splits", rows)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"amount_usd": 0}, "not above 0"),
        ({"amount_basis": None}, "value is missing"),
        ({"amount_basis": "gross"}, "is none of as_paid, split_adjusted"),
    ],
)
def test_a_dividend_without_its_basis_is_refused(loading, change, part):
    row = {
        "ticker": "AAA",
        "ex_date": date(2025, 3, 3),
        "amount_usd": 0.25,
        "amount_basis": "as_paid",
    }
    loading.load("equity_dividends", [row])
    with pytest.raises(LoadRefused) as refused:
        loading.load("equity_dividends", [row | change])
    assert part in str(refused.value)
