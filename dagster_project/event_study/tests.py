"""Tests across the firms of groups, on one event date or pooled over several.

Sources: cross-sectional t; Patell (1976); Boehmer, Musumeci and Poulsen (1991); generalised sign
(Cowan 1992); Kolari and Pynnönen (2010, 2011); Corrado (1989); Corrado and Zivney (1992); the
portfolio tests of Brown and Warner (1985); the sample quantile of Gelbach, Helland and Klick
(2013). Tests that assume independence are kept beside those that are robust to the dependence
which a shared event date brings, so that the difference shows.

All windows and groups are tested at once. Arrays over them are (windows × groups), followed by an
axis of firms or days where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dagster_project.event_study.arrays import (
    NO_SPREAD,
    Flags,
    Floats,
    Integers,
    Texts,
    divided,
)
from dagster_project.event_study.dates import Date, DaySums, Grank, GroupTests
from dagster_project.event_study.distributions import (
    detectable_standard_errors,
    normal_two_sided_p,
    student_t_two_sided_p,
)
from dagster_project.event_study.market import Parameters
from dagster_project.event_study.windows import Window

# Below as many firms the normal distribution of Kolari and Pynnönen's test is only approximate.
_FEW_FIRMS = 30


@dataclass(frozen=True)
class Outcomes:
    """One test of all pools: (windows × groups), NaN where ``status`` is not ``ok``.

    ``df`` is NaN for a normal statistic. ``p_two_sided_t`` reads the same statistic against
    Student's t where the normal distribution is only approximate.
    """

    status: Texts
    statistic: Floats
    df: Floats
    p_two_sided: Floats
    p_lower: Floats
    p_two_sided_t: Floats


class Pools:
    """Windows and groups over the dates of a study: (windows × groups).

    Dates are independent of each other: variances add, pairs of firms on different dates count as
    uncorrelated, and ranks are averaged day by day over the dates that have the day.
    """

    def __init__(
        self,
        windows: Sequence[Window],
        dates: Sequence[Date],
        granks: Sequence[Grank],
        parameters: Parameters,
    ) -> None:
        self.windows = windows
        self._dates = dates
        self._granks = granks
        self._parameters = parameters
        self._has_car = np.concatenate([date.has_car for date in dates], axis=2)
        self._car = np.concatenate([date.car for date in dates], axis=1)
        self._scar = np.concatenate([date.scar for date in dates], axis=1)
        self.n_firms: Integers = self._has_car.sum(axis=2)
        self.n_firms_dropped: Integers = (
            np.sum([date.n_members for date in dates], axis=0) - self.n_firms
        )
        self.n_dates = len(dates)
        # A date on which the window cannot be tested has no firm with a CAR: the others decide.
        overlaps = np.all([date.overlaps_estimation for date in dates], axis=0)
        self.status: Texts = np.select(
            [np.broadcast_to(overlaps[:, None], self.n_firms.shape), self.n_firms == 0],
            ["overlaps_estimation", "no_firms"],
            "ok",
        )

    @cached_property
    def n_overlapping_dates(self) -> Integers:
        """Dates whose window shares a session with that of another date: (windows × groups)."""
        t0s = np.sort([date.t0 for date in self._dates])
        n_days = np.array([window.n_days for window in self.windows])
        is_close = np.diff(t0s) < n_days[:, None]
        padded = np.pad(is_close, ((0, 0), (1, 1)))
        counts = (padded[:, 1:] | padded[:, :-1]).sum(axis=1)
        return np.asarray(np.broadcast_to(counts[:, None], self.n_firms.shape))

    # ---- Firms ----

    @cached_property
    def caar(self) -> Floats:
        return self._mean(self._car)

    @cached_property
    def median_car(self) -> Floats:
        ordered = np.sort(np.where(self._has_car, self._car[:, None], np.nan), axis=2)
        middle = np.stack([(self.n_firms - 1) // 2, self.n_firms // 2], axis=2)
        if not ordered.shape[2]:
            return np.full(self.n_firms.shape, np.nan)
        both = np.take_along_axis(ordered, np.maximum(middle, 0), axis=2)
        return np.where(self.n_firms > 0, both.sum(axis=2) / 2, np.nan)

    @cached_property
    def share_negative(self) -> Floats:
        return divided((self._has_car & (self._car < 0)[:, None]).sum(axis=2), self.n_firms)

    @cached_property
    def car_sd(self) -> Floats:
        return self._sd(self._car)

    @cached_property
    def scar_sd(self) -> Floats:
        return self._sd(self._scar)

    def _mean(self, values: Floats) -> Floats:
        return divided(np.where(self._has_car, values[:, None], 0.0).sum(axis=2), self.n_firms)

    def _sd(self, values: Floats) -> Floats:
        """Standard deviation between firms; NaN for fewer than two or a spread that is rounding."""
        kept = np.where(self._has_car, values[:, None], 0.0)
        n = self.n_firms
        deviations = np.where(self._has_car, kept - self._mean(values)[:, :, None], 0.0)
        sd = np.sqrt(divided((deviations**2).sum(axis=2), np.maximum(n - 1, 0)))
        scale = np.sqrt(divided((kept**2).sum(axis=2), n))
        with np.errstate(invalid="ignore"):
            return np.where(sd > NO_SPREAD * scale, sd, np.nan)

    # ---- Correlation ----

    @cached_property
    def n_pairs_dropped(self) -> Integers:
        return np.asarray(np.sum([date.firm_sets.n_pairs_dropped for date in self._dates], axis=0))

    @cached_property
    def rbar(self) -> Floats:
        """Mean correlation of the firms' residuals over all usable pairs."""
        n_pairs = self.n_firms * (self.n_firms - 1) // 2 - self.n_pairs_dropped
        return divided(np.sum([date.firm_sets.correlation_sum for date in self._dates], 0), n_pairs)

    @cached_property
    def variance_inflation(self) -> Floats:
        """How many times the variance of a mean grows through the correlation."""
        return np.where(self.n_firms == 1, 1.0, 1 + (self.n_firms - 1) * self.rbar)

    @cached_property
    def effective_n(self) -> Floats:
        with np.errstate(invalid="ignore"):
            positive = np.where(self.variance_inflation > 0, self.variance_inflation, np.nan)
        return np.where(self.n_firms > 0, self.n_firms / positive, np.nan)

    # ---- Ranks ----

    @cached_property
    def n_rank_rows(self) -> Integers:
        """Event sessions that were ranked on any date."""
        ranked = np.any(
            [(date.rank_shares.n_firms > 0) & date.is_event_day for date in self._dates], axis=0
        )
        return np.asarray(ranked.sum(axis=2))

    # ---- Portfolios ----

    def _of_portfolios(self, name: str) -> Floats:
        """A figure of the dates' portfolios, NaN where they cannot be tested: dates first."""
        values = np.array([getattr(date.portfolios, name) for date in self._dates])
        return np.where(self._is_tested, values, np.nan)

    @cached_property
    def _portfolio_statuses(self) -> Texts:
        return np.array([date.portfolios.status for date in self._dates])

    @cached_property
    def _is_tested(self) -> Flags:
        return np.asarray(self._portfolio_statuses == "ok")

    @cached_property
    def _n_tested(self) -> Integers:
        return np.asarray(self._is_tested.sum(axis=0))

    @cached_property
    def portfolio_status(self) -> Texts:
        """``ok`` where any date's portfolio can be tested, else a reason."""
        status = np.full(self.n_firms.shape, "no_firms", dtype=object)
        for place in np.ndindex(status.shape):
            known = {reason for reason in self._portfolio_statuses[:, *place] if reason}
            if known:
                status[place] = "ok" if "ok" in known else min(known)
        return status

    @cached_property
    def portfolio_sd(self) -> Floats:
        variance = np.nansum(self._of_portfolios("car_sd_pred") ** 2, axis=0)
        return np.where(self._n_tested > 0, np.sqrt(variance), np.nan)

    @cached_property
    def portfolio_df(self) -> Floats:
        return _satterthwaite(self._of_portfolios("car_sd_pred") ** 2, self._of_portfolios("df"))

    @cached_property
    def mde_80pct(self) -> Floats:
        """Smallest true mean effect that the portfolio test finds in four samples of five."""
        errors = np.full(self.n_firms.shape, np.nan)
        for df in np.unique(self.portfolio_df[~np.isnan(self.portfolio_df)]):
            errors[self.portfolio_df == df] = detectable_standard_errors(
                float(df), self._parameters.significance_level
            )
        return errors * divided(self.portfolio_sd, self._n_tested)

    # ---- Tests ----

    def run(self) -> dict[str, Outcomes]:
        """All tests by name, in the order of ``TESTS``."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return {test_id: self._run(test) for test_id, test in TESTS.items()}

    def _run(self, test: Test) -> Outcomes:
        found = test.compute(self)
        status = np.select(
            [self.status != "ok", self.n_firms < test.min_firms],
            [self.status, "too_few_firms"],
            found.status,
        )
        ok = status == "ok"
        statistic = np.where(ok, found.statistic, np.nan)
        df = np.where(ok, found.df, np.nan)
        if found.p_values is None:
            two_sided = np.where(
                np.isnan(df), normal_two_sided_p(statistic), student_t_two_sided_p(statistic, df)
            )
            lower = np.where(statistic > 0, 1 - two_sided / 2, two_sided / 2)
        else:
            two_sided, lower = (np.where(ok, p, np.nan) for p in found.p_values)
        return Outcomes(
            status,
            statistic,
            df,
            two_sided,
            lower,
            student_t_two_sided_p(statistic, np.where(ok, found.few_firms_df, np.nan)),
        )


@dataclass(frozen=True)
class _Found:
    """A statistic of all pools before general reasons (no firms) are applied."""

    status: Texts
    statistic: Floats
    df: Floats | float = np.nan
    p_values: tuple[Floats, Floats] | None = None
    few_firms_df: Floats | float = np.nan


def _less_one(counts: Integers) -> Floats:
    return counts.astype(float) - 1


def _satterthwaite(variances: Floats, dfs: Floats) -> Floats:
    """Degrees of freedom of a sum of variances over the first axis (Satterthwaite 1946).

    NaN variances are left out; a single one keeps its own degrees of freedom.
    """
    known = ~np.isnan(variances)
    n = known.sum(axis=0)
    total = np.where(known, variances, 0.0).sum(axis=0)
    shares = np.where(known & (dfs != 0), variances**2 / np.where(dfs == 0, np.nan, dfs), 0.0)
    single = np.where(known, dfs, 0.0).sum(axis=0)
    return np.where(n == 1, single, divided(total**2, np.nansum(shares, axis=0)))


def _cross_sectional_t(pools: Pools) -> _Found:
    statistic = pools.caar / pools.car_sd * np.sqrt(pools.n_firms)
    return _Found(
        np.where(np.isnan(pools.car_sd), "no_spread", "ok"), statistic, _less_one(pools.n_firms)
    )


def _patell_z(pools: Pools) -> Floats:
    variance = np.concatenate([date.scar_variance for date in pools._dates])
    total = np.where(pools._has_car, variance, 0.0).sum(axis=2)
    scar_sum = np.where(pools._has_car, pools._scar[:, None], 0.0).sum(axis=2)
    return np.asarray(scar_sum / np.sqrt(total))


def _patell(pools: Pools) -> _Found:
    z = _patell_z(pools)
    return _Found(np.where(np.isnan(z), "insufficient", "ok"), z)


def _patell_adjusted(pools: Pools) -> _Found:
    z = _patell_z(pools)
    return _Found(
        np.select(
            [np.isnan(z), np.isnan(pools.rbar), pools.variance_inflation <= 0],
            ["insufficient", "no_correlation", "adjustment_undefined"],
            "ok",
        ),
        z / np.sqrt(pools.variance_inflation),
    )


def _bmp_t(pools: Pools) -> Floats:
    return np.asarray(pools._mean(pools._scar) / pools.scar_sd * np.sqrt(pools.n_firms))


def _bmp(pools: Pools) -> _Found:
    t = _bmp_t(pools)
    return _Found(np.where(np.isnan(t), "no_spread", "ok"), t, _less_one(pools.n_firms))


def _kolari_pynnonen(pools: Pools) -> _Found:
    t = _bmp_t(pools)
    return _Found(
        np.select(
            [
                np.isnan(t),
                np.isnan(pools.rbar),
                # A correlation of one leaves nothing but rounding of the statistic.
                (pools.variance_inflation <= 0) | (1 - pools.rbar <= NO_SPREAD),
            ],
            ["no_spread", "no_correlation", "adjustment_undefined"],
            "ok",
        ),
        t * np.sqrt((1 - pools.rbar) / pools.variance_inflation),
        few_firms_df=np.where(pools.n_firms < _FEW_FIRMS, pools.n_firms - 1, np.nan),
    )


def _generalized_sign(pools: Pools) -> _Found:
    n = pools.n_firms
    total = np.sum([date.firm_sets.positive_share_sum for date in pools._dates], axis=0)
    share = divided(total, n)
    n_positive = (pools._has_car & (pools._car > 0)[:, None]).sum(axis=2)
    return _Found(
        np.where((share > 0) & (share < 1), "ok", "no_spread"),
        (n_positive - n * share) / np.sqrt(n * share * (1 - share)),
    )


def _portfolio_t(pools: Pools) -> _Found:
    total = np.nansum(pools._of_portfolios("car"), axis=0)
    return _Found(pools.portfolio_status, total / pools.portfolio_sd, pools.portfolio_df)


def _portfolio_crude(pools: Pools) -> _Found:
    """The mean abnormal return over its own spread from day to day, nothing else."""
    n_days = np.array([window.n_days for window in pools.windows])[:, None]
    spreads = np.array([date.firm_sets.mean_residual_sd for date in pools._dates])
    variances = n_days * spreads**2
    dfs = np.array([date.firm_sets.n_days for date in pools._dates]) - 1.0
    total_variance = np.nansum(variances, axis=0)
    means = [
        divided(
            np.where(date.has_car, date.car[:, None], 0.0).sum(axis=2), date.has_car.sum(axis=2)
        )
        for date in pools._dates
    ]
    return _Found(
        np.where(total_variance > 0, "ok", "no_spread"),
        np.nansum(means, axis=0) / np.sqrt(total_variance),
        _satterthwaite(variances, dfs),
    )


def _sample_quantile(pools: Pools) -> _Found:
    """Place of the portfolios' standardised CARs among their sums on the same quiet days."""
    scale = pools._of_portfolios("resid_sd")
    runs = np.array([date.portfolios.runs for date in pools._dates]) / scale[..., None]
    # Only days on which all of the study's portfolios have a sum are comparable.
    n_runs = (~np.isnan(runs)).sum(axis=0)
    comparable = (n_runs == pools._n_tested[..., None]) & (n_runs > 0)
    sums = np.where(comparable, np.nansum(runs, axis=0), np.nan)
    value = np.nansum(pools._of_portfolios("car") / scale, axis=0)[..., None]
    n = comparable.sum(axis=2)
    return _Found(
        # A window longer than any run of quiet sessions has nothing to be compared with.
        np.where(
            (pools.portfolio_status == "ok") & (n == 0), "insufficient", pools.portfolio_status
        ),
        divided(np.nansum(pools._of_portfolios("car"), axis=0), pools._n_tested),
        p_values=(
            (1 + (np.abs(sums) >= np.abs(value)).sum(axis=2)) / (1 + n),
            (1 + (sums <= value).sum(axis=2)) / (1 + n),
        ),
    )


