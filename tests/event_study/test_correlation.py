"""The mean correlation of residuals, with and without holes."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

from dagster_project.event_study.correlation import CorrelationSum, GroupCorrelations
from dagster_project.event_study.models import Design, fit
from tests.event_study.builders import NAN, RETURNS_THEMSELVES


def correlations(residuals: ArrayLike, min_common: int) -> GroupCorrelations:
    rows = np.array(residuals, dtype=float)
    found = fit(Design(RETURNS_THEMSELVES, np.zeros((1, rows.shape[1]))), rows, 2)
    firms = np.flatnonzero(found.ok)
    return GroupCorrelations(found, firms, min_common)


def of_all(residuals: ArrayLike, min_common: int) -> CorrelationSum:
    n_firms = len(np.array(residuals))
    return correlations(residuals, min_common).sum_over(np.ones(n_firms, dtype=bool))


FIRST = [1, 1, 1, 1, -1, -1, -1, -1]
SECOND = [1, 1, 1, -1, -1, -1, -1, 1]


def test_complete_firms_through_the_squared_sum():
    """The two agree on six of eight sessions: r = (6 - 2)/8 = 1/2. By their sums 2, 2, 2, 0, -2,
    -2, -2, 0: the mean square 3 less one for each firm is 1, and half of it 1/2.
    """
    found = of_all([FIRST, SECOND], 8)
    assert (found.total, found.n_pairs_dropped) == (pytest.approx(0.5), 0)
    assert of_all([FIRST, SECOND], 9) == CorrelationSum(0.0, 1)


def test_one_firm_has_no_pair():
    assert of_all([FIRST], 8) == CorrelationSum(0.0, 0)


def test_pairs_with_holes_on_common_sessions():
    """p = 1, -1, 1, -1 and q = 1, 1, -1, -1 are orthogonal: firm 1 follows p, firm 2 follows
    3 p + 4 q = 7, 1, -1, -7, whose spread is 5: r = 3/5 over the four sessions both have. Firm 3
    shares two sessions with firm 1, of three needed, and none with firm 2.
    """
    residuals = [
        [1, -1, 1, -1, 50, 60, NAN],
        [7, 1, -1, -7, NAN, NAN, 8],
        [NAN, NAN, NAN, NAN, 2, 5, 9],
    ]
    found = of_all(residuals, 3)
    assert (found.total, found.n_pairs_dropped) == (pytest.approx(0.6), 2)


def test_a_firm_that_is_constant_on_the_common_sessions_has_no_correlation():
    residuals = [[1, -1, 1, -1, NAN], [2, 2, 2, 2, 7], [7, 1, -1, -7, 3]]
    found = of_all(residuals, 3)
    # Of the three pairs only the first and third firm's is left, and the second's with the third.
    expected = 0.6 + np.corrcoef(residuals[1], residuals[2])[0, 1]
    assert (found.total, found.n_pairs_dropped) == (pytest.approx(expected), 1)


def test_complete_firms_and_one_with_holes_add_up():
    """The complete pair has 1/2; the firm with a hole correlates pair by pair."""
    third = [3, 1, -2, 0.5, 1, -1, 2, NAN]
    found = of_all([FIRST, SECOND, third], 7)
    expected = 0.5 + sum(
        np.corrcoef(np.array(row[:7], dtype=float), third[:7])[0, 1] for row in (FIRST, SECOND)
    )
    assert (found.total, found.n_pairs_dropped) == (pytest.approx(expected), 0)


@pytest.mark.parametrize("seed", range(5))
def test_subsets_agree_with_pandas_pair_by_pair(seed):
    """Every subset of firms: pairs with too few common sessions are dropped and counted."""
    random = np.random.default_rng(seed)
    residuals = random.standard_normal((7, 40)) + random.standard_normal(40)
    residuals[2:][random.random((5, 40)) < 0.35] = NAN
    minimum = 20
    matrix = pd.DataFrame(residuals.T).corr(min_periods=minimum).to_numpy()
    group = correlations(residuals, minimum)
    n_dropped = set()
    for chosen in itertools.chain.from_iterable(
        itertools.combinations(range(7), size) for size in (1, 2, 4, 7)
    ):
        kept = np.isin(np.arange(7), chosen)
        pairs = np.array([matrix[i, j] for i, j in itertools.combinations(chosen, 2)])
        found = group.sum_over(kept)
        assert found.total == pytest.approx(np.nansum(pairs), abs=1e-12)
        assert found.n_pairs_dropped == np.isnan(pairs).sum()
        n_dropped.add(found.n_pairs_dropped)
    assert len(n_dropped) > 1
