"""What one event date tells of groups of firms: sums by group, window and day.

These sums are all that tests across firms need, so that dates can be pooled without keeping their
residuals. Arrays over them are (windows × groups), followed by an axis of firms or days where
there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dagster_project.event_study.arrays import Flags, Floats, Integers, Texts, divided
from dagster_project.event_study.correlation import CorrelationSum, GroupCorrelations
from dagster_project.event_study.event import EventPanel, Portfolios
from dagster_project.event_study.ranks import (
    HalfSteps,
    RankedRows,
    Ranking,
    half_steps_above,
    tie_value,
)
from dagster_project.event_study.windows import Window, rolling_sums


@dataclass(frozen=True)
class DaySums:
    """Sums over firms by relative day: (windows × groups × days), with the number of firms.

    The days are ``Parameters.all_days``, the same on every date, so that dates can be pooled day
    by day; where ``n_firms`` is zero there is no such day.
    """

    sums: Floats
    n_firms: Integers


@dataclass(frozen=True)
class FirmSets:
    """What the estimation window tells of the firms tested together: (windows × groups).

    ``positive_share_sum`` sums the firms' shares of positive residuals; ``mean_residual_sd`` is
    the spread of the firms' mean residual from day to day, over ``n_days``.
    """

    positive_share_sum: Floats
    correlation_sum: Floats
    n_pairs_dropped: Integers
    mean_residual_sd: Floats
    n_days: Integers


@dataclass(frozen=True)
class GroupPortfolios:
    """The groups' equal-weight portfolios: (windows × groups), NaN where there is none.

    ``status`` is empty where no firm can be held. ``runs`` (windows × groups × days) are sums of
    residuals over as many sessions as the window has, by the day on which a run ends.
    """

    status: Texts
    car: Floats
    car_sd_pred: Floats
    df: Floats
    resid_sd: Floats
    runs: Floats


@dataclass(frozen=True)
class Date:
    """What one event date tells of all windows and groups.

    ``overlaps_estimation`` (windows) says which windows cannot be tested on this date;
    ``is_event_day`` (days) which of ``Parameters.all_days`` lie outside its estimation window.
    ``car`` and ``scar`` are (windows × firms), ``has_car`` (windows × groups × firms) says which
    firms a test takes. ``n_members`` (groups) counts firms without a CAR too.
    """

    t0: int
    overlaps_estimation: Flags
    is_event_day: Flags
    n_members: Integers
    has_car: Flags
    car: Floats
    scar: Floats
    scar_variance: Floats
    firm_sets: FirmSets
    rank_deviations: DaySums
    rank_shares: DaySums
    portfolios: GroupPortfolios


@dataclass(frozen=True)
class Grank:
    """Mean shares of GRANK's ranks on one date: of each day, and of the event as one extra day."""

    days: DaySums
    extra_mean: Floats


