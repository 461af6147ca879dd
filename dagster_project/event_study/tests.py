"""Tests across the firms of a group, on one event date or pooled over several.

Sources: cross-sectional t; Patell (1976); Boehmer, Musumeci and Poulsen (1991); generalised
sign (Cowan 1992); Kolari and Pynnönen (2010, 2011); Corrado (1989); Corrado and Zivney (1992);
the portfolio tests of Brown and Warner (1985); the sample quantile of Gelbach, Helland and Klick
(2013). Tests that take firms for independent are kept beside those that allow for the date that
all firms share, so that the difference shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dagster_project.event_study.arrays import Floats, Integers, sample_sd
from dagster_project.event_study.correlation import CorrelationSum, GroupCorrelations
from dagster_project.event_study.distributions import (
    detectable_standard_errors,
    normal_two_sided_p,
    student_t_two_sided_p,
)
from dagster_project.event_study.event import EventPanel, Portfolios
from dagster_project.event_study.ranks import (
    RankedRows,
    mean_ranks,
    ranked_rows,
    steps_above,
    sums_by_day,
    tie_value,
)
from dagster_project.event_study.windows import Window, WindowReturns, rolling_sums

# Below as many firms the normal distribution of Kolari and Pynnönen's test is only approximate.
_FEW_FIRMS = 30


@dataclass(frozen=True)
class DaySums:
    """Sums over firms for each relative day from ``first_day`` on; no firms, no sum."""

    first_day: int
    n_firms: Integers
    sums: Floats


@dataclass(frozen=True)
class PortfolioResult:
    """The equal-weight portfolio of one group and window on one date."""

    status: str
    car: float
    car_sd_pred: float
    df: float
    resid_sd: float
    # Sums of its residuals over runs of the window's length, by the relative day a run ends on.
    run_days: Integers
    run_sums: Floats


@dataclass(frozen=True)
class FirmSet:
    """What the estimation window tells of a set of firms, whatever the event window.

    ``positive_share_sum`` sums the firms' shares of positive residuals; ``mean_abnormal_sd`` is
    the spread of the firms' mean residual from day to day, over ``n_days``.
    """

    positive_share_sum: float
    correlations: CorrelationSum
    mean_abnormal_sd: float
    n_days: int


@dataclass(frozen=True)
class Sample:
    """What one date tells of a group in a window; arrays have one entry per firm.

    ``n_members`` counts the group, with firms that have no CAR. ``deviation_days`` and
    ``share_days`` are the summed ranks by day; ``grank_days`` computes GRANK's for a spread of the
    standardised CARs.
    """

    t0: int
    n_members: int
    car: Floats
    scar: Floats
    scar_variance: Floats
    firm_set: FirmSet
    deviation_days: DaySums
    share_days: DaySums
    rank_days: Integers
    portfolio: PortfolioResult | None

    @property
    def n_firms(self) -> int:
        return len(self.car)


@dataclass(frozen=True)
class GrankDays:
    """Mean shares of GRANK's ranks: of the estimation days, and of the event as one extra day."""

    days: DaySums
    extra_mean: float
    n_firms: int


