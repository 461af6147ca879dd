"""Rolling betas: the basket, the bitcoin source of a window, and every window's regression."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose, assert_array_equal

from dagster_project.event_study.rolling import (
    Basket,
    RollingBetas,
    choose_sources,
    rolling_betas,
    window_minima,
    window_sums,
)
from tests.event_study.builders import NAN, factor

FIGURES = (
    *("alpha", "beta_ai", "beta_btc", "r2", "corr_ai_btc", "idiosyncratic_sd", "sd_ai", "sd_btc"),
    "ai_tilt",
)


def test_a_basket_leaves_out_the_share_itself():
    """Basket A, B, C; X is another share. Session 0: A 2, B 4 and no C: the basket, and that
    without C, is (2 + 4)/2 = 3 of two firms, without A it is B's 4, without B A's 2. Session 1:
    A 2, B 4, C 12: 18/3 = 6, without A (4 + 12)/2 = 8, without B 7, without C 3. Session 2: A
    alone: 10, and nothing without A.
    """
    returns = np.array([[2, 2, 10], [4, 4, NAN], [NAN, 12, NAN], [1, 1, 1.0]])
    members = np.array([True, True, True, False])
    found = Basket.without(returns, members, np.arange(4))
    assert_array_equal(found.returns, [[4, 8, NAN], [2, 7, 10], [3, 3, 10], [3, 6, 10]])
    assert_array_equal(found.n_firms, [[1, 2, 0], [1, 2, 1], [2, 2, 1], [2, 3, 1]])
    some = Basket.without(returns, members, np.array([2, 0]))
    assert_array_equal(some.returns, found.returns[[2, 0]])
    empty = Basket.without(returns, np.zeros(4, dtype=bool), np.arange(4))
    assert np.isnan(empty.returns).all()
    assert not empty.n_firms.any()


def test_bitcoin_source_of_a_window():
    """Windows of two sessions; shares have returns on the sessions 2, 3, 4, 5 and 7. The spot ETF
    has 3 and 4, the UTC close 2, 3, 5, 6 and 7. Session 1 ends a window without any. The sessions 2
    and 3 lack the ETF on 2. Session 4: the ETF has 3 and 4. Session 5: neither has both 4 and 5,
    the last resort it is. Session 6: only 5 counts.
    """

    def on(*sessions: int) -> np.ndarray:
        returns = np.full(8, NAN)
        returns[list(sessions)] = 0.5
        return returns

    sources = [factor(on(3, 4), "spot_etf", 1), factor(on(2, 3, 5, 6, 7), "utc_close", 2)]
    chosen = choose_sources(sources, ~np.isnan(on(2, 3, 4, 5, 7)), 2)
    assert list(chosen[1:]) == [-1, 1, 1, 0, 1, 1, 1]
    assert list(choose_sources([], np.ones(3, dtype=bool), 2)) == [-1] * 3


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 12, 40])
def test_sums_and_minima_over_windows_agree_with_loops(n):
    values = np.random.default_rng(n).standard_normal((3, 23))
    sums, minima = window_sums(values, n), window_minima(values, n)
    for end in range(23):
        within = values[:, max(0, end + 1 - n) : end + 1]
        assert_allclose(sums[:, end], within.sum(axis=1), atol=1e-13)
        assert_array_equal(minima[:, end], within.min(axis=1))


def test_nothing_from_outside_a_window_enters_its_sum():
    """Not even as rounding: after a value of 1e16 the sums are exact again."""
    values = np.full((1, 50), 0.1)
    values[0, 10] = 1e16
    clean = window_sums(np.full((1, 50), 0.1), 7)
    assert_array_equal(window_sums(values, 7)[0, 17:], clean[0, 17:])


def drawn(seed: int, n_shares: int = 5, n_sessions: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """Shares with holes, a late and a constant one, and bitcoin that has holes too."""
    random = np.random.default_rng(seed)
    shares = 0.03 * random.standard_t(5, (n_shares, n_sessions))
    shares[random.random(shares.shape) < 0.05] = NAN
    shares[1, :30] = NAN
    shares[2, 40:70] = 0.0
    bitcoin = 0.04 * random.standard_normal(n_sessions)
    bitcoin[20:23] = NAN
    return shares, bitcoin


def computed(
    shares: np.ndarray,
    bitcoin: np.ndarray,
    length: int,
    minimum: int,
    rows: np.ndarray | None = None,
) -> RollingBetas:
    rows = np.arange(len(shares)) if rows is None else rows
    members = np.arange(len(shares)) < 3
    sources = [factor(bitcoin)]
    chosen = choose_sources(sources, (~np.isnan(shares)).any(axis=0), length)
    basket = Basket.without(shares, members, rows)
    return rolling_betas(shares[rows], basket, sources, chosen, length, minimum)


@pytest.mark.parametrize("seed", range(3))
def test_every_window_agrees_with_statsmodels(seed):
    """Of every share and session what the window holds, of every fifth its regression."""
    shares, bitcoin = drawn(seed)
    length, minimum = 20, 12
    found = computed(shares, bitcoin, length, minimum)
    met = set()
    for share, own in enumerate(shares):
        others = np.delete(shares[:3], share, axis=0) if share < 3 else shares[:3]
        n_firms = (~np.isnan(others)).sum(axis=0)
        basket = np.array([np.nanmean(day) if not np.isnan(day).all() else NAN for day in others.T])
        for end in range(shares.shape[1]):
            window = slice(max(0, end + 1 - length), end + 1)
            rows = np.column_stack([own, basket, bitcoin, n_firms])[window]
            rows = rows[~np.isnan(rows).any(axis=1)]
            at, status = (share, end), found.status[share, end]
            met.add(status)
            assert found.n_sessions[at] == len(rows)
            fewest = rows[:, 3].min() if len(rows) else NAN
            assert_array_equal(found.n_basket_firms[at], fewest)
            if len(rows) < minimum:
                assert status == "short_window"
            elif np.ptp(rows[:, 0]) == 0:
                assert status == "no_variation"
            else:
                assert status == "ok"
                if (share + end) % 5:
                    continue
                y, ai, btc = rows[:, :3].T
                fit = sm.OLS(y, sm.add_constant(rows[:, 1:3])).fit()
                pulls = np.maximum(fit.params[1:] * [ai.std(ddof=1), btc.std(ddof=1)], 0)
                expected = {
                    "alpha": fit.params[0],
                    "beta_ai": fit.params[1],
                    "beta_btc": fit.params[2],
                    "r2": fit.rsquared,
                    "corr_ai_btc": np.corrcoef(ai, btc)[0, 1],
                    "idiosyncratic_sd": np.sqrt(fit.mse_resid),
                    "sd_ai": ai.std(ddof=1),
                    "sd_btc": btc.std(ddof=1),
                    "ai_tilt": pulls[0] / pulls.sum() if pulls.sum() else NAN,
                }
                for name, value in expected.items():
                    actual = getattr(found, name)[at]
                    assert_allclose(actual, value, rtol=1e-9, atol=1e-13, err_msg=f"{name} {at}")
                continue
            assert all(np.isnan(getattr(found, name)[at]) for name in FIGURES)
    assert met == {"ok", "short_window", "no_variation"}


@pytest.mark.parametrize("n_at_once", [1, 2, 3])
def test_computing_shares_in_parts_changes_no_bit(n_at_once):
    shares, bitcoin = drawn(11)
    whole = computed(shares, bitcoin, 20, 12)
    for start in range(0, len(shares), n_at_once):
        rows = np.arange(start, min(start + n_at_once, len(shares)))
        part = computed(shares, bitcoin, 20, 12, rows)
        for field in dataclasses.fields(RollingBetas):
            expected = getattr(whole, field.name)
            expected = expected if field.name == "source" else expected[rows]
            assert_array_equal(getattr(part, field.name), expected, err_msg=field.name)


def test_more_sessions_later_change_no_bit():
    """A new day leaves every earlier row as it was, so tables of two days can be compared."""
    shares, bitcoin = drawn(12)
    whole = computed(shares, bitcoin, 20, 12)
    before = computed(shares[:, :-7], bitcoin[:-7], 20, 12)
    for name in (*FIGURES, "status", "n_sessions", "n_basket_firms"):
        assert_array_equal(getattr(whole, name)[:, :-7], getattr(before, name), err_msg=name)


def one_window(y: np.ndarray, ai: np.ndarray, btc: np.ndarray) -> RollingBetas:
    """The betas of one share over all of its sessions."""
    basket = Basket(ai[None], np.ones((1, len(y)), dtype=int))
    chosen = np.zeros(len(y), dtype=int)
    return rolling_betas(y[None], basket, [factor(btc)], chosen, len(y), 3)


def test_a_window_worked_by_hand():
    """The basket 1, 1, -1, -1 and bitcoin 1, -1, 1, -1 are orthogonal: y = 1/4 + 3/8 ai + 1/8 btc
    and a rest of 1/8 x (1, -1, -1, 1), on one degree of freedom. Tilt: 3/8 of 3/8 + 1/8.
    """
    ai, btc = np.array([1.0, 1, -1, -1]), np.array([1.0, -1, 1, -1])
    found = one_window(0.25 + 0.375 * ai + 0.125 * btc + 0.125 * ai * btc, ai, btc)
    last = {name: getattr(found, name)[0, 3] for name in FIGURES}
    assert last == pytest.approx(
        {
            "alpha": 0.25, "beta_ai": 0.375, "beta_btc": 0.125, "corr_ai_btc": 0, "ai_tilt": 0.75,
            "r2": 1 - 1 / 11, "idiosyncratic_sd": 0.25,
            "sd_ai": np.sqrt(4 / 3), "sd_btc": np.sqrt(4 / 3),
        }
    )  # fmt: skip
    assert found.status[0, 3] == "ok"


def test_a_share_against_both_factors_leans_to_neither():
    ai, btc = np.array([1.0, 1, -1, -1]), np.array([1.0, -1, 1, -1])
    found = one_window(-0.375 * ai - 0.125 * btc + 0.125 * ai * btc, ai, btc)
    assert np.isnan(found.ai_tilt[0, 3])
    against_one = one_window(-0.375 * ai + 0.125 * btc + 0.125 * ai * btc, ai, btc)
    assert against_one.ai_tilt[0, 3] == 0


RANDOM = np.random.default_rng(5)
AI, BTC, REST = 0.02 * RANDOM.standard_normal((3, 40))


@pytest.mark.parametrize(
    ("y", "ai", "btc", "status"),
    [
        (REST, AI, BTC, "ok"),
        (np.full(40, NAN), AI, BTC, "short_window"),
        (REST, np.full(40, NAN), BTC, "no_basket"),
        (REST, AI, np.full(40, NAN), "short_window"),
        (np.full(40, 0.01), AI, BTC, "no_variation"),
        (REST, np.full(40, 0.01), BTC, "collinear"),
        (REST, AI, np.zeros(40), "collinear"),
        (REST, AI, 3 * AI, "collinear"),
        (REST, AI, AI + 1e-7 * BTC, "collinear"),
        (AI, AI, BTC, "no_residual"),
        (2 * AI - BTC, AI, BTC, "no_residual"),
    ],
)
def test_status_of_a_window(y, ai, btc, status):
    found = one_window(y, ai, btc)
    assert found.status[0, -1] == status
    assert np.isnan(found.beta_ai[0, -1]) == (status != "ok")


def test_a_window_without_a_bitcoin_source():
    basket = Basket(AI[None], np.ones((1, 40), dtype=int))
    found = rolling_betas(REST[None], basket, [factor(BTC)], np.full(40, -1), 20, 3)
    assert set(found.status[0]) == {"no_bitcoin"}


def test_a_return_that_no_share_makes_is_left_out():
    """A return of 50,000% is an error of the data: as if the session were missing."""
    wrong, holed = REST.copy(), REST.copy()
    wrong[10], holed[10] = 501.0, NAN
    for name in FIGURES:
        assert_array_equal(
            getattr(one_window(wrong, AI, BTC), name)[0, 10:],
            getattr(one_window(holed, AI, BTC), name)[0, 10:],
        )


@pytest.mark.parametrize("share", [1e-3, 1e-5])
def test_nearly_collinear_windows_keep_their_digits(share):
    """A basket that is bitcoin but for a hundred-thousandth: sums alone would lose every digit."""
    ai = BTC + share * AI
    found = one_window(0.5 * BTC + REST, ai, BTC)
    fit = sm.OLS(0.5 * BTC + REST, sm.add_constant(np.column_stack([ai, BTC]))).fit()
    assert found.status[0, -1] == "ok"
    # At this condition the two ways to the slopes differ by what the input itself is rounded to.
    betas = [found.beta_ai[0, -1], found.beta_btc[0, -1]]
    assert_allclose(betas, fit.params[1:], rtol=1e-9 if share > 1e-4 else 1e-6)
    assert_allclose(found.idiosyncratic_sd[0, -1], np.sqrt(fit.mse_resid), rtol=1e-9)


def test_windows_far_from_zero_keep_their_digits():
    """Returns around 100 that move by a hundredth: variances would drown in squares of means."""
    found = one_window(100 + REST, 100 + AI, 100 + BTC)
    plain = one_window(REST, AI, BTC)
    for name in ("beta_ai", "beta_btc", "r2", "idiosyncratic_sd", "sd_ai", "ai_tilt"):
        assert_allclose(getattr(found, name)[0, -1], getattr(plain, name)[0, -1], rtol=1e-9)
