"""Coin Metrics: figures as long texts, pages, and metrics that are not free."""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from dagster_project.errors import SourceError
from dagster_project.settings import BUNDLED_DATA_DIR
from dagster_project.sources.live.coinmetrics import METRICS, MOST_PAGES, CoinMetrics
from dagster_project.sources.live.http_errors import HttpRefused
from tests.sources.live.scripted_client import (
    FIXTURES,
    TABLES,
    ScriptedClient,
    always,
    body_of,
    days,
    rows,
    window,
)

FIRST = body_of("coinmetrics/asset_metrics_page_1.json")
LAST = body_of("coinmetrics/asset_metrics_last_page.json")
WHOLE = {"data": FIRST["data"] + LAST["data"]}
DAYS = window("2025-03-17", "2025-03-26")
TOKEN = FIRST["next_page_token"]


def forbidden() -> HttpRefused:
    body = (FIXTURES / "coinmetrics/error_403_forbidden.json").read_bytes()
    return HttpRefused("no", status=403, body=body, content_type="application/json")


def pages(path: str, params: Mapping[str, str]) -> Any:
    assert path == "/v4/timeseries/asset-metrics"
    return LAST if params.get("next_page_token") == TOKEN else FIRST


def refused(status: int, kind: str, words: str) -> HttpRefused:
    body = json.dumps({"error": {"type": kind, "message": words}}).encode()
    return HttpRefused("no", status=status, body=body, content_type="application/json")


# How the interface says that a metric of the question is none it serves: an error or a body.
REFUSALS: list[Callable[[str], Any]] = [
    lambda named: refused(403, "forbidden", f"Requested metric '{named}' is not available."),
    lambda named: refused(400, "bad_parameter", f"Bad parameter 'metrics'. Value '{named}'."),
    lambda named: {"error": {"type": "forbidden", "message": f"Metric '{named}' is not free."}},
    lambda _named: forbidden(),
]


def not_served(*gone: str, refusal: Callable[[str], Any] = REFUSALS[0]):
    """An interface that refuses whole questions with one of these metrics in them."""

    def script(path: str, params: Mapping[str, str]) -> Any:
        asked = params["metrics"].split(",")
        named = [metric for metric in asked if metric in gone]
        if named:
            return refusal(named[0])
        kept = {"asset", "time", *asked}
        return {"data": [{k: v for k, v in row.items() if k in kept} for row in WHOLE["data"]]}

    return script


def fetch(script: Any, wanted=DAYS, **client: Any):
    scripted = ScriptedClient(script if callable(script) else always(script), **client)
    return CoinMetrics(scripted).fetch(TABLES["network_metrics"], "BTC", wanted), scripted


def changed(at: int, **fields: Any) -> Any:
    body = copy.deepcopy(WHOLE)
    body["data"][at].update(fields)
    return body


def test_pages_are_followed_and_units_are_those_of_the_table():
    answer, client = fetch(pages)
    with (BUNDLED_DATA_DIR / "snapshot" / "network_daily.csv").open(encoding="utf-8") as file:
        bundled = {row["date_utc"]: row for row in csv.DictReader(file)}
    found = rows(answer)
    assert len(found) == 10
    for row in found:
        expected = bundled[str(row["date_utc"])]
        for name in ("hashrate_eh_s", "difficulty", "issuance_usd", "fees_usd", "price_usd"):
            assert row[name] == pytest.approx(float(expected[name]), rel=1e-6), name
        assert row["blocks"] == int(expected["blocks"])
        assert isinstance(row["blocks"], int)
        assert row["source"] == "coinmetrics"
    assert answer.complete
    assert answer.notes == ()
    assert answer.requests == 4
    first, second = (asked[2] for asked in client.asked)
    assert first["metrics"] == ",".join(METRICS)
    assert (first["start_time"], first["end_time"]) == ("2025-03-17", "2025-03-26")
    assert second == {**first, "next_page_token": TOKEN}


def test_thirty_digits_lose_nothing_a_double_can_hold():
    answer, _ = fetch(WHOLE)
    assert answer.columns["issuance_usd"][0] == 36756102.0413579246801357924680
    long = changed(0, HashRate="0.780497492898413749255585185190", BlkCnt="140.000000000000000000")
    assert fetch(long)[0].notes[0].startswith("coinmetrics: 1 rows left out")


