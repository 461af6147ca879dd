"""Two event studies that other programs worked and published, worked by the pipeline.

The prices and printed figures stay in a folder of their own, which MINER_CASES_DIR names
(README.md there says where each is from). Every figure must agree to 1e-9. Where a program
defines a statistic otherwise, CONVENTIONS says how, and the comparison makes up for it from
figures of the marts, so that nothing differs for an unknown reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.dbt_models import cases
from tests.event_study.oracle import Study
from tests.warehouse_builder import build_warehouse

SELECTED = ("+fct_selloff_firm", "+fct_selloff_tests")
COVID, ADDITIONS = "covid_2020_five_stocks", "sp500_additions"
N_COVID = 240

CONVENTIONS = {
    "estudy2 Patell": "residual variance SSE/(n-1) for the market model; here SSE/(n-2)",
    "estudy2 Lamb": "as portfolio_t, with SSE/(n-1)",
    "estudy2 Lamb CAR": "sum of the daily statistics / sqrt(L); here the variance of the sum, "
    "in which the estimation error is common to all days",
    "estudy2 daily rank": "ranks all event days together: windows of one day here say "
    "rank_first_day and rank_last_day",
    "EventStudy Patell over several days": "sum of daily standardised returns / sqrt(L), again "
    "without the common estimation error",
    "EventStudy BMP": "returns divided by s, without the forecast leverage",
    "EventStudy KP": "that BMP, and residuals of different dates correlated by relative day; here "
    "they count as uncorrelated",
}

# What estudy2 prints for one day: column, test here, factor that makes up for n-1.
ESTUDY2_DAILY = {
    "expected_parametric_sim.csv": (
        ("bw_1985_stat", "portfolio_crude", 1.0),
        ("t_test_stat", "cross_sectional_t", 1.0),
        ("bh_stat", "bmp", 1.0),
        ("pt_stat", "patell", np.sqrt((N_COVID - 1) / (N_COVID - 2))),
        ("lmb_stat", "portfolio_t", np.sqrt((N_COVID - 1) / (N_COVID - 2))),
    ),
    "expected_nonparametric_sim.csv": (
        ("gsign_stat", "generalized_sign", 1.0),
        ("rank_stat", "corrado_rank", 1.0),
        ("mrank_stat", "corrado_zivney", 1.0),
    ),
}
# What EventStudy calls a test: its name, statistic for one day and for the days so far.
EVENTSTUDY = {
    "cross_sectional_t": ("CSectT", "aar_t", "caar_t"),
    "generalized_sign": ("GSignT", "gsign_z", "cgsign_z"),
    "patell": ("PatellZ", "aar_z", "caar_z"),
    "bmp": ("BMP", "bmp_t", "cbmp_t"),
    "kolari_pynnonen": ("KP", "kp_t", "ckp_t"),
}


def close_to(expected: float) -> object:
    return pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.fixture(scope="module")
def case_dir() -> Path:
    named = os.environ.get("MINER_CASES_DIR", "")
    if not named:
        pytest.skip("MINER_CASES_DIR does not name the folder with the published cases")
    folder = Path(named)
    for case in (COVID, ADDITIONS):
        if not (folder / case).is_dir():
            pytest.skip(f"MINER_CASES_DIR is {folder}, which has no folder {case}")
    return folder


@pytest.fixture(scope="module")
def covid(case_dir, tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("covid")
    cases.write_covid(case_dir / COVID, folder / "data")
    path = build_warehouse(folder / "out", folder / "data", select=SELECTED)
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def additions(case_dir, tmp_path_factory) -> Iterator[tuple[duckdb.DuckDBPyConnection, Study]]:
    folder = tmp_path_factory.mktemp("additions")
    cases.write_additions(case_dir / ADDITIONS, folder / "data")
    path = build_warehouse(folder / "out", folder / "data", select=SELECTED)
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection, Study(folder / "data")


def statistics(connection: duckdb.DuckDBPyConnection, study_id: str, model_id: str) -> dict:
    """Every statistic of the study by window and test."""
    rows = connection.execute(
        "select window_id, test_id, statistic from marts.fct_selloff_tests "
        "where study_id = ? and model_id = ?",
        [study_id, model_id],
    ).fetchall()
    return {(window_id, test_id): statistic for window_id, test_id, statistic in rows}


def firm_rows(connection: duckdb.DuckDBPyConnection, model_id: str) -> pd.DataFrame:
    """Firms' rows of the events that name them."""
    return connection.execute(
        """
        select firm.*
        from marts.fct_selloff_firm as firm
        inner join raw.market_events as event
            on firm.event_id = event.event_id
            and list_contains(string_split(event.tickers_named, ';'), firm.ticker)
        where firm.model_id = ? and firm.status = 'ok'
        """,
        [model_id],
    ).df()


