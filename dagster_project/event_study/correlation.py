"""Mean correlation of the firms' estimation residuals, which a shared event date brings in.

For the firms that have every session, the sum over all pairs follows from the square of their
summed standardised residuals; no pair is formed. Only pairs with a firm that has holes are
correlated one by one, over their common sessions. Source: Kolari and Pynnönen (2010).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dagster_project.event_study.arrays import Flags, Floats, Integers, divided, row_products
from dagster_project.event_study.models import Fit

# Below this share of a series' squares its variance is rounding.
_CONSTANT = 1e-24


@dataclass(frozen=True)
class CorrelationSum:
    """Sum of the correlations of all usable pairs of a set of firms, and pairs that are not."""

    total: float
    n_pairs_dropped: int


class GroupCorrelations:
    """Correlations of the residuals of one set of firms; subsets of it are summed.

    ``firms`` are rows of ``fitted``, all with an estimate. Pairs with fewer than
    ``min_common_sessions`` sessions in common are dropped and counted.
    """

    def __init__(self, fitted: Fit, firms: Integers, min_common_sessions: int) -> None:
        residuals = fitted.residuals[firms]
        self._complete: Flags = fitted.is_complete[firms]
        n_days = residuals.shape[1]
        # Standardised with the population's standard deviation.
        scale = fitted.resid_sd[firms] * np.sqrt(
            divided(fitted.df_resid[firms], fitted.n_est[firms])
        )
        self._standardised = (residuals - fitted.residual_mean[firms][:, None])[
            self._complete
        ] / scale[self._complete][:, None]
        self._has_enough_days = n_days >= min_common_sessions
        self._holed = np.flatnonzero(~self._complete)
        self._correlations, self._usable = _pairs(residuals, self._holed, min_common_sessions)

    def sum_over(self, kept: Flags) -> CorrelationSum:
        """Sum over the pairs of the firms that ``kept`` (firms of the set) selects."""
        n = int(kept.sum())
        complete = kept[self._complete]
        n_complete = int(complete.sum())
        total, n_pairs = 0.0, 0
        if n_complete > 1 and self._has_enough_days:
            by_day = self._standardised[complete].sum(axis=0)
            total = (float(np.mean(by_day**2)) - n_complete) / 2
            n_pairs = n_complete * (n_complete - 1) // 2
        if len(self._holed):
            rows = kept[self._holed]
            # A pair of two firms with holes is in the table twice.
            weights = np.where(self._complete, 1.0, 0.5)[kept]
            usable = self._usable[rows][:, kept]
            correlations = np.where(usable, self._correlations[rows][:, kept], 0.0)
            total += float((correlations * weights).sum())
            n_pairs += round(float((usable * weights).sum()))
        return CorrelationSum(total, n * (n - 1) // 2 - n_pairs)


def _pairs(residuals: Floats, holed: Integers, min_common: int) -> tuple[Floats, Flags]:
    """Correlations of the firms with holes (rows) with all firms, and which of them count."""
    if not len(holed):
        return np.empty((0, len(residuals))), np.empty((0, len(residuals)), dtype=bool)
    seen = (~np.isnan(residuals)).astype(float)
    values = np.where(seen > 0, residuals, 0.0)
    squares = values**2
    n = row_products(seen[holed], seen)
    left_sum, right_sum = row_products(values[holed], seen), row_products(seen[holed], values)
    left_squares = row_products(squares[holed], seen)
    right_squares = row_products(seen[holed], squares)
    products = row_products(values[holed], values)
    some = np.where(n > 0, n, np.nan)
    left_variance = left_squares - left_sum**2 / some
    right_variance = right_squares - right_sum**2 / some
    varies = (left_variance > _CONSTANT * left_squares) & (
        right_variance > _CONSTANT * right_squares
    )
    with np.errstate(invalid="ignore"):
        correlations = (products - left_sum * right_sum / some) / np.sqrt(
            np.where(varies, left_variance * right_variance, np.nan)
        )
    usable = varies & (n >= min_common)
    usable[np.arange(len(holed)), holed] = False
    return correlations, usable
