"""Ranks of abnormal returns among a firm's own residuals, summed over firms by day.

Sources: Corrado (1989); Corrado and Zivney (1992); Kolari and Pynnönen (2011) for GRANK.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dagster_project.event_study.arrays import Floats, Integers

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


def steps_above(value: Floats, ranked: Floats) -> Floats:
    """What one value more adds to the ranks of others: one above it, one half where equal.

    ``value`` has one entry per row of ``ranked``; NaN on either side adds nothing.
    """
    column = value[:, None]
    return (np.less(column, ranked).astype(np.float64) + np.less_equal(column, ranked)) / 2


@dataclass(frozen=True)
class RankedRows:
    """Ranks of one window's sessions among the residuals, by firm and day.

    Columns are the estimation days, then the ranked event days. ``n_ranked`` (firms) counts the
    values ranked together.
    """

    ranks: Floats
    n_ranked: Integers
    days: Integers

    @property
    def deviations(self) -> Floats:
        """Rank minus the mean rank (Corrado): (firms × days)."""
        return self.ranks - (self.n_ranked[:, None] + 1) / 2

    @property
    def shares(self) -> Floats:
        """Rank as a share of the ranked sessions, minus one half (Corrado and Zivney)."""
        return self.ranks / (self.n_ranked[:, None] + 1) - 0.5


def ranked_rows(
    residual_ranks: Floats,
    residuals: Floats,
    estimation_days: Integers,
    event_returns: Floats,
    event_days: Integers,
) -> RankedRows:
    """Rank event returns (firms × event days) together with the residuals (firms × days).

    ``residual_ranks`` are the ranks of ``residuals`` among themselves; both sides are tie values.
    """
    ranks = residual_ranks.copy()
    n_est = (~np.isnan(residuals)).sum(axis=1)
    event_ranks = mean_ranks(event_returns)
    for column in range(event_returns.shape[1]):
        steps = steps_above(event_returns[:, column], residuals)
        ranks += steps
        event_ranks[:, column] += n_est - steps.sum(axis=1)
    return RankedRows(
        ranks=np.concatenate([ranks, event_ranks], axis=1),
        n_ranked=n_est + (~np.isnan(event_returns)).sum(axis=1),
        days=np.concatenate([estimation_days, event_days]),
    )