def eventstudy_patell(rows: pd.DataFrame, days: list[str]) -> float:
    """Patell's statistic from the daily standardised returns of these one-day windows."""
    one_day = rows[rows.window_id.isin(days)]
    df = rows[rows.window_id == days[0]].df_resid
    return one_day.car_t_pred.sum() / np.sqrt(len(days) * (df / (df - 2)).sum())


def test_covid_estimates(covid, case_dir):
    rows = firm_rows(covid, "market_model_log")
    whole = rows[rows.window_id == "[0,4]"].set_index("ticker")
    printed = pd.read_csv(case_dir / COVID / "expected_eventstudy050_events.csv")
    assert set(printed.firm) == set(whole.index)
    for row in printed.itertuples():
        ours = whole.loc[row.firm]
        assert (ours.n_est, ours.df_resid) == (row.n_est, row.df)
        assert ours.alpha == close_to(row.alpha)
        assert ours.beta_market == close_to(row.beta)
        assert ours.resid_sd == close_to(row.sigma)
        assert ours.car == close_to(row.car_0_4)
        assert ours.car_t_simple == close_to(row.car_t)


@pytest.mark.parametrize("file", list(ESTUDY2_DAILY))
def test_covid_day_by_day_as_estudy2(covid, case_dir, file):
    ours = statistics(covid, "covid", "market_model_log")
    printed = pd.read_csv(case_dir / COVID / file)
    assert len(printed) == 5
    for day, row in printed.iterrows():
        for column, test_id, factor in ESTUDY2_DAILY[file]:
            assert ours[f"[{day},{day}]", test_id] * factor == close_to(row[column]), column


def test_covid_five_days_as_estudy2(covid, case_dir):
    ours = statistics(covid, "covid", "market_model_log")
    parametric = pd.read_csv(case_dir / COVID / "expected_car_parametric_sim.csv")
    printed = parametric.set_index("name").statistic
    assert ours["[0,4]", "portfolio_crude"] == close_to(printed["car_brown_warner_1985"])
    days = [ours[f"[{day},{day}]", "portfolio_t"] for day in range(5)]
    lamb = sum(days) / np.sqrt(5) * np.sqrt((N_COVID - 1) / (N_COVID - 2))
    assert lamb == close_to(printed["car_lamb"])
    rank = pd.read_csv(case_dir / COVID / "expected_car_nonparametric_sim.csv").statistic[0]
    assert ours["[0,4]", "corrado_rank"] == close_to(rank)


def test_covid_tests_as_eventstudy(covid, case_dir):
    ours = statistics(covid, "covid", "market_model_log")
    rows = firm_rows(covid, "market_model_log")
    table = pd.read_csv(case_dir / COVID / "expected_eventstudy050_cross_section.csv")
    printed = table.set_index(["test", "stat", "rel"]).value
    for test_id, (name, daily, cumulated) in EVENTSTUDY.items():
        for day in range(5):
            value = ours[f"[{day},{day}]", test_id]
            assert value == close_to(printed[name, daily, day]), (test_id, day)
        if test_id == "patell":
            whole = eventstudy_patell(rows, [f"[{day},{day}]" for day in range(5)])
        else:
            # On one date every firm has the same leverage: s or s_pred, the t is the same.
            whole = ours["[0,4]", test_id]
        assert whole == close_to(printed[name, cumulated, 4]), test_id


MODELS = [f"{method}_{kind}" for method in cases.ADDITION_METHODS for kind in cases.RETURN_KINDS]