NOT_SERVED = [
    ("FeeTotUSD",),
    ("DiffMean", "FeeTotUSD"),
    ("IssTotUSD",),
    ("HashRate",),
    ("BlkCnt", "IssTotUSD", "FeeTotUSD"),
    ("FeeTotNtv", "FeeTotUSD"),
    ("PriceUSD",),
]
# What nothing that is still served says.
LOST = {("FeeTotNtv", "FeeTotUSD"): {"fees_usd"}, ("PriceUSD",): {"price_usd"}}


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("gone", NOT_SERVED)
def test_a_metric_that_is_not_served_costs_only_itself(gone, refusal):
    answer, client = fetch(not_served(*gone, refusal=refusal))
    whole, _ = fetch(WHOLE)
    for name, values in whole.columns.items():
        if name in LOST.get(gone, set()):
            assert answer.columns[name] == [None] * 10
        elif name in {"source", "source_ref", "date_utc"}:
            assert answer.columns[name] == values
        else:
            # The provider's formula solved for what is missing gives its own figure back, and
            # a sum in bitcoin times the price is the sum in dollars.
            assert answer.columns[name] == pytest.approx(values, rel=1e-6), name
    assert f"coinmetrics: not served: {', '.join(m for m in METRICS if m in gone)}" in answer.notes
    assert answer.complete
    assert len(rows(answer)) == 10
    assert answer.requests == 2 * len(client.asked)
    # A metric that the refusal names is left out at once; else each is asked for alone.
    assert len(client.asked) == 1 + (len(gone) if refusal is not REFUSALS[-1] else len(METRICS))


def test_a_column_without_any_figure_is_named():
    answer, _ = fetch(not_served("FeeTotNtv", "FeeTotUSD"))
    assert "coinmetrics: without any figure: fees_usd; stored ones stay" in answer.notes


def test_a_metric_that_no_day_has_is_not_served():
    rows_ = [{k: v for k, v in row.items() if k != "FeeTotUSD"} for row in WHOLE["data"]]
    answer, client = fetch({"data": rows_})
    assert answer.notes == ("coinmetrics: not served: FeeTotUSD",)
    assert answer.columns["fees_usd"] == pytest.approx(fetch(WHOLE)[0].columns["fees_usd"])
    assert len(client.asked) == 1


@pytest.mark.parametrize("gone", [("HashRate", "BlkCnt"), ("DiffMean", "BlkCnt"), METRICS])
def test_without_two_of_hashrate_difficulty_and_blocks_there_is_nothing_to_tell(gone):
    with pytest.raises(SourceError, match="does not serve"):
        fetch(not_served(*gone))
    answer_to_all = not_served(*METRICS, refusal=lambda _named: forbidden())
    with pytest.raises(SourceError, match="does not serve"):
        fetch(answer_to_all)


def test_a_question_refused_as_a_whole_and_every_metric_free_alone():
    def script(path: str, params: Mapping[str, str]) -> Any:
        return forbidden() if "," in params["metrics"] else not_served()(path, params)

    answer, _ = fetch(script)
    assert answer.columns == fetch(WHOLE)[0].columns
    assert answer.notes == ()


@pytest.mark.parametrize(
    "refusal",
    [
        HttpRefused("no", status=403, body=b"<html>blocked</html>", content_type="text/html"),
        HttpRefused(
            "no", status=403, body=b'{"error": "blocked"}', content_type="application/json"
        ),
        HttpRefused("no", status=403, body=b"[1]", content_type="application/json"),
        HttpRefused(
            "no",
            status=400,
            body=(FIXTURES / "coinmetrics/error_400_bad_parameter.json").read_bytes(),
            content_type="application/json",
        ),
    ],
)
def test_a_refusal_that_is_not_about_a_metric_is_not_asked_about_again(refusal):
    client = ScriptedClient(always(refusal))
    with pytest.raises(HttpRefused):
        CoinMetrics(client).fetch(TABLES["network_metrics"], "BTC", DAYS)
    assert len(client.asked) == 1


def _endless(make_token, make_rows):
    def script(path: str, params: Mapping[str, str]) -> Any:
        n = int(params.get("next_page_token", "0").rpartition(".")[2])
        url = f"https://other.invalid/v4?next_page_token={make_token(n)}"
        return {"data": make_rows(n), "next_page_url": url}

    return script


def _day(n: int) -> list[dict[str, str]]:
    moment = datetime.fromordinal(date(2024, 1, 1).toordinal() + n)
    return [{**WHOLE["data"][0], "time": f"{moment:%Y-%m-%d}T00:00:00.000000000Z"}]