class GroupTests:
    """Samples of all groups and windows of one event panel.

    ``members`` maps each group to the rows of its firms, ``n_members`` counts tickers that are no
    firm of the market too.
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
        self._members = members
        self._n_members = n_members
        self._fit = panel.fit
        ok = panel.fit.ok
        # Everything below is of the firms of any group that have an estimate.
        firms = np.unique(np.concatenate([*members, np.empty(0, dtype=int)]).astype(int))
        self._firms = firms[ok[firms]]
        self._row_of = np.full(len(ok), -1)
        self._row_of[self._firms] = np.arange(len(self._firms))
        self._results = panel.windows(windows)

    @cached_property
    def _residuals(self) -> Floats:
        return self._fit.residuals[self._firms]

    @cached_property
    def _tied(self) -> Floats:
        return tie_value(self._residuals)

    @cached_property
    def _residual_ranks(self) -> Floats:
        return mean_ranks(self._tied)

    @cached_property
    def _positive_share(self) -> Floats:
        return np.asarray((self._residuals > 0).sum(axis=1) / self._fit.n_est[self._firms])

    @cached_property
    def _correlations(self) -> list[GroupCorrelations]:
        minimum = self._panel.parameters.min_common_sessions
        return [
            GroupCorrelations(self._fit, rows[self._fit.ok[rows]], minimum)
            for rows in self._members
        ]

    @cached_property
    def portfolios(self) -> Portfolios:
        """The groups' equal-weight portfolios, one row per group."""
        return self._panel.equal_weight(self._members)

    @cached_property
    def _portfolio_windows(self) -> list[WindowReturns]:
        return self.portfolios.windows(self._windows)

    def _ranked(self, window: Window) -> RankedRows:
        bounds = self._panel.parameters
        days = np.arange(window.rank_first_day, window.rank_last_day + 1)
        days = days[(days < bounds.estimation_first_day) | (days > bounds.estimation_last_day)]
        around = self._panel.around
        returns = tie_value(around.abnormal[self._firms][:, days - int(around.days[0])])
        return ranked_rows(
            self._residual_ranks, self._tied, self._panel.estimation_days, returns, days
        )

    def samples(self) -> list[list[Sample]]:
        """Samples by window and group."""
        return [
            [self._sample(window, number, group, ranked) for group in range(len(self._members))]
            for number, window in enumerate(self._windows)
            for ranked in [self._ranked(window)]
        ]

    def _kept(self, number: int, group: int) -> Integers:
        """Rows of the market of the group's firms that have a CAR in the window."""
        rows = self._members[group]
        return rows[self._results[number].ok[rows]]

    def _sample(self, window: Window, number: int, group: int, ranked: RankedRows) -> Sample:
        rows = self._kept(number, group)
        own = self._row_of[rows]
        result = self._results[number]
        df = self._fit.df_resid[rows]
        return Sample(
            t0=self._panel.t0,
            n_members=self._n_members[group],
            car=result.car[rows],
            scar=result.car_t_pred[rows],
            # A t variable has no variance up to two degrees of freedom.
            scar_variance=np.where(df > 2, df / np.where(df > 2, df - 2, 1), np.nan),
            firm_set=self._firm_set(group, rows),
            deviation_days=self._by_day(ranked, ranked.deviations(own)),
            share_days=self._by_day(ranked, ranked.shares(own)),
            rank_days=ranked.event_days_of(own),
            portfolio=self._portfolio(number, group, window),
        )

    def _firm_set(self, group: int, rows: Integers) -> FirmSet:
        # Windows share most of their firms.
        key = (group, rows.tobytes())
        if key not in self._firm_sets:
            own = self._row_of[rows]
            estimated = self._members[group]
            estimated = estimated[self._fit.ok[estimated]]
            sums, counts = sums_by_day(self._residuals[own])
            means = sums[counts > 0] / counts[counts > 0]
            self._firm_sets[key] = FirmSet(
                float(self._positive_share[own].sum()),
                self._correlations[group].sum_over(np.isin(estimated, rows)),
                float(np.std(means, ddof=1)) if len(means) > 1 else np.nan,
                len(means),
            )
        return self._firm_sets[key]

    @cached_property
    def _firm_sets(self) -> dict[tuple[int, bytes], FirmSet]:
        return {}

    def _by_day(self, ranked: RankedRows, values: Floats) -> DaySums:
        return _placed(self._first_day, self._n_days, ranked.days, *sums_by_day(values))

    @cached_property
    def _first_day(self) -> int:
        bounds = self._panel.parameters
        return min(bounds.estimation_first_day, bounds.span[0])

    @cached_property
    def _n_days(self) -> int:
        bounds = self._panel.parameters
        return max(bounds.estimation_last_day, bounds.span[1]) - self._first_day + 1

    def _portfolio(self, number: int, group: int, window: Window) -> PortfolioResult | None:
        fitted = self.portfolios.fit
        if fitted.n_est[group] == 0 or not self.portfolios.has_returns(window)[group]:
            return None
        result = self._portfolio_windows[number]
        sums, days = rolling_sums(
            fitted.residuals[group : group + 1], self._panel.estimation_days, window.n_days
        )
        seen = ~np.isnan(sums[0])
        return PortfolioResult(
            status=str(result.status[group]),
            car=float(result.car[group]),
            car_sd_pred=float(result.car_sd_pred[group]),
            df=float(fitted.df_resid[group]),
            resid_sd=float(fitted.resid_sd[group]),
            run_days=days[seen],
            run_sums=sums[0][seen],
        )

    def grank_days(self, number: int, group: int, scar_sd: float) -> GrankDays | None:
        """GRANK's mean shares for the window ``number``, given the spread of the pooled CARs.

        A firm's CAR is standardised, then standardised again between the firms, and ranked as one
        extra day among the firm's own residuals.
        """
        rows = self._kept(number, group)
        if not len(rows) or np.isnan(scar_sd):
            return None
        own = self._row_of[rows]
        scar = self._results[number].car_t_pred[rows]
        extra = tie_value(scar / scar_sd * self._fit.resid_sd[rows])
        steps = steps_above(extra, self._tied[own])
        unit = 1 / (self._fit.n_est[rows] + 2)
        shares = (self._residual_ranks[own] + steps) * unit[:, None] - 0.5
        below = self._fit.n_est[rows] - steps.sum(axis=1)
        return GrankDays(
            days=_placed(
                self._first_day, self._n_days, self._panel.estimation_days, *sums_by_day(shares)
            ),
            extra_mean=float(np.sum((below + 1) * unit - 0.5) / len(rows)),
            n_firms=len(rows),
        )


