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
from tests.event_study.compare import assert_same
from tests.event_study.oracle import Model, Study, fit_series, overlapping_sums

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
# Eleven firms have forty million permutations: more than this many firms are drawn instead.
MOST_ENUMERATED = 7
MANY_DRAWS = 40_000
LEVEL = 0.05


@pytest.fixture(scope="module")
def marts(built_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_warehouse), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def gradient_study(marts: duckdb.DuckDBPyConnection) -> Study:
    study = Study(BUNDLED_DATA_DIR)
    study.exposure = marts.execute(
        "select ticker, as_of_date, hpc_contracted_mw from marts.fct_ai_exposure"
    ).df()
    return study


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
def rank_p(exposure_ranks: tuple[float, ...], car_ranks: tuple[float, ...]) -> float:
    """Two-sided p of the rank correlation over every permutation, many drawn ones of many firms."""
    left = 2 * np.array(exposure_ranks) - len(exposure_ranks) - 1
    right = 2 * np.array(car_ranks) - len(car_ranks) - 1
    if len(left) <= MOST_ENUMERATED:
        shuffled = np.array(list(permutations(right)))
    else:
        drawn = np.tile(right, (MANY_DRAWS, 1))
        shuffled = np.random.default_rng(20250326).permuted(drawn, axis=1)
    products = shuffled @ left
    return float((abs(products) >= abs(left @ right)).mean())


def verdict(row: dict) -> str:
    """What the compared figures say together."""
    found = [row["p_portfolio"] <= LEVEL, row["sq_p"] <= LEVEL]
    if not any(found):
        return "not_significant"
    if row["n_loo_undefined"] or row["loo_min"] <= 0 <= row["loo_max"]:
        return "rests_on_one_firm"
    if not all(found):
        return "mixed"
    return "more_exposed_did_worse" if row["slope"] < 0 else "more_exposed_did_better"


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
        "select betas.ticker, betas.ai_tilt, known.hpc_contracted_mw, known.hpc_mw_share "
        "from marts.fct_rolling_betas as betas "
        "left join marts.fct_ai_exposure as known "
        "on betas.ticker = known.ticker and betas.session_date = known.as_of_date "
        "where betas.session_date = ? and betas.window_sessions = 120",
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
        members = study.members(group, event_id)
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
        assert row.verdict_id == verdict(expected), what
        if not model.masks:
            # Least squares is linear: without holes a slope of returns is a return of slopes.
            # (Estimation windows that differ between the firms break this; then it is no error.)
            complete = study.returns[list(firms.index)].reindex(study.estimation_sessions(position))
            if complete.notna().all(axis=None):
                assert_same(row.slope, slope["car"], f"{what} slope as a portfolio", 1e-8)

        exact = rank_p(tuple(stats.rankdata(exposure)), tuple(stats.rankdata(car)))
        draws = 1 / DRAWS + (1 / MANY_DRAWS if len(firms) > MOST_ENUMERATED else 0)
        error = 4.5 * np.sqrt(exact * (1 - exact) * draws) + 1 / DRAWS
        assert row.spearman_p == pytest.approx(exact, abs=error), what


def test_the_compared_gradients_hold_every_case(marts):
    """Errors that are defined and those that are not, all metrics, five to eleven firms."""
    counts = marts.execute(
        "select count(*) filter (where n_loo_undefined = 0), "
        "count(*) filter (where n_loo_undefined > 0), count(distinct group_id), "
        "count(distinct verdict_id), list(distinct metric order by metric), min(n), max(n) "
        "from marts.fct_exposure_gradient where status = 'ok' and list_contains(?, study_id)",
        [list(COMPARED_EVENTS)],
    ).fetchone()
    assert min(counts[:2]) > 50
    assert min(counts[2:4]) >= 4
    # Of a share of power no event knows five firms.
    assert counts[4:] == (["ai_tilt", "hpc_contracted_mw"], 5, 11)


def test_fewer_than_five_firms_never_tell(marts):
    """Whatever the metric, group, model or window."""
    (n_rows, n_told) = marts.execute(
        "select count(*), count(*) filter (where verdict_id <> 'cannot_tell' or slope is not null "
        "or verdict not like 'Cannot tell: %') from marts.fct_exposure_gradient where n < 5"
    ).fetchone()
    assert n_rows > 1000
    assert n_told == 0


def test_the_day_of_the_note_cannot_be_told_from_its_contracts(marts):
    """The share of power is known for three of the six firms, which is too few to say anything."""
    rows = marts.execute(
        "select metric, verdict_id, verdict from marts.fct_exposure_gradient "
        "where study_id = 'msft-2gw-mar' and group_id = 'focal' and window_id = '[0,0]' "
        "and is_headline_model"
    ).fetchall()
    told = {metric: (verdict_id, sentence) for metric, verdict_id, sentence in rows}
    assert told["hpc_mw_share"] == (
        "cannot_tell",
        "Cannot tell: 3 firms with a known AI share of power, 5 needed.",
    )
    assert told["hpc_contracted_mw"][0] == told["ai_tilt"][0] == "not_significant"


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
    assert rank_p(*ranks) == pytest.approx(tested.pvalue, abs=1e-12)


def test_rankings_are_those_of_pandas_and_of_the_gradient(marts):
    """Ranks among the firms that have both figures; their correlation is the gradient's."""
    rows = marts.execute("select * from marts.fct_exposure_ranking").df()
    sample = ["event_id", "group_id", "metric", "window_id"]
    both = rows[rows.exposure.notna() & rows.car.notna()]
    assert (both.status == "ok").all()
    assert rows.drop(both.index)[["exposure_rank", "abnormal_rank"]].isna().all(axis=None)
    grouped = both.groupby(sample)
    assert np.array_equal(both.exposure_rank, grouped.exposure.rank(ascending=False))
    assert np.array_equal(both.abnormal_rank, grouped.car.rank())
    correlations = grouped.apply(lambda firms: -firms.exposure_rank.corr(firms.abnormal_rank))
    gradients = marts.execute(
        "select study_id as event_id, group_id, metric, window_id, n, spearman "
        "from marts.fct_exposure_gradient where is_headline_model and spearman is not null"
    ).df()
    gradients = gradients.set_index(sample)
    assert (gradients.n == rows.groupby(sample).n_ranked.max()[gradients.index]).all()
    assert np.allclose(gradients.spearman, correlations[gradients.index], rtol=1e-9, atol=1e-12)
    assert len(gradients) > 200
