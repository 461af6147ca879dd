"""Kills of a live run, fifty nightly: the next run makes good what the killed one left, exactly.

Equal to an undisturbed run are, after the run that follows a kill:

- every row of every live raw table in every column but ``batch_id`` (a random name of the load)
  and ``retrieved_at`` (the moment of the answer: a part that the killed run had loaded keeps it);
- ``ingest.revisions``, with the same two left out of the old rows, and without ``revised_at``;
- the published tables: names, rows, shapes and content checksums of the manifest.

``ingest.batches`` differs by its nature: it logs the loads of both runs. Every load that a row or
a revision names must stand in it as loaded.
"""

from __future__ import annotations

import bisect
import itertools
import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import LIVE_TABLES
from dagster_project.warehouse.connection import warehouse
from dagster_project.warehouse.history import has_history
from tests.sources.live.internet import Internet, live_settings, raw_rows, revisions, run_live
from tests.sources.live.live_child import PARENTS, Killable
from tests.sources.live.loopback import Loopback

SEED = 20250326
# Of each of the two markets: kills spread over the whole run, and over its publication.
KILLS = [
    pytest.param(7, 3, id="ten"),
    pytest.param(19, 6, id="twenty-five", marks=pytest.mark.nightly),
]
AT_ONCE = 2
MAY_DIFFER = ("batch_id", "retrieved_at")
TODAY = datetime.now(UTC).date()


@dataclass
class Market:
    """One state of the internet and the output folder from which runs start."""

    internet: Internet
    until: date
    corrected: bool
    data: Path
    start: Path
    undisturbed: Path
    lasted: Mapping[str, float] = field(default_factory=dict)

    def environment(self, folder: Path) -> dict[str, str]:
        """Settings of a run into ``folder``; from now on this market is the vendors'."""
        self.internet.until, self.internet.corrected = self.until, self.corrected
        return self.internet.environment(folder, self.data)


@pytest.fixture(scope="module")
def killable() -> Killable:
    return Killable()


def _database(folder: Path) -> Path:
    return folder / "warehouse" / "miner_warehouse.duckdb"


def _published(folder: Path) -> dict[str, Any]:
    """Tables of the manifest without what says when and where they were written."""
    manifest = json.loads((folder / "published" / "manifest.json").read_text())
    return {
        table["name"]: {name: said for name, said in table.items() if name != "parquet"}
        for table in manifest["tables"]
    }


def _content(folder: Path) -> dict[str, Any]:
    """Everything that must agree with an undisturbed run."""
    rows = raw_rows(_database(folder), leave_out=MAY_DIFFER)
    return {
        **{name: sorted(of_table, key=repr) for name, of_table in rows.items()},
        "revisions": sorted(revisions(_database(folder), leave_out=MAY_DIFFER), key=repr),
        "published": _published(folder),
    }


def _unknown_loads(folder: Path) -> set[str]:
    """Loads that a row or a revision names and the log of loads does not know as loaded."""
    named = [f"SELECT batch_id FROM raw.{name}" for name in LIVE_TABLES]
    named += [f"SELECT {which}_batch_id FROM ingest.revisions" for which in ("old", "new")]
    with warehouse(_database(folder), read_only=True) as connection:
        rows = connection.execute(
            f"SELECT batch_id FROM ({' UNION '.join(named)}) EXCEPT "
            "SELECT batch_id FROM ingest.batches WHERE status = 'loaded'"
        ).fetchall()
    return {batch for (batch,) in rows}