def _placed(
    first_day: int, n_days: int, days: Integers, sums: Floats, n_firms: Integers
) -> DaySums:
    """Sums by day on a common axis of relative days, so that dates can be pooled day by day."""
    placed, counts = np.zeros(n_days), np.zeros(n_days, dtype=int)
    placed[days - first_day], counts[days - first_day] = sums, n_firms
    return DaySums(first_day, counts, placed)


@dataclass(frozen=True)
class Outcome:
    """Statistic of one test of one pool, NaN where ``status`` is not ``ok``.

    ``df`` is NaN for a normal statistic. ``empirical`` holds the two-sided and the lower-tail p of
    a test that counts them; ``few_firms_df`` are degrees of freedom for a second p where the
    normal distribution is only approximate.
    """

    status: str
    statistic: float = np.nan
    df: float = np.nan
    empirical: tuple[float, float] | None = None
    few_firms_df: float = np.nan


@dataclass(frozen=True)
class PValues:
    """p-values of many outcomes: two-sided, lower tail, and two-sided by Student's t."""

    p_two_sided: Floats
    p_lower: Floats
    p_two_sided_t: Floats

    @staticmethod
    def of(outcomes: Sequence[Outcome]) -> PValues:
        statistic = np.array([outcome.statistic for outcome in outcomes])
        df = np.array([outcome.df for outcome in outcomes])
        two_sided = np.where(
            np.isnan(df), normal_two_sided_p(statistic), student_t_two_sided_p(statistic, df)
        )
        lower = np.where(statistic > 0, 1 - two_sided / 2, two_sided / 2)
        for place, outcome in enumerate(outcomes):
            if outcome.empirical is not None:
                two_sided[place], lower[place] = outcome.empirical
        few = np.array([outcome.few_firms_df for outcome in outcomes])
        return PValues(two_sided, lower, student_t_two_sided_p(statistic, few))