def _over_dates(days: Sequence[DaySums], power: float) -> tuple[Floats, Integers]:
    """Sums by day over a power of the number of firms, added over dates; the dates with the day."""
    total, n_dates = np.zeros(days[0].sums.shape), np.zeros(days[0].sums.shape, dtype=int)
    for date in days:
        seen = date.n_firms > 0
        total += np.where(seen, date.sums / np.where(seen, date.n_firms, 1) ** power, 0.0)
        n_dates += seen
    return total, n_dates


def _corrado(pools: Pools, mean_by_day: Floats, n_dates: Integers) -> _Found:
    """The window's mean rank over its spread from day to day."""
    spread = np.sqrt(divided((mean_by_day**2).sum(axis=2), (n_dates > 0).sum(axis=2)))
    statistic = np.full(spread.shape, np.nan)
    for number, window in enumerate(pools.windows):
        total = mean_by_day[number][:, window.days - int(pools._parameters.all_days[0])].sum(axis=1)
        statistic[number] = total / np.sqrt(window.n_days) / spread[number]
    return _Found(np.where(spread > 0, "ok", "no_spread"), statistic)


def _corrado_rank(pools: Pools) -> _Found:
    """Each date's mean rank deviation, averaged over the dates."""
    total, n_dates = _over_dates([date.rank_deviations for date in pools._dates], 1.0)
    return _corrado(pools, total / np.maximum(n_dates, 1), n_dates)


