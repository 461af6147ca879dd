"""Proof that readers never meet an error or half a publication while the pipeline writes.

``python -m benchmarks.publication [--readers N] [--publications N] [--pause SECONDS]
[--without-rebuild] [--warehouse FILE] [--small] [--write docs/benchmarks]``.

The whole pipeline runs once into a folder of its own (or a working file that is built already is
published there) and, where this machine has a PostgreSQL
server, into a throwaway database. Then N reader processes per target ask without end while
publications of ever other rows are made, and meanwhile ``rebuild`` builds the whole warehouse anew
and publishes it too. The publications are made from a copy of the working file with long tables
cut, so that twenty of them take minutes; the first and the rebuilt one are whole.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.machine import machine, revision
from dagster_project.postgres import show_in_postgres
from dagster_project.secret import NO_SECRET, Secret
from dagster_project.settings import BUNDLED_DATA_DIR, PROJECT_DIR, Settings, prepare_output_folders
from dagster_project.warehouse.publish import publish
from dagster_project.warehouse.publish_macros import read_table_macros
from dagster_project.warehouse.publish_targets import compare_targets
from tests.postgres_server import find_binaries, running_server
from tests.warehouse.conftest import MARTS, RESULTS

# A table of the copy has no more rows than this.
CUT = 2000
# Tables that lose a row from one publication to the next, and that readers count.
TABLES = ["fct_equity_daily", "selloff_summary", "fct_rolling_betas"]
SMALL_TABLES = ["fct_daily", "dim_firm"]


@dataclass(frozen=True)
class Readers:
    """What all readers of one target saw together."""

    target: str
    processes: int
    reads: int
    errors: list[str]
    torn: int
    backwards: int
    publications_seen: int
    p50_ms: float
    p95_ms: float
    worst_ms: float


def _gather(target: str, results: list[dict[str, Any]]) -> Readers:
    seconds = sorted(value for result in results for value in result["seconds"])

    def at(share: float) -> float:
        return 1000 * seconds[min(len(seconds) - 1, int(share * len(seconds)))]

    return Readers(
        target=target,
        processes=len(results),
        reads=len(seconds),
        errors=[error for result in results for error in result["errors"]],
        torn=sum(result["torn"] for result in results),
        backwards=sum(result["backwards"] for result in results),
        publications_seen=len({name for result in results for name in result["seen"]}),
        p50_ms=at(0.5),
        p95_ms=at(0.95),
        worst_ms=1000 * seconds[-1],
    )


def cut_copy(warehouse: Path, copy: Path) -> None:
    """The working file's marts with long tables cut; references may go, keys stay."""
    shutil.copyfile(warehouse, copy)
    with duckdb.connect(str(copy)) as connection:
        for name, rows in connection.execute(
            "SELECT table_name, estimated_size FROM duckdb_tables() WHERE schema_name = 'marts'"
        ).fetchall():
            if rows > CUT and not name.startswith("dim_"):
                connection.execute(
                    f'DELETE FROM marts."{name}" WHERE rowid NOT IN '
                    f'(SELECT rowid FROM marts."{name}" LIMIT {CUT})'
                )


