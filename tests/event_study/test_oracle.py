"""The oracle's own tests across firms, each on a case small enough to work by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.event_study.oracle import Model, fit_series, is_collinear, overlapping_sums
from tests.event_study.oracle_groups import (
    Date,
    FirmDate,
    Portfolio,
    corrado_rank,
    corrado_zivney,
    generalized_sign,
    grank_t,
    mean_correlation,
    one_sample_t,
    overlapping_dates,
    patell,
    portfolio_crude,
    portfolio_t,
    run_tests,
    sample_quantile,
)

DAYS = [-5, -4, -3, -2]


def firm(estimation: list[float], event: float, s: float = 1.0, df: int = 10) -> FirmDate:
    """A firm with four estimation days and the event's day 0."""
    series = pd.Series(estimation, index=DAYS[: len(estimation)]).dropna()
    ranked = pd.concat([series, pd.Series({0: event})])
    return FirmDate(car=event, scar=event / s, s=s, df=df, estimation=series, ranked=ranked)


def date(*firms: FirmDate, position: int = 0, rbar: float = 0.0) -> Date:
    names = [f"F{number}" for number in range(len(firms))]
    matrix = np.full((len(firms), len(firms)), rbar)
    np.fill_diagonal(matrix, 1.0)
    return Date(
        position=position,
        n_members=len(firms),
        firms=dict(zip(names, firms, strict=True)),
        correlations=pd.DataFrame(matrix, index=names, columns=names),
    )


def portfolio(car: float, sd: float, df: int, sums: dict[int, float] | None = None) -> Portfolio:
    return Portfolio(
        car=car, sd_pred=sd, s=1.0, df=df, residual_sums=pd.Series(sums or {}, dtype=float)
    )


def test_cross_sectional_t():
    # Mean 2, standard deviation 1: 2 / (1 / sqrt(3)).
    result = one_sample_t(np.array([1.0, 2.0, 3.0]))
    assert result.statistic == pytest.approx(2 * np.sqrt(3))
    assert result.df == 2


def test_patell():
    # df 10 has the variance 10/8, df 4 has 4/2: (1 + 2) / sqrt(3.25).
    firms = [firm([0] * 4, 1, df=10), firm([0] * 4, 2, df=4)]
    assert patell(firms) == pytest.approx(3 / np.sqrt(3.25))
    assert np.isnan(patell([firm([0] * 4, 1, df=2)]))


def test_generalized_sign():
    # Shares above zero of 1/4 and 3/4: p = 1/2. Two of two above: (2 - 1) / sqrt(1/2).
    firms = [firm([1, -1, -1, -1], 1), firm([1, 1, 1, -1], 2)]
    assert generalized_sign(firms) == pytest.approx(np.sqrt(2))


def test_adjusted_for_correlation():
    # Patell 4 / sqrt(4 * 10/8); with a correlation of 1/3 the variance doubles.
    firms = [firm([1, -1, 1, -1], value) for value in (0.0, 1.0, 1.0, 2.0)]
    result = run_tests([date(*firms, rbar=1 / 3)], 0, 0)
    plain = 4 / np.sqrt(5)
    assert result.tests["patell"].statistic == pytest.approx(plain)
    assert result.tests["patell_adjusted"].statistic == pytest.approx(plain / np.sqrt(2))
    # Mean 1, standard deviation sqrt(2/3): BMP sqrt(6); times sqrt((2/3) / 2).
    assert result.tests["bmp"].statistic == pytest.approx(np.sqrt(6))
    assert result.tests["kolari_pynnonen"].statistic == pytest.approx(np.sqrt(2))
    assert result.effective_n == pytest.approx(2)


def test_a_variance_that_is_not_positive_gives_no_statistic():
    firms = [firm([1, -1, 1, -1], value) for value in (0.0, 1.0, 1.0, 2.0)]
    result = run_tests([date(*firms, rbar=-1 / 3)], 0, 0)
    assert "patell_adjusted" not in result.tests
    assert "kolari_pynnonen" not in result.tests


def test_portfolio_crude():
    # Means of the firms by day: 1, -1, 2, -2, whose variance is 10/3.
    one = date(firm([2, -1, 3, -2], 4), firm([0, -1, 1, -2], 2))
    result = portfolio_crude([one], 1)
    assert result.statistic == pytest.approx(3 / np.sqrt(10 / 3))
    assert result.df == pytest.approx(3)
    assert portfolio_crude([one], 4).statistic == pytest.approx(3 / np.sqrt(10 / 3) / 2)


