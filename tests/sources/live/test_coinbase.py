"""Coinbase Exchange: arrays in an order of its own, 300 a call, the newest still open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dagster_project.errors import SourceError
from dagster_project.sources.live.coinbase import CoinbaseExchange, parse_candles
from tests.sources.live.scripted_client import (
    TABLES,
    ScriptedClient,
    always,
    body_of,
    days,
    rows,
    window,
)

DAILY = body_of("coinbase/candles_daily.json")
HOURLY = body_of("coinbase/candles_hourly.json")
DAYS = window("2026-08-01", "2026-08-10")
LISTED = datetime(2015, 7, 20, tzinfo=UTC)


def fetch(script: Any, wanted=DAYS, table: str = "btc_prices", **client: Any):
    scripted = ScriptedClient(script if callable(script) else always(script), **client)
    return CoinbaseExchange(scripted).fetch(TABLES[table], "BTC", wanted), scripted


def exchange(path: str, params: Mapping[str, str]) -> Any:
    """An exchange that keeps the rules: bars of the stretch, newest first, 300 at most."""
    assert path == "/products/BTC-USD/candles"
    step = int(params["granularity"])
    first, last = (
        int(datetime.fromisoformat(params[name]).timestamp()) for name in ("start", "end")
    )
    assert first % step == last % step == 0
    if (last - first) // step > 300:
        return body_of("coinbase/error_400_too_many.json")
    starts = [s for s in range(first, last + step, step) if s >= LISTED.timestamp()]
    return [
        [s, 90.0, 111.5, 100.0, 100.0 + (s // step) % 7, 0.5 + (s // step) % 3]
        for s in reversed(starts)
    ]


def test_real_bars_by_day_oldest_first_with_every_field_in_its_column():
    answer, client = fetch(DAILY)
    assert days(answer) == [str(date(2026, 8, 1) + timedelta(days=n)) for n in range(10)]
    assert rows(answer)[-1] == {
        "date_utc": date(2026, 8, 10),
        "open": 64848.68,
        "high": 65341.83,
        "low": 63733.03,
        "close": 63911.88,
        "volume_btc": 6197.02944527,
        "source": "coinbase",
        "source_ref": "coinbase 2026-08-10 00:00 UTC",
    }
    assert answer.complete
    assert answer.notes == ()
    assert (answer.requests, answer.retries, answer.waited_s) == (2, 1, 0.25)
    assert client.asked == [
        (
            "coinbase",
            "/products/BTC-USD/candles",
            {
                "granularity": "86400",
                "start": "2026-08-01T00:00:00Z",
                "end": "2026-08-10T00:00:00Z",
            },
        )
    ]


def test_bars_by_hour_carry_their_hour():
    answer, client = fetch(HOURLY, window("2026-08-08", "2026-08-08"), "btc_hourly_prices")
    assert answer.columns["hour_utc"] == list(range(24))
    assert set(days(answer)) == {"2026-08-08"}
    assert answer.complete
    assert client.asked[0][2]["granularity"] == "3600"


def test_a_second_source_takes_what_its_table_has():
    answer, _ = fetch(DAILY, table="btc_prices_second_source")
    assert set(answer.columns) == {"date_utc", "close", "source", "source_ref"}


@pytest.mark.parametrize(
    ("table", "n_days", "calls"),
    [("btc_prices", 700, 3), ("btc_prices", 300, 1), ("btc_hourly_prices", 40, 4)],
)
def test_long_windows_are_asked_for_in_stretches_the_exchange_accepts(table, n_days, calls):
    wanted = window("2023-01-05", str(date(2023, 1, 5) + timedelta(days=n_days - 1)))
    answer, client = fetch(exchange, wanted, table)
    assert len(client.asked) == calls
    per_day = 24 if "hour" in table else 1
    found = rows(answer)
    assert len(found) == n_days * per_day
    assert (found[0]["date_utc"], found[-1]["date_utc"]) == (wanted.start, wanted.end)
    keys = [(row["date_utc"], row.get("hour_utc")) for row in found]
    assert len(set(keys)) == len(keys)
    assert answer.complete
    assert answer.requests == 2 * calls


def test_the_questions_follow_from_the_window_alone():
    """Asked at another time, recorded answers must be found again."""
    at = datetime(2023, 3, 1, tzinfo=UTC)
    wanted = window("2023-01-05", "2024-01-05")
    (_, one), (_, two) = fetch(exchange, wanted), fetch(exchange, wanted, at=at)
    assert one.asked == two.asked


def test_nothing_before_the_listing_is_empty_and_says_so():
    answer, _ = fetch(
        body_of("coinbase/empty_before_listing.json"), window("2013-01-01", "2013-01-05")
    )
    assert rows(answer) == []
    assert not answer.complete
    assert answer.notes == ("coinbase: 5 days missing (2013-01-01 to 2013-01-05)",)
    across, _ = fetch(exchange, window("2015-07-15", "2015-07-25"))
    assert days(across)[0] == "2015-07-20"
    assert across.notes == ("coinbase: 5 days missing (2015-07-15 to 2015-07-19)",)


def test_the_bar_that_is_still_open_is_dropped():
    during = datetime(2026, 8, 10, 23, 59, 59, tzinfo=UTC)
    answer, _ = fetch(DAILY, at=during)
    assert days(answer)[-1] == "2026-08-09"
    assert answer.complete
    closed, _ = fetch(DAILY, at=datetime(2026, 8, 11, tzinfo=UTC))
    assert days(closed)[-1] == "2026-08-10"
    hourly, _ = fetch(
        HOURLY,
        window("2026-08-08", "2026-08-08"),
        "btc_hourly_prices",
        at=datetime(2026, 8, 8, 20, 30, tzinfo=UTC),
    )
    assert hourly.columns["hour_utc"][-1] == 19


def test_unordered_rows_and_a_repeated_row_give_the_same_bars():
    shuffled = [DAILY[n] for n in (3, 1, 4, 1, 5, 9, 2, 6, 0, 7, 8)]
    assert fetch(shuffled)[0].columns == fetch(DAILY)[0].columns


def _changed(at: int, field: int, value: Any) -> list[list[Any]]:
    body = [list(row) for row in DAILY]
    body[at][field] = value
    return body


@pytest.mark.parametrize(
    ("body", "day", "said"),
    [
        (_changed(2, 4, None), "2026-08-08", "missing"),
        (_changed(2, 4, "n/a"), "2026-08-08", "no number"),
        (_changed(2, 4, True), "2026-08-08", "no number"),
        (_changed(2, 4, [1]), "2026-08-08", "no number"),
        (_changed(2, 4, -64908.72), "2026-08-08", "low"),
        (_changed(2, 1, 0), "2026-08-08", "above 0"),
        (_changed(2, 2, 1.0), "2026-08-08", "high"),
        (_changed(2, 5, -1), "2026-08-08", "volume"),
        (_changed(2, 5, 22e6), "2026-08-08", "volume_btc is 2.2e+07"),
        (_changed(2, 0, 1786147201), "2026-08-08", "start of its bar"),
        (_changed(2, 0, 10**30), "2026-08-08", "outside 2009"),
        (_changed(2, 0, 1786147200.5), "2026-08-08", "not whole"),
        # A hundredfold price, consistent in itself.
        (
            [[t, 100 * low, 100 * h, 100 * o, 100 * c, v] if n == 2 else [t, low, h, o, c, v]
             for n, (t, low, h, o, c, v) in enumerate(DAILY)],
            "2026-08-08",
            "6.49087e+06 among others",
        ),
        ([*DAILY, _changed(2, 4, 64900.0)[2]], "2026-08-08", "contradict"),
    ],
)  # fmt: skip
def test_a_bar_that_cannot_be_believed_is_left_out_and_named(body, day, said):
    answer, _ = fetch(body)
    assert day not in days(answer)
    assert len(days(answer)) == 9
    assert not answer.complete
    assert said in answer.notes[0]
    assert "1 rows left out" in answer.notes[0]
    assert answer.notes[1] == f"coinbase: 1 days missing ({day})"


def test_a_bar_from_the_future_is_left_out_and_named():
    answer, _ = fetch(DAILY, at=datetime(2026, 8, 8, 12, tzinfo=UTC))
    assert days(answer)[-1] == "2026-08-07"
    assert "2 rows left out (2026-08-10 00:00 UTC: the bar lies in the future" in answer.notes[0]
    assert not answer.complete


def test_a_number_written_as_text_and_a_seventh_column_are_read():
    body = [[t, str(low), h, o, str(c), v, "new"] for t, low, h, o, c, v in DAILY]
    assert fetch(body)[0].columns == fetch(DAILY)[0].columns


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[[1786320000,63733.03,65341",
        b"<html>busy</html>",
        b"\xff\xfe[]",
        b"[[1786320000,NaN,65341.83,64848.68,63911.88,6197.0]]",
        b"[" * 200_000,
        None,
        "busy",
        {"message": "NotFound"},
        {"error": "rate"},
        [1, 2, 3],
        [[1786320000, 63733.03]],
        [{"time": 1786320000}],
        [[None] * 6, [None] * 6],
    ],
)
def test_what_is_no_list_of_bars_is_refused(body):
    with pytest.raises(SourceError):
        fetch(body)


def test_an_error_of_the_client_is_passed_on():
    with pytest.raises(SourceError, match="down"):
        fetch(SourceError("down"))


def test_the_same_page_for_every_question_fills_no_hole():
    wanted = window("2025-01-01", "2026-08-10")
    answer, client = fetch(DAILY, wanted)
    assert len(client.asked) == 2
    assert days(answer) == days(fetch(DAILY)[0])
    assert not answer.complete
    assert "577 days missing (2025-01-01 to 2026-07-31)" in answer.notes[0]


def test_a_page_that_is_lost_on_the_way_is_a_hole_that_shows():
    calls = []

    def script(path, params):
        calls.append(params)
        return [] if len(calls) == 2 else exchange(path, params)

    answer, _ = fetch(script, window("2023-01-01", "2025-06-30"))
    assert not answer.complete
    assert answer.notes == ("coinbase: 300 days missing (2023-10-28 to 2024-08-22)",)


@pytest.mark.parametrize(("table", "symbol"), [("network_metrics", "BTC"), ("btc_prices", "ETH")])
def test_what_the_exchange_does_not_have_is_not_asked_for(table, symbol):
    client = ScriptedClient(always(DAILY))
    with pytest.raises(SourceError, match="has no"):
        CoinbaseExchange(client).fetch(TABLES[table], symbol, DAYS)
    assert client.asked == []


def test_the_parser_keeps_the_order_of_the_answer():
    candles, left_out = parse_candles(DAILY, 86_400)
    assert [bar.start_s for bar in candles] == [row[0] for row in DAILY]
    assert len(left_out) == 0
