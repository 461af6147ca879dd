"""Ranks of abnormal returns among a firm's own residuals, summed over firms by day.

Sources: Corrado (1989); Corrado and Zivney (1992); Kolari and Pynnönen (2011) for GRANK.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dagster_project.event_study.arrays import Floats, Integers

HalfSteps = NDArray[np.int8]

# Adding and taking away 2^12 leaves a multiple of 2^-40: values that differ by rounding are tied.
_TIE = 4096.0


def tie_value(values: Floats) -> Floats:
    """Values for ranking: two that differ by less than about 1e-12 become equal."""
    return (values + _TIE) - _TIE


def mean_ranks(values: Floats) -> Floats:
    """Ranks along the rows from 1, ties sharing their mean rank; NaN keeps its place as NaN."""
    n_columns = values.shape[1]
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    positions = np.broadcast_to(np.arange(1.0, n_columns + 1), values.shape)
    tied_rows = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
    if len(tied_rows):
        positions = positions.copy()
        starts = np.ones((len(tied_rows), n_columns), dtype=bool)
        starts[:, 1:] = ordered[tied_rows, 1:] != ordered[tied_rows, :-1]
        index = np.arange(n_columns)
        first = np.maximum.accumulate(np.where(starts, index, 0), axis=1)
        ends = np.ones_like(starts)
        ends[:, :-1] = starts[:, 1:]
        last = np.minimum.accumulate(np.where(ends, index, n_columns)[:, ::-1], axis=1)[:, ::-1]
        positions[tied_rows] = (first + last) / 2 + 1
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, positions, axis=1)
    ranks[np.isnan(values)] = np.nan
    return ranks


def half_steps_above(value: Floats, ranked: Floats) -> HalfSteps:
    """What one value more adds to the ranks of others, in halves: 2 above it, 1 where equal.

    ``value`` has one entry per row of ``ranked``; NaN on either side adds nothing. Small integers,
    because ranking one more value is the most frequent step of all rank tests.
    """
    column = value[:, None]
    return np.less(column, ranked).view(np.int8) + np.less_equal(column, ranked).view(np.int8)


@dataclass(frozen=True)
class RankedRows:
    """Ranks of one window's sessions among the residuals, by firm and day.

    ``deviations`` (firms × days) are ranks minus the mean rank (Corrado); over ``n_ranked + 1``
    they are ranks as a share of the ranked sessions, minus one half (Corrado and Zivney). Columns
    are the estimation days, then the ranked event days. ``n_ranked`` (firms) counts the values
    ranked together.
    """

    deviations: Floats
    n_ranked: Integers
    days: Integers


class Ranking:
    """Ranks of residuals (firms × estimation days), and of event returns among them."""

    def __init__(self, residuals: Floats, estimation_days: Integers) -> None:
        self.values = tie_value(residuals)
        self.ranks = mean_ranks(self.values)
        self.n_est: Integers = (~np.isnan(residuals)).sum(axis=1)
        self._days = estimation_days
        self._steps: dict[int, HalfSteps] = {}

    def _half_steps(self, day: int, values: Floats) -> HalfSteps:
        # Windows share most of their days.
        if day not in self._steps:
            self._steps[day] = half_steps_above(values, self.values)
        return self._steps[day]

    def with_events(self, returns: Floats, days: Integers) -> RankedRows:
        """Rank event returns (firms × event days) together with the residuals."""
        tied = tie_value(returns)
        event_ranks = mean_ranks(tied)
        added = np.zeros(self.values.shape, dtype=np.int16)
        for column, day in enumerate(days):
            steps = self._half_steps(int(day), tied[:, column])
            added += steps
            event_ranks[:, column] += self.n_est - steps.sum(axis=1, dtype=np.int64) / 2
        n_ranked = self.n_est + (~np.isnan(tied)).sum(axis=1)
        ranks = np.concatenate([self.ranks + added / 2, event_ranks], axis=1)
        return RankedRows(
            deviations=ranks - (n_ranked[:, None] + 1) / 2,
            n_ranked=n_ranked,
            days=np.concatenate([self._days, days]),
        )
