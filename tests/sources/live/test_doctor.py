"""The diagnosis names what answers, how fresh it is, and what to set."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from dagster_project.settings import Settings, read_settings
from dagster_project.sources.live.archive import Archive
from dagster_project.sources.live.doctor import (
    PATIENTS,
    Finding,
    consult,
    diagnosis,
    examine,
    is_well,
)
from dagster_project.sources.live.hosts import HOSTS
from tests.sources.live.loopback import (
    FakeClock,
    Loopback,
    as_json,
    html,
    reset_mid_body,
    silence,
    status,
)

KEY = "k3y-that-nobody-may-see"
PATHS = {
    "yahoo": "/v8/finance/chart/SPY",
    "tiingo": "/tiingo/daily/SPY",
    "coinbase": "/products/BTC-USD/stats",
    "kraken": "/0/public/Time",
    "coinmetrics": "/v4/timeseries/asset-metrics",
    "mempool": "/api/v1/mining/hashrate/3m",
    "blockchain_com": "/charts/hash-rate",
    "sec": "/submissions/CIK0001167419.json",
    "sec_search": "/LATEST/search-index",
    "sec_www": "/files/company_tickers.json",
}
HURRY = {"timeout_s": 0.2, "deadline_s": 0.3}


def made_settings(vendor: Loopback, tmp_path: Any, **more: str) -> Settings:
    return read_settings(
        {
            "MINER_OUTPUT_DIR": str(tmp_path),
            **{f"MINER_URL_{host.upper()}": vendor.url for host in HOSTS},
            **more,
        }
    )


def examined(settings: Settings) -> dict[str, Finding]:
    findings = examine(settings, clock=FakeClock(), changes=HURRY)
    return {each.patient.host: each for each in findings}


def test_every_host_is_examined_once():
    assert sorted(patient.host for patient in PATIENTS) == sorted(PATHS) == sorted(HOSTS)


def test_what_answers_is_well_and_says_how_fresh_it_is(vendor, tmp_path):
    for path in PATHS.values():
        vendor.on(path, as_json({"ok": True}))
    vendor.on(PATHS["tiingo"], as_json({"ticker": "SPY", "endDate": "2026-01-02"}))
    settings = made_settings(vendor, tmp_path, MINER_CONTACT="me@example.org", MINER_TIINGO_KEY=KEY)
    findings = examined(settings)
    assert {each.state for each in findings.values()} == {"ok"}
    assert {host: each.newest_date for host, each in findings.items() if each.newest_date} == {
        "tiingo": date(2026, 1, 2)
    }
    assert len(vendor.requests) == len(PATHS)
    lines = diagnosis(settings, list(findings.values()))
    assert any("tiingo" in line and "newest 2026-01-02" in line for line in lines)
    assert lines[-1] == "6 of 6 sources of the default set answer."
    assert KEY not in "\n".join(lines)
    # A question of a doctor is no figure: nothing is recorded.
    assert not (tmp_path / "archive").exists()


def test_each_failure_is_named_beside_its_source(vendor, tmp_path):
    vendor.on(PATHS["yahoo"], status(429, b"Edge: Too Many Requests"))
    vendor.on(PATHS["coinbase"], html(200))
    vendor.on(PATHS["kraken"], silence())
    vendor.on(PATHS["coinmetrics"], reset_mid_body())
    vendor.on(PATHS["mempool"], status(403, b"blocked"))
    vendor.on(PATHS["blockchain_com"], as_json([]))
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
    # One question each: a diagnosis does not try again.
    assert len(vendor.requests) == 6
    assert is_well(list(findings.values()))
    text = "\n".join(diagnosis(settings, list(findings.values())))
    assert text.endswith("1 of 6 sources of the default set answer.")
    assert "MINER_CONTACT      not set" in text


def test_without_any_connection_it_says_so_and_the_shell_knows(tmp_path, monkeypatch, capsys):
    with Loopback() as gone:
        settings = made_settings(gone, tmp_path)
    monkeypatch.setattr("dagster_project.sources.live.doctor.TIMEOUT_S", 0.2)
    monkeypatch.setattr("dagster_project.sources.live.doctor.DEADLINE_S", 0.3)
    assert consult(settings) == 1
    printed = capsys.readouterr().out
    assert printed.count("no connection: ") == 6
    assert "0 of 6 sources of the default set answer: check this machine's connection" in printed
    assert "MINER_SOURCE=replay" in printed


def test_optional_sources_alone_are_not_enough(vendor, tmp_path):
    vendor.on(PATHS["sec"], as_json({}))
    vendor.on(PATHS["tiingo"], as_json({"endDate": "someday"}))
    settings = made_settings(vendor, tmp_path, MINER_CONTACT="me@example.org", MINER_TIINGO_KEY=KEY)
    findings = examined(settings)
    assert (findings["sec"].state, findings["tiingo"].state) == ("ok", "ok")
    assert findings["tiingo"].newest_date is None
    assert not is_well(list(findings.values()))


def test_the_archive_is_part_of_what_is_configured(vendor, tmp_path):
    from datetime import UTC, datetime

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


@pytest.mark.parametrize("key", ["", KEY])
def test_a_key_is_said_to_be_set_and_never_shown(vendor, tmp_path, key):
    settings = made_settings(vendor, tmp_path, MINER_TIINGO_KEY=key)
    text = "\n".join(diagnosis(settings, []))
    assert ("MINER_TIINGO_KEY   set" in text) is bool(key)
    assert KEY not in text
