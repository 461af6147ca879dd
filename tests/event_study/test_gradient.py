"""Exposure gradients worked by hand, and against statsmodels and every permutation."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose
from scipy import stats

from dagster_project.event_study.event import EventPanel
from dagster_project.event_study.gradient import Gradient, gradients
from dagster_project.event_study.models import Model
from tests.event_study.builders import NAN, RETURNS_THEMSELVES, panel, window

DRAWS = 4999


def gradient(of: EventPanel, exposure: list[float], over=None, **options) -> Gradient:
    """The gradient of all firms of a panel; by default over the event session."""
    options = {"permutations": 99} | options
    firms = np.arange(len(of.market.returns))
    (found,) = gradients(of, [over or window(0, 0)], firms, np.array(exposure, float), **options)
    return found


def with_cars(*cars: float) -> EventPanel:
    """Firms whose CARs on the event session are these, on quiet days they move apart."""
    quiet = np.random.default_rng(1).standard_normal((len(cars), 12))
    return panel(quiet, np.array(cars, dtype=float)[:, None])


def test_slope_of_five_firms():
    """Exposures 0, 0, 0, 5, 5 deviate by -2, -2, -2, 3, 3 (squares 12 + 18 = 30). CARs 2, -2, 0 and
    4, 6 with the means 0 and 5: slope 5/5 = 1, residuals 2, -2, 0, -1, 1. Leverage 1/5 + 4/30 = 1/3
    and 1/5 + 9/30 = 1/2 leave 2/3 and 1/2. Deviation x residual / rest: -6, 6, 0, -6, 6, squares
    4 x 36 = 144: HC3 sqrt(144)/30 = 0.4. Without one firm the slope is 1 less that over 30: 1.2,
    0.8, 1 (without the first the means are -1 and 5: 6/5). Doubled ranks 4, 4, 4, 9, 9 and 6, 2, 4,
    8, 10, less 6: -2 x (0 - 4 - 2) + 3 x (2 + 4) = 30, over sqrt(30 x 40).
    """
    found = gradient(with_cars(2, -2, 0, 4, 6), [0, 0, 0, 5, 5])
    assert (found.status, found.n, found.n_loo_undefined) == ("ok", 5, 0)
    assert found.slope == pytest.approx(1)
    assert found.slope_t_hc3 == pytest.approx(1 / 0.4)
    assert (found.loo_min, found.loo_max) == (pytest.approx(0.8), pytest.approx(1.2))
    assert found.spearman == pytest.approx(30 / np.sqrt(30 * 40))
    assert found.long_short_return == pytest.approx(5)


def test_a_slope_that_one_firm_carries():
    """Exposures 0, 0, 0, 0, 10 (deviations -2 and 8, squares 80), CARs 3, -3, 3, -3, 5: slope 5/10;
    the last firm's leverage is 1/5 + 64/80 = 1: without it there is no slope and no HC3 error. The
    others' 1/4 leave 3/4: without them 0.5 -+ (2 x 3 / 0.75 / 80 = 0.1). Ranks less 6:
    -1 x (1 - 3 + 1 - 3) + 4 x 4 = 20, over sqrt(20 x 36).
    """
    found = gradient(with_cars(3, -3, 3, -3, 5), [0, 0, 0, 0, 10])
    assert (found.status, found.n, found.n_loo_undefined) == ("ok", 5, 1)
    assert found.slope == pytest.approx(0.5)
    assert np.isnan(found.slope_t_hc3)
    assert (found.loo_min, found.loo_max) == (pytest.approx(0.4), pytest.approx(0.6))
    assert found.spearman == pytest.approx(20 / np.sqrt(20 * 36))


def test_too_few_firms_and_no_spread_are_counted_and_have_no_slope():
    """An exposure that is unknown and a firm without an estimate do not count."""
    few = gradient(with_cars(2, -2, 0, 4, 6), [0, 0, 0, 5, NAN])
    assert (few.status, few.n, few.n_loo_undefined) == ("cannot_tell", 4, None)
    young = panel([*np.eye(4), [NAN, NAN, NAN, 1]], [[2], [-2], [0], [4], [6]])
    assert gradient(young, [0, 0, 0, 5, 5]).n == 4
    assert gradient(young, [0, 0, 0, 5, 5], min_firms=4).status == "ok"
    for exposure in ([5] * 5, [0] * 5, [0.1 + 0.2, 0.3, 0.3, 0.3, 0.3]):
        equal = gradient(with_cars(2, -2, 0, 4, 6), exposure)
        assert (equal.status, equal.n) == ("no_spread", 5)
        assert np.isnan([equal.slope, equal.p_portfolio, equal.spearman]).all()
    nobody = gradient(with_cars(2, -2), [NAN, NAN])
    assert (nobody.status, nobody.n) == ("cannot_tell", 0)


@pytest.mark.parametrize(
    ("exposure", "top"),
    [
        ([1, 1, 2, 3, 3], [3, 4]),
        # No firm is above the median: those that share the largest value are the exposed side.
        ([0, 12, 12, 12, 12], [1, 2, 3, 4]),
        ([1, 2, 3, 4, 5], [3, 4]),
    ],
)
def test_sides_of_the_exposed_and_the_others(exposure, top):
    cars = np.array([3.0, -1, 4, 1, -5])
    one = with_cars(*cars)
    found = gradient(one, exposure)
    is_top = np.isin(np.arange(5), top)
    assert found.long_short_return == pytest.approx(cars[is_top].mean() - cars[~is_top].mean())
    sides = np.where(is_top, 1 / is_top.sum(), -1 / (~is_top).sum())
    portfolio = sides @ one.market.returns
    quiet = portfolio[:12]
    assert found.long_short_t == pytest.approx(portfolio[12] / np.std(quiet, ddof=1))


def test_windows_without_figures_say_why():
    """Firm 4 has no return on day 1: four are left there, and the portfolio has no return."""
    quiet = np.random.default_rng(2).standard_normal((6, 12))
    event = np.array([[2.0, 1], [-2, 0], [0, 1], [4, 1], [6, NAN], [1, 2]])
    one = panel(quiet, event)
    exposure = [0, 0, 0, 5, 5, 5]
    assert gradient(one, exposure).status == "ok"
    holed = gradient(one, exposure, window(0, 1))
    assert (holed.status, holed.n) == ("incomplete_window", 5)
    assert np.isfinite(holed.slope)
    assert np.isnan([holed.p_portfolio, holed.sq_p, holed.long_short_t]).all()
    wider = replace(one, parameters=replace(one.parameters, span=(-1, 1)))
    close = gradient(wider, exposure, window(-1, 0))
    assert close.status == "overlaps_estimation"
    assert np.isnan(close.slope)


def test_equal_returns_have_no_rank_correlation():
    """Every shuffle has the same product of ranks, zero."""
    found = gradient(with_cars(2, 2, 2, 2, 2), [1, 2, 3, 4, 5])
    assert np.isnan(found.spearman)
    assert found.spearman_p == 1


@pytest.mark.parametrize("model", [RETURNS_THEMSELVES, Model("market", ("MKT",))])
@pytest.mark.parametrize("seed", range(3))
def test_gradients_agree_with_statsmodels(model, seed):
    """The regression across firms, and the portfolio's regression over time."""
    random = np.random.default_rng(seed)
    n_firms, n_days, length = 6 + seed, 60, 2
    market = 0.01 * random.standard_normal(n_days + length)
    returns = 0.02 * random.standard_normal((n_firms, n_days + length)) + market
    one = panel(returns[:, :n_days], returns[:, n_days:], factors={"MKT": market}, model=model)
    exposure = random.integers(0, 5, n_firms).astype(float)
    exposure[0] = 9
    found = gradient(one, list(exposure), window(0, length - 1), permutations=DRAWS)

    car = one.windows([window(0, length - 1)])[0].car
    fit = sm.OLS(car, sm.add_constant(exposure)).fit()
    assert found.slope == pytest.approx(fit.params[1], rel=1e-10)
    assert found.slope_t_hc3 == pytest.approx(fit.params[1] / fit.HC3_se[1], rel=1e-9)
    left_out = [
        sm.OLS(np.delete(car, i), sm.add_constant(np.delete(exposure, i))).fit().params[1]
        for i in range(n_firms)
    ]
    assert (found.loo_min, found.loo_max) == pytest.approx((min(left_out), max(left_out)))
    assert found.spearman == pytest.approx(stats.spearmanr(exposure, car).statistic)

    weights = np.linalg.pinv(sm.add_constant(exposure))[1]
    portfolio = weights @ returns
    # A portfolio that costs nothing has no market to be adjusted for.
    design = sm.add_constant(market) if model.method == "ols" else np.ones((len(market), 1))
    over_time = sm.OLS(portfolio[:n_days], design[:n_days]).fit()
    if model.method == "ols":
        abnormal = portfolio - over_time.predict(design)
        d = design[n_days:].sum(axis=0)
        uncertain = d @ over_time.normalized_cov_params @ d
    else:
        abnormal, uncertain = portfolio, 0.0
    sd = np.sqrt(over_time.mse_resid * (length + uncertain))
    t = abnormal[n_days:].sum() / sd
    assert found.slope_t_portfolio == pytest.approx(t, rel=1e-9)
    assert found.p_portfolio == pytest.approx(2 * stats.t.sf(abs(t), over_time.df_resid), rel=1e-9)
    # Without holes the slope of the CARs is the CAR of the slope's portfolio.
    assert found.slope == pytest.approx(abnormal[n_days:].sum(), rel=1e-9)
    sums = np.convolve(abnormal[:n_days], np.ones(length), "valid")
    beyond = (1 + (abs(sums) >= abs(abnormal[n_days:].sum())).sum()) / (1 + len(sums))
    assert found.sq_p == pytest.approx(beyond)


