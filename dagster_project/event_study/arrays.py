"""Array types and the few sums that every module of the package needs.

All sums run along contiguous rows with NumPy's own loops, never through BLAS: a result is then
the same to the last bit for any number of threads and any number of rows computed with it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
# Texts, such as the status of every series.
Texts = NDArray[Any]

# A spread below this share of the values' root mean square is rounding, not a spread.
NO_SPREAD = 1e-12


def row_products(left: Floats, right: Floats) -> Floats:
    """Sums of products of the rows of two arrays: (a, t) and (b, t) give (a, b)."""
    return np.asarray(np.einsum("at,bt->ab", left, right))


def dot(left: Floats, right: Floats) -> float:
    """Sum of the products of two rows."""
    return float(np.einsum("t,t->", left, right))


def squared_sums(rows: Floats) -> Floats:
    """Sum of squares of each row: (a, t) gives (a,)."""
    return np.asarray(np.einsum("at,at->a", rows, rows))


def sample_sd(values: Floats) -> float:
    """Standard deviation with n - 1; NaN for fewer than two values or a spread that is rounding."""
    n = len(values)
    if n < 2:
        return np.nan
    deviations = values - values.sum() / n
    sd = math.sqrt(dot(deviations, deviations) / (n - 1))
    return sd if sd > NO_SPREAD * math.sqrt(dot(values, values) / n) else np.nan


def divided(numerator: Any, denominator: Any) -> Floats:
    """Quotient of two arrays, NaN where the denominator is zero."""
    denominator = np.asarray(denominator, dtype=float)
    return np.asarray(numerator, dtype=float) / np.where(denominator == 0, np.nan, denominator)


def columns_of(row: Floats, index: Integers) -> Floats:
    """Elements of the last axis at ``index``, NaN where the index lies outside it."""
    inside = (index >= 0) & (index < row.shape[-1])
    if inside.all():
        return row[..., index]
    found = np.full((*row.shape[:-1], len(index)), np.nan)
    found[..., inside] = row[..., index[inside]]
    return found