def _corrado_zivney(pools: Pools) -> _Found:
    """Each date's summed rank shares over the root of its firms, likewise over the dates."""
    total, n_dates = _over_dates([date.rank_shares for date in pools._dates], 0.5)
    return _corrado(pools, total / np.sqrt(np.maximum(n_dates, 1)), n_dates)


def _grank_t(pools: Pools) -> _Found:
    total, n_dates = _over_dates([date.days for date in pools._granks], 1.0)
    n_days = (n_dates > 0).sum(axis=2)
    n_firms = np.sum([date.days.n_firms for date in pools._granks], axis=0)
    mean_shares = total / np.maximum(n_dates, 1)
    extras = np.array([date.extra_mean for date in pools._granks])
    extra = divided(np.nansum(extras, axis=0), (~np.isnan(extras)).sum(axis=0))
    squares = divided((n_firms * mean_shares**2).sum(axis=2), pools.n_firms) + extra**2
    z = divided(extra, np.sqrt(squares / (n_days + 1)))
    return _Found(
        np.select(
            [np.isnan(pools.scar_sd), np.isnan(z) | (z**2 >= n_days)],
            ["no_spread", "adjustment_undefined"],
            "ok",
        ),
        z * np.sqrt((n_days - 1) / (n_days - z**2)),
        _less_one(n_days),
    )