@pytest.mark.parametrize(
    ("script", "most"),
    [
        # The same page again and again, under one name or under new ones.
        (_endless(lambda n: "t.1", lambda n: FIRST["data"]), 2),
        (_endless(lambda n: f"t.{n + 1}", lambda n: FIRST["data"]), 2),
        # Pages that lead back to an earlier one.
        (_endless(lambda n: f"t.{(n + 1) % 4}", _day), 6),
        # A day a page, for ever.
        (_endless(lambda n: f"t.{n + 1}", _day), MOST_PAGES + 1),
        (_endless(lambda n: f"t.{n + 1}", lambda n: []), 1),
    ],
)
def test_pages_without_end_are_refused(script, most):
    client = ScriptedClient(script)
    with pytest.raises(SourceError, match="pages without end"):
        CoinMetrics(client).fetch(
            TABLES["network_metrics"], "BTC", window("2024-01-01", "2026-01-01")
        )
    assert len(client.asked) <= most


@pytest.mark.parametrize(
    "url", ["", 7, "https://x.invalid/v4", "https://x.invalid?next_page_token=", []]
)
def test_an_address_of_the_next_page_without_a_token_is_refused(url):
    with pytest.raises(SourceError, match="next page"):
        fetch({**WHOLE, "next_page_url": url})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (changed(3, HashRate=None), "hashrate_eh_s is missing"),
        (changed(3, BlkCnt=None), "blocks is missing"),
        (changed(3, DiffMean=None), "difficulty is missing"),
        (changed(3, HashRate="much"), "no number"),
        (changed(3, HashRate="-1"), "hashrate_eh_s is -1e-06"),
        (changed(3, HashRate="0"), "hashrate_eh_s is 0"),
        (changed(3, HashRate="79164745708.2"), "79164.7 EH/s among others"),
        (changed(3, BlkCnt="142.5"), "not whole"),
        (changed(3, BlkCnt="142000"), "blocks is 142000"),
        (changed(3, PriceUSD={"usd": 1}), "no number"),
        (changed(3, time="2025-03-20"), "no start of a UTC day"),
        (changed(3, time="2025-03-20T12:00:00.000000000Z"), "no start of a UTC day"),
        (changed(3, time="2025-02-30T00:00:00.000000000Z"), "no day of the calendar"),
        (changed(3, time=None), "no start of a UTC day"),
        ({"data": [*WHOLE["data"], {**WHOLE["data"][3], "BlkCnt": "141"}]}, "contradict"),
    ],
)
def test_a_day_that_cannot_be_believed_is_left_out_and_named(body, said):
    answer, _ = fetch(body)
    assert "2025-03-20" not in days(answer)
    assert len(days(answer)) == 9
    assert not answer.complete
    assert said in answer.notes[0]
    assert answer.notes[-1] == "coinmetrics: 1 days missing (2025-03-20)"


def test_days_that_are_not_over_or_have_not_begun():
    answer, _ = fetch(WHOLE, at=datetime(2025, 3, 25, 12, tzinfo=UTC))
    assert days(answer)[-1] == "2025-03-24"
    assert answer.notes == (
        "coinmetrics: 1 rows left out (2025-03-26: the day lies in the future)",
    )
    assert not answer.complete


def test_a_day_on_two_pages_counts_once_and_order_means_nothing():
    turned = {"data": [WHOLE["data"][2], *reversed(WHOLE["data"])]}
    assert fetch(turned)[0].columns == fetch(WHOLE)[0].columns


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"data": [',
        [],
        {},
        {"data": None},
        {"data": ["row"]},
        {"data": [{"time": "2025-03-20T00:00:00Z", "HashRate": "1"}]},
        changed(0, asset="eth"),
        # The metrics under other names.
        {"data": [{"asset": "btc", "time": row["time"]} for row in WHOLE["data"]]},
        {"data": [{**row, "time": 1742428800} for row in WHOLE["data"]]},
        body_of("coinmetrics/error_403_forbidden.json"),
        {"error": "maintenance"},
    ],
)
def test_another_shape_is_refused(body):
    with pytest.raises(SourceError):
        fetch(body)


def test_no_data_is_an_answer_with_a_hole():
    answer, _ = fetch({"data": []})
    assert rows(answer) == []
    assert not answer.complete


def test_another_table_is_refused():
    client = ScriptedClient(always(LAST))
    with pytest.raises(SourceError, match="has no"):
        CoinMetrics(client).fetch(TABLES["btc_prices"], "BTC", DAYS)