@pytest.mark.parametrize("exposure", [[0, 0, 0, 60, 590, 0], [1, 2, 3, 4, 5, 6]])
@pytest.mark.parametrize("seed", range(3))
def test_shuffled_p_is_near_that_of_every_permutation(exposure, seed):
    """The drawn p has the error of 4,999 draws, with and without ties."""
    cars = np.random.default_rng(seed).standard_normal(6).round(1)
    found = gradient(with_cars(*cars), exposure, permutations=DRAWS)
    ranks = stats.rankdata(exposure)
    products = [
        np.dot(ranks - 3.5, np.array(order) - 3.5)
        for order in itertools.permutations(stats.rankdata(cars))
    ]
    observed = np.dot(ranks - 3.5, stats.rankdata(cars) - 3.5)
    exact = np.mean(np.abs(products) >= abs(observed) - 1e-9)
    error = 4.5 * np.sqrt(exact * (1 - exact) / DRAWS) + 1 / DRAWS
    assert found.spearman_p == pytest.approx(exact, abs=error)


def test_the_enumeration_is_that_of_scipy():
    """SciPy's permutation test of the same statistic over every permutation of the same ranks."""
    exposure, cars = [0, 0, 0, 60, 590, 0], [0.01, -0.02, 0.005, -0.07, -0.09, 0.02]
    left, right = stats.rankdata(exposure), stats.rankdata(cars)
    tested = stats.permutation_test(
        (right,),
        lambda shuffled: abs(np.corrcoef(left, shuffled)[0, 1]) + 1e-12,
        permutation_type="pairings",
        n_resamples=np.inf,
        alternative="greater",
    )
    found = gradient(with_cars(*cars), exposure, permutations=DRAWS)
    assert found.spearman_p == pytest.approx(
        tested.pvalue, abs=4.5 * np.sqrt(tested.pvalue / DRAWS)
    )