def _leftovers(folder: Path) -> list[str]:
    """Files that only a killed process leaves."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if (path.name.startswith(".") and path.name != ".publish.lock")
        or path.suffix in {".wal", ".tmp"}
    ]


def _read_as_a_reader(folder: Path) -> str | None:
    """Id of the publication a reader finds, None before the first; fails where it is torn."""
    published = folder / "published"
    database = published / "miner_marts.duckdb"
    if not database.exists():
        return None
    with duckdb.connect(str(database), read_only=True) as connection:
        (closes, stated), = connection.execute(
            "SELECT (SELECT count(*) FROM marts.fct_closes), n_rows FROM marts.dim_table "
            "WHERE table_name = 'equity_prices'"
        ).fetchall()  # fmt: skip
    assert closes == stated, "two tables of one publication contradict each other"
    # A connection of its own: several kills are made at once, and duckdb.sql() has one for all.
    with duckdb.connect() as connection:
        (in_parquet,), = connection.execute(
            f"SELECT count(*) FROM '{(published / 'parquet').resolve()}/fct_closes.parquet'"
        ).fetchall()  # fmt: skip
    manifest = json.loads((published / "manifest.json").read_text())
    rows = {table["name"]: table["rows"] for table in manifest["tables"]}
    # Between two of these reads a publication may be swapped in, but none is when all is still.
    assert rows["fct_closes"] == closes == in_parquet
    return str(manifest["publication_id"])


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory, killable: Killable) -> Iterator[Market]:
    """Nothing is stored yet but what the vendors' tables refer to."""
    folder = tmp_path_factory.mktemp("kills")
    with Loopback() as vendor:
        internet = Internet(
            vendor,
            firms=("AAA",),
            first=TODAY - timedelta(days=30),
            until=TODAY - timedelta(days=9),
            unlisted_ciks=("AAA",),
        )
        data = internet.write_panel(folder / "data", n_phrases=1)
        run_live(live_settings(internet, folder / "empty", data), PARENTS)
        # DuckDB may be killed while it rewrites a block in place: then this is restored.
        assert has_history(_database(folder / "empty"))
        made = Market(internet, internet.until, False, data, folder / "empty", folder / "first")
        yield _with_undisturbed(made, killable)


@pytest.fixture(scope="module")
def second_day(first_day: Market, killable: Killable, tmp_path_factory: Any) -> Market:
    """The first day is stored; there are new days, corrections everywhere, and a split."""
    made = Market(
        first_day.internet,
        first_day.until + timedelta(days=7),
        True,
        first_day.data,
        first_day.undisturbed,
        tmp_path_factory.mktemp("second") / "second",
    )
    return _with_undisturbed(made, killable)


def _with_undisturbed(market: Market, killable: Killable) -> Market:
    """Run to the end ``AT_ONCE`` times at once: the same load on the machine as when killing."""
    copies = [market.undisturbed, market.undisturbed.with_name("again")][:AT_ONCE]
    for copy in copies:
        shutil.copytree(market.start, copy, symlinks=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lasted = list(pool.map(lambda copy: killable.run(market.environment(copy)), copies))
    assert _content(copies[0]) == _content(copies[-1]), "two undisturbed runs are equal"
    market.lasted = lasted[0]
    return market


def _points(market: Market, number: int, seed: str) -> list[tuple[str, float]]:
    """So many moments of a run, one in each of as many equal parts of it: a stage, and the
    seconds that it has lasted by then. By stages, because no two runs are equally fast."""
    chosen = random.Random(f"{SEED} {seed}")  # noqa: S311 - no secret hangs on it
    stages, lengths = list(market.lasted), list(market.lasted.values())
    ends = list(itertools.accumulate(lengths))
    made = []
    for n in range(number):
        at_s = ends[-1] * (n + chosen.random()) / number
        at = min(bisect.bisect_right(ends, at_s), len(stages) - 1)
        made.append((stages[at], at_s - (ends[at] - lengths[at])))
    return made


def _kill_once(
    market: Market, killable: Killable, folder: Path, wanted: str, delay_s: float
) -> str:
    """Kill a run, look as a reader, run again, compare. Returns where it was killed, or "done"."""
    shutil.copytree(market.start, folder, symlinks=True)
    before = _read_as_a_reader(folder)
    process, stage = killable.start(market.environment(folder))
    while stage.name != wanted and process.is_alive():
        time.sleep(0.001)
    process.join(delay_s)
    process.kill()
    process.join()
    if process.exitcode == 0:
        shutil.rmtree(folder)
        return "done"
    killed_in = stage.name
    seen = _read_as_a_reader(folder)
    if killed_in != "publication":
        assert seen == before, "only a publication changes what readers see"
    killable.run(market.environment(folder))
    assert _read_as_a_reader(folder) is not None
    assert _content(folder) == _content(market.undisturbed), f"killed in {killed_in}"
    assert _unknown_loads(folder) == set()
    assert _leftovers(folder) == []
    shutil.rmtree(folder)
    return killed_in


def _kill_often(
    market: Market, killable: Killable, folder: Path, points: list[tuple[str, float]]
) -> Counter[str]:
    """Kills at these points, some at once. One that came too late is tried again, earlier."""
    names = itertools.count()

    def kill(point: tuple[str, float]) -> str:
        stage, delay_s = point
        for _ in range(10):
            where = _kill_once(market, killable, folder / str(next(names)), stage, delay_s)
            if where != "done":
                return where
            delay_s *= 0.7
        raise AssertionError("ten runs ended before they were killed")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(kill, points))


