"""One model around one event session: which days count, portfolios, masks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dagster_project.event_study.models import Model
from tests.event_study.builders import NAN, panel, window

MARKET = Model("market", ("MKT",))


def test_a_session_without_a_factor_is_used_by_no_series():
    """Neither for the estimate nor as a day of the event, whatever the shares have."""
    market = [1, 1, NAN, 3, 3, 2, NAN]
    found = panel([[5, 1, 99, 5, 5]], [[8, 7]], factors={"MKT": market}, model=MARKET, first_day=0)
    assert_array_equal(found.estimation_days, [-5, -4, -2, -1])
    assert found.fit.n_est[0] == 4
    assert found.fit.is_complete[0]
    assert_allclose(found.around.expected, [[4, NAN]])
    assert_allclose(found.around.abnormal, [[4, NAN]])
    assert_array_equal(found.around.returns, [[8, 7]])
    assert [r.status[0] for r in found.windows([window(0, 0), window(0, 1)])] == [
        "ok", "incomplete_window",
    ]  # fmt: skip


def test_a_factor_that_is_missing_on_the_event_session():
    """Judges no firm; reasons that came before stay."""
    found = panel(
        [[5, 1, 5, 5]] * 2,
        [[8, 7]] * 2,
        factors={"MKT": [1, 1, 3, 3, NAN, 2]},
        model=MARKET,
        prior_status=["ok", "no_price"],
    )
    assert not found.has_factors_on_t0
    assert list(found.fit.status) == ["no_factor", "no_price"]
    assert np.isnan(found.around.expected).all()


def test_days_beyond_the_calendar_are_missing():
    """The market ends on the event session: later days have no return and no expectation."""
    base = panel([[5, 1, 5, 5]], [[8]], factors={"MKT": [1, 1, 3, 3, 2]}, model=MARKET)
    object.__setattr__(base.parameters, "span", (-1, 2))
    assert_array_equal(base.days, [-1, 0, 1, 2])
    assert_allclose(base.around.returns, [[5, 8, NAN, NAN]])
    assert_allclose(base.around.expected, [[5, 4, NAN, NAN]])


def test_prediction_sd_of_a_tiny_panel():
    """sd 2; at the factor's mean only 1/4 is added, one off it 1/4 + 1/4."""
    found = panel(
        [[5, 1, 5, 5]], [[8, NAN, 8]], factors={"MKT": [1, 1, 3, 3, 2, 2, 3]}, model=MARKET
    )
    assert_allclose(found.prediction_sd, [[2 * np.sqrt(1.25), NAN, 2 * np.sqrt(1.5)]])


def test_masked_sessions_leave_only_the_estimate_of_their_firm():
    """Session 1 of firm 0 is masked, so is one on which it has no return: one return is left out.
    The event day cannot be masked.
    """
    returns = [[5.0, 99, NAN, 1, 5, 5], [5, 2, 3, 1, 5, 6]]
    factors = {"MKT": [1, 9, 2, 1, 3, 3, 2]}
    masked = panel(
        returns, [[8], [8]], factors=factors, model=MARKET, masked=[(0, 1), (0, 2), (0, 1), (0, 6)]
    )
    plain = panel(returns, [[8], [8]], factors=factors, model=MARKET)
    assert_array_equal(masked.n_masked, [2, 0])
    assert_array_equal(masked.fit.n_est, [4, 6])
    assert (masked.fit.alpha[0], masked.fit.betas[0, 0]) == pytest.approx((2, 1))
    assert masked.fit.alpha[1] == plain.fit.alpha[1]
    assert_array_equal(masked.around.returns, [[8], [8]])
    assert_array_equal(plain.market.returns[0, :6], returns[0])