def test_the_same_shuffles_are_drawn_every_time():
    """A p-value is one of (1 + k) / (1 + draws), and is what the pattern of ranks says alone."""
    first = gradient(with_cars(5, 1, 4, 2, 3), [1, 2, 3, 4, 5], permutations=DRAWS)
    again = gradient(with_cars(50, -1, 14, 2, 3.5), [0, 7, 8, 9, 100], permutations=DRAWS)
    assert first.spearman_p == again.spearman_p
    assert (first.spearman_p * (1 + DRAWS)) == pytest.approx(round(first.spearman_p * (1 + DRAWS)))


def test_masked_sessions_are_not_in_the_exposure_portfolio():
    """Weighted portfolios have a return only where every firm has one: masked days have none."""
    quiet = np.random.default_rng(3).standard_normal((5, 20))
    event = np.array([[2.0], [-2], [0], [4], [6]])
    exposure = [0, 0, 0, 5, 5]
    masked = gradient(panel(quiet, event, masked=[(2, 4), (3, 7)]), exposure)
    kept = np.delete(np.arange(20), [4, 7])
    portfolio = np.array([-2, -2, -2, 3, 3]) / 30 @ quiet[:, kept]
    t = 1 / np.std(portfolio, ddof=1)
    assert_allclose(masked.slope_t_portfolio, t)
