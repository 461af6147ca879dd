"""`make live` against a simulated internet: whole runs of Dagster, some of them killed."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import LIVE_TABLES
from tests.sources.live.internet import Internet, raw_rows, revisions
from tests.sources.live.loopback import Loopback

from .conftest import Study, make_study

# Whole runs of Dagster and dbt.
pytestmark = pytest.mark.slow

TODAY = datetime.now(UTC).date()
# A run's own moments: what was answered when, and the name of the load.
MAY_DIFFER = ("batch_id", "retrieved_at")
# Where runs are killed: the last line they printed before, and how long after it, in seconds. Two
# of them nightly: tests/sources/live/test_kills.py kills extraction and publication more often.
KILLS = [
    pytest.param("raw/companies", 1.0, id="extraction", marks=pytest.mark.nightly),
    pytest.param("building and checking", 4.0, id="models"),
    pytest.param("dbt_models", 0.5, id="publication", marks=pytest.mark.nightly),
]


@dataclass(frozen=True)
class LiveRun:
    """One folder, and the run that filled it."""

    study: Study
    status: int
    printed: str


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    """Three firms and a fund over a year and a half: enough for a model before the event."""
    with Loopback() as vendor:
        yield Internet(
            vendor,
            firms=("AAA", "BBB", "CCC"),
            first=TODAY - timedelta(days=520),
            until=TODAY - timedelta(days=2),
            unlisted_ciks=("CCC",),
        )


@pytest.fixture(scope="module")
def start(internet: Internet, tmp_path_factory: pytest.TempPathFactory) -> Any:
    data = internet.write_panel(tmp_path_factory.mktemp("panel"))

    def made(name: str) -> Study:
        folder = tmp_path_factory.mktemp(name)
        return make_study(folder, **internet.environment(folder, data))

    return made


@pytest.fixture(scope="module")
def undisturbed(start: Any) -> LiveRun:
    study = start("undisturbed")
    return LiveRun(study, *study.call("run"))


def _query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def _marts(study: Study) -> dict[str, Any]:
    """Every published table: rows, shape and checksum of its content."""
    manifest = json.loads((study.published.parent / "manifest.json").read_text())
    return {t["name"]: {k: v for k, v in t.items() if k != "parquet"} for t in manifest["tables"]}


def _raw(study: Study) -> dict[str, Any]:
    rows = raw_rows(study.warehouse, leave_out=MAY_DIFFER)
    return {
        **{name: sorted(of_table, key=repr) for name, of_table in rows.items()},
        "revisions": sorted(revisions(study.warehouse, leave_out=MAY_DIFFER), key=repr),
    }


def test_a_live_run_builds_checks_and_publishes_everything(
    undisturbed: LiveRun, internet: Internet
) -> None:
    assert undisturbed.status == 0, undisturbed.printed
    for table in LIVE_TABLES:
        assert f"raw/{table}" in undisturbed.printed
    assert "My event (my-event)" in undisturbed.printed
    assert ", 0 failed" in undisturbed.printed
    counts = {n: len(rows) for n, rows in raw_rows(undisturbed.study.warehouse).items()}
    assert [name for name, count in counts.items() if not count] == ["equity_splits"]
    sessions = len(internet.sessions(internet.first, internet.until))
    assert counts["equity_prices"] == 4 * sessions
    events = _query(
        undisturbed.study.published,
        "SELECT ticker, status FROM marts.selloff_summary WHERE event_id = 'my-event' ORDER BY 1",
    )
    assert events == [("AAA", "ok"), ("BBB", "ok"), ("CCC", "ok")]
    filings = _query(
        undisturbed.study.published, "SELECT count(*) FROM marts.fct_filing_candidates"
    )
    assert filings[0][0] == counts["filing_candidates"]


@pytest.mark.parametrize(("line", "delay_s"), KILLS)
def test_a_killed_live_run_leaves_everything_to_the_next(
    undisturbed: LiveRun, start: Any, line: str, delay_s: float
) -> None:
    study = start("killed")
    process = study.start("run")
    assert process.stdout is not None
    for printed in process.stdout:
        if line in printed:
            break
    time.sleep(delay_s)
    assert process.poll() is None, "killed while it runs"
    process.kill()
    process.wait()
    process.stdout.close()
    if study.published.exists():  # then it is a whole one
        assert _marts(study) == _marts(undisturbed.study)
    status, text = study.call("run")
    assert status == 0, text
    assert _raw(study) == _raw(undisturbed.study)
    assert _marts(study) == _marts(undisturbed.study)
    left = [
        path for path in study.output_dir.rglob("*")
        if (path.name.startswith(".") and path.name != ".publish.lock") or path.suffix == ".wal"
    ]  # fmt: skip
    assert left == []
    shutil.rmtree(study.output_dir)
