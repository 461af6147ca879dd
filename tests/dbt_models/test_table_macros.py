"""The one-line questions: whom they answer, and what they say to a wrong name."""

from __future__ import annotations

import itertools
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


# Each argument of marts.scenario and the assumption whose place it takes.
SCENARIO_ARGUMENTS = {
    "share_pct": "share_converted_pct",
    "ramp": "ramp_years",
    "horizon": "horizon_years",
    "discount_pct": "discount_rate_pct",
    "revenue_usd": "revenue_per_mw_year_usd",
    "utilisation": "utilisation_pct",
    "margin": "margin_pct",
    "capex_usd": "capex_per_mw_usd",
    "pue_ratio": "pue",
    "efficiency": "mining_efficiency_j_th",
    "power_usd": "power_price_usd_mwh",
    "uptime": "mining_uptime_pct",
    "mean_days": "hashprice_mean_days",
    "dc_ev_usd": "dc_ev_per_mw_usd",
    "own_ev_usd": "own_ev_per_mw_usd",
    "hashprice_usd": "hashprice_usd_ph",
}


def test_a_scenario_without_arguments_is_the_mart(reader):
    """The formula stands in the models and in the macro: this holds the two together."""
    same = (
        "scenario_id, as_of_date, ticker, status, gross_power_mw, share_converted, "
        "converted_gross_mw, converted_it_mw, hashprice_usd_ph, hashprice_source, hashprice_date, "
        "forgone_mining_margin_per_mw_usd, npv_per_mw_usd, npv_usd, mean_yearly_profit_usd, "
        "capex_usd, multiple_uplift_per_mw_usd, multiple_uplift_usd, market_cap_usd, "
        "npv_share_of_market_cap, multiple_uplift_share_of_market_cap"
    )
    days = reader.execute(
        "select distinct scenario_id, as_of_date from marts.fct_valuation_scenario"
    ).fetchall()
    assert len(days) == 5
    for scenario, day in days:
        told = reader.execute(
            f"select {same} from marts.scenario(?, ?) order by ticker", [scenario, day]
        ).fetchall()
        kept = reader.execute(
            f"select {same} from marts.fct_valuation_scenario "
            "where scenario_id = ? and as_of_date = ? order by ticker",
            [scenario, day],
        ).fetchall()
        assert told == kept


def test_a_scenario_with_one_argument_is_the_sensitivity(reader):
    argument_of = {assumption: name for name, assumption in SCENARIO_ARGUMENTS.items()}
    rows = reader.execute(
        "select scenario_id, as_of_date, assumption, value, npv_per_mw_usd, npv_usd, "
        "mean_yearly_profit_per_mw_usd, multiple_uplift_per_mw_usd "
        "from marts.fct_scenario_sensitivity"
    ).fetchall()
    assert len(rows) > 100
    for scenario, day, assumption, value, *kept in rows:
        told = reader.execute(
            "select any_value(npv_per_mw_usd), sum(npv_usd), "
            "any_value(mean_yearly_profit_per_mw_usd), any_value(multiple_uplift_per_mw_usd) "
            f"from marts.scenario(?, ?, {argument_of[assumption]} := ?)",
            [scenario, day, value],
        ).fetchone()
        assert told == pytest.approx(kept, rel=1e-12), (scenario, day, assumption, value)


@pytest.mark.parametrize("argument", SCENARIO_ARGUMENTS)
def test_each_argument_takes_the_place_of_its_assumption(reader, argument):
    """The published value given as an argument changes nothing; another one changes something."""
    value = reader.execute(
        "select coalesce(max(value) filter (where assumption = ?), "
        "(select any_value(hashprice_usd_ph) from marts.scenario('vaneck_2024', '2025-03-25'))) "
        "from marts.dim_scenario_assumption where scenario_id = 'vaneck_2024'",
        [SCENARIO_ARGUMENTS[argument]],
    ).fetchone()[0]
    figures = (
        "select npv_usd, mean_yearly_profit_usd, multiple_uplift_usd "
        "from marts.scenario('vaneck_2024', '2025-03-25'{}) where ticker = 'IREN'"
    )
    published = reader.execute(figures.format("")).fetchone()
    named = f", {argument} := ?"
    assert reader.execute(figures.format(named), [value]).fetchone() == published
    # A horizon is of whole years; a PUE of 1 is the least there is.
    other = reader.execute(figures.format(named), [value + 1]).fetchone()
    assert other != published
    assert None not in other


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("('?', '2025-03-25')", "There is no scenario '?'. Scenarios: hosting_contract,"),
        ("('vaneck_2024', '2025-03-26')", "is not computed for 2025-03-26. Days: 2024-08-16,"),
        ("('vaneck_2024', 'soon')", "is not computed for soon."),
        ("('vaneck_2024', '2025-03-25', share_pct := 101)", "out of its bounds"),
        ("('vaneck_2024', '2025-03-25', horizon := 1e9)", "out of its bounds"),
        ("('vaneck_2024', '2025-03-25', pue_ratio := 0)", "out of its bounds"),
        ("('vaneck_2024', '2025-03-25', ramp := 0)", "out of its bounds"),
        ("('vaneck_2024', '2025-03-25', hashprice_usd := -1)", "out of its bounds"),
        ("('vaneck_2024', '2025-03-25', discount_pct := 'nan'::double)", "out of its bounds"),
        ("('vaneck_2024', '2025-03-25', revenue_usd := 'inf'::double)", "out of its bounds"),
    ],
)
def test_a_scenario_that_has_no_meaning_is_refused(reader, question, answer):
    with pytest.raises(duckdb.InvalidInputException) as refused:
        reader.execute(f"select npv_usd from marts.scenario{question}").fetchall()
    assert answer in str(refused.value)


