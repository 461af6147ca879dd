"""The sell-off marts on the bundled figures: against the oracle and the published closes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from scipy import stats

from dagster_project.settings import BUNDLED_DATA_DIR
from tests.event_study.compare import compare_betas, compare_firms, compare_tests
from tests.event_study.oracle import Study

SEED_EVENT = "msft-2gw-mar"
COMPARED_EVENTS = (
    SEED_EVENT,
    "halving-2024",  # short estimation windows everywhere
    "corz-coreweave-200",  # after the close; Core Scientific's estimation starts at relisting
    "msft-lease-cancel-feb",  # weekend news
    "coreweave-ipo",  # a firm on its first day
    "wulf-fluidstack",  # near the end of the data
)
BUNDLED_SETS = ("ai_demand_negative", "ai_demand_positive", "contract_wins")


@pytest.fixture(scope="module")
def marts(built_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_warehouse), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def bundled_study(marts) -> Study:
    study = Study(BUNDLED_DATA_DIR)
    # Exposure has its own tests; here it only says who is in a group.
    study.exposure = marts.execute(
        "select ticker, as_of_date::timestamp as as_of_date, hpc_contracted_mw "
        "from marts.fct_ai_exposure"
    ).df()
    return study


@pytest.mark.parametrize(
    "event_id",
    [
        *COMPARED_EVENTS[:2],
        *(pytest.param(event_id, marks=pytest.mark.slow) for event_id in COMPARED_EVENTS[2:]),
    ],
)
def test_firms_agree_with_statsmodels(marts, bundled_study, event_id):
    met = compare_firms(marts, bundled_study, event_id)
    assert all("ok" in statuses for statuses in met.values())
    assert compare_betas(marts, bundled_study, event_id) > 50


@pytest.mark.slow
def test_every_test_of_the_seed_event_agrees_with_scipy(marts, bundled_study):
    assert compare_tests(marts, bundled_study, SEED_EVENT) > 2000


@pytest.mark.parametrize(
    "study_id",
    [
        SEED_EVENT,
        "ai_demand_negative",
        *(
            pytest.param(study_id, marks=pytest.mark.slow)
            for study_id in (*COMPARED_EVENTS[1:], *BUNDLED_SETS)
            if study_id != "ai_demand_negative"
        ),
    ],
)
def test_tests_agree_with_scipy(marts, bundled_study, study_id):
    chosen = bundled_study.only(("market_model", "market_btc_masked"), ("[0,0]", "[-1,1]"))
    assert compare_tests(marts, chosen, study_id) >= 60


@pytest.mark.parametrize(
    ("ticker", "percent"),
    [
        ("CORZ", -11.9),
        ("RIOT", -7.2),
        ("CLSK", -7.0),
        ("BITF", -6.9),
        ("HUT", -5.3),
        ("MARA", -3.2),
    ],
)
def test_close_to_close_returns_of_the_six(marts, ticker, percent):
    (raw_return,) = marts.execute(
        "select raw_return from marts.selloff_summary where event_id = ? and ticker = ?",
        [SEED_EVENT, ticker],
    ).fetchone()
    assert 100 * raw_return == pytest.approx(percent, abs=0.05)


def test_naive_and_honest_tests_disagree_on_the_six(marts):
    rows = dict(
        marts.execute(
            """
            select test_id, (statistic, p_two_sided, mde_80pct) from marts.fct_selloff_tests
            where study_id = ? and group_id = 'focal' and window_id = '[0,0]'
                and model_id = 'market_model'
            """,
            [SEED_EVENT],
        ).fetchall()
    )
    assert rows["cross_sectional_t"][0] == pytest.approx(-2.0, abs=0.05)
    assert rows["cross_sectional_t"][1] == pytest.approx(0.10, abs=0.005)
    assert rows["kolari_pynnonen"][0] == pytest.approx(-0.65, abs=0.02)
    assert rows["portfolio_t"][0] == pytest.approx(-0.6, abs=0.02)
    assert rows["portfolio_t"][2] == pytest.approx(0.12, abs=0.005)


def test_parts_sum_to_the_raw_return_for_every_priced_firm(marts):
    n_firms, largest = marts.execute(
        """
        select
            count(*),
            max(abs(market_part + bitcoin_part + intercept_part + abnormal_return - raw_return))
        from marts.selloff_summary where status = 'ok'
        """
    ).fetchone()
    assert n_firms > 400
    assert largest <= 1e-12


def test_every_event_and_firm_has_its_row(marts):
    rows = marts.execute(
        """
        select
            (select count(*) from marts.selloff_summary),
            (select count(*) from marts.dim_event)
            * (
                select count(*) from marts.dim_company
                where role in ('miner', 'hyperscaler', 'ai_infrastructure')
            )
        """
    ).fetchone()
    assert rows[0] == rows[1] > 0


def test_statistics_are_missing_where_the_status_is_not_ok(marts):
    counts = dict(
        marts.execute(
            """
            select status, count(car) + count(car_t_pred) + count(sq_p_lower) + count(bhar)
            from marts.fct_selloff_firm group by status
            """
        ).fetchall()
    )
    assert {"ok", "no_price", "no_return", "insufficient", "future_event"} <= set(counts)
    assert [status for status, count in counts.items() if count > 0] == ["ok"]


def test_summary_p_is_the_one_day_window_p(marts):
    largest, n_rows = marts.execute(
        """
        select max(abs(summary.p_two_sided - firm.car_p_pred)), count(firm.car_p_pred)
        from marts.selloff_summary as summary
        inner join marts.fct_selloff_firm as firm
            using (event_id, ticker, model_id)
        where firm.window_id = '[0,0]'
        """
    ).fetchone()
    assert n_rows > 400
    assert largest < 1e-12


def test_rule_t0_differs_from_the_ledger_only_where_the_curator_waited(marts):
    differing = marts.execute(
        "select event_id, t0::varchar from marts.dim_event where t0 <> stated_t0"
    ).fetchall()
    assert differing == [("msft-ohio-pause", "2025-04-07")]


def test_low_of_the_day_and_gap_are_against_the_previous_close(marts):
    row = marts.execute(
        """
        select intraday_low_return, gap from marts.selloff_summary
        where event_id = ? and ticker = 'MARA'
        """,
        [SEED_EVENT],
    ).fetchone()
    assert row[0] == pytest.approx(-0.055, abs=0.0005)
    assert row[1] == pytest.approx(-0.0035, abs=0.0001)


def test_bitcoin_is_the_spot_etf_at_the_new_york_close_while_it_reaches(marts):
    rows = dict(
        marts.execute(
            """
            select event_id, (btc_factor_source, btc_return)
            from marts.selloff_summary where ticker = 'CORZ'
            """
        ).fetchall()
    )
    assert rows[SEED_EVENT][0] == "spot_etf"
    assert rows[SEED_EVENT][1] == pytest.approx(-0.019, abs=0.0005)
    assert rows["wulf-fluidstack"][0] == "utc_close"
    assert rows["nebius-msft"] == (None, None)


def test_normal_p_of_the_adjusted_test(marts):
    rows = marts.execute(
        """
        select statistic, p_two_sided, p_lower, p_two_sided_t, n_firms
        from marts.fct_selloff_tests where test_id = 'kolari_pynnonen' and status = 'ok'
        """
    ).fetchall()
    assert len(rows) > 300
    for statistic, p_two_sided, p_lower, p_two_sided_t, n_firms in rows:
        assert p_two_sided == pytest.approx(2 * stats.norm.sf(abs(statistic)), rel=1e-10)
        assert p_lower == pytest.approx(stats.norm.cdf(statistic), rel=1e-10)
        expected = 2 * stats.t.sf(abs(statistic), n_firms - 1) if n_firms < 30 else None
        assert p_two_sided_t == (pytest.approx(expected, rel=1e-9) if expected else None)


def test_a_path_ends_where_the_portfolio_test_of_its_window_stands(marts):
    """Of every event, group and model: the path to session 5 and the test of [-5,5]."""
    rows = marts.execute(
        "select path.car_running / path.car_sd_running, tests.statistic "
        "from marts.fct_selloff_path as path inner join marts.fct_selloff_tests as tests "
        "on path.event_id = tests.study_id and path.group_id = tests.group_id "
        "and path.model_id = tests.model_id and tests.window_id = '[-5,5]' "
        "and tests.test_id = 'portfolio_t' where path.rel_day = 5 and tests.status = 'ok'"
    ).fetchall()
    assert len(rows) > 900
    assert [path for path, _ in rows] == pytest.approx([test for _, test in rows], rel=1e-9)


def test_the_band_of_a_path_is_of_the_significance_level(marts):
    rows = marts.execute(
        "select (path.car_running_high - path.car_running) / path.car_sd_running, "
        "(path.car_running - path.car_running_low) / path.car_sd_running, firm.df_resid "
        "from marts.fct_selloff_path as path inner join marts.fct_selloff_firm as firm "
        "on path.event_id = firm.event_id and path.model_id = firm.model_id "
        "where path.event_id = ? and path.group_id = 'focal' and firm.ticker = 'MARA' "
        "and firm.window_id = '[0,0]' and path.model_id = 'market_model'",
        [SEED_EVENT],
    ).fetchall()
    assert len(rows) == 11
    for above, below, df in rows:
        assert above == pytest.approx(stats.t.ppf(0.975, df), rel=1e-9)
        assert below == pytest.approx(above, rel=1e-9)


def test_a_path_stands_beside_the_market_and_bitcoin(marts):
    closes = dict(
        marts.execute(
            "select session_date, close_usd from marts.fct_equity_daily where ticker = 'QQQ'"
        ).fetchall()
    )
    rows = marts.execute(
        "select session_date, market_return_running, market_ticker from marts.fct_selloff_path "
        "where event_id = ? and group_id = 'focal' and is_headline order by rel_day",
        [SEED_EVENT],
    ).fetchall()
    before = closes[max(day for day in closes if day < rows[0][0])]
    for day, running, ticker in rows:
        assert ticker == "QQQ"
        assert running == pytest.approx(closes[day] / before - 1, rel=1e-9)
