"""Returns of all series on one calendar, and which factor series serves which regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dagster_project.event_study.arrays import Floats, Integers, columns_of
from dagster_project.event_study.models import Model


@dataclass(frozen=True)
class Parameters:
    """Bounds of a study, in sessions relative to the event session.

    ``span`` are the first and last session around the event that any window or ranking needs.
    ``pooled`` are the first and last estimation day of all dates that are pooled, where events
    have estimation windows of their own.
    """

    estimation_first_day: int = -260
    estimation_last_day: int = -11
    min_estimation_sessions: int = 30
    short_window_sessions: int = 120
    min_common_sessions: int = 60
    significance_level: float = 0.05
    span: tuple[int, int] = (-1, 1)
    pooled: tuple[int, int] | None = None

    @property
    def estimation(self) -> tuple[int, int]:
        """First and last day of the estimation window."""
        return self.estimation_first_day, self.estimation_last_day

    @property
    def all_days(self) -> Integers:
        """All relative days from the first of an estimation window or span to the last."""
        first, last = self.pooled or self.estimation
        return np.arange(min(first, self.span[0]), max(last, self.span[1]) + 1)


@dataclass(frozen=True)
class FactorSeries:
    """One source of a factor: simple returns per session, NaN for holes.

    A factor with several sources (bitcoin) is served by the one of lowest ``priority`` that has
    the sessions a regression needs. An asynchronous source closes at another hour than the shares.
    """

    source: str
    priority: int
    is_asynchronous: bool
    returns: Floats


@dataclass(frozen=True)
class Factors:
    """The factors of one regression: (factors × sessions), and where they are from."""

    returns: Floats
    series: tuple[FactorSeries | None, ...]
    names: tuple[str, ...]

    @property
    def is_asynchronous(self) -> bool:
        return any(series.is_asynchronous for series in self.series if series)

    def source_of(self, name: str) -> str | None:
        """Source of a factor; None where the model lacks it or it has no return at all."""
        for factor, series in zip(self.names, self.series, strict=True):
            if factor == name and series is not None:
                return series.source
        return None

    @cached_property
    def has_all(self) -> np.ndarray:
        """Sessions on which every factor has a return: no series uses any other."""
        return np.asarray(~np.isnan(self.returns).any(axis=0))


@dataclass(frozen=True)
class Market:
    """Simple returns of all firms (firms × sessions), NaN for holes, and of the factors.

    Columns are the consecutive sessions of a calendar. ``price_span`` are the first and last
    column with any price: factors are not required to cover sessions beyond them.
    """

    returns: Floats
    factors: Mapping[str, Sequence[FactorSeries]]
    price_span: tuple[int, int]

    @property
    def n_sessions(self) -> int:
        return int(self.returns.shape[1])

    def sessions(self, t0: int, first_day: int, last_day: int) -> Integers:
        """Columns of the relative days that lie within the calendar."""
        first, last = max(t0 + first_day, 0), min(t0 + last_day, self.n_sessions - 1)
        return np.arange(first, last + 1)

    def factors_for(self, model: Model, t0: int, parameters: Parameters) -> Factors:
        """One source per factor for all rows of a regression around the session ``t0``.

        The first source by priority that covers the sessions around the event and enough of the
        estimation window; else the last one, whose holes then show.
        """
        first, last = self.price_span
        span = np.arange(
            max(t0 + parameters.span[0], first + 1), min(t0 + parameters.span[1], last) + 1
        )
        estimation = self.sessions(t0, *parameters.estimation)

        def rank(series: FactorSeries) -> int:
            covers = not bool(np.isnan(columns_of(series.returns, span)).any())
            n_estimation = int((~np.isnan(series.returns[estimation])).sum())
            is_enough = n_estimation >= parameters.min_estimation_sessions
            return series.priority if covers and is_enough else 100 - series.priority

        chosen = tuple(
            min(self.factors.get(name, ()), key=rank, default=None) for name in model.factors
        )
        returns = np.full((len(chosen), self.n_sessions), np.nan)
        for row, series in enumerate(chosen):
            if series is not None:
                returns[row] = series.returns
        return Factors(model.of_kind(returns), chosen, model.factors)
