"""A live run over a real connection: incremental, partial, recorded, and replayed bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_project.contracts import BY_NAME
from dagster_project.defs.common import INCREMENTAL_TAG
from dagster_project.defs.extraction import (
    Figures,
    FiguresFrom,
    extraction_definitions,
    monthly_partitions,
)
from dagster_project.errors import SourceError
from dagster_project.ingest import Ingested, ingest
from dagster_project.settings import BUNDLED_DATA_DIR, Settings, prepare_output_folders
from dagster_project.sources import open_folder, open_source
from dagster_project.sources.live import http_client
from dagster_project.sources.live.hosts import HOSTS
from dagster_project.sources.live.journal import Journal
from dagster_project.sources.live.opening import open_live
from tests.sources.live.loopback import Answer, Asked, FakeClock, Loopback, as_json, status

BITCOIN = BY_NAME["btc_prices"]
CANDLES = "/products/BTC-USD/candles"
TODAY = datetime.now(UTC).date()
SINCE = TODAY - timedelta(days=40)


def _candles(asked: Asked) -> Answer:
    """One bar per UTC day asked for, newest first, as the exchange orders them."""
    start, end = (datetime.fromisoformat(asked.query[name]) for name in ("start", "end"))
    rows: list[list[Any]] = []
    moment = start
    while moment <= min(end, datetime.now(UTC)):
        day = int(moment.timestamp()) // 86_400
        price = 60_000 + 100 * (day % 7)
        rows.append([int(moment.timestamp()), price - 50, price + 50, price, price + 10, 12.5])
        moment += timedelta(days=1)
    return as_json(rows[::-1])


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    # Limits and pauses are not what is looked at here: nobody waits for real.
    quick = {name: replace(policy, attempts=2) for name, policy in HOSTS.items()}
    monkeypatch.setattr("dagster_project.sources.live.hosts.HOSTS", quick)
    monkeypatch.setattr(http_client, "SystemClock", lambda: _Present())
    with Loopback() as made:
        made.on(CANDLES, _candles)
        yield made


class _Present(FakeClock):
    """The present, in which nobody waits."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def _settings(vendor: Loopback, folder: Path, archive: Path) -> Settings:
    made = Settings(
        data_dir=BUNDLED_DATA_DIR,
        output_dir=folder,
        source_mode="live",
        archive_dir=archive,
        source_urls=(("coinbase", vendor.url), ("kraken", vendor.url)),
        live_since=SINCE,
    )
    prepare_output_folders(made)
    return made


@pytest.fixture
def live(vendor: Loopback, tmp_path: Path) -> Settings:
    return _settings(vendor, tmp_path / "live", tmp_path / "archive")


def _run(settings: Settings) -> Ingested:
    return ingest(settings, open_source(settings), BITCOIN, None, incremental=True)


def _rows(settings: Settings, table: str = "raw.btc_prices") -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        return connection.execute(
            f"select * exclude (batch_id) from {table} order by all"
        ).fetchall()


def test_the_second_run_asks_for_the_last_days_only(vendor: Loopback, live: Settings) -> None:
    first = _run(live)
    assert first.total == 40, "today's bar is still open"
    assert first.parts[0].vendor == "coinbase"
    asked = vendor.requests[-1]
    assert asked.query["start"].startswith(SINCE.isoformat())
    again = _run(live)
    assert (again.count("inserted"), again.count("updated")) == (0, 0)
    last = TODAY - timedelta(days=1)
    assert vendor.requests[-1].query["start"].startswith((last - timedelta(days=10)).isoformat())


def test_when_every_exchange_refuses_the_stored_days_stay(vendor: Loopback, live: Settings) -> None:
    _run(live)
    vendor.on(CANDLES, status(403, b'{"message": "forbidden"}', "application/json"))
    down = _run(live)
    assert down.total == 40
    assert [part.status for part in down.parts] == ["unanswered"]
    assert [line.split(":")[0] for line in down.parts[0].tried] == ["coinbase", "kraken"]


def test_nothing_stored_and_nobody_there_is_an_error(vendor: Loopback, live: Settings) -> None:
    vendor.on(CANDLES, status(403, b"{}", "application/json"))
    with pytest.raises(SourceError, match="Nobody answered for table btc_prices"):
        _run(live)


