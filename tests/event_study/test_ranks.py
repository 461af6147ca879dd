"""Ranks among a firm's own residuals, worked by hand and against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from dagster_project.event_study.ranks import (
    Ranking,
    half_steps_above,
    mean_ranks,
    tie_value,
)
from tests.event_study.builders import NAN


def test_ties_share_their_mean_rank_and_holes_stay_holes():
    values = [[1, 3, 3, 1], [-2, 2, -2, 2], [1, 4, NAN, 3], [5, 5, 5, NAN], [NAN] * 4]
    assert_array_equal(
        mean_ranks(np.array(values, dtype=float)),
        [[1.5, 3.5, 3.5, 1.5], [1.5, 3.5, 1.5, 3.5], [1, 3, NAN, 2], [2, 2, 2, NAN], [NAN] * 4],
    )


@pytest.mark.parametrize("seed", range(4))
def test_ranks_are_those_of_scipy(seed):
    random = np.random.default_rng(seed)
    values = random.standard_normal((20, 30)).round(seed)
    values[random.random(values.shape) < 0.2] = NAN
    for row, ranks in zip(values, mean_ranks(values), strict=True):
        seen = ~np.isnan(row)
        assert_array_equal(ranks[seen], stats.rankdata(row[seen]))
        assert np.isnan(ranks[~seen]).all()


@pytest.mark.parametrize("width", [0, 1])
def test_ranks_of_next_to_nothing(width):
    assert_array_equal(mean_ranks(np.zeros((2, width))), np.ones((2, width)))
    assert mean_ranks(np.empty((0, 3))).shape == (0, 3)


def test_values_that_differ_by_rounding_are_tied():
    """0.5 and 1e-13 more are one value; 1e-11 more is another. NaN stays NaN."""
    found = tie_value(np.array([0.5, 0.5 + 1e-13, 0.5 + 1e-11, NAN]))
    assert found[0] == found[1] != found[2]
    assert abs(found[2] - 0.5) < 2e-11
    assert np.isnan(found[3])
    # Values far from zero lose no more than 2^-40 either.
    assert abs(tie_value(np.array([-3.3]))[0] + 3.3) < 2.0**-40


def test_what_one_value_more_adds_to_the_ranks():
    """In halves: -2 is tied with -2 and below 2; 0 is below 1 alone; 2 is between 1 and 3."""
    residuals = np.array([[-2, 2, NAN], [-1, 1, NAN], [NAN, 1, 3]])
    assert_array_equal(
        half_steps_above(np.array([-2.0, 0, 2]), residuals),
        [[1, 2, 0], [0, 2, 0], [0, 0, 2]],
    )
    assert not half_steps_above(np.array([NAN, NAN, NAN]), residuals).any()


def test_several_ranked_sessions_among_the_firms_own():
    """Firm 1: 1, 3, 3, 1 (and a rounding error), 2 and on the event -1 and 3 rank 2.5, 6, 6, 2.5,
    4, 1, 6 of seven, less 4: -1.5, 2, 2, -1.5, 0, -3, 2; shares of eight less 1/2: -3/16, 4/16,
    4/16, -3/16, 0, -6/16, 4/16. Firm 2 has two quiet days and one of the event: -2, 2, 5 are -1, 0,
    1 about the middle, shares -1/4, 0, 1/4 of four. Each firm's deviations add to zero.
    """
    residuals = np.array([[1, 3, 3, 1.0000000000001, 2], [-2, 2, NAN, NAN, NAN]])
    event = np.array([[-1, 3], [5, NAN]])
    found = Ranking(residuals, np.arange(-9, -4)).with_events(event, np.array([0, 1]))
    assert_array_equal(found.days, [-9, -8, -7, -6, -5, 0, 1])
    assert_array_equal(found.n_ranked, [7, 3])
    assert_array_equal(
        found.deviations,
        [[-1.5, 2, 2, -1.5, 0, -3, 2], [-1, 0, NAN, NAN, NAN, 1, NAN]],
    )
    assert_array_equal(
        found.deviations / (found.n_ranked[:, None] + 1) * 16,
        [[-3, 4, 4, -3, 0, -6, 4], [-4, 0, NAN, NAN, NAN, 4, NAN]],
    )


def test_windows_that_share_days_rank_them_alike():
    """A day's steps are kept between windows: in another order and company it ranks the same."""
    random = np.random.default_rng(5)
    residuals, event = random.standard_normal((4, 20)), random.standard_normal((4, 3))
    kept = Ranking(residuals, np.arange(-20, 0))
    for days in ([0], [0, 1], [1, 2], [0, 1, 2]):
        fresh = Ranking(residuals, np.arange(-20, 0))
        found, expected = (
            ranking.with_events(event[:, days], np.array(days)) for ranking in (kept, fresh)
        )
        assert_array_equal(found.deviations, expected.deviations)


@pytest.mark.parametrize("seed", range(4))
def test_ranking_together_is_ranking_all_values_again(seed):
    """Ranks of residuals corrected for the event days, against SciPy on all of a firm's days."""
    random = np.random.default_rng(seed)
    residuals = random.standard_normal((8, 25)).round(1)
    event = random.standard_normal((8, 4)).round(1)
    for values in (residuals, event):
        values[random.random(values.shape) < 0.2] = NAN
    found = Ranking(residuals, np.arange(-25, 0)).with_events(event, np.arange(4))
    for firm, row in enumerate(np.concatenate([residuals, event], axis=1)):
        seen = ~np.isnan(row)
        ranks = stats.rankdata(row[seen])
        assert_allclose(found.deviations[firm, seen], ranks - (seen.sum() + 1) / 2)
        assert np.isnan(found.deviations[firm, ~seen]).all()
        assert found.n_ranked[firm] == seen.sum()