def test_corrado_rank_of_one_firm():
    # Five values: ranks less 3 are -2, -1, 0, 1 and 2 for the event; mean square 2.
    one = date(firm([1, 2, 3, 4], 5))
    assert corrado_rank([one], 0, 0) == pytest.approx(2 / np.sqrt(2))
    # U is rank/6 - 1/2, the same up to a factor.
    assert corrado_zivney([one], 0, 0) == pytest.approx(2 / np.sqrt(2))


def test_ranks_of_ties_are_averages():
    # Ranks 1, 3, 3, 3, 5 of 0, 1, 1, 1, 2 (a rounding apart): less 3 they are -2, 0, 0, 0, 2.
    one = date(firm([0, 1, 1 + 1e-15, 1 - 1e-15], 2))
    assert corrado_rank([one], 0, 0) == pytest.approx(2 / np.sqrt(8 / 5))


def test_corrado_with_a_hole():
    # The second firm has the event and two days: ranks less 2 are -1, 0 and 1.
    whole, holed = firm([1, 2, 3, 4], 5), firm([1, 2, np.nan, np.nan], 3)
    one = date(whole, holed)
    means = np.array([(-2 - 1) / 2, (-1 + 0) / 2, 0, 1, (2 + 1) / 2])
    expected = means[-1] / np.sqrt((means**2).mean())
    assert corrado_rank([one], 0, 0) == pytest.approx(expected)
    # U: -1/3, -1/6, 0, 1/6, 1/3 and -1/4, 0, 1/4.
    root = np.sqrt(2)
    z = np.array([(-1 / 3 - 1 / 4) / root, -1 / 6 / root, 0, 1 / 6, (1 / 3 + 1 / 4) / root])
    assert corrado_zivney([one], 0, 0) == pytest.approx(z[-1] / np.sqrt((z**2).mean()))


def test_corrado_over_two_dates():
    # The second date mirrors the first but for its event: day by day the means are 0.
    first, second = date(firm([1, 2, 3, 4], 5)), date(firm([4, 3, 2, 1], 5), position=9)
    assert corrado_rank([first, second], 0, 0) == pytest.approx(
        2 / np.sqrt(np.mean(np.array([-0.5, -0.5, -0.5, -0.5, 2]) ** 2))
    )
    assert corrado_zivney([first, second], 0, 0) == pytest.approx(
        2 / np.sqrt(np.mean(np.array([-0.5, -0.5, -0.5, -0.5, 2]) ** 2))
    )


def test_grank():
    # SCAR 10 and -8: standard deviation 9 sqrt(2). Scaled they are 0.79 and -0.63.
    one = date(firm([-2, -1, 1, 2], 10), firm([-2, -1, 1, 2], -8))
    # Each ranks third of five: U of the event is 0, so is the statistic.
    assert grank_t([one]).statistic == pytest.approx(0)
    # Moved up: 0.79 above all four days, -0.63 below them.
    up = date(firm([-0.4, -0.3, -0.2, 0.1], 10), firm([0.1, 0.2, 0.3, 0.4], 8, s=2.0))
    # SCAR 10 and 4, standard deviation 3 sqrt(2): 2.36 and 0.94 rank fifth: U = 5/6 - 1/2.
    u = np.array([-1 / 3, -1 / 6, 0, 1 / 6, 1 / 3])
    z = (1 / 3) / np.sqrt((u**2).mean())
    result = grank_t([up])
    assert result.statistic == pytest.approx(z * np.sqrt(3 / (4 - z**2)))
    assert result.df == 3
    assert result.p_two_sided == pytest.approx(2 * stats.t.sf(result.statistic, 3))


def test_grank_weighs_days_by_their_firms():
    # The second firm lacks two days: its U are -1/4, 0 and 1/4 for the event.
    both = date(firm([-4, -3, -2, -1], 10), firm([-2, -1, np.nan, np.nan], 8))
    means = np.array([(-1 / 3 - 1 / 4) / 2, (-1 / 6) / 2, 0, 1 / 6, (1 / 3 + 1 / 4) / 2])
    weights = np.array([1, 1, 0.5, 0.5, 1])
    z = means[-1] / np.sqrt((weights * means**2).mean())
    assert grank_t([both]).statistic == pytest.approx(z * np.sqrt(3 / (4 - z**2)))


def test_grank_has_no_statistic_for_equal_firms():
    assert np.isnan(grank_t([date(firm([1, 2, 3, 4], 5), firm([1, 2, 3, 4], 5))]).statistic)


def test_portfolio_over_two_dates():
    # Variances 9 and 16: (2 + 3) / 5, df = 25^2 / (81/10 + 256/20).
    result = portfolio_t([portfolio(2, 3, 10), portfolio(3, 4, 20)])
    assert result.statistic == pytest.approx(1)
    assert result.df == pytest.approx(625 / (8.1 + 12.8))
    assert portfolio_t([portfolio(2, 4, 10)]).df == pytest.approx(10)


