"""Tail probabilities and quantiles against SciPy's other routes to them, on a wide grid."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from dagster_project.event_study.distributions import (
    detectable_standard_errors,
    normal_lower_p,
    normal_two_sided_p,
    student_t_lower_p,
    student_t_quantile,
    student_t_two_sided_p,
)

DEGREES = np.r_[
    1:32, 2.5, 17.3, 40, 59, 60, 61, 100, 119, 120, 200, 248, 249, 300, 499, 500, 1e4, 1e6
]
TAILS = np.r_[0.9999, 0.99, 0.95, np.linspace(0.9, 0.01, 40), np.logspace(-2.1, -40, 60)]


def t_grid() -> tuple[np.ndarray, np.ndarray]:
    """Statistics spread in p, from the centre down to 1e-40, for every degree of freedom."""
    degrees, tails = (grid.ravel() for grid in np.meshgrid(DEGREES, TAILS))
    return stats.t.isf(tails / 2, degrees), degrees


def exact_two_sided(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    """The same through the incomplete beta function, of the end that keeps its digits."""
    square = t**2
    tail = special.betainc(df / 2, 0.5, df / (df + square))
    centre = 1 - special.betainc(0.5, df / 2, square / (df + square))
    return np.where(square > 1, tail, centre)


def test_student_t_two_sided():
    t, df = t_grid()
    p = student_t_two_sided_p(t, df)
    np.testing.assert_allclose(p, exact_two_sided(t, df), rtol=1e-10)
    np.testing.assert_allclose(p, 2 * stats.t.sf(t, df), rtol=1e-10)
    np.testing.assert_array_equal(p, student_t_two_sided_p(-t, df))
    assert ((p >= 0) & (p <= 1)).all()


def test_student_t_lower_tail():
    t, df = t_grid()
    np.testing.assert_allclose(student_t_lower_p(-t, df), exact_two_sided(t, df) / 2, rtol=1e-10)
    np.testing.assert_allclose(student_t_lower_p(t, df), stats.t.cdf(t, df), rtol=1e-12)


def test_student_t_near_zero_and_far_out():
    t = np.array([0.0, -0.0, 1e-9, 1e6, 1e200, np.inf, -np.inf])
    p = student_t_two_sided_p(t, np.array([5, 5, 5, 1, 3, 7, 7]))
    assert p[0] == p[1] == 1
    assert p[2] == pytest.approx(1, abs=1e-8)
    # One degree of freedom is the Cauchy distribution: p = 2/pi x atan(1/t).
    assert p[3] == pytest.approx(2 / np.pi * np.arctan(1e-6), rel=1e-12)
    assert 0 <= p[4] < 1e-100
    assert p[5] == p[6] == 0


def test_two_degrees_of_freedom_have_a_closed_form():
    t = np.linspace(-30, 30, 501)
    np.testing.assert_allclose(
        student_t_lower_p(t, 2), 0.5 + t / (2 * np.sqrt(2 + t**2)), rtol=1e-11, atol=1e-16
    )


def test_normal():
    z = np.r_[0, 1e-9, np.linspace(1e-3, 37, 5000)]
    exact = special.erfc(z / np.sqrt(2))
    np.testing.assert_allclose(normal_two_sided_p(z), exact, rtol=1e-12)
    np.testing.assert_allclose(normal_two_sided_p(-z), exact, rtol=1e-12)
    np.testing.assert_allclose(normal_lower_p(-z), exact / 2, rtol=1e-12)
    np.testing.assert_allclose(normal_lower_p(z), stats.norm.cdf(z), rtol=1e-14)


@pytest.mark.parametrize(
    "p", [1e-6, 0.001, 0.025, 0.2, 0.4, 0.6, 0.8, 0.95, 0.975, 0.995, 1 - 1e-6]
)
def test_student_t_quantile(p):
    q = student_t_quantile(p, DEGREES)
    np.testing.assert_allclose(q, stats.t.ppf(p, DEGREES), rtol=1e-9)
    np.testing.assert_allclose(student_t_lower_p(q, DEGREES), p, rtol=1e-9)


def test_missing_and_meaningless_arguments_give_missing():
    t, df = np.array([np.nan, 1.0, 1.0, 1.0]), np.array([5.0, np.nan, 0.0, -3.0])
    for found in (student_t_two_sided_p(t, df), student_t_lower_p(t, df)):
        assert np.isnan(found).all()
    assert np.isnan(student_t_quantile(0.5, df[1:])).all()
    assert np.isnan(normal_two_sided_p(np.nan))
    assert np.isnan(normal_lower_p(np.nan))


def test_an_effect_is_found_in_four_of_five_samples():
    """The power of a two-sided test at that many standard errors, were the variance known."""
    for df, level in ((5, 0.05), (247, 0.05), (30.4, 0.1)):
        errors = detectable_standard_errors(df, level)
        assert errors == pytest.approx(stats.t.ppf(1 - level / 2, df) + stats.t.ppf(0.8, df))
    far = detectable_standard_errors(1e9, 0.05)
    assert stats.norm.sf(stats.norm.isf(0.025) - far) == pytest.approx(0.8, abs=1e-6)