@pytest.mark.slow
@pytest.mark.parametrize("day", ["first_day", "second_day"])
@pytest.mark.parametrize(("over_the_run", "over_the_publication"), KILLS)
def test_after_a_kill_the_next_run_equals_an_undisturbed_one(
    day: str,
    over_the_run: int,
    over_the_publication: int,
    request: pytest.FixtureRequest,
    killable: Killable,
    tmp_path: Path,
) -> None:
    market: Market = request.getfixturevalue(day)
    points = _points(market, over_the_run, day)
    within = replace(market, lasted={"publication": market.lasted["publication"]})
    points += _points(within, over_the_publication, f"{day} publication")
    killed = _kill_often(market, killable, tmp_path, points)
    print(f"\n{day}: killed in {dict(killed)}")
    assert killed.total() == over_the_run + over_the_publication
    assert killed["publication"] >= over_the_publication / 2
    assert len(killed) >= min(6, over_the_run // 2 + 1), "the kills are spread over the tables"


@pytest.mark.slow
def test_the_archive_of_a_killed_and_a_finished_run_rebuilds_the_same_rows(
    first_day: Market, second_day: Market, killable: Killable, tmp_path: Path
) -> None:
    """A part that the killed run noted and did not load is loaded by the replay, too early but
    with the same figures."""
    folder, replayed = tmp_path / "killed", tmp_path / "replayed"
    shutil.copytree(second_day.start, folder, symlinks=True)
    process, stage = killable.start(second_day.environment(folder))
    while stage.name != "network_metrics":
        time.sleep(0.001)
    process.kill()
    process.join()
    killable.run(second_day.environment(folder))
    shutil.copytree(first_day.start, replayed, symlinks=True)
    asked = len(first_day.internet.vendor.requests)
    killable.run(
        {
            **second_day.environment(replayed),
            "MINER_SOURCE": "replay",
            "MINER_ARCHIVE_DIR": str(folder / "archive"),
        }
    )
    assert len(first_day.internet.vendor.requests) == asked
    assert _content(replayed) == _content(folder) == _content(second_day.undisturbed)


@pytest.mark.slow
def test_what_is_compared_can_differ(
    second_day: Market, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """One changed price, one lost revision or one lost publication is seen."""
    expected = _content(second_day.undisturbed)
    changes: list[Callable[[duckdb.DuckDBPyConnection], object]] = [
        lambda c: c.execute("UPDATE raw.equity_prices SET close = close + 0.01 WHERE ticker='IDX'"),
        lambda c: c.execute("DELETE FROM ingest.revisions WHERE table_name = 'btc_prices'"),
        lambda c: c.execute("DELETE FROM raw.xbrl_facts WHERE value > 1e8"),
    ]
    for number, change in enumerate(changes):
        folder = tmp_path / str(number)
        shutil.copytree(second_day.undisturbed, folder, symlinks=True)
        with warehouse(_database(folder)) as connection:
            change(connection)
        assert _content(folder) != expected
    shutil.copytree(second_day.start, tmp_path / "yesterday", symlinks=True)
    assert _published(tmp_path / "yesterday") != expected["published"]
    assert _unknown_loads(second_day.undisturbed) == set()
