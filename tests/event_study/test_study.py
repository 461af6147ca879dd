"""The face for notebooks: estimation windows of single events, one by one and pooled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from pandas.testing import assert_frame_equal

from dagster_project.event_study import EventStudy, Parameters

SESSIONS = pd.bdate_range("2024-01-01", periods=200)
FIRMS = ["AAA", "BBB", "CCC"]
FIRST, SECOND = 120, 180


def drawn() -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(8)
    market = 0.01 * random.standard_normal(len(SESSIONS))
    own = 0.02 * random.standard_normal((len(SESSIONS), len(FIRMS)))
    returns = market[:, None] * [0.5, 1.0, 1.5] + own
    return (
        pd.DataFrame(returns, SESSIONS, FIRMS),
        pd.DataFrame({"MKT": market}, SESSIONS),
    )


def study(first_day: int = -100, last_day: int = -11) -> EventStudy:
    bounds = Parameters(estimation_first_day=first_day, estimation_last_day=last_day)
    return EventStudy(*drawn(), parameters=bounds)


def test_an_estimation_window_of_the_event_is_that_of_a_study():
    own = study().fit(SESSIONS[FIRST], (-60, -5))
    same = study(-60, -5).fit(SESSIONS[FIRST])
    assert_frame_equal(own.params, same.params)
    assert_frame_equal(own.car((-1, 1)), same.car((-1, 1)))
    assert_frame_equal(own.tests({"all": FIRMS}), same.tests({"all": FIRMS}))
    assert list(own.nobs) == [56] * 3
    # Days -8 to -6 are quiet time here, and clear of it in the study's own window.
    assert set(own.car((-8, -6)).status) == {"overlaps_estimation"}
    assert set(study().fit(SESSIONS[FIRST]).car((-8, -6)).status) == {"ok"}


def test_pooled_dates_are_each_judged_by_their_own_quiet_days():
    """The mean portfolio's abnormal returns over the root of their summed variances, by OLS."""
    returns, factors = drawn()
    windows = {FIRST: (-60, -5), SECOND: (-100, -11)}
    made = study()
    found = made.pooled_tests(
        [made.fit(SESSIONS[FIRST], windows[FIRST]), SESSIONS[SECOND]], {"all": FIRMS}
    )
    abnormal, variance = [], []
    for at, (first, last) in windows.items():
        span = slice(at + first, at + last + 1)
        design = sm.add_constant(factors.MKT.to_numpy())
        fitted = sm.OLS(returns.mean(axis=1).to_numpy()[span], design[span]).fit()
        forecast = fitted.get_prediction(design[[at]])
        abnormal.append(returns.mean(axis=1).iloc[at] - forecast.predicted_mean[0])
        variance.append(forecast.se_obs[0] ** 2)
    portfolio = found.loc[("all", "portfolio_t")]
    assert portfolio.statistic == pytest.approx(sum(abnormal) / np.sqrt(sum(variance)), rel=1e-9)
    assert portfolio.n_firms == 6
    assert set(found.status) == {"ok"}


def test_the_order_of_dates_and_a_window_that_is_the_studys_change_nothing():
    made = study()
    plain = made.pooled_tests([SESSIONS[FIRST], SESSIONS[SECOND]], {"all": FIRMS})
    stated = made.pooled_tests(
        [made.fit(SESSIONS[SECOND], (-100, -11)), SESSIONS[FIRST]], {"all": FIRMS}
    )
    assert_frame_equal(stated, plain, rtol=1e-12)


def test_a_backward_estimation_window_is_refused():
    with pytest.raises(ValueError, match="the first day is after the last"):
        study().fit(SESSIONS[FIRST], (-5, -60))