@pytest.mark.parametrize("model_id", MODELS)
def test_additions_firm_by_firm(additions, case_dir, model_id):
    connection, _ = additions
    rows = firm_rows(connection, model_id).set_index(["event_id", "window_id"])
    folder = case_dir / ADDITIONS
    printed = pd.read_csv(folder / f"expected_events_{model_id}.csv", dtype={"event_id": str})
    assert len(printed) == 16
    for row in printed.itertuples():
        ours = rows.loc[(f"add-{row.event_id}", "[-2,2]")]
        assert (ours.n_est, ours.df_resid) == (row.n_est, row.df)
        for date, text in ((ours.est_first, row.est_first), (ours.est_last, row.est_last)):
            assert pd.Timestamp(date) == pd.to_datetime(text, format="%d.%m.%Y")
        assert ours.resid_sd == close_to(row.sigma)
        assert ours.car == close_to(row.car)
        assert ours.car_t_simple == close_to(row.car_t)
        if model_id.startswith("market_model"):
            assert ours.alpha == close_to(row.alpha)
            assert ours.beta_market == close_to(row.beta)
        else:
            assert pd.isna(ours.beta_market)
    daily = pd.read_csv(folder / f"expected_ar_{model_id}.csv", dtype={"event_id": str})
    assert len(daily) == 80
    for row in daily.itertuples():
        ours = rows.loc[(f"add-{row.event_id}", f"[{row.rel},{row.rel}]")]
        assert ours.car == close_to(row.abnormal)
        assert ours.car_t_simple == close_to(row.ar_t)
        assert ours.car_sd_pred == close_to(row.fec_sigma)


def correlation_by_relative_day(study: Study, model_id: str) -> float:
    """Mean correlation of the firms' residuals as if their dates were one."""
    model, residuals = study.model(model_id), {}
    for event_id in study.events.index:
        position = study.position(event_id)
        (ticker,) = study.named_firms(event_id)
        fit = study.firm_fit(ticker, position, model)
        residuals[ticker] = study.by_relative_day(fit.residuals, position)
    matrix = pd.DataFrame(residuals).corr().to_numpy()
    return float(matrix[np.triu_indices(len(matrix), k=1)].mean())


@pytest.mark.parametrize("model_id", MODELS)
def test_additions_together(additions, case_dir, model_id):
    connection, study = additions
    ours = statistics(connection, "all_additions", model_id)
    rows = firm_rows(connection, model_id)
    table = pd.read_csv(case_dir / ADDITIONS / f"expected_cross_section_{model_id}.csv")
    printed = table.set_index(["test", "stat", "rel"]).value
    rbar = correlation_by_relative_day(study, model_id)
    shrink = np.sqrt((1 - rbar) / (1 + 15 * rbar))
    one_day = [f"[{day},{day}]" for day in range(-2, 3)]
    for window_id, day, place in [
        *((w, d, 1) for w, d in zip(one_day, range(-2, 3), strict=True)),
        ("[-2,2]", 2, 2),
    ]:
        in_window = rows[rows.window_id == window_id]
        assert len(in_window) == 16
        bmp = float(stats.ttest_1samp(in_window.car_t_simple, 0).statistic)
        patell = ours[window_id, "patell"] if place == 1 else eventstudy_patell(rows, one_day)
        values = {
            "cross_sectional_t": ours[window_id, "cross_sectional_t"],
            "generalized_sign": ours[window_id, "generalized_sign"],
            "patell": patell,
            "bmp": bmp,
            "kolari_pynnonen": bmp * shrink,
        }
        for test_id, value in values.items():
            names = EVENTSTUDY[test_id]
            assert value == close_to(printed[names[0], names[place], day]), (window_id, test_id)
        if not model_id.startswith("market_model"):
            # One leverage for all firms: nothing to make up for.
            assert ours[window_id, "bmp"] == close_to(bmp)


def test_additions_figures_of_the_read_me(additions):
    connection, _ = additions
    rows = connection.execute(
        """
        select distinct n_events, n_dates, n_firms, n_overlapping_dates
        from marts.fct_selloff_tests where study_id = 'all_additions' and window_id = '[-2,2]'
        """
    ).fetchall()
    # Two of the sixteen share a date; the windows of 5 and 11 November 1998 touch.
    assert rows == [(16, 15, 16, 2)]
