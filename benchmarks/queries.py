"""Times questions to the published file, as it is and a hundred times larger, and publishing.

``python -m benchmarks.queries [--built FOLDER] [--copies N] [--runs N] [--write docs/benchmarks]``.
Each timing is what a reader waits for: open the file read-only, ask, fetch, close. The larger file
holds copies of every row under other tickers, events and days, so that joins still meet. The
publication is timed with the project's own publisher over a working file of such copies.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.machine import machine, revision
from dagster_project.dashboard.queries import all_queries
from dagster_project.settings import PROJECT_DIR, read_settings
from dagster_project.warehouse.ddl import literal, quoted
from dagster_project.warehouse.publish import publish
from dagster_project.warehouse.publish_macros import create_table_macros, read_table_macros
from dagster_project.warehouse.publish_marts import (
    ABOUT_NAMES,
    MARTS_SCHEMA,
    Mart,
    describe_marts,
)
from dagster_project.warehouse.reader import published

MACROS = PROJECT_DIR / "dbt" / "table_macros"
COOKBOOK = PROJECT_DIR / "docs" / "cookbook"
# Names that tables are joined by: a copy's are other ones, the same in every table.
NAMES = {
    "announcement_id",
    "claim_id",
    "contract_id",
    "event_id",
    "fact_id",
    "row_key",
    "scan_id",
    "scenario_id",
    "study_id",
    "ticker",
}
# Days between one copy of a calendar and the next: longer than any series here.
APART_DAYS = 4000


@dataclass(frozen=True)
class Question:
    """One query and what fills its parameters."""

    name: str
    sql: str
    parameters: Sequence[Any] | Mapping[str, Any] = field(default_factory=tuple)


def dashboard() -> list[Question]:
    """Every question the dashboard asks, with its example."""
    return [
        Question(f"dashboard: {query.name}", query.sql, query.example)
        for query in all_queries().values()
    ]


def cookbook() -> list[Question]:
    """Every question of the cookbook."""
    found = []
    for page in sorted(COOKBOOK.glob("[0-9]*.md")):
        (sql,) = re.findall(r"^```sql\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
        found.append(Question(page.stem, sql))
    return found


def ask(path: Path, question: Question) -> float:
    """Seconds from opening the file to having the whole answer."""
    started = time.perf_counter()
    with published(path) as connection:
        connection.execute(question.sql, question.parameters).fetchall()
    return time.perf_counter() - started


def quantiles_ms(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile (the nearest run above it), milliseconds."""
    ordered = sorted(seconds)
    nearest = ordered[min(len(ordered) - 1, -(-95 * len(ordered) // 100) - 1)]
    return 1000 * statistics.median(ordered), 1000 * nearest


def time_questions(
    path: Path, questions: Sequence[Question], runs: int
) -> dict[str, tuple[float, float]]:
    """Median and 95th percentile of every question, milliseconds, after one run unmeasured."""
    times = {}
    for question in questions:
        ask(path, question)
        times[question.name] = quantiles_ms([ask(path, question) for _ in range(runs)])
        print(
            f"  {question.name:34} {times[question.name][0]:8.1f} ms", file=sys.stderr, flush=True
        )
    return times


# --- a larger warehouse -----------------------------------------------------------------


def copied_columns(mart: Mart) -> str:
    """Select list of copy ``copy.number``: names are other, or else days or numbers of the key."""
    named = {c.name for c in mart.columns if c.name in NAMES and c.type == "VARCHAR"}
    types = {c.name: c.type for c in mart.columns}
    # A file without stated keys: any column may tell one row from another.
    key = mart.primary_key or tuple(types)
    moved: set[str] = set()
    if not named & set(key):
        moved = {name for name in key if types[name] == "DATE"} or set(key[:1])
    parts = []
    for column in mart.columns:
        name = quoted(column.name)
        if column.name in named:
            parts.append(f"{name} || '~' || copy.number AS {name}")
        elif column.name in moved and column.type == "DATE":
            parts.append(f"{name} + CAST(copy.number * {APART_DAYS} AS INTEGER) AS {name}")
        elif column.name in moved:
            parts.append(f"CAST({name} + 1000 * copy.number AS {column.type}) AS {name}")
        else:
            parts.append(name)
    return ", ".join(parts)


def _marts(connection: duckdb.DuckDBPyConnection, source: str) -> list[Mart]:
    """The marts of a file; what a publication says of itself has no copies."""
    found = describe_marts(connection, source)
    return [mart for mart in found if mart.name not in ABOUT_NAMES]


def _copy_marts(connection: duckdb.DuckDBPyConnection, source: str, copies: int) -> int:
    """Append the further copies of every mart of ``source`` to the open file; rows there now."""
    rows = 0
    for mart in _marts(connection, source):
        target = f"{quoted(MARTS_SCHEMA)}.{quoted(mart.name)}"
        connection.execute(
            f"INSERT INTO {target} SELECT {copied_columns(mart)} FROM {mart.relation(source)}, "
            "(SELECT range AS number FROM range(1, CAST(? AS BIGINT))) AS copy",
            [copies],
        )
        counted = connection.execute(f"SELECT count(*) FROM {target}").fetchone()
        rows += counted[0] if counted else 0
    return rows


def larger_file(path: Path, copies: int, target: Path, *, macros: Path = MACROS) -> int:
    """Write a published file of ``copies`` times the rows, with comments and macros; its rows."""
    with duckdb.connect(str(target)) as connection:
        connection.execute(f"ATTACH {literal(str(path.resolve()))} AS source (READ_ONLY)")
        connection.execute(f"CREATE SCHEMA {quoted(MARTS_SCHEMA)}")
        for mart in _marts(connection, "source"):
            table = f"{quoted(MARTS_SCHEMA)}.{quoted(mart.name)}"
            connection.execute(f"CREATE TABLE {table} AS FROM {mart.relation('source')}")
            for column in mart.columns:
                connection.execute(
                    f"COMMENT ON COLUMN {table}.{quoted(column.name)} "
                    f"IS {literal(column.description)}"
                )
        rows = _copy_marts(connection, "source", copies)
        connection.execute("DETACH source")
    create_table_macros(target, read_table_macros(macros))
    return rows


@dataclass(frozen=True)
class Published:
    """One publication: what it wrote, and how long that took from gate to switch."""

    copies: int
    rows: int
    seconds: float
    database_mb: float
    parquet_mb: float


def time_publication(warehouse: Path, copies: int, folder: Path) -> Published:
    """Publish a working file whose marts hold ``copies`` times the rows."""
    working = folder / f"working_{copies}.duckdb"
    shutil.copyfile(warehouse, working)
    with duckdb.connect(str(working)) as connection:
        connection.execute(f"ATTACH {literal(str(warehouse))} AS source (READ_ONLY)")
        rows = _copy_marts(connection, "source", copies)
    started = time.perf_counter()
    report = publish(
        working,
        folder / f"published_{copies}",
        code_revision=revision(),
        keep=2,
        allow_smaller=False,
        now=datetime.now(UTC),
        macros=read_table_macros(MACROS),
    )
    seconds = time.perf_counter() - started
    database = report.manifest["database"]["bytes"]
    working.unlink()
    return Published(copies, rows, seconds, database / 1e6, (report.bytes - database) / 1e6)


# --- the report -------------------------------------------------------------------------


def markdown(
    small: dict[str, tuple[float, float]],
    large: dict[str, tuple[float, float]],
    sizes: Sequence[tuple[str, int, float]],
    publications: Sequence[Published],
    runs: int,
    copies: int,
) -> str:
    """The tables as they are printed and kept under docs/benchmarks."""
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, revision {revision()}, {runs} runs each.",
        "Milliseconds from opening the file to the whole answer.",
        "",
        "| file | rows | MB |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {rows:,} | {size:,.1f} |" for name, rows, size in sizes),
        "",
        f"| question | p50 | p95 | p50, {copies} times the rows | p95 |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, (p50, p95) in small.items():
        big50, big95 = large[name]
        lines.append(f"| {name} | {p50:.1f} | {p95:.1f} | {big50:.1f} | {big95:.1f} |")
    slowest = max(large, key=lambda name: large[name][1])
    lines += [
        "",
        f"Slowest: {slowest}, p95 {large[slowest][1]:.0f} ms at {copies} times the rows; "
        f"median of the p50s {statistics.median(p for p, _ in small.values()):.0f} ms and "
        f"{statistics.median(p for p, _ in large.values()):.0f} ms.",
        "",
        "Publishing, from the gate to the switch (checksums, DuckDB file, Parquet, verification):",
        "",
        "| rows | seconds | seconds per million rows | DuckDB MB per million | Parquet MB per "
        "million |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for done in publications:
        millions = done.rows / 1e6
        lines.append(
            f"| {done.rows:,} | {done.seconds:.1f} | {done.seconds / millions:.1f} | "
            f"{done.database_mb / millions:.0f} | {done.parquet_mb / millions:.0f} |"
        )
    return "\n".join(lines)


def build_published(folder: Path) -> Path:
    """An output folder with the bundled figures, built and published."""
    subprocess.run(
        [sys.executable, "-m", "dagster_project", "run"],
        cwd=PROJECT_DIR,
        env={**os.environ, "MINER_OUTPUT_DIR": str(folder)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queries", description=__doc__)
    parser.add_argument("--built", type=Path, help="an output folder that is built already")
    parser.add_argument("--copies", type=int, default=100, help="how many times the rows")
    parser.add_argument("--publish-copies", type=int, nargs="*", default=[1, 5])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--write", type=Path, help="folder that gets a dated .md and .json")
    arguments = parser.parse_args()
    # A page may read a file beside the marts, by its path from the project.
    with tempfile.TemporaryDirectory(prefix="miner-bench-") as name, chdir(PROJECT_DIR):
        scratch = Path(name)
        folder = arguments.built or build_published(scratch / "output")
        settings = read_settings({"MINER_OUTPUT_DIR": str(folder)})
        questions = [*cookbook(), *dashboard()]
        small = time_questions(settings.published_path, questions, arguments.runs)
        large_path = scratch / "large.duckdb"
        rows = larger_file(settings.published_path, arguments.copies, large_path)
        large = time_questions(large_path, questions, arguments.runs)
        sizes = [
            ("bundled", rows // arguments.copies, settings.published_path.stat().st_size / 1e6),
            (f"{arguments.copies} times", rows, large_path.stat().st_size / 1e6),
        ]
        large_path.unlink()
        publications = [
            time_publication(settings.warehouse_path, copies, scratch)
            for copies in arguments.publish_copies
        ]
    table = markdown(small, large, sizes, publications, arguments.runs, arguments.copies)
    print(table)
    if arguments.write:
        arguments.write.mkdir(parents=True, exist_ok=True)
        stem = arguments.write / f"queries-{datetime.now(UTC):%Y-%m-%d}"
        stem.with_suffix(".md").write_text(f"# What questions cost\n\n{table}\n", encoding="utf-8")
        stem.with_suffix(".json").write_text(
            json.dumps({"machine": machine(), "bundled_ms": small, "large_ms": large}, indent=2)
            + "\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