@dataclass(frozen=True)
class Pool:
    """The samples of one group and window over the dates of a study.

    Dates are independent of each other: variances add, pairs of firms on different dates count as
    uncorrelated, and ranks are averaged day by day. ``grank`` has one entry per date with firms.
    """

    window: Window
    samples: Sequence[Sample]
    grank: Sequence[GrankDays]
    significance_level: float

    @property
    def n_dates(self) -> int:
        return len(self.samples)

    @cached_property
    def _with_firms(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.n_firms]

    @cached_property
    def n_firms(self) -> int:
        return sum(sample.n_firms for sample in self.samples)

    @property
    def n_firms_dropped(self) -> int:
        return sum(sample.n_members for sample in self.samples) - self.n_firms

    @cached_property
    def n_overlapping_dates(self) -> int:
        """Dates whose window shares a session with that of another date."""
        t0s = np.sort([sample.t0 for sample in self.samples])
        is_close = np.diff(t0s) < self.window.n_days
        return int(np.sum(np.r_[is_close, False] | np.r_[False, is_close]))

    @cached_property
    def car(self) -> Floats:
        return np.concatenate([sample.car for sample in self.samples])

    @cached_property
    def scar(self) -> Floats:
        return np.concatenate([sample.scar for sample in self.samples])

    @cached_property
    def scar_sd(self) -> float:
        return sample_sd(self.scar)

    @cached_property
    def status(self) -> str:
        if self.window.overlaps_estimation:
            return "overlaps_estimation"
        return "ok" if self.n_firms else "no_firms"

    @cached_property
    def caar(self) -> float:
        return float(self.car.mean()) if self.n_firms else np.nan

    @cached_property
    def median_car(self) -> float:
        return float(np.median(self.car)) if self.n_firms else np.nan

    @cached_property
    def share_negative(self) -> float:
        return float((self.car < 0).mean()) if self.n_firms else np.nan

    @cached_property
    def n_pairs_dropped(self) -> int:
        return sum(sample.firm_set.correlations.n_pairs_dropped for sample in self._with_firms)

    @cached_property
    def rbar(self) -> float:
        """Mean correlation of the firms' residuals over all usable pairs."""
        n_pairs = self.n_firms * (self.n_firms - 1) // 2 - self.n_pairs_dropped
        total = sum(sample.firm_set.correlations.total for sample in self._with_firms)
        return total / n_pairs if n_pairs else np.nan

    @cached_property
    def variance_inflation(self) -> float:
        """How many times the variance of a mean grows through the correlation."""
        return 1.0 if self.n_firms == 1 else 1 + (self.n_firms - 1) * self.rbar

    @cached_property
    def effective_n(self) -> float:
        inflation = self.variance_inflation
        return self.n_firms / inflation if inflation > 0 else np.nan

    @cached_property
    def n_rank_rows(self) -> int:
        """Event sessions that were ranked on any date."""
        return len(np.unique(np.concatenate([sample.rank_days for sample in self.samples])))

    # ---- Portfolio ----

    @cached_property
    def _portfolios(self) -> list[PortfolioResult]:
        return [sample.portfolio for sample in self.samples if sample.portfolio]

    @cached_property
    def _tested_portfolios(self) -> list[PortfolioResult]:
        return [result for result in self._portfolios if result.status == "ok"]

    @cached_property
    def portfolio_status(self) -> str:
        if self._tested_portfolios:
            return "ok"
        return min((result.status for result in self._portfolios), default="no_firms")

    @cached_property
    def portfolio_sd(self) -> float:
        variances = [result.car_sd_pred**2 for result in self._tested_portfolios]
        return float(np.sqrt(np.sum(variances))) if variances else np.nan

    @cached_property
    def portfolio_df(self) -> float:
        """Degrees of freedom of the summed variance (Satterthwaite 1946); one date has its own."""
        results = self._tested_portfolios
        if not results:
            return np.nan
        return _satterthwaite([r.car_sd_pred**2 for r in results], [r.df for r in results])

    @cached_property
    def mde_80pct(self) -> float:
        """Smallest true mean effect that the portfolio test finds in four samples of five."""
        if not self._tested_portfolios:
            return np.nan
        errors = detectable_standard_errors(self.portfolio_df, self.significance_level)
        return errors * self.portfolio_sd / len(self._tested_portfolios)

    # ---- Tests ----

    def run(self) -> dict[str, Outcome]:
        """All tests by name, in the order of ``TESTS``."""
        return {test_id: self._run(test_id, test) for test_id, test in TESTS.items()}

    def _run(self, test_id: str, test: Test) -> Outcome:
        if self.status != "ok":
            return _untested(self.status)
        if self.n_firms < test.min_firms:
            return _untested("too_few_firms")
        return test.compute(self)


def _satterthwaite(variances: Sequence[float], dfs: Sequence[float]) -> float:
    if len(variances) == 1:
        return float(dfs[0])
    shares = [variance**2 / df for variance, df in zip(variances, dfs, strict=True) if df]
    return float(np.sum(variances) ** 2 / np.sum(shares)) if shares else np.nan


def _untested(status: str) -> Outcome:
    return Outcome(status)


def _student(statistic: float, df: float) -> Outcome:
    return Outcome("ok", statistic, df)


def _normal(statistic: float) -> Outcome:
    return Outcome("ok", statistic)


def _cross_sectional_t(pool: Pool) -> Outcome:
    sd = sample_sd(pool.car)
    if np.isnan(sd):
        return _untested("no_spread")
    return _student(pool.caar / sd * np.sqrt(pool.n_firms), pool.n_firms - 1)


def _patell_z(pool: Pool) -> float:
    variance = np.sum([np.sum(sample.scar_variance) for sample in pool.samples])
    return float(pool.scar.sum() / np.sqrt(variance))


def _patell(pool: Pool) -> Outcome:
    z = _patell_z(pool)
    return _untested("insufficient") if np.isnan(z) else _normal(z)