def test_a_misspelt_set_and_its_help_lead_to_answers(reader):
    """The queries that the messages name run as they stand."""
    assert reader.execute("select event_id, title, t0 from marts.dim_event").fetchall()
    assert reader.execute("select study_id, description from marts.dim_study").fetchall()
    assert reader.execute(
        "select events from marts.dim_study where study_id = 'contract_wins'"
    ).fetchall()


def test_exposure_is_that_of_the_day_and_no_later(reader):
    """Figures of fct_ai_exposure, row by row; a date and its text ask the same."""
    told = reader.execute(
        'select ticker, hpc_contracted_mw, hpc_status, "rank", known_date '
        "from marts.exposure_on('2024-06-02') order by ticker"
    ).fetchall()
    kept = reader.execute(
        "select ticker, hpc_contracted_mw, hpc_status, exposure_rank, known_date "
        "from marts.fct_ai_exposure where as_of_date = date '2024-06-02' order by ticker"
    ).fetchall()
    assert told == kept
    assert len(told) == 14
    mw = "select hpc_contracted_mw from marts.exposure_on({}) where ticker = 'CORZ'"
    # The 200 MW of 3 June 2024 were public at the end of that day, not before.
    assert reader.execute(mw.format("'2024-06-02'")).fetchall() == [(16,)]
    assert reader.execute(mw.format("date '2024-06-03'")).fetchall() == [(200,)]
    late = reader.execute(
        "select count(*) from marts.exposure_on('2024-06-02') where known_date > '2024-06-02'"
    ).fetchone()
    assert late == (0,)


def test_changes_of_exposure_are_the_days_on_which_a_figure_differs(reader):
    changes = _rows(reader.execute("from marts.exposure_changes('corz')"))
    days = reader.execute(
        "select as_of_date, hpc_contracted_mw, hpc_contracted_basis, hpc_status "
        "from marts.fct_ai_exposure where ticker = 'CORZ' order by as_of_date"
    ).fetchall()
    expected = [days[0]] + [
        day for before, day in itertools.pairwise(days) if before[1:] != day[1:]
    ]
    assert [
        (c["since_date"], c["hpc_contracted_mw"], c["hpc_contracted_basis"], c["hpc_status"])
        for c in changes
    ] == expected
    by_mw = {row["hpc_contracted_mw"]: row["change_mw"] for row in changes}
    assert by_mw[590] == 90
    # From megawatts of an unknown kind to critical IT load there is no difference to state.
    assert by_mw[200] is None


def test_hashprice_between_days_keeps_both_and_counts_from_the_first(reader):
    rows = _rows(reader.execute("from marts.hashprice_between('2025-03-25', '2025-03-27')"))
    assert [row["date_utc"].isoformat() for row in rows] == [
        "2025-03-25",
        "2025-03-26",
        "2025-03-27",
    ]
    first = rows[0]["hashprice_usd_ph"]
    assert [row["change_since_first"] for row in rows] == [
        pytest.approx(row["hashprice_usd_ph"] / first - 1, abs=1e-15) for row in rows
    ]
    # Days beyond the data are left out, not invented.
    assert reader.execute(
        "select max(date_utc) = (select max(date_utc) from marts.fct_mining_economics) "
        "from marts.hashprice_between(date '2025-08-01', '2099-01-01')"
    ).fetchone() == (True,)


def test_claims_that_speak_of_something(reader):
    everything = _rows(reader.execute("from marts.claims()"))
    total = reader.execute("select count(*) from marts.fct_claim_checks").fetchone()
    assert (len(everything),) == total
    order = ["fails", "partly", "holds", "not checkable"]
    ranks = [order.index(row["verdict"]) for row in everything]
    assert ranks == sorted(ranks)

    of_microsoft = _rows(reader.execute("from marts.claims('Microsoft')"))
    assert "msft-2gw" in {row["claim_id"] for row in of_microsoft}
    assert len(of_microsoft) < len(everything)
    # What is asked for is text: signs that mean something in patterns mean themselves.
    assert len(_rows(reader.execute("from marts.claims('MSFT-2GW')"))) == 3
    with pytest.raises(duckdb.InvalidInputException, match="No claim speaks of 'msft_2gw'"):
        reader.execute("from marts.claims('msft_2gw')").fetchall()


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("from marts.exposure_on('March')", "'March' is not a day. Write it like '2025-03-25'"),
        ("from marts.exposure_on(NULL)", "'NULL' is not a day"),
        (
            "select count(*) from marts.exposure_on('2035-01-01')",
            "Exposure is known from 2024-01-02 to 2026-03-02, not on 2035-01-01",
        ),
        ("from marts.exposure_changes('XYZ')", "There is no miner 'XYZ'. Miners: APLD, BITF,"),
        ("from marts.exposure_changes(NULL)", "There is no miner 'NULL'."),
        (
            "from marts.hashprice_between('2025-03-01', 'x')",
            "'2025-03-01' to 'x' are not two days.",
        ),
        (
            "from marts.hashprice_between('2025-03-02', '2025-03-01')",
            "The first day is after the last; swap them",
        ),
        (
            "from marts.hashprice_between('2035-03-01', '2035-03-02')",
            "Hashprice is known from 2024-01-01 to 2025-08-31, not between 2035-03-01",
        ),
        ("select count(*) from marts.claims('?')", "No claim speaks of '?'. All of them:"),
    ],
)
def test_a_wrong_day_or_miner_is_an_error_that_helps(reader, question, answer):
    with pytest.raises(duckdb.InvalidInputException) as refused:
        reader.execute(question).fetchall()
    assert answer in str(refused.value)
