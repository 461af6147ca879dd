"""Did the more exposed fall more? The slope of abnormal returns on an exposure known before.

On one event date the firms share their shocks, so the errors of a regression across firms are
wrong. The slope is itself the abnormal return of a portfolio, whose variance over time holds what
the firms share. Sources: Sefcik and Thompson (1986); MacKinnon and White (1985) for HC3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from dagster_project.event_study.arrays import (
    NO_SPREAD,
    Flags,
    Floats,
    Integers,
    divided,
)
from dagster_project.event_study.distributions import student_t_two_sided_p
from dagster_project.event_study.event import EventPanel
from dagster_project.event_study.ranks import mean_ranks, tie_value
from dagster_project.event_study.windows import Window, rolling_sums, sample_quantiles

# A firm that leaves less than this of the regression's leverage alone carries the slope.
_LEVERAGE_LEFT = 1e-12


@dataclass(frozen=True)
class Gradient:
    """Slope of CARs on an exposure in one window; NaN where not defined.

    ``slope_t_hc3`` assumes independent firms. ``slope_t_portfolio``, ``p_portfolio`` and ``sq_p``
    do not. ``loo_min`` and ``loo_max`` bound the slope with one firm left out.
    """

    status: str
    n: int
    slope: float = np.nan
    slope_t_hc3: float = np.nan
    slope_t_portfolio: float = np.nan
    p_portfolio: float = np.nan
    sq_p: float = np.nan
    spearman: float = np.nan
    spearman_p: float = np.nan
    loo_min: float = np.nan
    loo_max: float = np.nan
    n_loo_undefined: int | None = None
    long_short_return: float = np.nan
    long_short_t: float = np.nan


def gradients(
    panel: EventPanel,
    windows: Sequence[Window],
    firms: Integers,
    exposure: Floats,
    *,
    min_firms: int = 5,
    permutations: int = 4999,
) -> list[Gradient]:
    """Gradient of each window over ``firms`` (rows of the market) with their ``exposure``.

    Exposures that are NaN are unknown and left out. Weights are over all firms with a known
    exposure and an estimate, regressions over those of them that also have a CAR in the window.
    Fewer than ``min_firms`` cannot tell anything.
    """
    known = panel.fit.ok[firms] & ~np.isnan(exposure)
    firms, exposure = firms[known], exposure[known]
    results = panel.windows(windows)
    is_top = _more_exposed(exposure)
    has_portfolios = len(firms) >= min_firms and _has_spread(exposure, float(np.max(exposure)))
    if has_portfolios:
        deviations = exposure - exposure.mean()
        weights = np.stack(
            [
                deviations / np.sum(deviations**2),
                np.where(is_top, 1 / max(is_top.sum(), 1), -1 / max((~is_top).sum(), 1)),
            ]
        )
        portfolios = panel.weighted(firms, weights)
        portfolio_windows = portfolios.windows(windows)
    found = []
    for number, window in enumerate(windows):
        has_car = results[number].ok[firms]
        cars = results[number].car[firms][has_car]
        regression = _regression(cars, exposure[has_car], is_top[has_car], min_firms, permutations)
        if window.overlaps(panel.parameters.estimation):
            found.append(Gradient("overlaps_estimation", regression.n))
            continue
        if regression.status != "ok":
            found.append(regression)
            continue
        if not has_portfolios or not portfolios.has_returns(window)[0]:
            found.append(replace(regression, status="incomplete_window"))
            continue
        result = portfolio_windows[number]
        t = result.car_t_pred
        sums, _ = rolling_sums(portfolios.fit.residuals[:1], panel.estimation_days, window.n_days)
        found.append(
            replace(
                regression,
                status=str(result.status[0]),
                slope_t_portfolio=float(t[0]),
                p_portfolio=float(student_t_two_sided_p(t[0], portfolios.fit.df_resid[0])),
                sq_p=float(sample_quantiles(result.car[:1], sums).p_two_sided[0]),
                long_short_t=float(t[1]),
            )
        )
    return found


def _more_exposed(exposure: Floats) -> Flags:
    """The more exposed half: above the median, or at the largest value where half share it."""
    if not len(exposure):
        return np.zeros(0, dtype=bool)
    median, largest = np.median(exposure), exposure.max()
    return np.asarray(exposure > median if median < largest else exposure == largest)


def _has_spread(exposure: Floats, scale: float) -> bool:
    """Equal exposures, also when only rounding differs, have no gradient."""
    return bool(np.var(exposure) > NO_SPREAD * scale**2)


def _regression(
    cars: Floats, exposure: Floats, is_top: Flags, min_firms: int, permutations: int
) -> Gradient:
    """Regression across firms of one date; its status is ``ok`` where there is a slope."""
    n = len(cars)
    if n < min_firms:
        return Gradient("cannot_tell", n)
    if not _has_spread(exposure, float(np.abs(exposure).max())):
        return Gradient("no_spread", n)
    x, y = exposure - exposure.mean(), cars - cars.mean()
    sxx = float(np.sum(x**2))
    slope = float(np.sum(x * y)) / sxx
    residuals = y - slope * x
    left = 1 - 1 / n - x**2 / sxx
    # A firm that alone carries the slope has leverage 1: without it there is no slope.
    unleveraged = residuals / np.where(left > _LEVERAGE_LEFT, left, np.nan)
    n_undefined = int(np.isnan(unleveraged).sum())
    hc3 = float(np.sqrt(np.sum((x * unleveraged) ** 2))) / sxx
    without = (slope - x * unleveraged / sxx)[~np.isnan(unleveraged)]
    exposure_ranks, car_ranks = mean_ranks(np.stack([exposure, tie_value(cars)]))
    spearman, spearman_p = _spearman(exposure_ranks, car_ranks, permutations)
    has_sides = bool(is_top.any() and (~is_top).any())
    return Gradient(
        status="ok",
        n=n,
        slope=slope,
        slope_t_hc3=float(divided(slope, hc3)),
        spearman=spearman,
        spearman_p=spearman_p,
        loo_min=float(without.min()) if len(without) else np.nan,
        loo_max=float(without.max()) if len(without) else np.nan,
        n_loo_undefined=n_undefined,
        long_short_return=float(cars[is_top].mean() - cars[~is_top].mean())
        if has_sides
        else np.nan,
    )


def _spearman(left: Floats, right: Floats, permutations: int) -> tuple[float, float]:
    """Rank correlation, and its two-sided p among fixed shuffles of the ranks."""
    n = len(left)
    # Doubled, centred ranks are whole numbers: their sums order permutations exactly.
    doubled = [np.rint(2 * ranks).astype(np.int64) - n - 1 for ranks in (left, right)]
    product = int(np.sum(doubled[0] * doubled[1]))
    scale = float(np.sum(doubled[0] ** 2)) * float(np.sum(doubled[1] ** 2))
    rho = product / np.sqrt(scale) if scale else np.nan
    return rho, _permutation_p(
        tuple(np.sort(doubled[0])), tuple(np.sort(doubled[1])), abs(product), permutations
    )


@lru_cache(maxsize=4096)
def _permutation_p(
    left: tuple[int, ...], right: tuple[int, ...], product: int, permutations: int
) -> float:
    # The distribution depends on the ranks alone, and few patterns of them occur.
    shuffled = np.asarray(right)[_shuffles(len(left), permutations)]
    products = np.abs(shuffled @ np.asarray(left))
    return float((1 + np.sum(products >= product)) / (1 + permutations))


@lru_cache(maxsize=64)
def _shuffles(n: int, permutations: int) -> Integers:
    """The same shuffles of n places on every run and every machine: (permutations × n)."""
    keys = np.empty((permutations, n), dtype=np.uint64)
    for draw in range(permutations):
        for place in range(n):
            # Fixed pseudo-random order, no secret.
            digest = hashlib.md5(f"{n}/{draw + 1}/{place + 1}".encode(), usedforsecurity=False)
            keys[draw, place] = int.from_bytes(digest.digest()[:8], "big")
    order = np.argsort(keys, axis=1)
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(n), order.shape), axis=1)
    return places