def _patell_adjusted(pool: Pool) -> Outcome:
    z = _patell_z(pool)
    if np.isnan(z):
        return _untested("insufficient")
    if np.isnan(pool.rbar):
        return _untested("no_correlation")
    if pool.variance_inflation <= 0:
        return _untested("adjustment_undefined")
    return _normal(z / np.sqrt(pool.variance_inflation))


def _bmp_t(pool: Pool) -> float:
    return float(pool.scar.mean() / pool.scar_sd * np.sqrt(pool.n_firms))


def _bmp(pool: Pool) -> Outcome:
    t = _bmp_t(pool)
    return _untested("no_spread") if np.isnan(t) else _student(t, pool.n_firms - 1)


def _kolari_pynnonen(pool: Pool) -> Outcome:
    t = _bmp_t(pool)
    if np.isnan(t):
        return _untested("no_spread")
    if np.isnan(pool.rbar):
        return _untested("no_correlation")
    if pool.variance_inflation <= 0 or pool.rbar >= 1:
        return _untested("adjustment_undefined")
    few_firms_df = pool.n_firms - 1 if pool.n_firms < _FEW_FIRMS else np.nan
    statistic = t * np.sqrt((1 - pool.rbar) / pool.variance_inflation)
    return Outcome("ok", statistic, few_firms_df=few_firms_df)


def _generalized_sign(pool: Pool) -> Outcome:
    n = pool.n_firms
    share = sum(sample.firm_set.positive_share_sum for sample in pool.samples) / n
    if not 0 < share < 1:
        return _untested("no_spread")
    n_positive = int((pool.car > 0).sum())
    return _normal((n_positive - n * share) / np.sqrt(n * share * (1 - share)))


def _portfolio_t(pool: Pool) -> Outcome:
    if pool.portfolio_status != "ok":
        return _untested(pool.portfolio_status)
    total = sum(result.car for result in pool._tested_portfolios)
    return _student(total / pool.portfolio_sd, pool.portfolio_df)


def _portfolio_crude(pool: Pool) -> Outcome:
    dates = [
        sample for sample in pool._with_firms if not np.isnan(sample.firm_set.mean_abnormal_sd)
    ]
    variances = [pool.window.n_days * sample.firm_set.mean_abnormal_sd**2 for sample in dates]
    if sum(variances) <= 0:
        return _untested("no_spread")
    total = sum(float(sample.car.mean()) for sample in pool._with_firms)
    df = _satterthwaite(variances, [sample.firm_set.n_days - 1 for sample in dates])
    return _student(total / np.sqrt(sum(variances)), df)


def _corrado(pool: Pool, mean_by_day: Callable[[Sequence[Sample]], DaySums]) -> Outcome:
    """The window's mean rank over its spread from day to day."""
    days = mean_by_day(pool._with_firms)
    seen = days.n_firms > 0
    spread = float(np.sqrt(np.mean(days.sums[seen] ** 2))) if seen.any() else 0.0
    if spread == 0:
        return _untested("no_spread")
    in_window = pool.window.days - days.first_day
    total = float(days.sums[in_window].sum())
    return _normal(total / np.sqrt(pool.window.n_days) / spread)


def _mean_deviations(samples: Sequence[Sample]) -> DaySums:
    """Each date's mean rank deviation, averaged over the dates that have the day."""
    days, total, n_dates = _over_dates([sample.deviation_days for sample in samples], _counts)
    return DaySums(days.first_day, n_dates, total / np.maximum(n_dates, 1))


def _mean_shares(samples: Sequence[Sample]) -> DaySums:
    """Each date's rank shares over the root of its firms, likewise over the dates."""
    days, total, n_dates = _over_dates([sample.share_days for sample in samples], np.sqrt)
    return DaySums(days.first_day, n_dates, total / np.sqrt(np.maximum(n_dates, 1)))


def _counts(n_firms: Floats) -> Floats:
    return n_firms


def _over_dates(
    dates: Sequence[DaySums], scale: Callable[[Floats], Floats]
) -> tuple[DaySums, Floats, Integers]:
    """Sums by day over ``scale`` of the firms, added over the dates, and the dates with the day."""
    seen = np.array([date.n_firms > 0 for date in dates])
    scales = scale(np.array([np.maximum(date.n_firms, 1) for date in dates], dtype=float))
    sums = np.array([date.sums for date in dates])
    return dates[0], np.where(seen, sums / scales, 0.0).sum(axis=0), seen.sum(axis=0)