def test_the_archive_alone_rebuilds_the_table_and_its_revisions(
    vendor: Loopback, live: Settings, tmp_path: Path
) -> None:
    _run(live)

    def corrected(asked: Asked) -> Answer:
        answer = _candles(asked)
        return replace(answer, body=answer.body.replace(b"12.5", b"13.5"))

    vendor.on(CANDLES, corrected)
    assert _run(live).count("updated") == 11, "ten days of overlap and the last"
    vendor.on(CANDLES, status(403, b"{}", "application/json"))
    _run(live)
    requests = len(vendor.requests)
    replayed = replace(
        _settings(vendor, tmp_path / "replayed", live.archive_dir), source_mode="replay"
    )
    result = _run(replayed)
    assert len(vendor.requests) == requests, "a replay asks nobody"
    assert [part.status for part in result.parts] == ["loaded", "loaded", "unanswered"]
    assert _rows(replayed) == _rows(live)
    columns = "table_name, row_key, action, changed_columns"
    for settings in (live, replayed):
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
            revised = connection.execute(
                f"select {columns} from ingest.revisions order by all"
            ).fetchall()
        assert len(revised) == 11


def test_a_replay_stands_still_at_an_instant(
    vendor: Loopback, live: Settings, tmp_path: Path
) -> None:
    _run(live)
    (entry,) = Journal(live.archive_dir).entries(BITCOIN.name)
    _run(live)
    still = replace(
        _settings(vendor, tmp_path / "still", live.archive_dir),
        source_mode="replay",
        replay_at=entry.ended_at.replace(tzinfo=UTC),
    )
    assert len(_run(still).parts) == 1


def test_a_cut_line_of_the_journal_loses_that_entry_alone(vendor: Loopback, live: Settings) -> None:
    _run(live)
    journal = Journal(live.archive_dir)
    with journal.path.open("ab") as file:
        file.write(b'{"format": 1, "table": "btc_pr')
    _run(live)
    assert len(list(journal.entries(BITCOIN.name))) == 2


def test_a_run_of_dagster_can_be_made_live_in_the_launchpad(
    vendor: Loopback, live: Settings
) -> None:
    bundled = replace(live, source_mode="bundled")
    months = monthly_partitions(bundled)
    definitions = extraction_definitions(bundled, months)
    assets = [a for a in definitions.assets or [] if isinstance(a, dg.AssetsDefinition)]
    result = dg.materialize(
        assets,
        selection=[dg.AssetKey(["raw", "btc_prices"])],
        resources={"figures": Figures(source=FiguresFrom["live"])},
        # Of the folder's months any will do: the tag lets vendors go on from what is stored.
        partition_key=months.get_last_partition_key(),
        tags={INCREMENTAL_TAG: "1"},
    )
    assert result.success
    (made,) = result.asset_materializations_for_node("raw__btc_prices")
    told = {name: value.value for name, value in made.metadata.items()}
    assert (told["symbols_done"], told["symbols_missing"], told["requests"]) == (1, 0, 1)
    assert told["source"] == "coinbase"
    assert all(check.passed for check in result.get_asset_check_evaluations())

    vendor.on(CANDLES, status(403, b"{}", "application/json"))
    result = dg.materialize(
        assets,
        selection=[dg.AssetKey(["raw", "btc_prices"])],
        resources={"figures": Figures(source=FiguresFrom["live"])},
        # Of the folder's months any will do: the tag lets vendors go on from what is stored.
        partition_key=months.get_last_partition_key(),
        tags={INCREMENTAL_TAG: "1"},
    )
    assert result.success, "what was stored stays and the rest of the run goes on"
    (failed,) = [each for each in result.get_asset_check_evaluations() if not each.passed]
    assert failed.check_name == "every_symbol_answered"
    assert failed.severity is dg.AssetCheckSeverity.ERROR
    assert "BTC: unanswered: coinbase" in (failed.description or "")


def test_every_table_of_the_study_has_a_plan_without_a_key(
    vendor: Loopback, live: Settings
) -> None:
    source = open_live(live, open_folder(live), today=date(2026, 1, 5))
    (part,) = source.answers(BY_NAME["equity_closes_second_source"])
    assert "MINER_TIINGO_KEY is not set" in part.notes[-1]  # type: ignore[union-attr]
    (part,) = source.answers(BY_NAME["companies"])
    assert part.source == "bundled"  # type: ignore[union-attr]