@dataclass(frozen=True)
class Test:
    """A test across firms: how it is computed, the fewest firms it needs, and whether it is robust
    to the cross-sectional dependence that a shared event date brings."""

    # Not for pytest to collect.
    __test__ = False

    compute: Callable[[Pools], _Found]
    min_firms: int
    is_robust: bool


TESTS: dict[str, Test] = {
    "portfolio_t": Test(_portfolio_t, 1, True),
    "portfolio_crude": Test(_portfolio_crude, 1, True),
    "sample_quantile": Test(_sample_quantile, 1, True),
    "kolari_pynnonen": Test(_kolari_pynnonen, 2, True),
    "patell_adjusted": Test(_patell_adjusted, 2, True),
    "corrado_rank": Test(_corrado_rank, 1, True),
    "corrado_zivney": Test(_corrado_zivney, 1, True),
    "grank_t": Test(_grank_t, 2, True),
    "cross_sectional_t": Test(_cross_sectional_t, 2, False),
    "patell": Test(_patell, 1, False),
    "bmp": Test(_bmp, 2, False),
    "generalized_sign": Test(_generalized_sign, 1, False),
}


def pooled(
    dates: Sequence[Callable[[], GroupTests]], windows: Sequence[Window], parameters: Parameters
) -> Pools:
    """All windows and groups over the dates of a study.

    Each date is a function that makes its group tests: the ranks of GRANK need the spread of the
    CARs of all dates, so the dates are made twice rather than kept. A caller with one date caches
    it.
    """
    found = [make().date() for make in dates]
    scar_sd = Pools(windows, found, [], parameters).scar_sd
    granks = [make().grank(scar_sd) for make in dates]
    return Pools(windows, found, granks, parameters)
