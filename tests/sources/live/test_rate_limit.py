"""Never more requests in any stretch of time than allowed, and no longer a wait than needed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.sources.live.hosts import HOSTS
from dagster_project.sources.live.rate_limit import RateLimiter
from tests.sources.live.loopback import FakeClock


def _most_in_any(stretch_s: float, starts: list[float]) -> int:
    """Requests in the fullest half-open stretch; it begins at a request."""
    return max(sum(1 for at in starts if 0 <= at - begin < stretch_s) for begin in starts)


@given(
    requests=st.integers(1, 12),
    per_seconds=st.sampled_from([0.5, 1.0, 1.5, 6.0]),
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.2, 0.7, 3.0, 20.0]), max_size=60),
)
def test_any_stretch_holds_at_most_the_allowed_number(requests, per_seconds, pauses):
    clock = FakeClock()
    limiter = RateLimiter(requests, per_seconds, clock)
    starts = []
    for pause_s in [0.0, *pauses]:
        clock.passed_s += pause_s
        before = clock.passed_s
        waited_s = limiter.acquire()
        assert waited_s == pytest.approx(clock.passed_s - before)
        starts.append(clock.passed_s)
    assert _most_in_any(per_seconds, starts) <= requests


def test_a_burst_waits_for_the_window_and_not_longer():
    clock = FakeClock()
    limiter = RateLimiter(10, 6, clock)
    waits = [limiter.acquire() for _ in range(25)]
    assert [round(wait, 1) for wait in waits] == [0.0] * 10 + [6.0] + [0.0] * 9 + [6.0] + [0.0] * 4
    assert clock.passed_s == pytest.approx(12.0, abs=0.05)


def test_who_asks_rarely_never_waits():
    clock = FakeClock()
    limiter = RateLimiter(1, 1.5, clock)
    for _ in range(20):
        assert limiter.acquire() == 0.0
        clock.passed_s += 1.6


def test_threads_share_one_window():
    clock = FakeClock()
    limiter = RateLimiter(8, 1, clock)
    with ThreadPoolExecutor(max_workers=8) as pool:
        waited_s = list(pool.map(lambda _: limiter.acquire(), range(40)))
    # Five windows' worth of requests: four windows must have gone by, and nothing else passes
    # this clock's time.
    assert clock.passed_s >= 4.0
    assert sum(waited_s) == pytest.approx(clock.passed_s)


@pytest.mark.parametrize(
    ("hosts", "requests", "per_seconds"),
    [
        (("sec", "sec_search", "sec_www"), 10, 1.0),
        (("coinmetrics",), 10, 6.0),
        (("coinbase",), 10, 1.0),
        (("kraken",), 1, 1.0),
        (("tiingo",), 50, 3600.0),
    ],
)
def test_the_project_stays_below_what_each_host_publishes(hosts, requests, per_seconds):
    assert len({HOSTS[host].limit_group or host for host in hosts}) == 1
    for host in hosts:
        policy = HOSTS[host]
        assert policy.requests / policy.per_seconds <= requests / per_seconds
        assert policy.requests <= requests
