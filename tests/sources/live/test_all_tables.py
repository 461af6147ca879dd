"""Every live table from every vendor over real connections, and again from the archive."""

from __future__ import annotations

import gzip
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import BY_NAME, LIVE_TABLES
from dagster_project.errors import SourceError
from dagster_project.ingest import Ingested
from dagster_project.secret import NO_SECRET
from dagster_project.settings import Settings, prepare_output_folders
from dagster_project.sources.live import hosts, http_client
from dagster_project.sources.live.hosts import HOSTS
from tests.sources.live.internet import (
    TIINGO_KEY,
    Internet,
    live_settings,
    raw_rows,
    revisions,
    run_live,
)
from tests.sources.live.live_child import PARENTS, TABLES, Present
from tests.sources.live.loopback import Loopback, status

TODAY = datetime.now(UTC).date()
WEEK = timedelta(days=7)


class Runs:
    """Live runs into one warehouse, and what each of them did."""

    def __init__(self, internet: Internet, settings: Settings) -> None:
        self.internet, self.settings = internet, settings
        self.reports: list[dict[str, Ingested]] = []

    def run(self) -> None:
        self.reports.append(run_live(self.settings, TABLES))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A first run into an empty warehouse."""
    folder = tmp_path_factory.mktemp("all_tables")
    with pytest.MonkeyPatch.context() as patch, Loopback() as vendor:
        patch.setattr(
            hosts, "HOSTS", {name: replace(policy, attempts=2) for name, policy in HOSTS.items()}
        )
        patch.setattr(http_client, "SystemClock", Present)
        internet = Internet(
            vendor,
            firms=("AAA", "BBB"),
            first=TODAY - timedelta(days=45),
            until=TODAY - timedelta(days=9),
            unlisted_ciks=("AAA", "BBB"),
        )
        settings = live_settings(internet, folder / "live", internet.write_panel(folder / "data"))
        run_live(settings, PARENTS)
        made = Runs(internet, settings)
        made.run()
        yield made


@pytest.fixture(scope="module")
def later(runs: Runs) -> Runs:
    """A week later there are new days, corrections everywhere, a split and vendors that are down
    for one share and one series; and once more, when everybody is well and nothing is new."""
    runs.internet.until += WEEK
    runs.internet.corrected = True
    blocked = status(403, b"<html>no</html>", "text/html")
    for path in ("/v8/finance/chart/BBB", "/charts/hash-rate"):
        runs.internet.vendor.on(path, blocked)
    runs.run()
    runs.internet.answer_everywhere()
    runs.run()
    return runs


def _stored(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_table_is_filled_from_its_first_vendor(runs: Runs) -> None:
    first = runs.reports[0]
    assert {name: report.missing for name, report in first.items() if report.missing} == {}
    vendors = {name: {part.vendor for part in report.parts} for name, report in first.items()}
    assert vendors == {
        "equity_prices": {"yahoo"},
        "equity_closes_second_source": {"tiingo"},
        "equity_splits": {"yahoo"},
        "equity_dividends": {"yahoo"},
        "btc_prices": {"coinbase"},
        "btc_prices_second_source": {"kraken"},
        "btc_hourly_prices": {"coinbase"},
        "network_metrics": {"coinmetrics"},
        "network_metrics_second_source": {"mempool.space", "blockchain.com"},
        "filing_candidates": {"sec_edgar"},
        "xbrl_facts": {"sec_edgar"},
    }
    assert {name for name, report in first.items() if not report.total} == {"equity_splits"}
    assert sum(report.count("rejected") for report in first.values()) == 0


def test_no_key_is_stored_anywhere(runs: Runs) -> None:
    """Neither in the archive nor in the warehouse."""
    folder = runs.settings.output_dir
    holding = [
        path for path in folder.rglob("*")
        if path.is_file() and TIINGO_KEY.encode() in path.read_bytes()
    ]  # fmt: skip
    assert holding == []


@pytest.mark.slow
def test_what_is_stored_is_what_the_vendors_said(later: Runs) -> None:
    internet, path = later.internet, later.settings.warehouse_path
    sessions = internet.sessions(internet.first, internet.until)
    closes = _stored(path, "SELECT ticker, session_date, close FROM raw.equity_prices")
    assert {(ticker, day): close for ticker, day, close in closes} == {
        (ticker, day): internet.close(ticker, day, as_traded=False)
        for ticker in ("AAA", "BBB", "IDX")
        for day in sessions
    }
    ((hours, wrong),) = _stored(
        path,
        "SELECT count(*), count(*) FILTER (WHERE d.close <> h.close) FROM raw.btc_hourly_prices h "
        "LEFT JOIN raw.btc_prices d ON d.date_utc = h.date_utc AND h.hour_utc = 23",
    )
    days = (internet.until - internet.first).days + 1
    assert (hours, wrong) == (24 * days, 0)
    (spread,) = _stored(
        path,
        "SELECT max(abs(b.hashrate_eh_s / a.hashrate_eh_s - 1)), count(DISTINCT b.source) "
        "FROM raw.network_metrics a JOIN raw.network_metrics_second_source b USING (date_utc)",
    )
    assert spread[0] < 0.011, "mempool.space is aligned by its day, a hundredth below"
    assert spread[1] == 2
    assert _stored(path, "SELECT ticker, ex_date, ratio FROM raw.equity_splits") == [
        ("AAA", internet.split_on, 2.0)
    ]
    candidates = _stored(path, "SELECT DISTINCT ticker, form, status FROM raw.filing_candidates")
    assert sorted(candidates) == [
        (ticker, form, "figures_found")
        for ticker in ("AAA", "BBB")
        for form in ("6-K", "8-K")
    ]  # fmt: skip


@pytest.mark.slow
def test_the_second_run_takes_what_is_new_and_records_what_was_corrected(later: Runs) -> None:
    second = later.reports[1]
    revised = {name: report.count("updated") for name, report in second.items()}
    assert all(revised[name] for name in LIVE_TABLES if name != "equity_splits"), revised
    removed = {name: report.count("removed") for name, report in second.items()}
    assert set(removed.values()) == {0}
    (answered_instead,) = (p for p in second["equity_prices"].parts if p.symbol == "BBB")
    assert answered_instead.vendor == "tiingo"
    assert "status 403" in answered_instead.tried[0]
    (missing,) = second["network_metrics_second_source"].missing
    assert "blockchain.com" in missing.tried[0]


@pytest.mark.slow
def test_a_third_run_heals_what_was_missing_and_changes_nothing_else(later: Runs) -> None:
    third = later.reports[2]
    changed = {
        name: (report.count("inserted"), report.count("updated"))
        for name, report in third.items()
        if report.count("inserted") or report.count("updated")
    }
    # A share that another vendor stood in for, and a series that nobody answered for.
    assert set(changed) == {
        "equity_prices", "equity_dividends", "network_metrics_second_source"
    } & set(changed)  # fmt: skip
    assert changed["network_metrics_second_source"][0] == WEEK.days
    assert {name: report.missing for name, report in third.items() if report.missing} == {}


@pytest.mark.slow
def test_the_archive_alone_rebuilds_every_live_table_bit_for_bit(
    later: Runs, tmp_path: Path
) -> None:
    """Rows in their stored order, in every column but the random name of the load; so are the
    revisions, old values and all. Nobody is asked, and no key or contact is needed."""
    replayed = replace(
        later.settings,
        source_mode="replay",
        output_dir=tmp_path / "replayed",
        tiingo_key=NO_SECRET,
        contact="",
        source_urls=(),
    )
    prepare_output_folders(replayed)
    asked = len(later.internet.vendor.requests)
    run_live(replayed, (*PARENTS, *TABLES))
    assert len(later.internet.vendor.requests) == asked
    live = raw_rows(later.settings.warehouse_path)
    again = raw_rows(replayed.warehouse_path)
    for name in LIVE_TABLES:
        assert again[name] == live[name], name
        assert live[name], name
    assert _by_table(replayed) == _by_table(later.settings)
    assert set(_by_table(replayed)) >= set(LIVE_TABLES) - {"equity_splits"}


def _by_table(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    made = defaultdict(list)
    for name, *revision in revisions(settings.warehouse_path):
        made[name].append(tuple(revision))
    return dict(made)


@pytest.mark.slow
def test_a_lost_body_of_the_archive_is_named_and_nothing_is_made_up(
    later: Runs, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    shutil.copytree(later.settings.archive_dir, archive)
    for body in (archive / "bodies").rglob("*.gz"):
        body.write_bytes(gzip.compress(b"[]"))
    replayed = replace(
        later.settings, source_mode="replay", output_dir=tmp_path / "out", archive_dir=archive
    )
    prepare_output_folders(replayed)
    run_live(replayed, PARENTS)
    with pytest.raises(SourceError, match="the file was damaged or changed"):
        run_live(replayed, (BY_NAME["btc_prices"],))
