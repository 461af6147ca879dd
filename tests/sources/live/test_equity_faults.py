"""What a run of price vendors keeps to over a real connection, whatever is answered.

How each single fault ends is in ``fault_matrix.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from dagster_project.contracts import BY_NAME, Window
from dagster_project.errors import SourceError
from dagster_project.secret import Secret
from dagster_project.sources.live.archive import Archive
from dagster_project.sources.live.asking import EquityVendor
from dagster_project.sources.live.http_errors import HttpUnavailable
from dagster_project.sources.live.tiingo import TiingoVendor
from dagster_project.sources.live.yahoo import YahooVendor
from tests.sources.live.equity_bodies import CLOSES, DAYS, SATURDAY, chart, tiingo_day
from tests.sources.live.loopback import Answer, FakeClock, Loopback, as_json, status

PRICES = BY_NAME["equity_prices"]
ALL = Window(DAYS[0], DAYS[-1])
ASKED_ON = date(2025, 11, 8)
WORD = "a-key-nobody-may-see-0123456789"
PATHS = {"yahoo": "/v8/finance/chart/BITF", "tiingo": "/tiingo/daily/bitf/prices"}
GOOD: dict[str, Any] = {
    "yahoo": chart(),
    "tiingo": [tiingo_day(day, close) for day, close in zip(DAYS, CLOSES, strict=True)],
}


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


def vendor(name: str, server: Loopback, **how: Any) -> EquityVendor:
    how.setdefault("clock", FakeClock(SATURDAY))
    client = server.client(name, **how)
    if name == "yahoo":
        return YahooVendor(client, asked_on=ASKED_ON)
    return TiingoVendor(client, Secret(WORD), asked_on=ASKED_ON)


def good(name: str) -> Answer:
    return as_json(GOOD[name])


def test_a_tripped_limit_ends_the_asking_for_every_symbol(loopback: Loopback) -> None:
    loopback.on(PATHS["yahoo"], status(429, b"Edge: Too Many Requests"))
    loopback.on("/v8/finance/chart/RIOT", as_json(chart(symbol="RIOT")))
    yahoo = vendor("yahoo", loopback)
    for symbol in ("BITF", "RIOT"):
        with pytest.raises(HttpUnavailable) as raised:
            yahoo.fetch(PRICES, symbol, ALL)
    assert "Not asked: this host is left alone for another 900 s" in raised.value.what
    assert {each.path for each in loopback.requests} == {PATHS["yahoo"]}


def test_a_used_up_allowance_ends_the_asking_for_an_hour(loopback: Loopback) -> None:
    """It comes with status 200, as a sentence."""
    words = {"detail": "Error: You have run over your hourly request allocation."}
    loopback.on(PATHS["tiingo"], as_json(words))
    tiingo = vendor("tiingo", loopback)
    for expected in ("allowance is used up", "left alone for another 3600 s"):
        with pytest.raises(HttpUnavailable, match=expected):
            tiingo.fetch(PRICES, "BITF", ALL)
    assert len(loopback.requests) == 1


def test_what_was_recorded_gives_the_same_rows_without_the_vendor(
    loopback: Loopback, tmp_path: Any
) -> None:
    """Late on the session's day: the recorded hour decides what was over, not the present one."""
    half_past_two = FakeClock(SATURDAY.replace(day=5, hour=19, minute=30))
    loopback.on(PATHS["yahoo"], good("yahoo"))
    archive = Archive(tmp_path)
    live = vendor("yahoo", loopback, archive=archive, clock=half_past_two)
    recorded = live.fetch(PRICES, "BITF", ALL)
    assert recorded.columns["session_date"] == DAYS[:-1]
    asked = len(loopback.requests)

    again = vendor("yahoo", loopback, archive=archive, replay=True).fetch(PRICES, "BITF", ALL)
    assert again.columns == recorded.columns
    assert again.notes == recorded.notes
    assert len(loopback.requests) == asked


def test_the_key_is_in_a_header_and_in_nothing_that_is_kept(
    loopback: Loopback, tmp_path: Any
) -> None:
    loopback.on(
        PATHS["tiingo"],
        as_json({"detail": f"Invalid token {WORD}."}),
    )
    archive = Archive(tmp_path)
    with pytest.raises(SourceError) as raised:
        vendor("tiingo", loopback, archive=archive).fetch(PRICES, "BITF", ALL)
    (request,) = loopback.requests
    assert request.headers["authorization"] == f"Token {WORD}"
    assert WORD not in request.target
    assert WORD not in str(raised.value)
    record = archive.find("tiingo", f"{PATHS['tiingo']}?format=json&startDate=2025-10-30")
    assert record is not None
    assert WORD.encode() not in archive.body(record)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) >= 2
    assert not any(WORD.encode() in path.read_bytes() for path in kept)