class GroupTests:
    """All groups and windows of one event panel.

    ``members`` are the rows of each group's firms in the market; ``n_members`` counts tickers that
    are no firm of the market as well.
    """

    def __init__(
        self,
        panel: EventPanel,
        windows: Sequence[Window],
        members: Sequence[Integers],
        n_members: Sequence[int],
    ) -> None:
        self._panel = panel
        self._windows = windows
        self._n_members = np.asarray(n_members, dtype=int)
        # Everything below is of the firms of any group that have an estimate.
        ok = panel.fit.ok
        listed = np.zeros((len(members), len(ok)), dtype=bool)
        for group, rows in enumerate(members):
            listed[group, rows] = True
        self._firms = np.flatnonzero(listed.any(axis=0) & ok)
        self._is_member = listed[:, self._firms]
        results = panel.windows(windows)
        shape = (len(windows), len(self._firms))
        self._car = np.array([result.car[self._firms] for result in results]).reshape(shape)
        self._scar = np.array([r.car_t_pred[self._firms] for r in results]).reshape(shape)
        has_car = np.array([result.ok[self._firms] for result in results]).reshape(shape)
        self._has_car: Flags = self._is_member[None] & has_car[:, None]

    @cached_property
    def _residuals(self) -> Floats:
        return self._panel.fit.residuals[self._firms]

    @cached_property
    def _ranking(self) -> Ranking:
        return Ranking(self._residuals, self._panel.estimation_days)

    @cached_property
    def _first_day(self) -> int:
        return int(self._panel.parameters.all_days[0])

    @cached_property
    def _n_days(self) -> int:
        return len(self._panel.parameters.all_days)

    @cached_property
    def portfolios(self) -> Portfolios:
        """The groups' equal-weight portfolios, one row per group."""
        return self._panel.equal_weight([self._firms[member] for member in self._is_member])

    def date(self) -> Date:
        """The sums that tests of this date, alone or with others, are made of."""
        bounds = self._panel.parameters
        df = self._panel.fit.df_resid[self._firms]
        deviations, shares = self._rank_days([self._ranked(window) for window in self._windows])
        return Date(
            t0=self._panel.t0,
            overlaps_estimation=np.array(
                [window.overlaps(bounds.estimation) for window in self._windows], dtype=bool
            ),
            is_event_day=_outside(bounds.all_days, bounds.estimation),
            n_members=self._n_members,
            has_car=self._has_car,
            car=self._car,
            scar=self._scar,
            # A t variable has no variance up to two degrees of freedom.
            scar_variance=np.where(df > 2, df / np.where(df > 2, df - 2, 1), np.nan),
            firm_sets=self._firm_sets(),
            rank_deviations=deviations,
            rank_shares=shares,
            portfolios=self._portfolio_results(),
        )

    def _ranked(self, window: Window) -> RankedRows:
        days = np.arange(window.rank_first_day, window.rank_last_day + 1)
        days = days[_outside(days, self._panel.parameters.estimation)]
        around = self._panel.around
        returns = around.abnormal[self._firms][:, days - int(around.days[0])]
        return self._ranking.with_events(returns, days)

    def _rank_days(self, windows: Sequence[RankedRows]) -> tuple[DaySums, DaySums]:
        """Rank deviations and rank shares of each window, summed over each group's firms."""
        shape = (*self._has_car.shape[:2], self._n_days)
        deviations, shares = np.zeros(shape), np.zeros(shape)
        n_firms = np.zeros(shape, dtype=int)
        for number, rows in enumerate(windows):
            kept = self._has_car[number].astype(float)
            seen = ~np.isnan(rows.deviations)
            place = rows.days - self._first_day
            values = np.where(seen, rows.deviations, 0.0)
            deviations[number][:, place] = _group_sums(kept, values)
            shares[number][:, place] = _group_sums(kept / (rows.n_ranked + 1), values)
            n_firms[number][:, place] = _group_counts(kept, seen)
        return DaySums(deviations, n_firms), DaySums(shares, n_firms)

    def _firm_sets(self) -> FirmSets:
        minimum = self._panel.parameters.min_common_sessions
        correlations = [
            GroupCorrelations(self._panel.fit, self._firms[member], minimum)
            for member in self._is_member
        ]
        positive = divided((self._residuals > 0).sum(axis=1), self._ranking.n_est)
        seen = ~np.isnan(self._residuals)
        residuals = np.where(seen, self._residuals, 0.0)
        found: dict[bytes, tuple[Floats, Floats, Integers, list[CorrelationSum]]] = {}
        for kept in self._has_car:
            # Windows share most of their firms.
            if kept.tobytes() not in found:
                weights = kept.astype(float)
                n_firms = _group_sums(weights, seen.astype(float))
                means = divided(_group_sums(weights, residuals), n_firms)
                found[kept.tobytes()] = (
                    (weights * positive).sum(axis=1),
                    *_spread_of_days(means),
                    [
                        correlation.sum_over(kept[group, member])
                        for group, (correlation, member) in enumerate(
                            zip(correlations, self._is_member, strict=True)
                        )
                    ],
                )
        by_window = [found[kept.tobytes()] for kept in self._has_car]
        shape = self._has_car.shape[:2]
        return FirmSets(
            np.array([positive for positive, _, _, _ in by_window]).reshape(shape),
            np.array([[s.total for s in sums] for *_, sums in by_window]).reshape(shape),
            np.array([[s.n_pairs_dropped for s in sums] for *_, sums in by_window]).reshape(shape),
            np.array([spread for _, spread, _, _ in by_window]).reshape(shape),
            np.array([n_days for _, _, n_days, _ in by_window]).reshape(shape),
        )

    def _portfolio_results(self) -> GroupPortfolios:
        fitted = self.portfolios.fit
        results = self.portfolios.windows(self._windows)
        shape = self._has_car.shape[:2]
        status = np.full(shape, "", dtype=object)
        runs = np.full((*shape, self._n_days), np.nan)
        sums_of: dict[int, tuple[Floats, Integers]] = {}
        for number, (window, result) in enumerate(zip(self._windows, results, strict=True)):
            exists = (fitted.n_est > 0) & self.portfolios.has_returns(window)
            status[number] = np.where(exists, result.status, "")
            if window.n_days not in sums_of:
                sums_of[window.n_days] = rolling_sums(
                    fitted.residuals, self._panel.estimation_days, window.n_days
                )
            sums, days = sums_of[window.n_days]
            runs[number][:, days - self._first_day] = sums
        return GroupPortfolios(
            status,
            np.array([result.car for result in results]).reshape(shape),
            np.array([result.car_sd_pred for result in results]).reshape(shape),
            np.broadcast_to(fitted.df_resid, shape),
            np.broadcast_to(fitted.resid_sd, shape),
            runs,
        )

    def grank(self, scar_sd: Floats) -> Grank:
        """GRANK's mean shares, given the spread (windows × groups) of the pooled CARs.

        A firm's CAR is standardised, then standardised again between the firms, and ranked as one
        extra day among the firm's own residuals.
        """
        shape = self._has_car.shape[:2]
        sums, n_firms = np.zeros((*shape, self._n_days)), np.zeros((*shape, self._n_days), int)
        extra_mean = np.full(shape, np.nan)
        place = self._panel.estimation_days - self._first_day
        ranking = self._ranking
        unit = 1 / (ranking.n_est + 2)
        resid_sd = self._panel.fit.resid_sd[self._firms]
        seen = ~np.isnan(ranking.ranks)
        shares = np.where(seen, ranking.ranks * unit[:, None] - 0.5, 0.0)
        for number, has_car in enumerate(self._has_car):
            kept = has_car.astype(float)
            sums[number][:, place] = _group_sums(kept, shares)
            n_firms[number][:, place] = _group_counts(kept, seen)
            for group in np.flatnonzero(has_car.any(axis=1)):
                rows, spread = np.flatnonzero(has_car[group]), scar_sd[number, group]
                if np.isnan(spread):
                    n_firms[number, group] = 0
                    continue
                extra = tie_value(self._scar[number, rows] / spread * resid_sd[rows])
                steps = half_steps_above(extra, ranking.values[rows])
                sums[number, group, place] += _weighted_rows(unit[rows] / 2, steps)
                below = ranking.n_est[rows] - steps.sum(axis=1, dtype=np.int64) / 2
                extra_mean[number, group] = ((below + 1) * unit[rows] - 0.5).sum() / len(rows)
        return Grank(DaySums(sums, n_firms), extra_mean)