def small_warehouse(path: Path) -> None:
    """Two marts of forty and a few hundred rows: what the switch costs without the data."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(MARTS + RESULTS)
        connection.execute(
            "INSERT INTO marts.dim_firm (ticker, version) SELECT 'X' || i, 1 FROM range(40) r(i)"
        )


def take_rows_away(copy: Path, tables: list[str]) -> None:
    """One row less in each table that readers count: the next publication differs in each."""
    with duckdb.connect(str(copy)) as connection:
        for name in tables:
            connection.execute(
                f"DELETE FROM marts.{name} WHERE rowid IN (SELECT max(rowid) FROM marts.{name})"
            )


def _pipeline(command: str, settings: Settings, log: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "MINER_OUTPUT_DIR": str(settings.output_dir),
        "MINER_ALLOW_SMALLER": "1",
        "MINER_POSTGRES_URL": settings.postgres_url.reveal(),
        "PYTHONPATH": str(PROJECT_DIR),
    }
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "dagster_project", command],
            env=environment,
            cwd=PROJECT_DIR,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _finish(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.wait():
        raise SystemExit(f"{' '.join(map(str, process.args[-2:]))} failed:\n{log.read_text()}")  # type: ignore[index]  # a list


def _publish(warehouse: Path, settings: Settings, *, small: bool) -> None:
    publish(
        warehouse,
        settings.published_dir,
        code_revision="proof",
        keep=settings.keep_publications,
        allow_smaller=True,
        now=datetime.now(UTC),
        macros=() if small else read_table_macros(settings.table_macros_dir),
    )


def prove(
    folder: Path,
    url: Secret,
    *,
    readers: int,
    publications: int,
    pause: float,
    rebuild: bool,
    built: Path | None,
    small: bool,
) -> tuple[list[Readers], dict[str, float]]:
    """Run the whole proof in ``folder``; what readers saw, and how long the writers took."""
    settings = Settings(
        data_dir=BUNDLED_DATA_DIR, output_dir=folder, postgres_url=url, allow_smaller=True
    )
    first_log, rebuild_log = folder / "run.log", folder / "rebuild.log"
    tables = SMALL_TABLES if small else TABLES
    if built or small:
        prepare_output_folders(settings)
        if built:
            shutil.copyfile(built, settings.warehouse_path)
        else:
            small_warehouse(settings.warehouse_path)
        _publish(settings.warehouse_path, settings, small=small)
        if url:
            show_in_postgres(settings)
    else:
        _finish(_pipeline("run", settings, first_log), first_log)
    copy = folder / "cut.duckdb"
    cut_copy(settings.warehouse_path, copy)
    stop = folder / "stop"
    targets = {"duckdb": str(settings.published_path)}
    if url:
        targets["postgres"] = url.reveal()
    started = {
        target: subprocess.Popen(
            [
                sys.executable,
                "-m",
                "benchmarks.publication_readers",
                target,
                address,
                str(readers),
                str(stop),
                str(folder / f"{target}.json"),
                str(pause),
                ",".join(tables),
            ],
            cwd=PROJECT_DIR,
        )
        for target, address in targets.items()
    }
    took = {"files": 0.0, "postgres": 0.0, "tries": 0.0, "all": 0.0, "made": 0, "rebuilds": 0}
    begun = time.monotonic()
    rebuilding = _pipeline("rebuild", settings, rebuild_log) if rebuild else None
    try:
        for _ in range(publications):
            take_rows_away(copy, tables)
            began = time.monotonic()
            _publish(copy, settings, small=small)
            took["files"] += time.monotonic() - began
            if url:
                began = time.monotonic()
                took["tries"] += show_in_postgres(settings).switch_tries
                took["postgres"] += time.monotonic() - began
            took["made"] += 1
        if rebuilding:
            _finish(rebuilding, rebuild_log)
            took["rebuilds"] = 1
    finally:
        took["all"] = time.monotonic() - begun
        if rebuilding and rebuilding.poll() is None:
            rebuilding.kill()
        stop.touch()
        for process in started.values():
            process.wait(120)
    differences = compare_targets(settings.published_dir, url).differences
    if differences:
        raise SystemExit("\n".join(differences))
    return [
        _gather(target, json.loads((folder / f"{target}.json").read_text())) for target in targets
    ], took


def report(seen: list[Readers], took: dict[str, float], pause: float) -> str:
    """The table."""
    publications = max(1, round(took["made"]))
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, revision {revision()}.",
        "",
        f"{took['made']:.0f} publications and {took['rebuilds']:.0f} full rebuilds in "
        f"{took['all']:.0f} s: "
        f"{took['files'] / publications:.1f} s per publication of files, "
        f"{took['postgres'] / publications:.1f} s per publication into PostgreSQL "
        f"({took['tries']:.0f} tries for {publications} switches). Readers pause "
        f"{1000 * pause:.0f} ms between questions.",
        "",
        "| target | reader processes | reads | errors | torn reads | older than before "
        "| publications seen | p50 ms | p95 ms | worst ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {s.target} | {s.processes} | {s.reads:,} | {len(s.errors)} | {s.torn} "
            f"| {s.backwards} | {s.publications_seen} | {s.p50_ms:.0f} | {s.p95_ms:.0f} "
            f"| {s.worst_ms:.0f} |"
            for s in seen
        ),
    ]
    errors = sorted({error for s in seen for error in s.errors})
    return "\n".join([*lines, *(f"- {error}" for error in errors[:10])]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=50, help="processes per target")
    parser.add_argument("--publications", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two questions")
    parser.add_argument("--without-rebuild", action="store_true")
    parser.add_argument("--warehouse", type=Path, help="a built working file to begin with")
    parser.add_argument("--small", action="store_true", help="two small marts, no rebuild")
    parser.add_argument("--write", type=Path, help="folder for the table")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = NO_SECRET
        if find_binaries():
            server = stack.enter_context(running_server("-c max_connections=200"))
            url = Secret(server.url(server.new_database()))
        seen, took = prove(
            folder,
            url,
            readers=options.readers,
            publications=options.publications,
            pause=options.pause,
            rebuild=not (options.without_rebuild or options.small),
            built=options.warehouse,
            small=options.small,
        )
    text = report(seen, took, options.pause)
    print(text)
    if options.write:
        name = f"publication-{datetime.now(UTC):%Y-%m-%d}.md"
        (options.write / name).write_text(text, encoding="utf-8")
    if any(s.errors or s.torn or s.backwards for s in seen):
        raise SystemExit("readers saw what they must not see")


if __name__ == "__main__":
    main()
