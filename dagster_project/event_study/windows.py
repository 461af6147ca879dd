"""Cumulative abnormal returns over event windows, and what quiet times did over as many days.

Sources: MacKinlay (1997) for the prediction error; Gelbach, Helland and Klick (2013) for the
sample quantile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dagster_project.event_study.arrays import Flags, Floats, Integers, Texts, divided
from dagster_project.event_study.models import Fit


@dataclass(frozen=True)
class Window:
    """Sessions of an event window, and those that the rank tests rank (the window's at least)."""

    window_id: str
    first_day: int
    last_day: int
    rank_first_day: int
    rank_last_day: int

    @property
    def n_days(self) -> int:
        return self.last_day - self.first_day + 1

    @property
    def days(self) -> Integers:
        return np.arange(self.first_day, self.last_day + 1)

    def overlaps(self, days: tuple[int, int]) -> bool:
        """Whether the window shares a session with those from the first of ``days`` to the last."""
        return self.first_day <= days[1] and self.last_day >= days[0]


@dataclass(frozen=True)
class Around:
    """Returns of series on the sessions around an event; arrays are (series × days).

    ``days`` are the relative days of the columns. ``returns`` are of the model's kind, ``simple``
    are simple returns. ``expected`` and ``abnormal`` are NaN where the series has no estimate or
    a factor has no return. ``scores`` (regressors × days) are the design's, NaN likewise.
    ``estimation`` are the first and last day of the estimation window: sessions cannot both teach
    the normal return and be tested against it.
    """

    days: Integers
    returns: Floats
    simple: Floats
    expected: Floats
    abnormal: Floats
    scores: Floats
    estimation: tuple[int, int]

    def columns(self, window: Window) -> Integers:
        return window.days - int(self.days[0])


@dataclass(frozen=True)
class WindowReturns:
    """Results of one window; every array has one entry per series, NaN where not defined."""

    window: Window
    status: Texts
    raw_return: Floats
    expected_return: Floats
    car: Floats
    bhar: Floats
    car_sd_simple: Floats
    car_sd_pred: Floats

    @property
    def ok(self) -> Flags:
        return np.asarray(self.status == "ok")

    @property
    def car_t_simple(self) -> Floats:
        return divided(self.car, self.car_sd_simple)

    @property
    def car_t_pred(self) -> Floats:
        """CAR over its prediction error: t distributed with the fit's degrees of freedom."""
        return divided(self.car, self.car_sd_pred)


def window_returns(fit: Fit, around: Around, windows: Sequence[Window]) -> list[WindowReturns]:
    """CAR, BHAR and their prediction errors over each window.

    The variance of a CAR over L days is s²·(L + d'(X'X)⁻¹d), d the window's sum of (1, x).
    A window with a missing day is ``incomplete_window``: the rest of its days would be another
    window.
    """
    results = []
    for window in windows:
        columns = around.columns(window)
        returns, abnormal = around.returns[:, columns], around.abnormal[:, columns]
        expected = around.expected[:, columns]
        has_all = ~np.isnan(returns).any(axis=1)
        is_complete = ~np.isnan(abnormal).any(axis=1)
        status = np.where(
            fit.status != "ok",
            fit.status,
            np.where(
                window.overlaps(around.estimation),
                "overlaps_estimation",
                np.where(is_complete, "ok", "incomplete_window"),
            ),
        )
        ok = status == "ok"
        growth = np.where(has_all, (1 + around.simple[:, columns]).prod(axis=1), np.nan)
        is_log = fit.design.model.return_kind == "log"
        expected_growth = np.exp(expected.sum(axis=1)) if is_log else (1 + expected).prod(axis=1)
        leverage = fit.leverage(
            around.scores[:, columns].sum(axis=1, keepdims=True), window.n_days
        )[:, 0]
        results.append(
            WindowReturns(
                window=window,
                status=status,
                raw_return=growth - 1,
                expected_return=np.where(ok, expected_growth - 1, np.nan),
                car=np.where(ok, abnormal.sum(axis=1), np.nan),
                bhar=np.where(ok, growth - expected_growth, np.nan),
                car_sd_simple=np.where(ok, fit.resid_sd * np.sqrt(window.n_days), np.nan),
                car_sd_pred=np.where(ok, fit.resid_sd * np.sqrt(window.n_days + leverage), np.nan),
            )
        )
    return results


def rolling_sums(residuals: Floats, days: Integers, n_days: int) -> tuple[Floats, Integers]:
    """Sums over every run of ``n_days`` consecutive sessions, and the relative day each ends on.

    ``days`` are the relative days of the columns of ``residuals`` (series × days). A run with a
    hole has no sum (NaN); runs that skip a session are left out.
    """
    if residuals.shape[1] < n_days:
        return np.empty((len(residuals), 0)), days[:0]
    sums = sliding_window_view(residuals, n_days, axis=1).sum(axis=2) if n_days > 1 else residuals
    is_run = days[n_days - 1 :] - days[: len(days) - n_days + 1] == n_days - 1
    return sums[:, is_run], days[n_days - 1 :][is_run]


@dataclass(frozen=True)
class SampleQuantiles:
    """Place of each CAR among the sums of quiet times: p = (1 + how many) / (1 + sums)."""

    p_lower: Floats
    p_two_sided: Floats
    n_sums: Integers


def sample_quantiles(values: Floats, sums: Floats) -> SampleQuantiles:
    """Empirical p-values of ``values`` (series) among ``sums`` (series × runs), NaN for no sum."""
    n = (~np.isnan(sums)).sum(axis=1)
    defined = (n > 0) & ~np.isnan(values)
    at_or_below = (sums <= values[:, None]).sum(axis=1)
    at_or_beyond = (np.abs(sums) >= np.abs(values)[:, None]).sum(axis=1)
    return SampleQuantiles(
        p_lower=np.where(defined, (1 + at_or_below) / (1 + n), np.nan),
        p_two_sided=np.where(defined, (1 + at_or_beyond) / (1 + n), np.nan),
        n_sums=np.where(defined, n, 0),
    )
