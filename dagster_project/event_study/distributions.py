"""Tail probabilities and quantiles of Student's t and the normal distribution.

``scipy.special`` alone: importing ``scipy.stats`` would cost half a second of every run. All
functions work element by element on arrays; NaN, or degrees of freedom that are not positive,
give NaN.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from dagster_project.event_study.arrays import Floats


def student_t_lower_p(t: ArrayLike, df: ArrayLike) -> Floats:
    """P(T <= t) for Student's t with ``df`` degrees of freedom."""
    t, df = np.broadcast_arrays(np.asarray(t, dtype=float), np.asarray(df, dtype=float))
    return np.asarray(special.stdtr(np.where(df > 0, df, np.nan), t), dtype=float)


def student_t_two_sided_p(t: ArrayLike, df: ArrayLike) -> Floats:
    """P(abs(T) >= abs(t)) for Student's t with ``df`` degrees of freedom."""
    return np.minimum(2 * student_t_lower_p(-np.abs(np.asarray(t, dtype=float)), df), 1.0)


def student_t_quantile(p: float, df: ArrayLike) -> Floats:
    """The t for which P(T <= t) = ``p``."""
    df = np.asarray(df, dtype=float)
    return np.asarray(special.stdtrit(np.where(df > 0, df, np.nan), p), dtype=float)


def normal_lower_p(z: ArrayLike) -> Floats:
    """P(Z <= z) for the standard normal distribution."""
    return np.asarray(special.ndtr(np.asarray(z, dtype=float)), dtype=float)


def normal_two_sided_p(z: ArrayLike) -> Floats:
    """P(abs(Z) >= abs(z)) for the standard normal distribution."""
    return 2 * normal_lower_p(-np.abs(np.asarray(z, dtype=float)))


@lru_cache(maxsize=4096)
def detectable_standard_errors(df: float, significance_level: float) -> float:
    """Standard errors that a true effect must measure to be found in four of five samples.

    Two-sided at ``significance_level``: the sum of the t quantiles of 1 - level / 2 and of 0.8.
    Times the standard error it is the minimum detectable effect at a power of 80%.
    """
    return float(student_t_quantile(1 - significance_level / 2, df) + student_t_quantile(0.8, df))
