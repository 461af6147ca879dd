"""The scan for abnormal days, worked by hand and day by day against the event study."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from dagster_project.event_study.event import EventPanel
from dagster_project.event_study.market import Market, Parameters
from dagster_project.event_study.models import Model
from dagster_project.event_study.scan import false_discovery_rates, scan
from tests.event_study.builders import NAN, factor, window

MARKET = Model("market", ("MKT",))


def parameters(n_before: int, minimum: int) -> Parameters:
    return Parameters(-n_before, -1, minimum, span=(0, 0))


def test_the_portfolio_holds_firms_with_a_past():
    """Session 4 with the sessions 0 to 3 before it; two coefficients and at least 3 sessions. A has
    all four, B has three, C only two, D no return on session 4: it is not there at all. Against the
    market 1, 1, 3, 3 the mean of A and B is 5, 1, 5, 5 (session 0 is A alone): alpha 2, beta 1,
    sd 2; with the market at 2 they are expected at 4.
    """
    returns = np.array(
        [
            [5, 1, 4, 5, 9],
            [NAN, 1, 6, 5, 7],
            [NAN, NAN, 50, 60, 70],
            [50, 60, 70, 80, NAN],
        ]
    )
    market = Market(returns, {"MKT": [factor([1, 1, 3, 3, 2])]}, (0, 4))
    found = scan(market, MARKET, parameters(4, 3), np.arange(4))
    assert_array_equal(found.sessions, np.arange(5))
    assert list(found.status[-1:]) == ["ok"]
    assert (found.n_firms[-1], found.n_est[-1], found.df[-1]) == (2, 4, 2)
    assert found.portfolio_return[-1] == 8
    assert found.expected_return[-1] == pytest.approx(4)
    assert found.s_pred[-1] == pytest.approx(2 * np.sqrt(1.25))
    assert found.portfolio_t[-1] == pytest.approx(4 / (2 * np.sqrt(1.25)))
    assert found.p_two_sided[-1] == pytest.approx(2 * stats.t.sf(found.portfolio_t[-1], 2))
    assert found.p_lower[-1] == pytest.approx(stats.t.cdf(found.portfolio_t[-1], 2))


def test_log_returns_and_a_market_that_is_taken_off():
    """Returns 2^k - 1 of two firms: their mean logarithm is judged, simple returns are shown."""
    model = Model("adjusted", ("MKT",), "market_adjusted", "log")
    logs = np.array([[1, 2, 0, 3.0, 2], [3, 0, 2, 1, 4]]) * np.log(2)
    market_logs = np.array([1, 0, 0, 1, 2]) * np.log(2)
    market = Market(np.expm1(logs), {"MKT": [factor(np.expm1(market_logs))]}, (0, 4))
    found = scan(market, model, parameters(4, 3), np.arange(2))
    # Mean logarithms less the market's: 1, 1, 1, 1 and 1 on the day. Nothing varies.
    assert found.status[-1] == "no_variance"
    assert found.portfolio_return[-1] == pytest.approx((3 + 15) / 2)
    logs[0, 0] = 3 * np.log(2)
    moved = scan(
        Market(np.expm1(logs), market.factors, (0, 4)), model, parameters(4, 3), np.arange(2)
    )
    quiet = np.array([2, 1, 1, 1]) * np.log(2)
    assert moved.portfolio_t[-1] == pytest.approx(np.log(2) / np.std(quiet, ddof=1))


def test_sessions_that_cannot_be_judged_say_why():
    returns = np.array([[NAN, 1, 5, 6, 9, NAN, 2, 2.0]])
    market_returns = [1, 1, 3, 3, 2, 1, NAN, 4]
    market = Market(returns, {"MKT": [factor(market_returns)]}, (0, 7))
    found = scan(market, MARKET, parameters(4, 3), np.arange(1))
    assert list(found.status) == [
        "no_return", "insufficient", "insufficient", "insufficient", "ok", "no_return",
        "no_factor", "insufficient",
    ]  # fmt: skip
    not_ok = found.status != "ok"
    for name in ("expected_return", "abnormal_return", "s_pred", "portfolio_t", "p_two_sided"):
        assert np.isnan(getattr(found, name)[not_ok]).all(), name
    assert np.isfinite(found.portfolio_t[~not_ok]).all()
    nobody = scan(market, MARKET, parameters(4, 3), np.array([], dtype=int))
    assert set(nobody.status) == {"no_return"}


@pytest.mark.parametrize("model", [MARKET, Model("two", ("MKT", "FUND"), return_kind="log")])
def test_a_day_has_the_statistic_of_its_event_study(model):
    """Firms with a complete past are one portfolio there and here."""
    random = np.random.default_rng(4)
    market_returns, fund = 0.01 * random.standard_normal((2, 70))
    returns = 0.02 * random.standard_normal((4, 70)) + market_returns
    bounds = Parameters(-40, -3, 20, span=(0, 0))
    factors = {"MKT": [factor(market_returns)], "FUND": [factor(fund)]}
    market = Market(returns, factors, (0, 69))
    found = scan(market, model, bounds, np.array([0, 2, 3]))
    judged = np.flatnonzero(found.status == "ok")
    assert len(judged) > 40
    for t0 in judged[::7]:
        panel = EventPanel(market, model, bounds, int(t0))
        (result,) = panel.equal_weight([np.array([0, 2, 3])]).windows([window(0, 0)])
        assert found.portfolio_t[t0] == pytest.approx(result.car_t_pred[0], rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_false_discovery_rates_are_those_of_scipy(seed):
    random = np.random.default_rng(seed)
    p = random.random(60) ** (1 + seed)
    p[3:9] = p[3]
    p[random.random(60) < 0.2] = NAN
    tested = ~np.isnan(p)
    found = false_discovery_rates(p)
    for rates, method in zip(found, ("bh", "by"), strict=True):
        assert_allclose(
            rates[tested], stats.false_discovery_control(p[tested], method=method), rtol=1e-12
        )
        assert np.isnan(rates[~tested]).all()


def test_false_discovery_rates_of_nothing():
    assert_array_equal(false_discovery_rates(np.array([NAN, NAN])), np.full((2, 2), NAN))
