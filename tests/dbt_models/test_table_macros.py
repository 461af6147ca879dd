"""The one-line questions: whom they answer, and what they say to a wrong name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest


@pytest.fixture(scope="module")
def reader(marts_with_macros: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A plain connection as a reader opens it."""
    with duckdb.connect(str(marts_with_macros), read_only=True) as connection:
        yield connection


def _rows(cursor: duckdb.DuckDBPyConnection) -> list[dict]:
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_firms_of_an_event_the_worst_first(reader):
    rows = _rows(reader.execute("from marts.selloff('msft-2gw-mar')"))
    with_return = [row for row in rows if row["raw_return"] is not None]
    assert [row["rank"] for row in with_return] == list(range(1, 19))
    returns = [row["raw_return"] for row in with_return]
    assert returns == sorted(returns)
    assert rows[: len(with_return)] == with_return

    corz = next(row for row in rows if row["ticker"] == "CORZ")
    assert (corz["rank"], corz["name"], corz["role"]) == (2, "Core Scientific", "miner")
    assert (corz["hpc_contracted_mw"], corz["hpc_status"]) == (590, "stated")
    assert corz["firm_verdict"] == (
        "-8.8% beyond what market_model expects: no more than its ordinary day brings (p 0.115)"
    )
    assert corz["role_verdict"].startswith("On the event session the 11 firms moved -3.7%")
    assert corz["focal_verdict"].startswith("On the event session the 6 firms moved -2.7%")

    vrt = next(row for row in rows if row["ticker"] == "VRT")
    assert vrt["firm_verdict"].endswith(
        "more than its ordinary day brings, looked at alone (p 0.042)"
    )
    assert vrt["focal_verdict"] is None


def test_its_figures_are_those_of_the_summary(reader):
    columns = (
        "ticker, name, role, raw_return, abnormal_return, p_two_sided, hpc_contracted_mw, "
        "hpc_status, status"
    )
    for (event,) in reader.execute("select event_id from marts.dim_event").fetchall():
        told = reader.execute(
            f"select {columns} from marts.selloff(?) order by ticker", [event]
        ).fetchall()
        kept = reader.execute(
            f"select {columns} from marts.selloff_summary where event_id = ? order by ticker",
            [event],
        ).fetchall()
        assert told == kept


def test_every_firm_has_a_verdict_in_words(reader):
    for (event,) in reader.execute("select event_id from marts.dim_event").fetchall():
        missing = reader.execute(
            "select ticker from marts.selloff(?) where firm_verdict is null "
            "or role_verdict is null",
            [event],
        ).fetchall()
        assert missing == [], event


def test_an_event_without_prices_says_so_row_by_row(reader):
    rows = _rows(reader.execute("from marts.selloff('aligned-40bn')"))
    assert len(rows) == 22
    assert {row["status"] for row in rows} == {"future_event"}
    assert {row["rank"] for row in rows} == {None}
    assert {row["firm_verdict"] for row in rows} == {"the prices end before this news"}
    assert {row["role_verdict"] for row in rows} == {
        "The prices end before this news: there is nothing to test yet."
    }


def test_tests_that_may_be_believed_stand_first(reader):
    rows = _rows(
        reader.execute("from marts.selloff_tests('msft-2gw-mar', 'miners', model := 'market_btc')")
    )
    assert [row["may_be_believed"] for row in rows] == [True] * 8 + [False] * 4
    says = {row["test_id"]: row["says"] for row in rows}
    assert says["kolari_pynnonen"] == "no more than chance brings (p 0.164)"
    assert says["bmp"] == (
        "more than chance brings (p 0.002); takes 11 for independent that count for about 2.0"
    )


def test_tests_take_the_headline_model_and_the_event_session_unless_told(reader):
    default = reader.execute("from marts.selloff_tests('msft-2gw-mar', 'focal')").fetchall()
    named = reader.execute(
        "from marts.selloff_tests('msft-2gw-mar', 'focal', model := 'market_model', "
        "days := '[0,0]')"
    ).fetchall()
    other = reader.execute(
        "from marts.selloff_tests('msft-2gw-mar', 'focal', days := '[-1,1]')"
    ).fetchall()
    assert default == named
    assert default != other


def test_a_test_without_a_value_says_why(reader):
    (says,) = reader.execute(
        "select says from marts.selloff_tests('amzn-capex-feb', 'named') where test_id = 'bmp'"
    ).fetchall()
    assert says == ("has no value: too_few_firms",)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (
            "from marts.selloff('msft-2gw-march')",
            "There is no event 'msft-2gw-march'. Did you mean 'msft-2gw-mar'? List them with: "
            "select event_id, title, t0 from marts.dim_event",
        ),
        ("select count(*) from marts.selloff('?')", "There is no event '?'. List them with"),
        ("select 1 from marts.selloff(NULL) limit 0", None),
        ("select ticker from marts.selloff(NULL)", "There is no event 'NULL'."),
        ("select 1 from marts.selloff('?') where raw_return > 9", "There is no event '?'."),
        ("from marts.selloff('contract_wins')", "'contract_wins' is a set of events."),
        ("from marts.selloff_tests('?', 'miners')", "There is no study '?'. List them with"),
        (
            "from marts.selloff_tests('contract_wins', 'miner')",
            "There is no group 'miner'. Groups: ai_infrastructure, focal, hyperscalers, miners,",
        ),
        (
            "from marts.selloff_tests('contract_wins', 'miners', model := '?')",
            "There is no model '?'. Models: market_adjusted, market_btc,",
        ),
        (
            "from marts.selloff_tests('contract_wins', 'miners', days := '[9,9]')",
            "There is no window '[9,9]'. Windows: [-1,1], [-5,5], [0,0],",
        ),
    ],
)
def test_a_wrong_name_is_an_error_that_helps(reader, question, answer):
    if answer is None:
        # Nothing is asked of the table, so nothing is looked up.
        assert reader.execute(question).fetchall() == []
        return
    with pytest.raises(duckdb.InvalidInputException) as refused:
        reader.execute(question).fetchall()
    assert answer in str(refused.value)


def test_a_misspelt_set_and_its_help_lead_to_answers(reader):
    """The queries that the messages name run as they stand."""
    assert reader.execute("select event_id, title, t0 from marts.dim_event").fetchall()
    assert reader.execute("select study_id, description from marts.dim_study").fetchall()
    assert reader.execute(
        "select events from marts.dim_study where study_id = 'contract_wins'"
    ).fetchall()
