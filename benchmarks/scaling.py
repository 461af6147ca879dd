"""How a cost grows with a size: the exponent of the power law that fits it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fit:
    """``cost = factor * size ** exponent``; ``r2`` is of the logarithms, 1 for a perfect fit.

    ``last_exponent`` is the slope between the two largest sizes alone: a fixed cost flattens the
    fit over all of them, and what matters at scale is how the end of the curve rises.
    """

    exponent: float
    factor: float
    r2: float
    last_exponent: float


def fit_exponent(sizes: Sequence[float], costs: Sequence[float]) -> Fit:
    """Least squares of log cost on log size, over at least three different sizes.

    Raises ValueError for fewer, or where a size or a cost is not positive.
    """
    if len(sizes) != len(costs):
        raise ValueError(f"{len(sizes)} sizes and {len(costs)} costs")
    if len(set(sizes)) < 3:
        raise ValueError(f"an exponent needs three different sizes: {sorted(set(sizes))}")
    if min(*sizes, *costs) <= 0:
        raise ValueError("sizes and costs must be above zero")
    ordered = sorted(zip(sizes, costs, strict=True))
    x, y = np.log(np.array(ordered, dtype=float)).T
    slope, intercept = np.polyfit(x, y, 1)
    left = y - (intercept + slope * x)
    spread = float(np.sum((y - y.mean()) ** 2))
    r2 = 1.0 if spread == 0 else 1 - float(np.sum(left**2)) / spread
    before = np.flatnonzero(x < x[-1])[-1]
    last = (y[-1] - y[before]) / (x[-1] - x[before])
    return Fit(float(slope), float(np.exp(intercept)), r2, float(last))