def _grank_t(pool: Pool) -> Outcome:
    if np.isnan(pool.scar_sd):
        return _untested("no_spread")
    _, total, n_dates = _over_dates([date.days for date in pool.grank], _counts)
    seen = n_dates > 0
    n_days = int(seen.sum())
    n_firms = np.sum([date.days.n_firms for date in pool.grank], axis=0)
    mean_shares = total[seen] / n_dates[seen]
    n_extra = sum(date.n_firms for date in pool.grank)
    extra = float(np.mean([date.extra_mean for date in pool.grank]))
    squares = float(np.sum(n_firms[seen] * mean_shares**2)) / n_extra + extra**2
    z = extra / np.sqrt(squares / (n_days + 1)) if squares else np.nan
    if np.isnan(z) or z**2 >= n_days:
        return _untested("adjustment_undefined")
    return _student(z * np.sqrt((n_days - 1) / (n_days - z**2)), n_days - 1)


def _sample_quantile(pool: Pool) -> Outcome:
    """Place of the portfolios' standardised CARs among their sums on the same quiet days."""
    if pool.portfolio_status != "ok":
        return _untested(pool.portfolio_status)
    results = pool._tested_portfolios
    days, places = np.unique(
        np.concatenate([result.run_days for result in results]), return_inverse=True
    )
    standardised = np.concatenate([result.run_sums / result.resid_sd for result in results])
    sums = np.bincount(places, weights=standardised, minlength=len(days))
    # Only days on which all of the study's portfolios have a sum are comparable.
    sums = sums[np.bincount(places, minlength=len(days)) == len(results)]
    if not len(sums):
        # A window longer than any run of quiet sessions has nothing to be compared with.
        return _untested("insufficient")
    value = sum(result.car / result.resid_sd for result in results)
    return Outcome(
        "ok",
        sum(result.car for result in results) / len(results),
        empirical=(
            float((1 + np.sum(np.abs(sums) >= abs(value))) / (1 + len(sums))),
            float((1 + np.sum(sums <= value)) / (1 + len(sums))),
        ),
    )


@dataclass(frozen=True)
class Test:
    """A test across firms: how it is computed, the fewest firms it needs, and whether it is robust
    to the cross-sectional dependence that a shared event date brings."""

    # Not for pytest to collect.
    __test__ = False

    compute: Callable[[Pool], Outcome]
    min_firms: int
    is_robust: bool


TESTS: dict[str, Test] = {
    "portfolio_t": Test(_portfolio_t, 1, True),
    "portfolio_crude": Test(_portfolio_crude, 1, True),
    "sample_quantile": Test(_sample_quantile, 1, True),
    "kolari_pynnonen": Test(_kolari_pynnonen, 2, True),
    "patell_adjusted": Test(_patell_adjusted, 2, True),
    "corrado_rank": Test(lambda pool: _corrado(pool, _mean_deviations), 1, True),
    "corrado_zivney": Test(lambda pool: _corrado(pool, _mean_shares), 1, True),
    "grank_t": Test(_grank_t, 2, True),
    "cross_sectional_t": Test(_cross_sectional_t, 2, False),
    "patell": Test(_patell, 1, False),
    "bmp": Test(_bmp, 2, False),
    "generalized_sign": Test(_generalized_sign, 1, False),
}


def pooled(
    dates: Sequence[Callable[[], GroupTests]], windows: Sequence[Window], significance_level: float
) -> list[list[Pool]]:
    """Pools by window and group over the dates of a study.

    Each date is a function that makes its group tests: the ranks of GRANK need the spread of the
    CARs of all dates, so the dates are made twice rather than kept. A caller that has few dates
    caches them.
    """
    by_date = [make().samples() for make in dates]
    n_groups = len(by_date[0][0]) if windows else 0
    samples = [
        [[date[number][group] for date in by_date] for group in range(n_groups)]
        for number in range(len(windows))
    ]
    spreads = [
        [
            sample_sd(np.concatenate([sample.scar for sample in samples[number][group]]))
            for group in range(n_groups)
        ]
        for number in range(len(windows))
    ]
    granks: list[list[list[GrankDays]]] = [[[] for _ in range(n_groups)] for _ in windows]
    for make in dates:
        tests = make()
        for number in range(len(windows)):
            for group in range(n_groups):
                grank = tests.grank_days(number, group, spreads[number][group])
                if grank is not None:
                    granks[number][group].append(grank)
    return [
        [
            Pool(window, samples[number][group], granks[number][group], significance_level)
            for group in range(n_groups)
        ]
        for number, window in enumerate(windows)
    ]