def _outside(days: Integers, bounds: tuple[int, int]) -> Flags:
    return np.asarray((days < bounds[0]) | (days > bounds[1]))


def _weighted_rows(weights: Floats, rows: HalfSteps) -> Floats:
    """Sum of rows of small integers, each times its weight."""
    if (weights == weights[0]).all():
        return np.asarray(rows.sum(axis=0, dtype=np.int64) * weights[0])
    return np.asarray(np.einsum("f,ft->t", weights, rows))


def _group_counts(kept: Floats, seen: Flags) -> Integers:
    """How many of each group's firms have each day: (groups × days)."""
    if seen.all():
        counts = kept.sum(axis=1)
        return np.broadcast_to(counts.astype(int)[:, None], (len(kept), seen.shape[1]))
    return np.rint(_group_sums(kept, seen.astype(float))).astype(int)


def _group_sums(kept: Floats, values: Floats) -> Floats:
    """Sums over firms: weights (groups × firms) and values (firms × days) give (groups × days)."""
    return np.asarray(np.einsum("gf,ft->gt", kept, values))


def _spread_of_days(means: Floats) -> tuple[Floats, Integers]:
    """Standard deviation of each row's days, and how many it has; NaN for fewer than two."""
    seen = ~np.isnan(means)
    n = seen.sum(axis=1)
    centre = divided(np.where(seen, means, 0.0).sum(axis=1), n)
    squares = (np.where(seen, means - centre[:, None], 0.0) ** 2).sum(axis=1)
    return np.sqrt(divided(squares, np.maximum(n - 1, 0))), n