def test_a_portfolio_is_the_mean_of_the_firms_there():
    """First session: firm 1 is masked and firm 2 not listed, so firm 0's 1/2 is the portfolio's.
    Second: (1/4 + 3/4)/2. The event: (-1/2 + 0 - 1)/3. The firm without an estimate is not held.
    """
    base = panel(
        [[0.5, 0.25, 0.5], [9, 0.75, 0], [NAN, 1, 2], [NAN, NAN, 7]],
        [[-0.5], [0], [-1], [50]],
        masked=[(1, 0)],
    )
    found = base.equal_weight([np.arange(4), np.array([3]), np.array([], dtype=int)])
    assert_allclose(found.fit.residuals[0], [0.5, 2 / 3, 2.5 / 3])
    assert_allclose(found.around.simple, [[-0.5], [NAN], [NAN]])
    assert_array_equal(found.n_firms, [[3], [0], [0]])
    assert_array_equal(found.has_returns(window(0, 0)), [True, False, False])
    assert list(found.fit.status) == ["ok", "insufficient", "insufficient"]


def test_a_portfolio_has_a_regression_of_its_own():
    """Returns 7, 3, 3, 3 on 1, 1, -1, -1: mean 4, slope 1; 2, -2, 0, 0 are left."""
    base = panel(
        [[5, 1, 4, 2], [9, 5, 2, 4]],
        [[9], [10]],
        factors={"MKT": [1, 1, -1, -1, 0]},
        model=MARKET,
    )
    found = base.equal_weight([np.arange(2)])
    assert (found.fit.alpha[0], found.fit.betas[0, 0]) == pytest.approx((4, 1))
    assert found.fit.resid_sd[0] == pytest.approx(2)
    (result,) = found.windows([window(0, 0)])
    assert result.car[0] == pytest.approx(5.5)
    assert result.car_sd_pred[0] == pytest.approx(2 * np.sqrt(1.25))


def test_log_portfolios_average_log_returns():
    """The kind of return is taken firm by firm; simple returns are kept for what was earned."""
    model = Model("log", ("MKT",), "market_adjusted", "log")
    base = panel([[0, 1, 3], [3, 0, 1]], [[1], [3]], model=model)
    found = base.equal_weight([np.arange(2)])
    assert_allclose(found.fit.residuals, np.log([[2, np.sqrt(2), np.sqrt(8)]]))
    assert_allclose(found.around.returns, [[np.log(8) / 2]])
    assert_allclose(found.around.simple, [[2]])


def test_weighted_portfolios_need_every_firm_and_cost_nothing():
    """Weights -2 and 2 sum to zero only with both firms: no return on the first session, 2 x (3/4 -
    1/4) = 1 on the second. The market's return is not taken off.
    """
    base = panel(
        [[0.5, 0.25, 0, 0], [NAN, 0.75, 0.5, 1]],
        [[-0.5, 1], [0, NAN]],
        factors={"MKT": [0.25] * 6},
    )
    found = base.weighted(np.arange(2), np.array([[-2.0, 2], [1, -1]]))
    assert_array_equal(found.fit.residuals, [[NAN, 1, 1, 2], [NAN, -0.5, -0.5, -1]])
    assert_array_equal(found.around.simple, [[1, NAN], [-0.5, NAN]])
    assert_array_equal(found.around.abnormal, [[1, NAN], [-0.5, NAN]])
    assert_array_equal(found.n_firms, [[2, 0], [2, 0]])
    # A market-adjusted firm is still measured against the market.
    assert_array_equal(base.around.abnormal, [[-0.75, 0.75], [-0.25, NAN]])


def test_a_portfolio_has_no_return_where_its_model_expects_none():
    base = panel([[5, 1, 5, 5]], [[8, 7]], factors={"MKT": [1, 1, 3, 3, 2, NAN]}, model=MARKET)
    found = base.equal_weight([np.arange(1)])
    assert_array_equal(found.n_firms, [[1, 0]])
    assert_array_equal(found.around.simple, [[8, NAN]])
    assert_array_equal(found.has_returns(window(1, 1)), [False])
