"""What goes wrong on the way to the price vendors, over a real connection, and how it ends.

Each cell ends as rows after a retry (``rows``), as fewer rows with the gap in notes and
``complete`` (``gap``), or as a typed refusal (``refused``). Never as a wrong row.
"""

from __future__ import annotations

import copy
import json
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
from tests.sources.live.loopback import (
    Answer,
    FakeClock,
    Loopback,
    as_json,
    drip,
    gzip_bomb,
    gzipped,
    html,
    redirect,
    reset_mid_body,
    silence,
    status,
    truncated,
)

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


def changed(name: str, column: str, row: int, value: Any) -> Answer:
    """The good answer with one figure replaced."""
    body = copy.deepcopy(GOOD[name])
    if name == "yahoo":
        body["chart"]["result"][0]["indicators"]["quote"][0][column][row] = value
    else:
        body[row][column] = value
    return as_json(body)


def without(name: str, column: str) -> Answer:
    body = copy.deepcopy(GOOD[name])
    if name == "yahoo":
        del body["chart"]["result"][0]["indicators"]["quote"][0][column]
    else:
        for row in body:
            del row[column]
    return as_json(body)


def with_extra(name: str) -> Answer:
    body = copy.deepcopy(GOOD[name])
    if name == "yahoo":
        body["chart"]["result"][0]["indicators"]["quote"][0]["vwap"] = [1] * 5
    else:
        for row in body:
            row["vwap"] = 1
    return as_json(body)


def unordered(name: str) -> Answer:
    body = copy.deepcopy(GOOD[name])
    if name == "yahoo":
        result = body["chart"]["result"][0]
        for values in (result["timestamp"], *result["indicators"]["quote"][0].values()):
            values.reverse()
    else:
        body.reverse()
    return as_json(body)


def repeated(name: str) -> Answer:
    """The last day a second time: Yahoo's running bar; at Tiingo a contradiction."""
    if name == "yahoo":
        return as_json(chart([*DAYS, DAYS[-1]], [*CLOSES, CLOSES[-1]]))
    return as_json([*GOOD[name], GOOD[name][-1]])


def to_come(name: str) -> Answer:
    later = date(2025, 11, 11)
    if name == "yahoo":
        return as_json(chart([*DAYS, later], [*CLOSES, 13.0], session=DAYS[-1]))
    return as_json([*GOOD[name], tiingo_day(later, 13.0)])


def good(name: str) -> Answer:
    return as_json(GOOD[name])


def text(name: str) -> bytes:
    return json.dumps(GOOD[name]).encode()


JSON_ERROR = b'{"detail": "Forbidden", "finance": {"error": {"code": "Forbidden"}}}'
# Fault: the steps of the server, and how it ends at Yahoo and at Tiingo.
FAULTS: dict[str, tuple[Any, str, str]] = {
    "429 then rows": (lambda n: [status(429, b"Edge: Too Many Requests"), good(n)], "rows", "rows"),
    "429 with Retry-After then rows": (
        lambda n: [status(429, b"slow down", retry_after="7"), good(n)],
        "rows",
        "rows",
    ),
    "429 for ever": (lambda n: [status(429, b"Edge: Too Many Requests")], "refused", "refused"),
    "403 JSON": (lambda n: [status(403, JSON_ERROR, "application/json")], "refused", "refused"),
    "403 HTML": (lambda n: [html(403)], "refused", "refused"),
    "500": (lambda n: [status(500)], "refused", "refused"),
    "502 then rows": (lambda n: [status(502), good(n)], "rows", "rows"),
    "reset mid-body then rows": (lambda n: [reset_mid_body(text(n)), good(n)], "rows", "rows"),
    "time-out then rows": (lambda n: [silence(), good(n)], "rows", "rows"),
    "slow drip then rows": (lambda n: [drip(text(n)), good(n)], "rows", "rows"),
    "truncated then rows": (lambda n: [truncated(text(n)), good(n)], "rows", "rows"),
    "truncated for ever": (lambda n: [truncated(text(n))], "refused", "refused"),
    "HTML with 200": (lambda n: [html(200)], "refused", "refused"),
    "empty 200": (lambda n: [Answer(b"")], "refused", "refused"),
    "an empty list": (lambda n: [as_json([])], "refused", "no rows"),
    "an error object with 200": (
        lambda n: [as_json({"detail": "Internal.", "chart": {"error": {"code": "Internal"}}})],
        "refused",
        "refused",
    ),
    "a null among the closes": (lambda n: [changed(n, "close", 2, None)], "gap", "gap"),
    "an absurd close": (lambda n: [changed(n, "close", 2, -5)], "gap", "gap"),
    "a close as text": (lambda n: [changed(n, "close", 2, "11.99")], "refused", "refused"),
    "a day twice": (lambda n: [repeated(n)], "rows", "refused"),
    "unordered days": (lambda n: [unordered(n)], "rows", "rows"),
    "an extra column": (lambda n: [with_extra(n)], "rows", "rows"),
    "a missing column": (lambda n: [without(n, "close")], "refused", "refused"),
    "a day to come": (lambda n: [to_come(n)], "rows", "refused"),
    "gzip": (lambda n: [gzipped(text(n))], "rows", "rows"),
    "gzip bomb": (lambda n: [gzip_bomb(24)], "refused", "refused"),
    "redirect to another host": (
        lambda n: [redirect("http://localhost:1/elsewhere")],
        "refused",
        "refused",
    ),
    "not UTF-8": (lambda n: [Answer(b'{"a": "\xff"}')], "refused", "refused"),
}


def outcome(asked: EquityVendor) -> str:
    try:
        answer = asked.fetch(PRICES, "BITF", ALL)
    except SourceError as error:
        return "refused" if error.what and error.where and error.mend else "refused without words"
    rows = dict(zip(answer.columns["session_date"], answer.columns["close"], strict=True))
    expected = dict(zip(DAYS, CLOSES, strict=True))
    assert rows.items() <= expected.items(), "a wrong row"
    if rows == expected:
        return "rows"
    if not rows:
        return "no rows"
    return "gap" if answer.notes and not answer.complete else "a gap nobody sees"


@pytest.mark.parametrize("name", ["yahoo", "tiingo"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_well(fault: str, name: str, loopback: Loopback) -> None:
    steps, at_yahoo, at_tiingo = FAULTS[fault]
    loopback.on(PATHS[name], *steps(name))
    # A day to come lies outside the window: Yahoo's other days do not depend on it.
    assert outcome(vendor(name, loopback)) == (at_yahoo if name == "yahoo" else at_tiingo)
    assert {each.path for each in loopback.requests} == {PATHS[name]}


def test_a_tripped_limit_ends_the_asking_for_every_symbol(loopback: Loopback) -> None:
    loopback.on(PATHS["yahoo"], status(429, b"Edge: Too Many Requests"))
    loopback.on("/v8/finance/chart/RIOT", as_json(chart(symbol="RIOT")))
    yahoo = vendor("yahoo", loopback)
    for symbol in ("BITF", "RIOT"):
        with pytest.raises(HttpUnavailable) as raised:
            yahoo.fetch(PRICES, symbol, ALL)
    assert "not asked again in this run" in raised.value.what
    assert {each.path for each in loopback.requests} == {PATHS["yahoo"]}


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
