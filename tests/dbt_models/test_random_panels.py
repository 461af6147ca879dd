"""The models on a user's own folder: drawn prices with holes, twins, constants and short lives."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.dbt_models.compare import compare_firms, compare_tests
from tests.dbt_models.oracle import Study
from tests.dbt_models.random_panel import write_panel
from tests.warehouse_builder import build_warehouse

SELECTED = ("+fct_selloff_firm", "+fct_selloff_daily", "+fct_selloff_tests", "+selloff_summary")


def build(folder: Path, seed: int, factor: str = "MKT") -> tuple[Path, list[str]]:
    events = write_panel(folder / "data", seed, factor)
    return build_warehouse(folder / "out", folder / "data", select=SELECTED), events


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("panel")
    path, events = build(folder, seed=20250326)
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection, Study(folder / "data"), events


def test_every_firm_agrees_with_statsmodels(panel):
    connection, study, events = panel
    met = set()
    for event_id in events:
        met |= compare_firms(connection, study, event_id)
    assert met == {
        "ok", "no_price", "no_return", "no_factor", "insufficient", "no_variance",
        "incomplete_window",
    }  # fmt: skip


def test_every_test_agrees_with_scipy(panel):
    connection, study, events = panel
    # Twins have no spread of their own: SciPy divides by rounding there, so they have a test below.
    every_group = study.groups
    study.groups = every_group[every_group.group_id != "twins"]
    n_compared = sum(compare_tests(connection, study, event_id) for event_id in events)
    study.groups = every_group
    assert n_compared > 100


def test_firms_without_spread_give_no_cross_sectional_statistic(panel):
    connection, _, _ = panel
    rows = dict(
        connection.execute(
            """
            select test_id, status from marts.fct_selloff_tests
            where study_id = 'main' and group_id = 'twins' and window_id = '[0,0]'
            """
        ).fetchall()
    )
    assert rows["cross_sectional_t"] == rows["bmp"] == rows["kolari_pynnonen"] == "no_spread"
    assert rows["portfolio_t"] == rows["patell"] == "ok"


def test_one_firm_alone(panel):
    connection, _, _ = panel
    rows = {
        row[0]: row[1:]
        for row in connection.execute(
            """
            select test_id, status, statistic, effective_n from marts.fct_selloff_tests
            where study_id = 'main' and group_id = 'alone' and window_id = '[-1,1]'
            """
        ).fetchall()
    }
    assert rows["cross_sectional_t"][0] == "too_few_firms"
    assert rows["portfolio_t"][0] == "ok"
    assert rows["portfolio_t"][2] == 1
    (firm_t,) = connection.execute(
        """
        select car_t_pred from marts.fct_selloff_firm
        where event_id = 'main' and ticker = 'AAA' and window_id = '[-1,1]'
        """
    ).fetchone()
    assert rows["portfolio_t"][1] == pytest.approx(firm_t, rel=1e-12)


def test_pairs_without_common_sessions_are_dropped_and_counted(panel):
    connection, _, _ = panel
    row = connection.execute(
        """
        select n_firms, n_pairs_dropped, rbar, status from marts.fct_selloff_tests
        where study_id = 'main' and group_id = 'strangled' and window_id = '[0,0]'
            and test_id = 'kolari_pynnonen'
        """
    ).fetchone()
    assert row == (2, 1, None, "no_correlation")


def test_events_outside_the_data_have_a_status_and_no_figure(panel):
    connection, _, _ = panel
    rows = connection.execute(
        """
        select distinct event_id, status, raw_return, t0 from marts.selloff_summary
        where event_id in ('future', 'ancient') order by event_id
        """
    ).fetchall()
    assert [row[:3] for row in rows] == [
        ("ancient", "before_data", None),
        ("future", "future_event", None),
    ]
    assert rows[0][3] is None


def test_gaps_are_counted_and_never_bridged(panel):
    connection, study, _ = panel
    (n_gap_days, n_est), *_ = connection.execute(
        """
        select n_gap_days, n_est from marts.fct_selloff_firm
        where event_id = 'main' and ticker = 'HOLES' and window_id = '[0,0]'
        """
    ).fetchall()
    sessions = study.estimation_sessions(study.position("main"))
    closes = study.closes["HOLES"]
    gaps = closes.notna() & closes.shift(1).isna() & closes.shift(1).ffill().notna()
    assert n_gap_days == gaps.reindex(sessions).sum() > 5
    assert n_est < 150 - n_gap_days


def test_missing_columns_and_files_leave_figures_missing(panel):
    connection, _, _ = panel
    assert connection.execute(
        """
        select count(gap), count(volume_ratio), count(intraday_low_usd), count(btc_return),
            count(hpc_contracted_mw), count(raw_return) > 50
        from marts.selloff_summary
        """
    ).fetchone() == (0, 0, 0, 0, 0, True)


@pytest.mark.parametrize(("factor", "status"), [("CONSTANT", "collinear"), ("NONE", "no_factor")])
def test_a_useless_market_factor_gives_a_status(tmp_path, factor, status):
    path, _ = build(tmp_path, seed=7, factor=factor)
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = dict(
            connection.execute(
                """
                select ticker, (status, car) from marts.fct_selloff_firm
                where event_id = 'main' and window_id = '[0,0]'
                """
            ).fetchall()
        )
        assert rows["AAA"] == (status, None)
        assert rows["GHOST"] == ("no_price", None)
        assert connection.execute(
            "select count(statistic), count(*) > 0 from marts.fct_selloff_tests"
        ).fetchone() == (0, True)
