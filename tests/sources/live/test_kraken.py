"""Kraken: errors with status 200, prices as text, the last row open, 720 rows at most."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dagster_project.errors import SourceError
from dagster_project.sources.live.archive import Archive
from dagster_project.sources.live.http_errors import HttpUnavailable
from dagster_project.sources.live.kraken import Kraken
from dagster_project.sources.live.vendor import spent_on
from tests.sources.live.loopback import FakeClock, as_json
from tests.sources.live.scripted_client import (
    TABLES,
    ScriptedClient,
    always,
    body_of,
    days,
    rows,
    window,
)

OHLC = body_of("kraken/ohlc_daily.json")
DAYS = window("2026-08-08", "2026-08-16")


def fetch(script: Any, wanted=DAYS, table: str = "btc_prices_second_source", **client: Any):
    scripted = ScriptedClient(script if callable(script) else always(script), **client)
    return Kraken(scripted).fetch(TABLES[table], "BTC", wanted), scripted


def changed(change) -> Any:
    body = copy.deepcopy(OHLC)
    change(body)
    return body


def test_real_bars_up_to_the_last_closed_one():
    answer, client = fetch(OHLC, table="btc_prices")
    assert days(answer) == [str(date(2026, 8, 8) + timedelta(days=n)) for n in range(9)]
    assert rows(answer)[0] == {
        "date_utc": date(2026, 8, 8),
        "open": 64886.2,
        "high": 65141.9,
        "low": 64800.0,
        "close": 64901.1,
        "volume_btc": 408.98379809,
        "source": "kraken",
        "source_ref": "kraken 2026-08-08 00:00 UTC",
    }
    assert answer.complete
    assert answer.notes == ()
    # A bar earlier than the window, in case `since` itself does not count.
    assert client.asked == [
        ("kraken", "/0/public/OHLC", {"pair": "XBTUSD", "interval": "1440", "since": "1786060800"})
    ]


def test_the_row_after_last_is_open_whatever_the_clock_says():
    answer, _ = fetch(OHLC, window("2026-08-08", "2026-08-17"), at=datetime(2027, 1, 1, tzinfo=UTC))
    assert days(answer)[-1] == "2026-08-16"
    assert not answer.complete
    assert answer.notes == ("kraken: 1 days missing (2026-08-17)",)


def _years(n_rows: int, newest: datetime, step: timedelta = timedelta(days=1)) -> Any:
    starts = [newest - n * step for n in range(n_rows)][::-1]
    bars = [
        [int(s.timestamp()), "100.0", "111.0", "90.0", "105.0", "100.0", "1.5", 10] for s in starts
    ]
    return {"error": [], "result": {"XXBTZUSD": bars, "last": bars[-2][0]}}


def test_what_lies_beyond_720_bars_is_out_of_reach_and_said():
    body = _years(720, datetime(2026, 8, 17, tzinfo=UTC))
    answer, client = fetch(body, window("2020-01-01", "2026-08-16"))
    assert len(client.asked) == 1
    assert days(answer)[0] == "2024-08-28"
    assert len(days(answer)) == 719
    assert not answer.complete
    assert answer.notes[0] == (
        "kraken answers with the newest 720 bars only: nothing before 2024-08-28 can be had"
    )
    assert answer.notes[1] == "kraken: 1701 days missing (2020-01-01 to 2024-08-27)"


def test_bars_by_hour():
    body = _years(49, datetime(2026, 8, 10, tzinfo=UTC), timedelta(hours=1))
    answer, client = fetch(body, window("2026-08-08", "2026-08-09"), "btc_hourly_prices")
    assert answer.columns["hour_utc"] == [*range(24), *range(24)]
    assert client.asked[0][2]["interval"] == "60"
    assert answer.complete


@pytest.mark.parametrize(
    ("fixture", "kind"),
    [
        ("kraken/error_200_unknown_pair.json", SourceError),
        ("kraken/error_200_invalid_arguments.json", SourceError),
        ("kraken/error_200_rate_limit.json", SourceError),
    ],
)
def test_an_error_with_status_200_is_an_error(fixture, kind):
    with pytest.raises(kind, match=body_of(fixture)["error"][0].split(":")[1]):
        fetch(body_of(fixture))


def test_a_rate_limit_with_status_200_is_waited_for_and_never_recorded(vendor, tmp_path):
    """Over a real connection: tried again with growing pauses, then the bars; in the archive
    stands the answer alone, so that a replay never meets the refusal."""
    limited = as_json(body_of("kraken/error_200_rate_limit.json"))
    clock, archive = FakeClock(), Archive(tmp_path)
    vendor.on("/0/public/OHLC", limited, limited, as_json(OHLC))
    client = vendor.client("kraken", clock=clock, archive=archive)
    answer = Kraken(client).fetch(TABLES["btc_prices"], "BTC", DAYS)
    assert answer.columns == fetch(OHLC, table="btc_prices", at=clock.start)[0].columns
    assert (answer.requests, answer.retries) == (3, 2)
    assert answer.waited_s >= 1 + 2
    assert len(list(archive.records())) == 1


def test_a_rate_limit_that_lasts_closes_the_host_and_a_refusal_is_final(vendor):
    vendor.on("/0/public/OHLC", as_json(body_of("kraken/error_200_rate_limit.json")))
    kraken = Kraken(vendor.client("kraken", clock=FakeClock()))
    with pytest.raises(HttpUnavailable, match="Rate limit") as limited:
        kraken.fetch(TABLES["btc_prices"], "BTC", DAYS)
    assert limited.value.status == 429
    assert spent_on(limited.value).requests == len(vendor.requests) == 5
    with pytest.raises(HttpUnavailable, match="Not asked") as closed:
        kraken.fetch(TABLES["btc_hourly_prices"], "BTC", DAYS)
    assert spent_on(closed.value).requests == 0
    assert len(vendor.requests) == 5

    vendor.on("/0/public/OHLC", as_json(body_of("kraken/error_200_unknown_pair.json")))
    other = Kraken(vendor.client("kraken", clock=FakeClock()))
    with pytest.raises(SourceError, match="Unknown asset pair"):
        other.fetch(TABLES["btc_prices"], "BTC", DAYS)
    assert len(vendor.requests) == 6


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"error": []},
        {"error": "EGeneral"},
        {"error": [], "result": []},
        {"error": [], "result": {"last": 1786838400}},
        changed(lambda b: b["result"].pop("last")),
        changed(lambda b: b["result"].update(last="soon")),
        changed(lambda b: b["result"].update(last=None)),
        changed(lambda b: b["result"].update(XETHZUSD=b["result"]["XXBTZUSD"])),
        changed(lambda b: b["result"].update(XETHZUSD=b["result"].pop("XXBTZUSD"))),
        changed(lambda b: b["result"].update(XXBTZUSD={})),
        changed(lambda b: b["result"]["XXBTZUSD"].append([1786924800])),
        changed(lambda b: b["result"]["XXBTZUSD"].append("row")),
        # Two rows after the last closed one: one of them is not what it says.
        changed(lambda b: b["result"].update(last=1786752000)),
        changed(lambda b: [row.__setitem__(4, None) for row in b["result"]["XXBTZUSD"]]),
    ],
)
def test_another_shape_is_refused(body):
    with pytest.raises(SourceError):
        fetch(body)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (4, None, "missing"),
        (4, "64,860.0", "no number"),
        (4, "nan", "no number"),
        (4, "1e999", "not finite"),
        (4, "-64860.0", "low"),
        (2, "1.0", "high"),
        (6, "-1", "volume"),
        (0, 1786233601, "start of its bar"),
        (0, "yesterday", "no number"),
    ],
)
def test_a_bar_that_cannot_be_believed_is_left_out_and_named(field, value, said):
    body = changed(lambda b: b["result"]["XXBTZUSD"][1].__setitem__(field, value))
    answer, _ = fetch(body)
    assert "2026-08-09" not in days(answer)
    assert len(days(answer)) == 8
    assert not answer.complete
    assert said in answer.notes[0]
    assert answer.notes[-1] == "kraken: 1 days missing (2026-08-09)"


def test_a_bar_twice_counts_once_and_two_that_differ_not_at_all():
    twice = changed(lambda b: b["result"]["XXBTZUSD"].insert(0, b["result"]["XXBTZUSD"][1]))
    assert fetch(twice)[0].columns == fetch(OHLC)[0].columns
    other = [*OHLC["result"]["XXBTZUSD"][1]]
    other[4] = "64861.0"
    differing = changed(lambda b: b["result"]["XXBTZUSD"].insert(0, other))
    answer, _ = fetch(differing)
    assert "2026-08-09" not in days(answer)
    assert "contradict" in answer.notes[0]


def test_a_future_bar_that_claims_to_be_closed_is_not_believed():
    answer, _ = fetch(OHLC, at=datetime(2026, 8, 15, 12, tzinfo=UTC))
    assert days(answer)[-1] == "2026-08-14"
    assert "2026-08-16 00:00 UTC: the bar lies in the future" in answer.notes[0]


def test_another_table_is_refused():
    with pytest.raises(SourceError, match="has no"):
        fetch(OHLC, table="network_metrics")
