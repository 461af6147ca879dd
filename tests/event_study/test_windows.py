"""CARs, their prediction errors and what quiet times did over as many days, worked by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dagster_project.event_study.models import Design, Fit, Model, fit
from dagster_project.event_study.windows import (
    Around,
    rolling_sums,
    sample_quantiles,
    window_returns,
)
from tests.event_study.builders import NAN, window

DAYS = np.array([-1, 0, 1, 2])


def fit_of(model: Model, statuses: list[str], mean_leverage: float, pivot: float) -> Fit:
    """One factor with a mean of zero and a residual sd of 1/4, as written down."""
    k = len(model.regressors)
    design = Design(model, np.array([[-1.0, 1, -1, 1]]))
    found = fit(design, np.zeros((len(statuses), 4)), 2)
    ok = np.array(statuses, dtype=object) == "ok"
    return dataclasses.replace(
        found,
        status=np.array(statuses, dtype=object),
        resid_sd=np.where(ok, 0.25, NAN),
        mean_leverage=np.where(ok, mean_leverage, NAN),
        score_means=np.zeros((len(statuses), k)),
        inverse_pivots=np.full((len(statuses), k), pivot),
    )


def around(expected: list[list[float]], abnormal: list[list[float]], simple: list[list[float]]):
    returns = np.array(simple, dtype=float)
    return Around(
        DAYS,
        returns,
        returns,
        np.array(expected, dtype=float),
        np.array(abnormal, dtype=float),
        np.array([[9.0, 1, 0, 0]]),
        (-9, -1),
    )


def test_cumulative_return_with_one_factor():
    """The mean's leverage is 1/4, the pivot 1 about a mean of 0.

    One day with z = 1: 1 + 1/4 + 1 = 9/4, so the sd is 3/8, and an abnormal return of -3/8 has t =
    -1 (-1.5 without leverage). Two days with z = 1 and 0: 2 + 4/4 + 1 = 4, sd 1/2, CAR -3/8 - 1/8,
    t = -1. Two returns of -1/2 compound to -3/4; expected -1/8 and -3/8 compound to 7/8 x 5/8 - 1 =
    -29/64, so BHAR = 1/4 - 35/64. Day 2 has no return: incomplete. A window into the estimation has
    no statistics. The second firm has no estimate, only its raw returns.
    """
    found = fit_of(Model("m", ("MKT",)), ["ok", "insufficient"], 0.25, 1.0)
    days = around(
        [[NAN, -0.125, -0.375, 0], [NAN] * 4],
        [[NAN, -0.375, -0.125, NAN], [NAN] * 4],
        [[NAN, -0.5, -0.5, NAN], [NAN, -0.5, -0.5, -0.5]],
    )
    windows = [window(0, 0), window(0, 1), window(1, 2), window(-1, 0)]
    one, two, holed, close = window_returns(found, days, windows)
    assert [list(result.status) for result in (one, two, holed, close)] == [
        ["ok", "insufficient"],
        ["ok", "insufficient"],
        ["incomplete_window", "insufficient"],
        ["overlaps_estimation", "insufficient"],
    ]
    for result, raw, expected, car, bhar, sd in (
        (one, -0.5, -0.125, -0.375, -0.375, 0.375),
        (two, -0.75, -29 / 64, -0.5, 0.25 - 35 / 64, 0.5),
    ):
        assert_array_equal(result.raw_return, [raw, raw])
        assert_array_equal(result.expected_return, [expected, NAN])
        assert_array_equal(result.car, [car, NAN])
        assert_array_equal(result.bhar, [bhar, NAN])
        assert_array_equal(result.car_sd_pred, [sd, NAN])
        assert_array_equal(result.car_t_pred, [-1, NAN])
    assert_allclose(one.car_t_simple, [-1.5, NAN])
    assert_allclose(two.car_t_simple, [-np.sqrt(2), NAN])
    for result in (holed, close):
        for name in ("expected_return", "car", "bhar", "car_sd_pred", "car_t_pred"):
            assert np.isnan(getattr(result, name)).all(), name
    assert_array_equal(holed.raw_return, [NAN, -0.75])
    assert np.isnan(close.raw_return).all()


def test_log_returns_compound_by_their_sum():
    """Expected 1/2 and -1/2 cancel to exp(0) - 1; the raw return compounds simple returns."""
    found = fit_of(Model("m", ("MKT",), return_kind="log"), ["ok"], 0.25, 1.0)
    days = around([[NAN, 0.5, -0.5, NAN]], [[NAN, -0.375, -0.125, NAN]], [[NAN, -0.5, -0.5, 0]])
    one, two = window_returns(found, days, [window(0, 0), window(0, 1)])
    assert one.expected_return[0] == pytest.approx(np.expm1(0.5))
    assert one.bhar[0] == pytest.approx(0.5 - np.exp(0.5))
    assert (two.expected_return[0], two.raw_return[0], two.bhar[0]) == (0, -0.75, -0.75)


@pytest.mark.parametrize(
    ("mean_leverage", "four_days"), [(0, 0.5), (0.25, 0.25 * np.sqrt(4 + 16 / 4))]
)
def test_cumulative_return_without_an_estimate(mean_leverage, four_days):
    """Nothing but the days, or with 1/n the error of the mean as often as there are days."""
    found = fit_of(Model("m", ("MKT",), "market_adjusted"), ["ok"], mean_leverage, 1.0)
    flat = np.full((1, 4), -0.125)
    days = Around(DAYS, flat, flat, 0 * flat, flat, np.empty((0, 4)), (-9, -2))
    (result,) = window_returns(found, days, [window(-1, 2)])
    assert result.car[0] == -0.5
    assert result.car_sd_pred[0] == pytest.approx(four_days)
    assert result.car_sd_simple[0] == 0.5


def test_sample_quantiles_count_overlapping_sums():
    """Residuals -2, -1, 0, 2, 2 and, after a hole each, 9 and 9.

    Of the sums of two neighbours (-3, -1, 2, 4) two are at or below a CAR of -1, all four at or
    beyond it in size. Single days: two of seven at or below, six at or beyond.
    """
    residuals = np.array([[-2, -1, 0, 2, 2, NAN, 9, NAN, 9.0]] * 2)
    cars = np.array([-1.0, NAN])
    for n_days, n, lower, two_sided in ((1, 7, 3 / 8, 7 / 8), (2, 4, 3 / 5, 1)):
        sums, _ = rolling_sums(residuals, np.arange(-20, -11), n_days)
        found = sample_quantiles(cars, sums)
        assert_array_equal(found.n_sums, [n, 0])
        assert_allclose(found.p_lower, [lower, NAN])
        assert_allclose(found.p_two_sided, [two_sided, NAN])


def test_sums_never_bridge_a_session_that_is_left_out():
    """A session without a factor is no column: the days on its two sides are no run."""
    residuals = np.array([[1.0, 2, 4, 8]])
    sums, days = rolling_sums(residuals, np.array([-9, -8, -6, -5]), 2)
    assert_array_equal(sums, [[3, 12]])
    assert_array_equal(days, [-8, -5])


@pytest.mark.parametrize("n_columns", [0, 2])
def test_a_window_longer_than_the_estimation_has_no_sum(n_columns):
    sums, days = rolling_sums(np.ones((3, n_columns)), np.arange(n_columns), 3)
    assert sums.shape == (3, 0)
    assert len(days) == 0
    found = sample_quantiles(np.zeros(3), sums)
    assert_array_equal(found.n_sums, [0, 0, 0])
    assert np.isnan(found.p_lower).all()


@pytest.mark.parametrize("seed", range(3))
def test_rolling_sums_and_quantiles_agree_with_loops(seed):
    random = np.random.default_rng(seed)
    days = np.flatnonzero(random.random(60) < 0.9)
    residuals = random.standard_normal((5, len(days))).round(1)
    residuals[random.random(residuals.shape) < 0.1] = NAN
    cars = random.standard_normal(5).round(1)
    for n_days in (1, 2, 5):
        sums, ends = rolling_sums(residuals, days, n_days)
        expected = []
        for end in range(n_days - 1, len(days)):
            run = slice(end - n_days + 1, end + 1)
            if list(days[run]) == list(range(days[end] - n_days + 1, days[end] + 1)):
                expected.append((days[end], [sum(row[run]) for row in residuals]))
        assert list(ends) == [end for end, _ in expected]
        assert_allclose(sums, np.array([by_firm for _, by_firm in expected]).T, atol=1e-14)
        found = sample_quantiles(cars, sums)
        for firm, car in enumerate(cars):
            own = [value for value in sums[firm] if not np.isnan(value)]
            lower = (1 + sum(value <= car for value in own)) / (1 + len(own))
            beyond = (1 + sum(abs(value) >= abs(car) for value in own)) / (1 + len(own))
            assert found.p_lower[firm] == pytest.approx(lower)
            assert found.p_two_sided[firm] == pytest.approx(beyond)
