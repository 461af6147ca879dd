"""One breaker for hosts that ask for rest and for vendors that fail in a row."""

from __future__ import annotations

from datetime import UTC, datetime

from dagster_project.sources.live.circuit_breaker import (
    COOL_DOWN_S,
    FAILURES_IN_A_ROW,
    CircuitBreaker,
)
from tests.sources.live.loopback import FakeClock


def breaker() -> tuple[CircuitBreaker, FakeClock]:
    clock = FakeClock(datetime(2026, 3, 1, tzinfo=UTC))
    return CircuitBreaker(clock), clock


def test_a_rest_that_was_asked_for_ends_and_a_shorter_one_does_not_end_it_early():
    made, clock = breaker()
    made.open("sec", 60, "it asked for that")
    made.open("sec", 5, "later, and shorter")
    assert made.rest("sec") == (60.0, "it asked for that")
    assert made.rest("yahoo") == (0.0, "")
    clock.sleep(60)
    assert made.rest("sec")[0] == 0


def test_it_opens_after_failures_in_a_row_and_a_success_closes_the_count():
    made, clock = breaker()
    for _ in range(FAILURES_IN_A_ROW - 1):
        made.failed("vendor x")
    made.succeeded("vendor x")
    for _ in range(FAILURES_IN_A_ROW - 1):
        made.failed("vendor x")
    assert made.rest("vendor x")[0] == 0
    made.failed("vendor x")
    assert made.rest("vendor x") == (COOL_DOWN_S, "it failed 3 times in a row")
    # After the rest one failure is enough, one success forgets them all.
    clock.sleep(COOL_DOWN_S)
    assert made.rest("vendor x")[0] == 0
    made.failed("vendor x")
    assert made.rest("vendor x")[0] == COOL_DOWN_S
    clock.sleep(COOL_DOWN_S)
    made.succeeded("vendor x")
    made.failed("vendor x")
    assert made.rest("vendor x")[0] == 0
