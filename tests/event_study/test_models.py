"""Designs, fits and prediction errors on cases small enough to work by hand."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose, assert_array_equal

from dagster_project.event_study.models import Design, Fit, Model, fit
from tests.event_study.builders import NAN

MARKET = Model("market", ("MKT",))
TWO = Model("two", ("MKT", "bitcoin"))
ADJUSTED = Model("adjusted", ("MKT",), "market_adjusted")
MEAN = Model("mean", (), "mean_adjusted")


def fitted(model: Model, factors: object, returns: object, min_sessions: int = 2) -> Fit:
    rows = np.atleast_2d(np.asarray(returns, dtype=float))
    design = Design(model, np.asarray(factors, dtype=float).reshape(-1, rows.shape[1]))
    return fit(design, rows, min_sessions)


def test_regressors_are_those_of_ols_alone():
    """A market-adjusted model has a factor, but no slope: only the mean costs a degree."""
    assert [(len(m.regressors), m.n_coefficients) for m in (MEAN, ADJUSTED, MARKET, TWO)] == [
        (0, 1), (0, 1), (1, 2), (2, 3),
    ]  # fmt: skip


def test_a_second_factor_keeps_what_the_first_does_not_explain():
    """Factors 1, 1, 3, 3 and -1, 2, -1, 4 less their means 2 and 1 are -1, -1, 1, 1 and
    -2, 1, -2, 3. Their product is 2, the first's square sum 4: half of the first leaves the second.
    """
    design = Design(TWO, np.array([[1, 1, 3, 3], [-1, 2, -1, 4]], dtype=float))
    assert_array_equal(design.means, [2, 1])
    assert design.sweeps[1, 0] == 0.5
    assert_array_equal(design.scores, [[-1, -1, 1, 1], [-1.5, 1.5, -2.5, 2.5]])
    assert not design.is_collinear
    # On another day the factors are 6 and 5: 6 - 2 = 4, and 5 - 1 - 4/2 = 2.
    assert_array_equal(design.scores_of(np.array([[6.0], [5.0]])), [[4], [2]])


@pytest.mark.parametrize(
    ("factors", "collinear"),
    [
        ([[1, 1, 1], [1, 2, 4]], True),
        ([[1, 2, 4], [2, 4, 8]], True),
        ([[1, 2, 4], [3, 5, 9]], True),
        ([[0.1, 0.2, 0.4], [0.1, 0.2, 0.4 + 1e-9]], True),
        ([[0.1, 0.2, 0.4], [0.1, 0.2, 0.4 + 1e-5]], False),
        ([[0, 0, 0], [1, 2, 4]], True),
        ([[1, 2, 4], [1, 3, 4]], False),
    ],
)
def test_factors_that_cannot_be_told_apart_are_collinear(factors, collinear):
    assert Design(TWO, np.array(factors, dtype=float)).is_collinear is collinear


def test_a_model_without_regressors_is_never_collinear():
    constant = np.ones((1, 4))
    assert Design(ADJUSTED, constant).scores.shape == (0, 4)
    assert not Design(ADJUSTED, constant).is_collinear
    assert not Design(MEAN, np.empty((0, 4))).is_collinear


def test_least_squares_of_two_factors_with_holes():
    """The factors are orthogonal over the eight sessions, not over those of each firm.

    Firm 1 has the first four: S_11 = 4, S_21 = 2, S_22 = 2, so l = 2/4 and the second pivot is
    2 - 0.5 x 2 = 1. Returns 8, 8, 10, 14 are 10 + z_1 + 2 z_2 and a rest of 1, -1, -1, 1: SSE 4 on
    one degree of freedom, of squares 4 + 4 + 0 + 16. Firm 2 has the sessions 1, 2, 7, 8, where the
    factors stay orthogonal with the pivots 4 and 1: 5 + 3 z_1 - z_2 and the rest 1, -1, 1, -1, of
    squares 41. Firm 3 has only sessions with z_1 = 1.
    """
    z_1 = [-1, -1, 1, 1, -1, -1, 1, 1]
    z_2 = [-1, 0, 0, 1, 1, 0, 0, -1]
    returns = [
        [8, 8, 10, 14, NAN, NAN, NAN, NAN],
        [4, 1, NAN, NAN, NAN, NAN, 9, 8],
        [NAN, NAN, 1, 2, NAN, NAN, 3, 2],
    ]
    found = fitted(TWO, [z_1, z_2], returns)
    assert list(found.status) == ["ok", "ok", "collinear"]
    assert_array_equal(found.n_est, [4, 4, 4])
    assert_array_equal(found.first_day, [0, 0, 2])
    assert_array_equal(found.last_day, [3, 7, 7])
    assert not found.is_complete.any()
    assert_allclose(found.betas, [[1, 2], [3, -1], [NAN, NAN]])
    assert_allclose(found.alpha, [10, 5, NAN])
    assert_allclose(found.level, [10, 5.5, NAN])
    assert_allclose(found.inverse_pivots[:2], [[1 / 4, 1], [1 / 4, 1]])
    assert_allclose(found.lower[:2, 1, 0], [0.5, 0], atol=1e-15)
    assert_array_equal(found.df_resid, [1, 1, NAN])
    assert_allclose(found.resid_sd, [2, 2, NAN])
    assert_allclose(found.r2, [1 - 4 / 24, 1 - 4 / 41, NAN])
    assert_allclose(found.residuals[0], [1, -1, -1, 1, NAN, NAN, NAN, NAN], atol=1e-14)
    assert_allclose(found.residuals[1], [1, -1, NAN, NAN, NAN, NAN, 1, -1], atol=1e-14)
    assert np.isnan(found.residuals[2]).all()


def test_the_market_model_of_a_tiny_panel():
    """S_xx = 4 and S_xy = 4: beta 1; the mean 4 less 1 x 2 is alpha 2; 2, -2, 0, 0 are left, SSE 8
    on 2 degrees of freedom. S_yy = 12. The others have three sessions of four, one, none, and no
    residuals at all.
    """
    returns = [
        [5, 1, 5, 5],
        [5, NAN, 5, 6],
        [NAN, NAN, NAN, 5],
        [NAN, NAN, NAN, NAN],
        [3, 3, 5, 5],
    ]
    found = fitted(MARKET, [1, 1, 3, 3], returns, min_sessions=4)
    assert list(found.status) == ["ok", *["insufficient"] * 3, "no_variance"]
    assert_array_equal(found.n_est, [4, 3, 1, 0, 4])
    assert_array_equal(found.first_day, [0, 0, 3, -1, 0])
    assert_array_equal(found.last_day, [3, 3, 3, -1, 3])
    assert (found.alpha[0], found.betas[0, 0], found.resid_sd[0]) == pytest.approx((2, 1, 2))
    assert found.r2[0] == pytest.approx(1 - 8 / 12)
    assert found.mean_leverage[0] == 0.25
    for name in ("alpha", "resid_sd", "r2", "level", "df_resid", "mean_leverage"):
        assert np.isnan(getattr(found, name)[1:]).all(), name


def test_a_fit_needs_a_day_more_than_coefficients():
    found = fitted(TWO, [[1, 2, 4, 8], [1, 3, 2, 1]], [[1, 2, 1, NAN], [1, 2, 1, 5]], 1)
    assert list(found.status) == ["insufficient", "ok"]


def test_earlier_reasons_go_before_the_fits_own():
    design = Design(MARKET, np.array([[1.0, 1, 3, 3]]))
    returns = np.array([[5.0, 1, 5, 5]] * 2 + [[5, NAN, NAN, NAN]] * 2)
    prior = np.array(["ok", "no_price", "no_return", "ok"], dtype=object)
    found = fit(design, returns, 2, prior_status=prior)
    assert list(found.status) == ["ok", "no_price", "no_return", "insufficient"]
    assert np.isnan(found.alpha[1:]).all()
    assert list(found.n_est) == [4, 4, 1, 1]


def test_coefficients_of_two_factors_that_overlap():
    """What is orthogonal has the slopes 3 and 2; the second factor holds half of the first, so the
    betas are 3 - 0.5 x 2 = 2 and 2. The rest 5, -5, -3, 3 is orthogonal to both: SSE 68.
    """
    x_1, x_2 = np.array([1, 1, 3, 3]), np.array([-1, 2, -1, 4])
    returns = 2.5 + 2 * x_1 + 2 * x_2 + np.array([5, -5, -3, 3])
    found = fitted(TWO, [x_1, x_2], returns)
    assert_allclose(found.slopes, [[3, 2]])
    assert_allclose(found.betas, [[2, 2]])
    assert found.alpha[0] == pytest.approx(2.5)
    assert found.df_resid[0] == 1
    assert found.resid_sd[0] == pytest.approx(np.sqrt(68))


@pytest.mark.parametrize(("leverage", "mean_leverage"), [("model", 0), ("one_over_n", 1 / 4)])
def test_the_market_adjusted_model_estimates_nothing(leverage, mean_leverage):
    """Above the market: 3, 0, 0, 1. They keep their mean of 1; the variance about it is
    (4 + 1 + 1 + 0) / 3 = 2. The mean's own error counts only on request.
    """
    model = Model("adjusted", ("MKT",), "market_adjusted", leverage=leverage)
    found = fitted(model, [1, 1, 3, 3], [4, 1, 3, 4])
    assert_array_equal(found.residuals, [[3, 0, 0, 1]])
    assert found.residual_mean[0] == 1
    assert found.resid_sd[0] == pytest.approx(np.sqrt(2))
    assert (found.df_resid[0], found.alpha[0], found.mean_leverage[0]) == (3, 0, mean_leverage)
    assert np.isnan(found.r2[0])
    assert found.betas.shape == (1, 0)
    assert_array_equal(found.expected(np.array([[0.25]])), [[0.25]])


def test_the_mean_adjusted_model_expects_the_mean():
    found = fitted(MEAN, [], [10, 6, 6, 6])
    assert (found.alpha[0], found.df_resid[0], found.mean_leverage[0]) == (7, 3, 0.25)
    assert found.resid_sd[0] == pytest.approx(2)
    assert np.isnan(found.r2[0])
    assert_array_equal(found.expected(np.empty((0, 2))), [[7, 7]])


def test_what_a_close_fit_leaves_keeps_its_digits():
    """Residuals a millionth of the returns: a difference of squares would lose all digits."""
    x = np.array([1.0, 1, 3, 3])
    found = fitted(MARKET, x, 0.75 + 0.5 * x + 2.0**-20 * np.array([1, -1, -1, 1]))
    assert found.resid_sd[0] == pytest.approx(2.0**-20 * np.sqrt(2), rel=1e-9)


def with_two_slopes(**changed: object) -> Fit:
    """A fit whose figures are written down rather than estimated."""
    known = {
        "level": [0.5], "slopes": [[1, 2]], "score_means": [[0.25, 0]],
        "lower": [[[0, 0], [1, 0]]], "inverse_pivots": [[16, 7]], "mean_leverage": [0.25],
    } | changed  # fmt: skip
    design = Design(TWO, np.array([[-1, -1, 1, 1], [-1, 1, -1, 1]], dtype=float))
    found = fit(design, np.array([[1.0, 2, 3, 5]]), 2)
    for name, value in known.items():
        object.__setattr__(found, name, np.array(value, dtype=float))
    return found


def test_expectation_and_leverage_of_one_day():
    """Level 1/2 and slopes 1 and 2 on z = (1/2, -1/4) about the means (1/4, 0): 1/2 + 1/4 - 1/2.
    The leverage is 1/4 of the mean; u_1 = 1/2 - 1/4 squared times 16 adds 1; u_2 = -1/4 - 1 x 1/4
    squared times 7 adds 1.75.
    """
    found = with_two_slopes()
    day = np.array([[0.5], [-0.25]])
    assert_array_equal(found.expected(day), [[0.25]])
    assert_array_equal(found.leverage(found.design.scores_of(day), 1), [[3]])


@pytest.mark.parametrize(
    ("n_days", "sums", "leverage"),
    [
        # d_1 = 2 - 1 = 1, d_2 = 3 - 1 = 2, u_2 = 2 - 0.5 x 1: 4/8 + 1 x 2 + 2.25 x 2.
        (2, (2, 3), 7),
        # d_1 = 2 - 2 = 0 and d_2 = 3 - 2 = 1: 16/8 + 2.
        (4, (2, 3), 4),
    ],
)
def test_leverage_of_several_days(n_days, sums, leverage):
    found = with_two_slopes(
        score_means=[[0.5, 0.5]],
        lower=[[[0, 0], [0.5, 0]]],
        inverse_pivots=[[2, 2]],
        mean_leverage=[0.125],
    )
    assert_array_equal(found.leverage(np.array(sums, dtype=float)[:, None], n_days), [[leverage]])


def test_a_portfolio_that_costs_nothing_expects_no_market():
    """Long as much as short: the market's return is neither taken off nor expected."""
    design = Design(ADJUSTED, np.array([[1.0, 1, 3, 3]]))
    found = fit(design, np.array([[4.0, 1, 3, 4]] * 2), 2, net_weights=np.array([1.0, 0.0]))
    assert_array_equal(found.residuals, [[3, 0, 0, 1], [4, 1, 3, 4]])
    assert_array_equal(found.expected(np.array([[2.0]]), np.array([1.0, 0.0])), [[2], [0]])