def test_power_of_two_dates():
    one, two = date(firm([1, -1, 1, -1], 1)), date(firm([1, -1, 1, -1], 2), position=9)
    one.portfolio, two.portfolio = portfolio(1, 3, 10), portfolio(2, 4, 10)
    result = run_tests([one, two], 0, 0)
    df = 625 / (8.1 + 25.6)
    # The mean of two has the standard deviation 5/2.
    assert result.mde_80pct == pytest.approx(2.5 * (stats.t.ppf(0.975, df) + stats.t.ppf(0.8, df)))


def test_sample_quantile():
    alone = portfolio(-2, 1, 10, {-5: -3.0, -4: -1.0, -3: 1.0, -2: 3.0})
    result = sample_quantile([alone])
    assert result.p_lower == pytest.approx(2 / 5)
    assert result.p_two_sided == pytest.approx(3 / 5)
    # Day -5 is in one of the dates only. Sums -2, 0, 2 against -3.
    other = portfolio(-1, 1, 10, {-4: -1.0, -3: -1.0, -2: -1.0})
    result = sample_quantile([alone, other])
    assert result.p_lower == pytest.approx(1 / 4)
    assert result.p_two_sided == pytest.approx(1 / 4)


def test_pairs_of_different_dates_count_as_uncorrelated():
    one = date(*[firm([1, -1, 1, -1], 1)] * 2, rbar=0.6)
    two = date(firm([1, -1, 1, -1], 1), position=9)
    # Three pairs, one of them on one date.
    assert mean_correlation([one, two]) == (pytest.approx(0.2), 0)
    one.correlations.iloc[0, 1] = one.correlations.iloc[1, 0] = np.nan
    assert mean_correlation([one, two]) == (0, 1)


def test_dates_whose_windows_share_a_session():
    dates = [Date(position=at) for at in (10, 12, 15, 30)]
    assert overlapping_dates(dates, 1) == 0
    assert overlapping_dates(dates, 3) == 2
    assert overlapping_dates(dates, 4) == 3


def test_variances_of_the_models():
    returns = pd.Series([1.0, 2.0, 3.0, 6.0])
    none, market = pd.DataFrame(index=range(4)), pd.DataFrame({1: [0.0, 1.0, 2.0, 1.0]})
    mean = fit_series(Model("m", (), "mean_adjusted"), returns, none)
    # Mean 3, squares 4 + 1 + 0 + 9 over 3; two days of four: 2 + 4/4.
    assert (mean.params[0], mean.df, mean.s) == (
        pytest.approx(3), 3, pytest.approx(np.sqrt(14 / 3)),
    )  # fmt: skip
    assert mean.car_sd(none.iloc[:2]) == pytest.approx(mean.s * np.sqrt(3))
    # Above the market: 1, 1, 1, 5, whose variance is 4.
    plain = fit_series(Model("a", ("M",), "market_adjusted"), returns, market)
    assert (plain.df, plain.s) == (3, pytest.approx(2))
    assert plain.car_sd(market.iloc[:2]) == pytest.approx(2 * np.sqrt(2))
    counted = Model("c", ("M",), "market_adjusted", leverage="one_over_n")
    assert fit_series(counted, returns, market).car_sd(market.iloc[:2]) == pytest.approx(
        2 * np.sqrt(3)
    )
    # Slope: sum of products 2 over 2; at the factor's mean only 1/n is added.
    ols = fit_series(Model("o", ("M",)), returns, market)
    assert ols.params[1] == pytest.approx(1)
    assert ols.df == 2
    assert ols.car_sd(market.iloc[[1]]) == pytest.approx(ols.s * np.sqrt(1 + 1 / 4))


def test_collinear_factors():
    factor = np.array([0.01, -0.02, 0.03, 0.0])
    other = np.array([0.01, 0.01, -0.01, 0.02])
    assert not is_collinear(pd.DataFrame({1: factor, 2: other}))
    assert is_collinear(pd.DataFrame({1: factor, 2: factor}))
    assert is_collinear(pd.DataFrame({1: factor, 2: other, 3: factor - 2 * other}))
    assert is_collinear(pd.DataFrame({1: factor, 2: 0 * other + 0.5}))


def test_sums_never_bridge_a_hole():
    residuals = pd.Series({1: 1.0, 2: 2.0, 4: 4.0, 5: 5.0})
    assert overlapping_sums(residuals, 2, range(1, 6)).to_dict() == {2: 3.0, 5: 9.0}
