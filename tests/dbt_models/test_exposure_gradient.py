"""The exposure gradient a second time: statsmodels for every slope, enumeration for every rank p.

The firms' abnormal returns and exposures are read from their own marts, which have tests of their
own; regressions, portfolios and permutations are made anew from the published closes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import permutations
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from dagster_project.settings import BUNDLED_DATA_DIR
from tests.dbt_models.compare import assert_same
from tests.dbt_models.oracle import Model, Study, fit_series, overlapping_sums

COMPARED_EVENTS = (
    "msft-2gw-mar",
    "corz-coreweave-200",  # short estimation windows; Core Scientific's starts at its relisting
    "corz-coreweave-112",  # five firms
    "coreweave-ipo",
    "msft-ohio-pause",  # after the spot ETF's last return: bitcoin by its UTC close
    "corz-merger-agreed",  # seven firms
)
NAN = float("nan")
DRAWS = 4999


@pytest.fixture(scope="module")
def marts(built_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_warehouse), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def gradient_study() -> Study:
    return Study(BUNDLED_DATA_DIR)


def portfolio(
    study: Study, weights: pd.Series, position: int, model: Model, window: pd.Series
) -> dict:
    """t, its p and the sample-quantile p of a portfolio whose weights sum to zero."""
    firms = list(weights.index)
    # With a firm missing the weights no longer sum to zero: no return.
    returns = (study.returns[firms] * weights).sum(axis=1, skipna=False)
    factors = study.factor_returns(model, position)
    if model.method == "market_adjusted":
        # The market's return cancels between the long and the short side.
        factors = 0 * factors
    sessions = study.estimation_sessions(position)
    rows = pd.concat([returns.rename("y"), factors], axis=1).loc[sessions].dropna()
    if model.masks:
        masked = {day for firm in firms for day in study.masked_sessions(firm, position)}
        rows = rows[~rows.index.isin(masked)]
    fit = fit_series(model, rows.y, rows[factors.columns])
    span = range(position + int(window.first_day), position + int(window.last_day) + 1)
    car = float((returns.iloc[span] - fit.expected(factors.iloc[span])).sum())
    runs = overlapping_sums(fit.residuals, len(span), sessions)
    t = car / fit.car_sd(factors.iloc[span])
    return {
        "car": car,
        "t": t,
        "p": 2 * stats.t.sf(abs(t), fit.df),
        "sq_p": (1 + (runs.abs() >= abs(car)).sum()) / (1 + len(runs)),
    }


def exposed_side(exposure: np.ndarray) -> np.ndarray:
    median, largest = np.median(exposure), exposure.max()
    return exposure > median if median < largest else exposure == largest


@cache
def exact_rank_p(exposure_ranks: tuple[float, ...], car_ranks: tuple[float, ...]) -> float:
    """Two-sided p of the rank correlation over every permutation."""
    left = 2 * np.array(exposure_ranks) - len(exposure_ranks) - 1
    right = 2 * np.array(car_ranks) - len(car_ranks) - 1
    products = np.array(list(permutations(right))) @ left
    return float((abs(products) >= abs(left @ right)).mean())


def slopes(exposure: np.ndarray, car: np.ndarray) -> dict:
    """The slope, its HC3 t and what leaving out each firm makes of it."""
    fit = sm.OLS(car, sm.add_constant(exposure)).fit()
    alone = fit.get_influence().hat_matrix_diag > 1 - 1e-9
    left_out = []
    for i in np.flatnonzero(~alone):
        rest = np.arange(len(car)) != i
        left_out.append(sm.OLS(car[rest], sm.add_constant(exposure[rest])).fit().params[1])
    return {
        "slope": fit.params[1],
        "slope_t_hc3": NAN if alone.any() else fit.params[1] / fit.HC3_se[1],
        "n_loo_undefined": alone.sum(),
        "loo_min": min(left_out),
        "loo_max": max(left_out),
    }


@pytest.mark.parametrize(
    "event_id",
    [
        COMPARED_EVENTS[0],
        *(pytest.param(event_id, marks=pytest.mark.slow) for event_id in COMPARED_EVENTS[1:]),
    ],
)
def test_gradients_agree_with_statsmodels(marts, gradient_study, event_id):
    study = gradient_study
    position = study.position(event_id)
    before = study.sessions[position - 1]
    exposures = marts.execute(
        "select ticker, hpc_contracted_mw, hpc_mw_share from marts.fct_ai_exposure "
        "where as_of_date = ?",
        [before.date()],
    ).df().set_index("ticker")  # fmt: skip
    firm_rows = marts.execute(
        "select ticker, model_id, window_id, car from marts.fct_selloff_firm "
        "where event_id = ? and status = 'ok'",
        [event_id],
    ).df()
    rows = marts.execute(
        "select * from marts.fct_exposure_gradient where study_id = ? and status = 'ok'",
        [event_id],
    ).df()
    assert len(rows) >= 50
    assert set(rows.model_id) == {model.model_id for model in study.models}
    for row in rows.itertuples():
        what = f"{event_id} {row.group_id} {row.model_id} {row.window_id} {row.metric}"
        group = study.groups.set_index("group_id").loc[row.group_id]
        members = (
            study.named_firms(event_id)
            if group.rule_kind == "named"
            else study.fixed_members(group)
        )
        firms = firm_rows[
            (firm_rows.model_id == row.model_id)
            & (firm_rows.window_id == row.window_id)
            & firm_rows.ticker.isin(members)
        ].set_index("ticker")
        firms = firms.join(exposures[row.metric].rename("exposure")).dropna(subset="exposure")
        exposure, car = firms.exposure.to_numpy(), firms.car.to_numpy()
        assert row.n == len(firms) >= 5, what

        expected = slopes(exposure, car)
        expected["spearman"] = stats.spearmanr(exposure, car).statistic
        top = exposed_side(exposure)
        expected["long_short_return"] = car[top].mean() - car[~top].mean()
        window = study.windows.set_index("window_id").loc[row.window_id]
        model = study.model(row.model_id)
        weights = pd.Series(np.linalg.pinv(sm.add_constant(exposure))[1], index=firms.index)
        slope = portfolio(study, weights, position, model, window)
        expected |= {
            "slope_t_portfolio": slope["t"],
            "p_portfolio": slope["p"],
            "sq_p": slope["sq_p"],
        }
        sides = pd.Series(np.where(top, 1 / top.sum(), -1 / (~top).sum()), index=firms.index)
        expected["long_short_t"] = portfolio(study, sides, position, model, window)["t"]
        for name, value in expected.items():
            assert_same(getattr(row, name), value, f"{what} {name}")
        if not model.masks:
            # Least squares is linear: without holes a slope of returns is a return of slopes.
            # (Estimation windows that differ between the firms break this; then it is no error.)
            complete = study.returns[list(firms.index)].reindex(study.estimation_sessions(position))
            if complete.notna().all(axis=None):
                assert_same(row.slope, slope["car"], f"{what} slope as a portfolio", 1e-8)

        exact = exact_rank_p(tuple(stats.rankdata(exposure)), tuple(stats.rankdata(car)))
        error = 4.5 * np.sqrt(exact * (1 - exact) / DRAWS) + 1 / DRAWS
        assert row.spearman_p == pytest.approx(exact, abs=error), what


def test_the_compared_gradients_hold_every_case(marts):
    """Errors that are defined and those that are not, three groups, five to seven firms."""
    counts = marts.execute(
        "select count(*) filter (where n_loo_undefined = 0), "
        "count(*) filter (where n_loo_undefined > 0), count(distinct group_id), min(n), max(n) "
        "from marts.fct_exposure_gradient where status = 'ok' and list_contains(?, study_id)",
        [list(COMPARED_EVENTS)],
    ).fetchone()
    assert min(counts[:2]) > 50
    assert counts[2:] == (3, 5, 7)


def test_the_enumeration_is_that_of_scipy():
    """SciPy's own permutation test of the same statistic over every permutation."""
    exposure = np.array([0, 0, 0, 60, 590, 0])
    car = np.array([0.01, -0.02, 0.005, -0.07, -0.09, 0.02])
    ranks = tuple(stats.rankdata(exposure)), tuple(stats.rankdata(car))
    tested = stats.permutation_test(
        (np.array(ranks[1]),),
        lambda shuffled: abs(np.corrcoef(ranks[0], shuffled)[0, 1]) + 1e-12,
        permutation_type="pairings",
        n_resamples=np.inf,
        alternative="greater",
    )
    assert exact_rank_p(*ranks) == pytest.approx(tested.pvalue, abs=1e-12)
