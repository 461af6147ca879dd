"""The oracle's tests across firms, on one date or on several (pooled).

Plain functions of abnormal returns, so that a case can be worked by hand. Days are sessions
relative to the event. For one date every pooled formula is the textbook one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats

NAN = float("nan")
EVENT = 10**6  # stands for the event among relative days


@dataclass
class FirmDate:
    """One firm with statistics on one date: its window and its abnormal returns by day."""

    car: float
    scar: float  # car / its prediction standard deviation
    s: float  # residual standard deviation
    df: int
    estimation: pd.Series
    ranked: pd.Series  # estimation and ranked event rows

    @cached_property
    def ranks(self) -> pd.Series:
        """Average ranks of the ranked rows; what differs by less than rounding is tied."""
        return pd.Series(stats.rankdata(self.ranked.round(12)), index=self.ranked.index)


@dataclass
class Portfolio:
    """The equal-weight portfolio of one date over the window."""

    car: float
    sd_pred: float
    s: float
    df: int
    residual_sums: pd.Series  # overlapping sums of the window's length, by relative day


@dataclass
class Date:
    """One date of a study."""

    position: int = 0
    n_members: int = 0
    firms: dict[str, FirmDate] = field(default_factory=dict)
    correlations: pd.DataFrame = field(default_factory=pd.DataFrame)
    portfolio: Portfolio | None = None


@dataclass
class Figures:
    """One test's figures; NaN where it has none."""

    statistic: float = NAN
    df: float = NAN
    p_two_sided: float = NAN
    p_lower: float = NAN


@dataclass
class GroupResult:
    """All tests of one study, group, model and window."""

    n_firms: int
    n_firms_dropped: int
    n_dates: int
    n_overlapping_dates: int
    caar: float = NAN
    median_car: float = NAN
    share_negative: float = NAN
    rbar: float = NAN
    n_pairs_dropped: int = 0
    effective_n: float = NAN
    mde_80pct: float = NAN
    n_events: int = 0
    rank_rows: int = 0
    tests: dict[str, Figures] = field(default_factory=dict)


def student(statistic: float, df: float) -> Figures:
    p_lower, p_two_sided = stats.t.cdf(statistic, df), 2 * stats.t.sf(abs(statistic), df)
    return Figures(statistic, df, float(p_two_sided), float(p_lower))


def normal(statistic: float) -> Figures:
    p_lower, p_two_sided = stats.norm.cdf(statistic), 2 * stats.norm.sf(abs(statistic))
    return Figures(statistic, NAN, float(p_two_sided), float(p_lower))


def has_spread(values: np.ndarray) -> bool:
    return len(values) > 1 and float(np.ptp(values)) > 1e-12


def one_sample_t(values: np.ndarray) -> Figures:
    if not has_spread(values):
        return Figures()
    result = stats.ttest_1samp(values, 0)
    return student(float(result.statistic), len(values) - 1)


def patell(firms: list[FirmDate]) -> float:
    if any(f.df <= 2 for f in firms):
        return NAN
    return sum(f.scar for f in firms) / np.sqrt(sum(f.df / (f.df - 2) for f in firms))


def generalized_sign(firms: list[FirmDate]) -> float:
    n = len(firms)
    p = float(np.mean([(f.estimation > 0).mean() for f in firms]))
    w = sum(f.car > 0 for f in firms)
    return (w - n * p) / np.sqrt(n * p * (1 - p)) if 0 < p < 1 else NAN


