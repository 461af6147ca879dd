"""The diagnosis names what answers, how fresh it is, what a run would do, and what to set."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dagster_project.contracts import Window
from dagster_project.settings import BUNDLED_DATA_DIR, Settings, read_settings
from dagster_project.sources.exchange_calendar import sessions_in
from dagster_project.sources.live.archive import Archive
from dagster_project.sources.live.doctor import (
    HOSTS_OF,
    PROBES,
    Finding,
    consult,
    diagnosis,
    examine,
    is_well,
    outlook,
)
from dagster_project.sources.live.hosts import HOSTS
from tests.sources.live.edgar_bodies import COMPANY_TICKERS, hit, search
from tests.sources.live.equity_bodies import chart, tiingo_day
from tests.sources.live.loopback import (
    Answer,
    FakeClock,
    Loopback,
    as_json,
    html,
    reset_mid_body,
    silence,
    status,
)

KEY = "k3y-that-nobody-may-see"
CIK = "0001167419"
# Monday, 07:00 in New York: the last session was Friday's.
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
FRIDAY = date(2026, 1, 2)
SUNDAY = date(2026, 1, 4)
PATHS = {
    "yahoo": "/v8/finance/chart/SPY",
    "tiingo": "/tiingo/daily/spy/prices",
    "coinbase": "/products/BTC-USD/candles",
    "kraken": "/0/public/OHLC",
    "coinmetrics": "/v4/timeseries/asset-metrics",
    "mempool": "/api/v1/mining/hashrate/3m",
    "blockchain_com": "/charts/hash-rate",
    "sec": f"/submissions/CIK{CIK}.json",
    "sec_search": "/LATEST/search-index",
    "sec_www": "/files/company_tickers.json",
}


# FeeTotUSD is not among them: it is no longer free.
NETWORK = {
    "HashRate": "8.5E8",
    "DiffMean": "1.2E14",
    "BlkCnt": "144",
    "IssTotUSD": "4E7",
    "IssTotNtv": "450",
    "FeeTotNtv": "5",
    "PriceUSD": "88888.8",
}


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def filings(*days: date) -> dict[str, Any]:
    columns: dict[str, Sequence[Any]] = {
        "accessionNumber": [f"0001167419-26-{n:06}" for n in range(len(days))],
        "filingDate": [str(day) for day in days],
        "reportDate": [""] * len(days),
        "acceptanceDateTime": [f"{day}T21:05:00.000Z" for day in days],
        "form": ["8-K"] * len(days),
        "items": ["8.01"] * len(days),
        "primaryDocument": ["a.htm"] * len(days),
    }
    return {"cik": CIK, "filings": {"recent": columns, "files": []}}


def found(day: date) -> dict[str, Any]:
    one = hit("0001167419-26-000001", "a.htm", filed=str(day))
    one["_source"]["ciks"] = [CIK]
    return search([one])


def bodies(newest: date, session: date) -> dict[str, Answer]:
    """What every host answers whose newest whole day is ``newest``, newest session ``session``.

    The day after is there too, and still open, as vendors answer.
    """
    days = [newest - timedelta(days=n) for n in range(40, -2, -1)]
    sessions = sessions_in(Window(session - timedelta(days=40), session))
    return {
        "yahoo": as_json(chart(sessions, [600.0] * len(sessions), symbol="SPY")),
        "tiingo": as_json([tiingo_day(day, 600.0) for day in sessions]),
        "coinbase": as_json([[midnight(day), 90, 110, 95, 100, 5] for day in reversed(days)]),
        "kraken": as_json(
            {
                "error": [],
                "result": {
                    "XXBTZUSD": [
                        [midnight(day), "95", "110", "90", "100", "100", "5", 9] for day in days
                    ],
                    "last": midnight(newest),
                },
            }
        ),
        "coinmetrics": as_json(
            {
                "data": [
                    {"asset": "btc", "time": f"{day}T00:00:00.000000000Z", **NETWORK}
                    for day in days
                ]
            }
        ),
        # The stamp is the day after the day that is meant.
        "mempool": as_json(
            {
                "hashrates": [
                    {"timestamp": midnight(day + timedelta(days=1)), "avgHashrate": 8 * 10**20}
                    for day in days
                ]
            }
        ),
        "blockchain_com": as_json(
            {
                "status": "ok",
                "unit": "Hash Rate TH/s",
                "period": "day",
                "values": [{"x": midnight(day), "y": 8.5e8} for day in days],
            }
        ),
        "sec": as_json(filings(session - timedelta(days=9), session)),
        "sec_search": as_json(found(session)),
        "sec_www": as_json(COMPANY_TICKERS, last_modified="Sat, 03 Jan 2026 02:00:00 GMT"),
    }


def serve(vendor: Loopback, newest: date = SUNDAY, session: date = FRIDAY) -> None:
    for host, body in bodies(newest, session).items():
        vendor.on(PATHS[host], body)


def made_settings(vendor: Loopback, tmp_path: Any, **more: str) -> Settings:
    return read_settings(
        {
            "MINER_OUTPUT_DIR": str(tmp_path),
            **{f"MINER_URL_{host.upper()}": vendor.url for host in HOSTS},
            **more,
        }
    )


def whole(vendor: Loopback, tmp_path: Any) -> Settings:
    """Everything that can be set is set."""
    return made_settings(vendor, tmp_path, MINER_CONTACT="me@example.org", MINER_TIINGO_KEY=KEY)


def examined(settings: Settings) -> dict[str, Finding]:
    findings = examine(settings, clock=FakeClock(NOW), timeout_s=2, deadline_s=4)
    return {each.probe.host: each for each in findings}


def test_every_host_is_examined_once():
    assert sorted(probe.host for probe in PROBES) == sorted(PATHS) == sorted(HOSTS)


def test_what_answers_is_well_and_says_how_fresh_it_is(vendor, tmp_path):
    serve(vendor)
    settings = whole(vendor, tmp_path)
    findings = examined(settings)
    assert {host: (each.state, each.newest_date) for host, each in findings.items()} == {
        "yahoo": ("ok", FRIDAY),
        "tiingo": ("ok", FRIDAY),
        "coinbase": ("ok", SUNDAY),
        "kraken": ("ok", SUNDAY),
        "coinmetrics": ("ok", SUNDAY),
        "mempool": ("ok", SUNDAY),
        "blockchain_com": ("ok", SUNDAY),
        "sec": ("ok", FRIDAY),
        "sec_search": ("ok", FRIDAY),
        # Written at 02:00 UTC on Saturday, which is Friday evening in New York.
        "sec_www": ("ok", FRIDAY),
    }
    # One question each, and of the price vendors one more for a share with other symbols.
    assert len(vendor.requests) == len(PATHS) + 2
    lines = diagnosis(settings, list(findings.values()))
    for host, each in findings.items():
        (line,) = [line for line in lines if line.startswith(f"  {host} ")]
        assert line.endswith(f"newest {each.newest_date}")
    assert lines[-1] == "6 of 6 sources of the default set answer."
    assert KEY not in "\n".join(lines)
    text = "\n".join(lines)
    assert (
        "      coinmetrics: not served: FeeTotUSD\n      mend:  nothing: what is computed" in text
    )
    assert {host for host, each in findings.items() if each.remarks} == {
        "yahoo",
        "tiingo",
        "coinmetrics",
    }
    # A question of a doctor is no figure: nothing is recorded.
    assert not (tmp_path / "archive").exists()


def test_sessions_and_days_that_are_missing_are_named_with_what_to_do(vendor, tmp_path):
    serve(vendor)
    answers = bodies(SUNDAY, FRIDAY)
    sessions = sessions_in(Window(date(2025, 12, 1), FRIDAY))
    kept = [day for day in sessions if day != date(2025, 12, 24)]
    vendor.on(PATHS["yahoo"], as_json(chart(kept, [600.0] * len(kept), symbol="SPY")))
    body = json.loads(answers["coinbase"].body)
    body = [row for row in body if row[0] != midnight(date(2025, 12, 25))]
    vendor.on(PATHS["coinbase"], as_json(body))
    settings = whole(vendor, tmp_path)
    findings = examined(settings)
    assert "SPY: 1 session missing (2025-12-24)" in findings["yahoo"].remarks
    assert findings["coinbase"].remarks == ("coinbase: 1 days missing (2025-12-25)",)
    text = "\n".join(diagnosis(settings, list(findings.values())))
    assert "missing (2025-12-25)\n      mend:  a run asks the next source" in text


def test_shares_that_were_renamed_are_named(vendor, tmp_path):
    serve(vendor)
    known = {"0": {"cik_str": 1812477, "ticker": "KEEL", "title": "KEEL INFRASTRUCTURE"}}
    vendor.on(PATHS["sec_www"], as_json(known, last_modified="Sat, 03 Jan 2026 02:00:00 GMT"))
    sessions = sessions_in(Window(date(2025, 12, 1), FRIDAY))
    old = chart(sessions[:-5], [4.0] * len(sessions[:-5]))
    vendor.on("/v8/finance/chart/BITF", as_json(old))
    settings = whole(vendor, tmp_path)
    findings = examined(settings)
    assert findings["sec_www"].remarks == (
        "BITF is listed as KEEL today (ledger/symbol_aliases.csv)",
    )
    assert any("BITF: 5 sessions missing" in remark for remark in findings["yahoo"].remarks)
    text = "\n".join(diagnosis(settings, list(findings.values())))
    assert "mend:  add or correct the row of the share there" in text


def test_figures_that_end_too_early_are_late(vendor, tmp_path):
    serve(vendor, newest=SUNDAY - timedelta(days=7), session=date(2025, 12, 30))
    vendor.on(PATHS["sec"], as_json(filings(date(2025, 10, 1))))
    vendor.on(PATHS["blockchain_com"], bodies(SUNDAY, FRIDAY)["blockchain_com"])
    vendor.on(PATHS["coinbase"], as_json([]))
    findings = examined(whole(vendor, tmp_path))
    assert {host: each.state for host, each in findings.items() if each.state != "ok"} == {
        "yahoo": "late",
        "tiingo": "late",
        "coinbase": "late",
        "kraken": "late",
        "coinmetrics": "late",
        "mempool": "late",
        "sec": "late",
    }
    assert findings["yahoo"].problem == "Its figures end 6 days ago; 5 are usual at the most."
    assert findings["coinbase"].newest_date is None
    assert "no day that is over" in findings["coinbase"].problem
    assert all(each.mend for each in findings.values() if each.state == "late")


def test_another_shape_is_a_failure_that_a_run_would_meet_too(vendor, tmp_path):
    for path in PATHS.values():
        vendor.on(path, as_json({"ok": True}))
    findings = examined(whole(vendor, tmp_path))
    assert {each.state for each in findings.values()} == {"failed"}
    assert all(each.problem and each.mend for each in findings.values())


def test_each_failure_is_named_beside_its_source(vendor, tmp_path):
    serve(vendor)
    vendor.on(PATHS["yahoo"], status(429, b"Edge: Too Many Requests"))
    vendor.on(PATHS["coinbase"], html(200))
    vendor.on(PATHS["kraken"], silence())
    vendor.on(PATHS["coinmetrics"], reset_mid_body())
    vendor.on(PATHS["mempool"], status(403, b"blocked"))
    settings = made_settings(vendor, tmp_path)
    findings = examined(settings)
    assert {host: each.state for host, each in findings.items()} == {
        "yahoo": "failed",
        "tiingo": "not set up",
        "coinbase": "failed",
        "kraken": "failed",
        "coinmetrics": "failed",
        "mempool": "failed",
        "blockchain_com": "ok",
        "sec": "not set up",
        "sec_search": "not set up",
        "sec_www": "not set up",
    }
    assert "Edge: Too Many Requests" in findings["yahoo"].problem
    assert "text/html" in findings["coinbase"].problem
    assert "time-out" in findings["kraken"].problem
    assert "403" in findings["mempool"].problem
    assert findings["tiingo"].mend == "set MINER_TIINGO_KEY"
    assert findings["sec"].mend.startswith("set MINER_CONTACT")
    # A diagnosis does not try again; only coinmetrics and so on answered at all.
    assert len(vendor.requests) == 6
    assert is_well(list(findings.values()))
    text = "\n".join(diagnosis(settings, list(findings.values())))
    assert text.endswith("1 of 6 sources of the default set answer.")
    assert "  MINER_CONTACT             not set\n" in text


def test_the_outlook_says_who_would_answer_for_each_table(vendor, tmp_path):
    serve(vendor)
    vendor.on(PATHS["coinbase"], status(403, b"blocked"))
    vendor.on(PATHS["coinmetrics"], status(500))
    vendor.on(PATHS["sec_search"], html(403))
    settings = made_settings(vendor, tmp_path, MINER_CONTACT="me@example.org")
    lines = [
        " ".join(line.split()) for line in outlook(settings, list(examined(settings).values()))
    ]
    assert lines == [
        "btc_hourly_prices from kraken (coinbase: failed)",
        "btc_prices from kraken (coinbase: failed)",
        "btc_prices_second_source from kraken",
        "equity_closes_second_source from the data folder (tiingo: not set up)",
        "equity_dividends from yahoo",
        "equity_prices from yahoo",
        "equity_splits from yahoo",
        "filing_candidates nobody answers; what is stored stays (sec_edgar: failed)",
        "network_metrics nobody answers; what is stored stays (coinmetrics: failed)",
        "network_metrics_second_source from blockchain_com",
        "network_metrics_second_source from mempool",
        "xbrl_facts from sec_edgar",
    ]


def test_every_vendor_of_the_study_has_a_probe():
    with (BUNDLED_DATA_DIR / "study" / "vendors.csv").open(encoding="utf-8") as file:
        asked = {(row["vendor"], row["table_name"]) for row in csv.DictReader(file)}
    hosts = {host for vendor, table in asked for host in HOSTS_OF.get((vendor, table), (vendor,))}
    assert hosts == {probe.host for probe in PROBES}


def test_without_any_connection_it_says_so_and_the_shell_knows(tmp_path, monkeypatch, capsys):
    with Loopback() as gone:
        settings = made_settings(gone, tmp_path)
    monkeypatch.setattr("dagster_project.sources.live.doctor.TIMEOUT_S", 2)
    monkeypatch.setattr("dagster_project.sources.live.doctor.DEADLINE_S", 4)
    assert consult(settings) == 1
    printed = capsys.readouterr().out
    assert printed.count("no connection: ") == 6
    assert "0 of 6 sources of the default set answer: check this machine's connection" in printed
    assert "MINER_SOURCE=replay" in printed


def test_optional_sources_alone_are_not_enough(vendor, tmp_path):
    answers = bodies(SUNDAY, FRIDAY)
    for host in ("sec", "tiingo"):
        vendor.on(PATHS[host], answers[host])
    findings = examined(whole(vendor, tmp_path))
    assert (findings["sec"].state, findings["tiingo"].state) == ("ok", "ok")
    assert not is_well(list(findings.values()))


def test_the_archive_is_part_of_what_is_configured(vendor, tmp_path):
    archive = Archive(tmp_path / "archive")
    for day in (5, 7):
        archive.write(
            "coinbase",
            f"/{day}",
            status=200,
            headers={},
            body=b"[]",
            retrieved_at=datetime(2026, 1, day, tzinfo=UTC),
        )
    settings = made_settings(vendor, tmp_path)
    assert any(
        line.endswith("archive (2 answers, 2026-01-05 to 2026-01-07)")
        for line in diagnosis(settings, [])
    )


@pytest.mark.parametrize("setting", ["MINER_TIINGO_KEY", "MINER_ALERT_WEBHOOK"])
@pytest.mark.parametrize("is_set", [True, False])
def test_a_secret_is_said_to_be_set_and_never_shown(vendor, tmp_path, setting, is_set):
    value = f"https://example.org/{KEY}" if "WEBHOOK" in setting else KEY
    settings = made_settings(vendor, tmp_path, **({setting: value} if is_set else {}))
    (line,) = [line for line in diagnosis(settings, []) if line.startswith(f"  {setting} ")]
    assert (line.split() == [setting, "set"]) is is_set
    assert KEY not in "\n".join(diagnosis(settings, []))
