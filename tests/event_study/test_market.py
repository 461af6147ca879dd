"""Which source of a factor serves a regression."""

from __future__ import annotations

import numpy as np
import pytest

from dagster_project.event_study.market import Market, Parameters
from dagster_project.event_study.models import Model
from tests.event_study.builders import NAN, factor

N_SESSIONS = 21
TWO = Model("two", ("MKT", "bitcoin"))
PARAMETERS = Parameters(
    estimation_first_day=-6, estimation_last_day=-3, min_estimation_sessions=3, span=(-1, 1)
)


def returns_on(*sessions: int) -> np.ndarray:
    returns = np.full(N_SESSIONS, NAN)
    returns[list(sessions)] = 0.5
    return returns


def market() -> Market:
    """The ETF has returns on the sessions 4 to 8 and 10 to 12, hourly prices reach from 2 to 8,
    share prices from 1 to 12.
    """
    bitcoin = [
        factor(returns_on(*range(1, 21)), "utc_close", 3),
        factor(returns_on(*range(4, 9), *range(10, 13)), "spot_etf", 1),
        factor(returns_on(*range(2, 9)), "new_york_close", 2),
    ]
    own = factor(returns_on(*range(2, 10), 11, 12))
    return Market(np.full((1, N_SESSIONS), NAN), {"MKT": [own], "bitcoin": bitcoin}, (1, 12))


@pytest.mark.parametrize(
    ("t0", "source"),
    [
        (11, "spot_etf"),  # on 10, 11, 12 and on 5 to 8
        (12, "spot_etf"),  # session 13 is after the data: 11 and 12 are enough
        (10, "utc_close"),  # session 9 is missing
        (7, "new_york_close"),  # the ETF has 6 to 8, but of 1 to 4 only session 4
        (2, "utc_close"),  # no source has three sessions: the last by priority
    ],
)
def test_bitcoin_is_the_first_source_that_covers_the_event(t0, source):
    found = market().factors_for(TWO, t0, PARAMETERS)
    assert found.source_of("bitcoin") == source
    assert found.source_of("MKT") == "exchange_close"
    assert found.is_asynchronous is (source == "utc_close")


def test_the_last_source_keeps_its_holes():
    """A factor with one source has it, holes or not; sessions that lack one factor count for
    none.
    """
    found = market().factors_for(TWO, 10, PARAMETERS)
    assert list(np.flatnonzero(found.has_all)) == [*range(2, 10), 11, 12]
    assert np.isnan(found.returns[0, 10])


def test_a_factor_without_any_return_has_no_source():
    ghost = Model("ghost", ("GONE", "MKT"))
    found = market().factors_for(ghost, 11, PARAMETERS)
    assert found.source_of("GONE") is None
    assert found.source_of("bitcoin") is None
    assert not found.is_asynchronous
    assert not found.has_all.any()


def test_a_model_without_factors_counts_every_session():
    found = market().factors_for(Model("mean", (), "mean_adjusted"), 11, PARAMETERS)
    assert found.returns.shape == (0, N_SESSIONS)
    assert found.has_all.all()


def test_log_models_have_log_factors():
    found = market().factors_for(Model("log", ("MKT",), return_kind="log"), 11, PARAMETERS)
    assert found.returns[0, 5] == np.log1p(0.5)


@pytest.mark.parametrize(
    ("t0", "sessions"), [(11, [5, 6, 7, 8]), (4, [0, 1]), (2, []), (25, [19, 20]), (40, [])]
)
def test_sessions_stay_within_the_calendar(t0, sessions):
    assert list(market().sessions(t0, -6, -3)) == sessions