def mean_correlation(dates: list[Date]) -> tuple[float, int]:
    """Mean over the pairs of firm-dates, and the number dropped; 0 across dates."""
    total, n_pairs, n_dropped = 0.0, 0, 0
    for date in dates:
        tickers = list(date.firms)
        matrix = date.correlations.loc[tickers, tickers].to_numpy()
        pairs = matrix[np.triu_indices(len(tickers), k=1)]
        total += np.nansum(pairs)
        n_pairs += int((~np.isnan(pairs)).sum())
        n_dropped += int(np.isnan(pairs).sum())
    n = sum(len(date.firms) for date in dates)
    within = sum(len(date.firms) * (len(date.firms) - 1) // 2 for date in dates)
    n_pairs += n * (n - 1) // 2 - within
    return (total / n_pairs if n_pairs else NAN), n_dropped


def corrado_rank(dates: list[Date], first: int, last: int) -> float:
    daily = []
    for date in dates:
        deviations = {ticker: f.ranks - (len(f.ranked) + 1) / 2 for ticker, f in date.firms.items()}
        if deviations:
            daily.append(pd.DataFrame(deviations).mean(axis=1))
    values = pd.concat(daily, axis=1).mean(axis=1)
    return _of_window(values, first, last)


def corrado_zivney(dates: list[Date], first: int, last: int) -> float:
    daily = []
    for date in dates:
        places = {ticker: f.ranks / (len(f.ranked) + 1) - 0.5 for ticker, f in date.firms.items()}
        if places:
            u = pd.DataFrame(places)
            daily.append(u.sum(axis=1, min_count=1) / np.sqrt(u.count(axis=1)))
    z = pd.concat(daily, axis=1)
    values = z.sum(axis=1, min_count=1) / np.sqrt(z.count(axis=1))
    return _of_window(values, first, last)


def _of_window(values: pd.Series, first: int, last: int) -> float:
    scale = np.sqrt((values**2).mean())
    days = values.loc[list(range(first, last + 1))]
    return float(days.sum() / np.sqrt(len(days)) / scale) if scale > 0 else NAN


def grank_t(dates: list[Date]) -> Figures:
    firms = [f for date in dates for f in date.firms.values()]
    scar = np.array([f.scar for f in firms])
    if not has_spread(scar):
        return Figures()
    spread = np.std(scar, ddof=1)
    means, counts = [], []
    for date in dates:
        places = {}
        for ticker, firm in date.firms.items():
            sar = firm.estimation.round(12) / firm.s
            row = pd.concat([sar, pd.Series({EVENT: firm.scar / spread})])
            places[ticker] = stats.rankdata(row) / (len(sar) + 2) - 0.5
            places[ticker] = pd.Series(places[ticker], index=row.index)
        if places:
            u = pd.DataFrame(places)
            means.append(u.mean(axis=1))
            counts.append(u.count(axis=1))
    values = pd.concat(means, axis=1).mean(axis=1)
    n_firms = pd.concat(counts, axis=1).sum(axis=1)
    sessions = len(values) - 1
    scale = np.sqrt((n_firms / len(firms) * values**2).mean())
    if not scale > 0:
        return Figures()
    z = float(values[EVENT] / scale)
    if z**2 >= sessions:
        return Figures()
    return student(z * np.sqrt((sessions - 1) / (sessions - z**2)), sessions - 1)


def satterthwaite(variances: np.ndarray, dfs: np.ndarray) -> float:
    return float(variances.sum() ** 2 / (variances**2 / dfs).sum())


def portfolio_t(portfolios: list[Portfolio]) -> Figures:
    variances = np.array([p.sd_pred**2 for p in portfolios])
    df = satterthwaite(variances, np.array([p.df for p in portfolios]))
    return student(sum(p.car for p in portfolios) / np.sqrt(variances.sum()), df)


def portfolio_crude(dates: list[Date], length: int) -> Figures:
    total, variances, dfs = 0.0, [], []
    for date in dates:
        if not date.firms:
            continue
        aar = pd.DataFrame({t: f.estimation for t, f in date.firms.items()}).mean(axis=1)
        total += float(np.mean([f.car for f in date.firms.values()]))
        variances.append(length * np.var(aar, ddof=1))
        dfs.append(len(aar) - 1)
    scale = np.sqrt(sum(variances))
    if not scale > 0:
        return Figures()
    return student(total / scale, satterthwaite(np.array(variances), np.array(dfs)))


def sample_quantile(portfolios: list[Portfolio]) -> Figures:
    sums = pd.concat([p.residual_sums / p.s for p in portfolios], axis=1).dropna().sum(axis=1)
    observed = sum(p.car / p.s for p in portfolios)
    n = len(sums)
    return Figures(
        statistic=portfolios[0].car if len(portfolios) == 1 else observed,
        p_lower=(1 + int((sums <= observed).sum())) / (1 + n),
        p_two_sided=(1 + int((abs(sums) >= abs(observed)).sum())) / (1 + n),
    )


def overlapping_dates(dates: list[Date], length: int) -> int:
    at = [date.position for date in dates]
    return sum(any(0 < abs(a - b) < length for b in at) for a in at)


def run_tests(dates: list[Date], first: int, last: int) -> GroupResult:
    """Every test over the relative days ``first`` to ``last``."""
    length = last - first + 1
    firms = [f for date in dates for f in date.firms.values()]
    n = len(firms)
    result = GroupResult(
        n_firms=n,
        n_firms_dropped=sum(date.n_members for date in dates) - n,
        n_dates=len(dates),
        n_overlapping_dates=overlapping_dates(dates, length),
    )
    if n == 0:
        return result
    car = np.array([f.car for f in firms])
    result.caar = float(car.mean())
    result.median_car = float(np.median(car))
    result.share_negative = float((car < 0).mean())
    result.rbar, result.n_pairs_dropped = mean_correlation(dates)
    tests = result.tests
    tests["cross_sectional_t"] = one_sample_t(car)
    tests["patell"] = normal(patell(firms))
    tests["bmp"] = one_sample_t(np.array([f.scar for f in firms]))
    tests["generalized_sign"] = normal(generalized_sign(firms))
    inflation = 1 + (n - 1) * result.rbar if n > 1 else 1.0
    if inflation > 0:
        result.effective_n = n / inflation
    if inflation > 0 and n > 1:
        tests["patell_adjusted"] = normal(tests["patell"].statistic / np.sqrt(inflation))
        shrink = np.sqrt((1 - result.rbar) / inflation)
        tests["kolari_pynnonen"] = normal(tests["bmp"].statistic * shrink)
    tests["corrado_rank"] = normal(corrado_rank(dates, first, last))
    tests["corrado_zivney"] = normal(corrado_zivney(dates, first, last))
    result.rank_rows = len(
        {day for f in firms for day in f.ranked.index.difference(f.estimation.index)}
    )
    tests["grank_t"] = grank_t(dates)
    tests["portfolio_crude"] = portfolio_crude(dates, length)
    portfolios = [date.portfolio for date in dates if date.portfolio is not None]
    if portfolios:
        tests["portfolio_t"] = portfolio_t(portfolios)
        tests["sample_quantile"] = sample_quantile(portfolios)
        df = tests["portfolio_t"].df
        sd = np.sqrt(sum(p.sd_pred**2 for p in portfolios)) / len(portfolios)
        result.mde_80pct = float(sd * (stats.t.ppf(0.975, df) + stats.t.ppf(0.8, df)))
    return result