@pytest.mark.parametrize("n_factors", range(6))
@pytest.mark.parametrize("holes", [0.0, 0.15])
def test_any_number_of_factors_agrees_with_statsmodels(n_factors, holes):
    """Coefficients, errors and the variance of a sum of forecasts, with factors that overlap."""
    random = np.random.default_rng(100 * n_factors + int(100 * holes))
    n_days, n_firms, length = 80, 6, 3
    names = tuple(f"F{number}" for number in range(n_factors))
    factors = 0.02 * random.standard_normal((n_factors, n_days + length)) + 0.001
    if n_factors > 1:
        factors[1:] += 0.9 * factors[:1]
    returns = 0.002 + 0.03 * random.standard_normal((n_firms, n_days))
    returns += random.uniform(-1, 2, (n_firms, n_factors)) @ factors[:, :n_days]
    returns[random.random(returns.shape) < holes] = NAN
    model = Model("m", names, "ols" if names else "mean_adjusted")
    found = fitted(model, factors[:, :n_days], returns)
    future = factors[:, n_days:]
    leverage = found.leverage(found.design.scores_of(future).sum(axis=1, keepdims=True), length)[
        :, 0
    ]
    for firm, own in enumerate(returns):
        days = ~np.isnan(own)
        result = sm.OLS(own[days], sm.add_constant(factors[:, :n_days].T, has_constant="add")[days])
        expected = result.fit()
        assert_allclose(np.r_[found.alpha[firm], found.betas[firm]], expected.params, rtol=1e-9)
        assert_allclose(found.residuals[firm, days], expected.resid, rtol=1e-8, atol=1e-14)
        assert found.resid_sd[firm] == pytest.approx(np.sqrt(expected.mse_resid), rel=1e-11)
        if names:
            assert found.r2[firm] == pytest.approx(expected.rsquared, rel=1e-10)
        d = np.r_[length, future.sum(axis=1)]
        assert leverage[firm] == pytest.approx(d @ expected.normalized_cov_params @ d, rel=1e-9)
        forecast = expected.predict(np.column_stack([np.ones(length), future.T]))
        assert_allclose(found.expected(future)[firm], forecast, rtol=1e-9, atol=1e-14)


def test_a_fit_does_not_depend_on_the_other_series():
    """Bit for bit: alone, among others and in another order."""
    random = np.random.default_rng(8)
    design = Design(TWO, 0.02 * random.standard_normal((2, 60)))
    returns = 0.03 * random.standard_normal((40, 60))
    returns[random.random(returns.shape) < 0.1] = NAN
    returns[:5] = np.nan_to_num(returns[:5])
    together = fit(design, returns, 30)
    order = random.permutation(40)
    shuffled = fit(design, returns[order], 30)
    for name in ("alpha", "betas", "residuals", "resid_sd", "r2", "level", "inverse_pivots"):
        assert_array_equal(getattr(together, name)[order], getattr(shuffled, name), err_msg=name)
        for row in (0, 3, 17):
            alone = fit(design, returns[row : row + 1], 30)
            assert_array_equal(getattr(together, name)[row], getattr(alone, name)[0], err_msg=name)
