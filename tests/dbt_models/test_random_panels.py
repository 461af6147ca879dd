"""The pipeline on a user's own folder: synthetic prices with holes, twins, constants, short lives.

Here one panel goes through the SQL around the event-study package; tests/event_study has many.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.event_study.compare import compare_betas, compare_firms, compare_tests
from tests.event_study.oracle import Study
from tests.event_study.oracle_rolling import compare_rolling_betas
from tests.event_study.random_panel import write_panel
from tests.warehouse_builder import build_warehouse

SELECTED = (
    "+fct_selloff_firm",
    "+fct_selloff_betas",
    "+fct_selloff_daily",
    "+fct_selloff_tests",
    "+selloff_summary",
    "+fct_rolling_betas",
)
# Of every method, return kind and oddity one; the others are compared without dbt.
SOME_MODELS = ("mean_adjusted", "market_adjusted_counted", "three_factors", "masked", "bitcoin")


def build(folder: Path, seed: int, *, bare: bool = False) -> tuple[Path, list[str]]:
    events = write_panel(folder / "data", seed, bare=bare)
    return build_warehouse(folder / "out", folder / "data", select=SELECTED), events


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("panel")
    path, events = build(folder, seed=20250326)
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection, Study(folder / "data"), events


def test_every_firm_agrees_with_statsmodels(panel):
    connection, study, events = panel
    met: dict[str, set[str]] = {model.model_id: set() for model in study.models}
    n_slopes = 0
    for event_id in events:
        for model_id, statuses in compare_firms(connection, study, event_id).items():
            met[model_id] |= statuses
        n_slopes += compare_betas(connection, study, event_id)
    everywhere = {"no_price", "no_return", "insufficient"}
    fitted = everywhere | {"ok", "no_variance", "incomplete_window"}
    assert met["repeated"] == everywhere | {"no_factor", "collinear"}
    assert met["mean_adjusted"] == met["bitcoin"] == fitted
    for model_id in ("market_adjusted", "market_model", "three_factors", "masked"):
        assert met[model_id] == fitted | {"no_factor"}, model_id
    assert n_slopes > 300


def test_the_panel_meets_every_source_of_bitcoin_and_masked_sessions(panel):
    connection, study, _ = panel
    rows = dict(
        connection.execute(
            """
            select event_id, any_value(factor_source) from marts.fct_selloff_firm
            where model_id = 'bitcoin' and status = 'ok' group by event_id
            """
        ).fetchall()
    )
    assert rows["main"] == "spot_etf"
    assert rows["weekend"] == rows["factor-hole"] == "new_york_close"
    assert rows["last"] == "utc_close"
    # Five sessions around two events two sessions apart, three around the weekend's news.
    assert study.firm_fit("AAA", study.position("main"), study.model("masked")).n_masked == 8


def test_rolling_betas_agree_with_statsmodels(panel):
    """Holes, a basket whose members come and go, a twin in it, and bitcoin under another name."""
    connection, study, _ = panel
    met = compare_rolling_betas(connection, study, every=19)
    assert met == {
        ("ok", "spot_etf"),
        ("ok", "new_york_close"),
        ("ok", "utc_close"),
        ("short_window", "spot_etf"),
        ("short_window", "new_york_close"),
        ("short_window", "utc_close"),
        ("short_window", ""),
        ("no_variation", "spot_etf"),
        ("no_variation", "new_york_close"),
        ("no_variation", "utc_close"),
        ("no_residual", "spot_etf"),
    }


@pytest.mark.parametrize("study_id", ["main", "picked", "nothing", "young"])
def test_tests_agree_with_scipy(panel, study_id):
    connection, study, _ = panel
    n_compared = compare_tests(connection, study.only(SOME_MODELS, ("[0,0]", "[0,3]")), study_id)
    # The young event has too few sessions before it, and one set matches no event.
    assert n_compared == 0 if study_id in ("young", "nothing") else n_compared > 100


def test_sets_merge_events_of_one_day_and_flag_windows_that_touch(panel):
    connection, _, _ = panel
    rows = dict(
        connection.execute(
            """
            select distinct window_id, (n_events, n_dates, n_overlapping_dates)
            from marts.fct_selloff_tests where study_id = 'early'
            """
        ).fetchall()
    )
    assert rows["[0,0]"] == (3, 2, 0)
    (n_firms,) = connection.execute(
        """
        select n_firms from marts.fct_selloff_tests
        where study_id = 'early' and group_id = 'named' and model_id = 'market_model'
            and window_id = '[0,0]' and test_id = 'bmp'
        """
    ).fetchone()
    # AAA, BBB and CCC once each on the first day (MISSES has no price), AAA, EARLY and STALE later.
    assert n_firms == 6
    touching = connection.execute(
        """
        select distinct n_overlapping_dates from marts.fct_selloff_tests
        where study_id = 'drawn_all' and window_id = '[-1,1]'
        """
    ).fetchall()
    assert touching == [(2,)]


def test_firms_without_spread_give_no_cross_sectional_statistic(panel):
    connection, _, _ = panel
    rows = dict(
        connection.execute(
            """
            select test_id, status from marts.fct_selloff_tests
            where study_id = 'main' and group_id = 'twins' and window_id = '[0,0]'
                and model_id = 'market_model'
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
                and model_id = 'market_model'
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
            and model_id = 'market_model'
        """
    ).fetchone()
    assert rows["portfolio_t"][1] == pytest.approx(firm_t, rel=1e-12)


def test_pairs_without_common_sessions_are_dropped_and_counted(panel):
    connection, _, _ = panel
    row = connection.execute(
        """
        select n_firms, n_pairs_dropped, rbar, status from marts.fct_selloff_tests
        where study_id = 'main' and group_id = 'strangled' and window_id = '[0,0]'
            and model_id = 'market_model'
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
            and model_id = 'market_model'
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
        select count(gap), count(volume_ratio), count(intraday_low_usd),
            count(hpc_contracted_mw), count(raw_return) > 50
        from marts.selloff_summary
        """
    ).fetchone() == (0, 0, 0, 0, True)


@pytest.mark.slow
def test_a_folder_with_only_what_is_required(tmp_path):
    path, _ = build(tmp_path, seed=11, bare=True)
    study = Study(tmp_path / "data")
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute(
            "select count(distinct study_id) from marts.fct_selloff_tests"
        ).fetchone() == (len(study.events),)
        assert "ok" in compare_firms(connection, study, "main")["bitcoin"]
        # The fund that holds bitcoin has ended, and there is no close in UTC.
        met = compare_firms(connection, study, "last")["bitcoin"]
        assert "no_factor" in met
        assert "ok" not in met
        assert compare_tests(connection, study, "main") > 50
