"""Tests across firms, on one date and pooled, each on a case small enough to work by hand.

Against a market that does not move, the firms' returns are what is averaged and ranked.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from dagster_project.event_study.dates import GroupTests
from dagster_project.event_study.models import Model
from dagster_project.event_study.tests import TESTS, pooled
from tests.event_study.builders import NAN, panel, pool, window


def statistic(test_id: str, *panels, **options) -> float:
    outcome = pool(*panels, **options).run()[test_id]
    assert outcome.status == "ok", outcome.status
    return outcome.statistic


def status(test_id: str, *panels, **options) -> str:
    return pool(*panels, **options).run()[test_id].status


def test_every_test_has_an_outcome_in_the_order_of_the_list():
    outcomes = pool(panel([[1, 2, 3, 4]], [[5]])).run()
    assert list(outcomes) == list(TESTS)
    assert len(TESTS) == 12


def test_cross_sectional_t():
    """Mean 2, standard deviation 1: 2 / (1 / sqrt(3))."""
    three = panel([[1, -1, 1, -1]] * 3, [[1], [2], [3]])
    outcome = pool(three).run()["cross_sectional_t"]
    assert (outcome.statistic, outcome.df) == (pytest.approx(2 * np.sqrt(3)), 2)


def test_patell():
    """Residual sds of 1 on 8 and 4 degrees of freedom: variances 8/6 and 4/2."""
    nine = [2, -2, 0, 0, 0, 0, 0, 0, 0]
    five = [NAN] * 4 + [1, -1, 1, -1, 0]
    two = panel([nine, five], [[1], [2]])
    assert_allclose(two.fit.resid_sd, [1, 1])
    assert statistic("patell", two) == pytest.approx(3 / np.sqrt(8 / 6 + 4 / 2))
    # Two degrees of freedom have no variance.
    assert status("patell", panel([[1, -1, 0]], [[1]])) == "insufficient"
    assert status("patell_adjusted", panel([[1, -1, 0]] * 2, [[1], [2]])) == "insufficient"


def test_generalized_sign():
    """Shares above zero of 1/4 and 3/4: p = 1/2. Two of two above: (2 - 1) / sqrt(1/2)."""
    two = panel([[1, -1, -1, -1], [1, 1, 1, -1]], [[1], [2]])
    assert statistic("generalized_sign", two) == pytest.approx(np.sqrt(2))
    assert status("generalized_sign", panel([[1, 2, 3, 4]], [[1]])) == "no_spread"


def test_the_mean_of_market_adjusted_residuals_stays_in_signs_and_ranks():
    """Residuals 1, 2, 3, 4 are all above zero and rank below 5: nothing is taken off first."""
    one = panel([[1, 2, 3, 4], [-1, -2, -3, -4]], [[5], [5]])
    found = pool(one)
    # Half of the residuals are positive, both CARs are.
    assert found.run()["generalized_sign"].statistic == pytest.approx(1 / np.sqrt(1 / 2))
    assert found.rbar == pytest.approx(-1)


FOUR = [[1, 1, -1, -1, 0, 0], [0, 0, 1, 1, -1, -1], [-1, 1, 1, -1, 1, -1], [1, -1, 0, 0, 0, 0]]


def test_tests_adjusted_for_correlation():
    """Mean correlation of the four as NumPy has it; the statistics follow from the plain ones."""
    one = panel(FOUR, [[0], [1], [1], [2]])
    found = pool(one)
    rbar = np.corrcoef(FOUR)[np.triu_indices(4, k=1)].mean()
    assert found.rbar == pytest.approx(rbar)
    inflation = 1 + 3 * rbar
    assert found.effective_n == pytest.approx(4 / inflation)
    tests = found.run()
    scar = np.array([0, 1, 1, 2]) / np.std(FOUR, axis=1, ddof=1)
    patell = scar.sum() / np.sqrt(4 * 5 / 3)
    assert tests["patell"].statistic == pytest.approx(patell)
    assert tests["patell_adjusted"].statistic == pytest.approx(patell / np.sqrt(inflation))
    bmp = stats.ttest_1samp(scar, 0).statistic
    assert (tests["bmp"].statistic, tests["bmp"].df) == (pytest.approx(bmp), 3)
    expected = bmp * np.sqrt((1 - rbar) / inflation)
    assert tests["kolari_pynnonen"].statistic == pytest.approx(expected)
    # Normal, with a second p of few firms' degrees of freedom.
    assert np.isnan(tests["kolari_pynnonen"].df)
    assert tests["kolari_pynnonen"].p_two_sided == pytest.approx(2 * stats.norm.sf(abs(expected)))
    assert tests["kolari_pynnonen"].p_two_sided_t == pytest.approx(2 * stats.t.sf(abs(expected), 3))


def test_a_variance_that_is_not_positive_gives_no_statistic():
    """Two firms that mirror each other: 1 + 1 x -1 = 0. With a third that shares too few sessions
    with them the only pair left correlates by -1: 1 + 2 x -1 < 0.
    """
    mirrored = panel([[1, -1, 2, -2], [-1, 1, -2, 2]], [[1], [3]])
    found = pool(mirrored)
    assert found.variance_inflation == pytest.approx(0, abs=1e-12)
    assert pool(panel([[1, -1, 2, -2]] * 2, [[1], [3]])).rbar == pytest.approx(1)
    three = panel([[1, -1, 2, -2, NAN, NAN], [-1, 1, -2, 2, NAN, NAN], [NAN, NAN, 1, -1, 0, 3]],
                  [[1], [2], [4]], min_common=3)  # fmt: skip
    undefined = pool(three)
    assert (undefined.rbar, undefined.n_pairs_dropped) == (pytest.approx(-1), 2)
    assert np.isnan(undefined.effective_n)
    tests = undefined.run()
    assert tests["patell_adjusted"].status == "adjustment_undefined"
    assert tests["kolari_pynnonen"].status == "adjustment_undefined"
    assert tests["bmp"].status == "ok"


def test_a_correlation_of_one_but_for_rounding_gives_no_statistic():
    """Twins move together on every quiet day: what an adjustment would leave is rounding."""
    quiet = [0.01, -0.02, 0.03, -0.01, 0.02, -0.03]
    twins = panel([quiet, quiet, quiet], [[0.1], [0.2], [0.4]])
    pools = pool(twins)
    assert pools.rbar == pytest.approx(1)
    assert pools.run()["kolari_pynnonen"].status == "adjustment_undefined"


def test_no_pair_with_enough_common_sessions_gives_no_adjustment():
    two = panel([[1, -1, 2, NAN, NAN], [NAN, NAN, 1, 2, 4]], [[1], [2]], min_common=2)
    found = pool(two)
    assert np.isnan(found.rbar)
    assert found.n_pairs_dropped == 1
    tests = found.run()
    assert tests["patell_adjusted"].status == "insufficient"
    assert tests["kolari_pynnonen"].status == "no_correlation"


def test_portfolio_crude():
    """Means of the firms by day 1, -1, 2, -2: variance 10/3. Four days: the sd doubles."""
    days = [[2, -1, 3, -2], [0, -1, 1, -2]]
    outcome = pool(panel(days, [[4], [2]])).run()["portfolio_crude"]
    assert outcome.statistic == pytest.approx(3 / np.sqrt(10 / 3))
    assert outcome.df == 3
    four = panel(days, [[4, 0, 0, 0], [2, 0, 0, 0]])
    assert statistic("portfolio_crude", four, over=window(0, 3)) == pytest.approx(
        3 / np.sqrt(10 / 3) / 2
    )


def test_corrado_rank_of_one_firm():
    """Five values: ranks less 3 are -2, -1, 0, 1 and 2 for the event; their mean square is 2."""
    one = panel([[1, 2, 3, 4]], [[5]])
    assert statistic("corrado_rank", one) == pytest.approx(2 / np.sqrt(2))
    assert statistic("corrado_zivney", one) == pytest.approx(2 / np.sqrt(2))


def test_ranks_of_ties_are_averages():
    """Ranks 1, 3, 3, 3, 5 of 0, 1, 1, 1, 2 (a rounding apart): less 3 they are -2, 0, 0, 0, 2."""
    one = panel([[0, 1, 1 + 1e-15, 1 - 1e-15]], [[2]])
    assert statistic("corrado_rank", one) == pytest.approx(2 / np.sqrt(8 / 5))


def test_corrado_with_a_hole():
    """The second firm has the event and two days: ranks less 2 are -1, 0 and 1."""
    one = panel([[1, 2, 3, 4], [1, 2, NAN, NAN]], [[5], [3]])
    means = np.array([(-2 - 1) / 2, (-1 + 0) / 2, 0, 1, (2 + 1) / 2])
    expected = means[-1] / np.sqrt((means**2).mean())
    assert statistic("corrado_rank", one) == pytest.approx(expected)
    # U: -1/3, -1/6, 0, 1/6, 1/3 and -1/4, 0, 1/4; their sums over the root of the firms there.
    root = np.sqrt(2)
    z = np.array([(-1 / 3 - 1 / 4) / root, -1 / 6 / root, 0, 1 / 6, (1 / 3 + 1 / 4) / root])
    expected = z[-1] / np.sqrt((z**2).mean())
    assert statistic("corrado_zivney", one) == pytest.approx(expected)


def test_corrado_over_two_days_ranks_both():
    """Ranks less 3: the event days 2 and 4 among 1, 3, 5 are -1 and 1; 4 and 5 are 1 and 2."""
    assert statistic("corrado_rank", panel([[1, 3, 5]], [[2, 4]]), over=window(0, 1)) == 0
    up = panel([[1, 2, 3]], [[4, 5]])
    assert statistic("corrado_rank", up, over=window(0, 1)) == pytest.approx(
        3 / np.sqrt(2) / np.sqrt(2)
    )


def test_a_window_may_rank_more_days_than_its_own():
    """Day 1 is ranked too: 5 is then one below the middle of six. Never an estimation day."""
    one = panel([[1, 2, 3, 4]], [[5, 6]])
    ranked = pool(one, over=window(0, 0, 0, 1))
    assert ranked.n_rank_rows == 2
    deviations = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    assert ranked.run()["corrado_rank"].statistic == pytest.approx(
        1.5 / np.sqrt((deviations**2).mean())
    )
    assert pool(one, over=window(0, 0)).n_rank_rows == 1


def test_corrado_over_two_dates():
    """The second date mirrors the first but for its event: day by day the means are 0."""
    dates = panel([[1, 2, 3, 4]], [[5]]), panel([[4, 3, 2, 1]], [[5]], skipped_sessions=9)
    means = np.array([-0.5, -0.5, -0.5, -0.5, 2])
    expected = 2 / np.sqrt((means**2).mean())
    assert statistic("corrado_rank", *dates) == pytest.approx(expected)
    assert statistic("corrado_zivney", *dates) == pytest.approx(expected)


def test_firms_that_never_differ_from_their_middle_rank():
    outcomes = pool(panel([[1, 2, 1, 2], [2, 1, 2, 1]], [[1.5], [1.5]])).run()
    assert outcomes["corrado_rank"].status == "no_spread"
    assert outcomes["corrado_zivney"].status == "no_spread"


def test_generalised_rank_of_the_extra_day():
    """Six residuals, the extra value lower than all: rank 1 of 7. Shares of eight less 1/2: -3/8 on
    the extra day, -2/8 to 3/8 on the others: mean square (9 + 4 + 1 + 0 + 1 + 4 + 9)/64/7 = 1/16,
    so Z = -(3/8)/(1/4) = -1.5 and t = Z sqrt(5 / (6 - 2.25)).
    """
    six = np.arange(1, 7)
    down = panel([six, six], [[-2], [-4]])
    outcome = pool(down).run()["grank_t"]
    assert (outcome.statistic, outcome.df) == (pytest.approx(-np.sqrt(3)), 5)
    # A second date on which the extra day ranks highest: the two extra days cancel.
    up = panel([-six[::-1]] * 2, [[2], [4]], skipped_sessions=9)
    assert statistic("grank_t", down, up) == pytest.approx(0, abs=1e-12)


def test_grank_weighs_days_by_their_firms():
    """The second firm has the first two days: its U are -1/4, 0 and 1/4 for the event."""
    both = panel([[-4, -3, -2, -1], [-2, -1, NAN, NAN]], [[10], [8]])
    means = np.array([(-1 / 3 - 1 / 4) / 2, (-1 / 6) / 2, 0, 1 / 6, (1 / 3 + 1 / 4) / 2])
    weights = np.array([1, 1, 0.5, 0.5, 1])
    z = means[-1] / np.sqrt((weights * means**2).mean())
    assert statistic("grank_t", both) == pytest.approx(z * np.sqrt(3 / (4 - z**2)))


def test_grank_with_a_hole_and_a_tie():
    """Firm 1's extra value 0 is tied with its residual of 0 among -1, 0, 1: ranks 1, 2.5, 2.5, 4,
    shares of five -0.3, 0, 0, 0.3. Firm 2 has two days below its extra value: -1/4, 0 and 1/4.
    """
    both = panel([[-1, 0, 1], [-2, -1, NAN]], [[0], [8]])
    means = np.array([(-0.3 - 0.25) / 2, 0, 0.3, 0.25 / 2])
    z = means[-1] / np.sqrt((np.array([1, 1, 0.5, 1]) * means**2).mean())
    assert statistic("grank_t", both) == pytest.approx(z * np.sqrt(2 / (3 - z**2)))


def test_firms_alike_have_no_spread():
    """Also when rounding parts them: below 1e-12 of their size nothing is a spread."""
    for second in (5.0, 5.0 * (1 + 1e-14)):
        outcomes = pool(panel([[1, 2, 3, 4]] * 2, [[5], [second]])).run()
        for test_id in ("cross_sectional_t", "bmp", "kolari_pynnonen", "grank_t"):
            assert outcomes[test_id].status == "no_spread", test_id
        assert outcomes["portfolio_t"].status == outcomes["patell"].status == "ok"


# Residual sds 3 on 9 degrees of freedom and 4 on 16.
NINE = [*[NAN] * 7, 4.5, -4.5, 4.5, -4.5, 0, 0, 0, 0, 0, 0]
SIXTEEN = [8.0, -8, 8, -8, *[0.0] * 13]


def test_portfolios_of_two_dates():
    """Prediction sds 3 and 4: variances 9 + 16 = 25; degrees of freedom 25^2 / (81/9 + 256/16) =
    25. CARs -6 and -4 over 5. The mean of two has the standard deviation 5/2.
    """
    dates = panel([NINE], [[-6]]), panel([SIXTEEN], [[-4]], skipped_sessions=4)
    found = pool(*dates)
    outcome = found.run()["portfolio_t"]
    assert (outcome.statistic, outcome.df) == (pytest.approx(-2), pytest.approx(25))
    errors = stats.t.ppf(0.975, 25) + stats.t.ppf(0.8, 25)
    assert found.mde_80pct == pytest.approx(2.5 * errors)
    # One date keeps its own degrees of freedom.
    alone = pool(dates[0])
    assert (alone.portfolio_df, alone.portfolio_sd) == (9, pytest.approx(3))


def test_crude_portfolios_of_two_dates():
    """Variances add, degrees of freedom after Satterthwaite."""
    dates = panel([NINE], [[-6]]), panel([SIXTEEN], [[-4]], skipped_sessions=4)
    outcome = pool(*dates).run()["portfolio_crude"]
    assert (outcome.statistic, outcome.df) == (pytest.approx(-10 / 5), pytest.approx(25))


def test_a_date_whose_portfolio_has_no_window_adds_nothing():
    """A CAR needs every day of the window, on the second date the last is missing."""
    dates = panel([NINE], [[-6, 0]]), panel([SIXTEEN], [[-4, NAN]], skipped_sessions=4)
    found = pool(*dates, over=window(0, 1))
    outcome = found.run()["portfolio_t"]
    assert (found.n_dates, found.n_firms, found.n_firms_dropped) == (2, 1, 1)
    assert (outcome.statistic, outcome.df) == (pytest.approx(-6 / (3 * np.sqrt(2))), 9)
    late = pool(dates[1], over=window(0, 1))
    assert late.portfolio_status == "incomplete_window"
    assert {o.status for o in late.run().values()} == {"no_firms"}


def test_sample_quantile_of_one_date_and_of_two():
    """Sums -3, -1, 1, 3 against -2: one at or below, two at or beyond it in size: 2/5 and 3/5.

    Of two dates only days that both have are compared, in units of their residual sds.
    """
    one = panel([[-3, -1, 1, 3]], [[-2]])
    outcome = pool(one).run()["sample_quantile"]
    assert outcome.statistic == -2
    assert (outcome.p_two_sided, outcome.p_lower) == (pytest.approx(3 / 5), pytest.approx(2 / 5))
    other = panel([[NAN, -1, 1, -2]], [[-1]], skipped_sessions=9)
    sds = [np.std([-3, -1, 1, 3], ddof=1), np.std([-1, 1, -2], ddof=1)]
    sums = np.array([-1, 1, 3]) / sds[0] + np.array([-1, 1, -2]) / sds[1]
    value = -2 / sds[0] - 1 / sds[1]
    outcome = pool(one, other).run()["sample_quantile"]
    assert outcome.statistic == pytest.approx(-1.5)
    assert outcome.p_two_sided == pytest.approx((1 + (abs(sums) >= abs(value)).sum()) / 4)
    assert outcome.p_lower == pytest.approx((1 + (sums <= value).sum()) / 4)


def test_a_window_longer_than_any_quiet_run_has_no_quantile():
    """The session in the middle has no factor: no run of three is left."""
    broken = panel([[1, 2, 3, 4, 6]], [[5, 5, 5]], factors={"MKT": [0, 0, NAN, 0, 0, 0, 0, 0]})
    found = pool(broken, over=window(0, 2)).run()
    assert found["sample_quantile"].status == "insufficient"
    assert found["portfolio_t"].status == "ok"


def test_pooled_figures_of_two_dates():
    """CARs -2, -2 and -2, 2: mean -1, median -2. The pairs within the dates correlate; the four
    pairs across dates count as zero. Five members were looked for: one had no window.
    """
    first = panel([FOUR[0], FOUR[1], FOUR[2]], [[-2, -1], [-2, 0], [NAN, 1]])
    second = panel([FOUR[2], FOUR[3], [NAN] * 6], [[-2, 0], [2, 0], [1, 1]], skipped_sessions=3)
    found = pool(first, second)
    assert (found.n_dates, found.n_firms, found.n_firms_dropped) == (2, 4, 2)
    assert (found.caar, found.median_car, found.share_negative) == (-1, -2, 0.75)
    within = np.corrcoef(FOUR)[0, 1] + np.corrcoef(FOUR)[2, 3]
    assert found.rbar == pytest.approx(within / 6)
    assert found.variance_inflation == pytest.approx(1 + 3 * within / 6)
    assert found.run()["cross_sectional_t"].statistic == pytest.approx(
        stats.ttest_1samp([-2, -2, -2, 2], 0).statistic
    )


@pytest.mark.parametrize(("n_days", "overlapping"), [(1, 0), (2, 2), (3, 2)])
def test_windows_of_close_dates_overlap(n_days, overlapping):
    """Sessions 4 and 5 are one apart, 9 is alone: windows of two days share one."""
    dates = [panel([[1, 2, 3, 5]], [[5] * 4], skipped_sessions=skipped) for skipped in (0, 1, 5)]
    found = pool(*dates, over=window(0, n_days - 1))
    assert found.n_overlapping_dates == overlapping
    assert pool(*dates, over=window(0, 3)).n_overlapping_dates == 2


def test_one_firm_alone():
    """Nothing to inflate, nothing to compare with: tests across firms are not made."""
    one = panel([NINE], [[-6]])
    found = pool(one)
    tests = found.run()
    assert found.effective_n == 1
    assert {name for name, outcome in tests.items() if outcome.status == "too_few_firms"} == {
        name for name, test in TESTS.items() if test.min_firms > 1
    }
    (firm,) = one.windows([window(0, 0)])
    assert tests["portfolio_t"].statistic == pytest.approx(firm.car_t_pred[0], rel=1e-12)


def test_groups_without_figures_say_why():
    outcomes = pool(panel([[NAN, NAN, 1, 2]], [[NAN]])).run()
    assert {outcome.status for outcome in outcomes.values()} == {"no_firms"}
    nobody = pool(panel([NINE], [[-6]]), firms=[])
    assert (nobody.n_firms, nobody.n_firms_dropped) == (0, 0)
    assert np.isnan([nobody.caar, nobody.median_car, nobody.share_negative, nobody.rbar]).all()
    assert {outcome.status for outcome in nobody.run().values()} == {"no_firms"}
    close = panel([NINE], [[-6]])
    object.__setattr__(close.parameters, "span", (-3, 0))
    overlapping = pool(close, over=window(-2, 0))
    assert {o.status for o in overlapping.run().values()} == {"overlaps_estimation"}


def test_dates_with_estimation_windows_of_their_own():
    """Window -1 to 0 shares a day with the estimation of the second date, which then adds no firm:
    what the first tells alone is what the two tell. On day 0 both count, each against its own days.
    """
    tested = window(-1, 0)
    quiet = [[1, -1, 2, -2, 1, -1, 3], [2, 1, -1, 0, -2, 3, -1]]
    clear = panel(quiet, [[2, 4], [1, 1]], first_day=-1)
    close = panel([[3, -3, 1, -2], [1, 2, -4, 0]], [[5], [3]])
    axis = {"span": (-1, 0), "pooled": (-8, -1)}
    dates = [replace(date, parameters=replace(date.parameters, **axis)) for date in (clear, close)]
    found = pool(*dates, over=tested)
    assert (found.n_dates, found.n_firms, found.n_firms_dropped) == (2, 2, 2)
    assert (found.caar, found.n_rank_rows, found.status) == (4, 2, "ok")
    alone = pool(clear, over=tested)
    tests, expected = found.run(), alone.run()
    for test_id in TESTS:
        assert tests[test_id].status == expected[test_id].status, test_id
        assert tests[test_id].statistic == pytest.approx(
            expected[test_id].statistic, rel=1e-12, nan_ok=True
        ), test_id
    both = pool(*dates)
    portfolios = [pool(date).run()["portfolio_t"] for date in dates]
    assert both.n_firms == 4
    cars = np.array([2.5, 4.0])
    errors = np.array([car / of.statistic for car, of in zip(cars, portfolios, strict=True)])
    assert both.run()["portfolio_t"].statistic == pytest.approx(
        cars.sum() / np.sqrt((errors**2).sum()), rel=1e-12
    )


STUDENT = ("cross_sectional_t", "bmp", "portfolio_t", "portfolio_crude", "grank_t")


@pytest.mark.parametrize("sign", [1, -1])
def test_p_values_are_those_of_each_statistics_distribution(sign):
    """Student's t with the test's degrees of freedom, else the normal; only Kolari and Pynnönen's
    has a second p, of few firms.
    """
    tests = pool(panel(FOUR, sign * np.array([[0.5], [1], [1], [2]]))).run()
    for test_id, outcome in tests.items():
        if test_id == "sample_quantile":
            continue
        assert outcome.status == "ok", test_id
        student = test_id in STUDENT
        null = stats.t(outcome.df) if student else stats.norm
        assert np.isnan(outcome.df) != student
        assert outcome.p_two_sided == pytest.approx(2 * null.sf(abs(outcome.statistic)), rel=1e-10)
        assert outcome.p_lower == pytest.approx(null.cdf(outcome.statistic), rel=1e-10)
        assert np.isnan(outcome.p_two_sided_t) == (test_id != "kolari_pynnonen")
    many = np.random.default_rng(1).standard_normal((30, 8))
    outcome = pool(panel(many[:, :7], many[:, 7:])).run()["kolari_pynnonen"]
    assert outcome.status == "ok"
    assert np.isnan(outcome.p_two_sided_t)


def test_a_portfolio_holds_firms_with_an_estimate_not_only_those_with_a_window():
    """Firm 2 has no return on day 1: it is in no test across firms, but in the portfolio."""
    both = panel([[1, -1, 2, -2], [3, 1, -4, 0]], [[4, 2], [2, NAN]])
    found = pool(both, over=window(0, 1))
    assert found.n_firms == 1
    held = np.array([2, 0, -1, -1])
    expected = (3 + 2) / (np.std(held, ddof=1) * np.sqrt(2))
    assert found.run()["portfolio_t"].statistic == pytest.approx(expected)


def test_a_mean_adjusted_study_needs_no_factor():
    mean = Model("mean", (), "mean_adjusted")
    one = panel([[2, 0, 3, 1]], [[4]], model=mean, factors={})
    sd = np.std([2, 0, 3, 1], ddof=1)
    expected = (4 - 1.5) / (sd * np.sqrt(1 + 1 / 4))
    assert statistic("portfolio_t", one) == pytest.approx(expected)


def test_windows_and_groups_are_tested_at_once_as_they_are_alone():
    """A window's or group's figures do not depend, by a bit, on what is computed with them."""
    random = np.random.default_rng(6)
    quiet, event = random.standard_normal((7, 40)), random.standard_normal((7, 3))
    quiet[2, 5], quiet[4, :20], event[5, 1] = NAN, NAN, NAN
    one = panel(quiet, event, first_day=-1, min_common=10)
    windows = [window(0, 0), window(-1, 1), window(0, 1, -1, 1)]
    groups = [np.arange(7), np.array([1, 2, 4]), np.array([], dtype=int), np.array([5])]
    together = pooled(
        [lambda: GroupTests(one, windows, groups, [len(rows) for rows in groups])],
        windows,
        one.parameters,
    )
    outcomes = together.run()
    for number, over in enumerate(windows):
        for group, rows in enumerate(groups):
            alone = pool(one, over=over, firms=list(rows))
            for test_id, outcome in alone.run().items():
                for name, value in vars(outcome).items():
                    assert_array_equal(getattr(outcomes[test_id], name)[number, group], value)
            for name in ("caar", "rbar", "effective_n", "mde_80pct", "n_rank_rows", "n_firms"):
                assert_array_equal(getattr(together, name)[number, group], getattr(alone, name))
