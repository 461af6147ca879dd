"""Every benchmark of the project in one table: ``make bench``.

``python -m benchmarks [--parts ...] [--runs N] [--package PYTHON] [--write docs/benchmarks]``.

Every figure is of a process of its own on this machine, its output in a temporary folder; nothing
of the project's own output is touched. Medians with their spread, peak memory, and ratios against
the same work done otherwise: the same SQL straight in DuckDB, pandas, the ``eventstudy`` package, a
plain copy of the file. Sizes are small, so that it takes about a quarter of an hour on a quiet
machine; ``benchmarks.scale``, ``.event_study``, ``.queries`` and ``.live`` take larger ones.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import chdir
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import evening, event_study, live, queries
from benchmarks.comparison import compare
from benchmarks.report import Line, heading, lines_table, write_results
from benchmarks.scale import REBUILD, rows_of, run_stage
from benchmarks.scale_stage import Task
from benchmarks.synthetic import Size
from benchmarks.timing import Measured, copy_to_disk, measure
from dagster_project.settings import PROJECT_DIR, read_settings

UNTESTED = ["--exclude-resource-type", "unit_test"]
# Markets of growing size; the last is the one that is compared with other ways.
MARKETS = (Size(20, 5, 20, 16), Size(80, 5, 20, 16))
STUDY = event_study.Size(firms=200, sessions=600, events=50, windows=5, groups=8)
LIVE_SYMBOLS, LIVE_YEARS, LIVE_BITCOIN_YEARS = 10, 5, 1
COPIES, QUESTION_RUNS = 10, 5


def _line(group: str, measured: Measured) -> Line:
    return Line.of(group, measured.name, measured.seconds, measured.peak_mib)


def _python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def pipeline(runs: int, scratch: Path) -> list[Line]:
    """`make run` from nothing and where nothing is new, import, parse, dbt alone."""
    output = scratch / "output"
    settings = read_settings({"MINER_OUTPUT_DIR": str(output)})
    environment = {
        **os.environ,
        **settings.dbt_environment(),
        "MINER_OUTPUT_DIR": str(output),
        "DBT_TARGET_PATH": str(scratch / "target"),
    }

    def start_afresh() -> None:
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()

    def forget_parse() -> None:
        shutil.rmtree(scratch / "target", ignore_errors=True)

    run = _python("-m", "dagster_project", "run")
    dbt = [str(Path(sys.executable).with_name("dbt"))]
    project = ["--project-dir", "dbt", "--profiles-dir", "dbt", "--target", "prod", "--quiet"]
    # The longest is measured less often; its spread is small beside its length.
    long = min(runs, 2)
    cold = _line("pipeline", measure("make run, cold", run, environment, long, start_afresh))
    again = measure("make run, nothing new", run, environment, runs)
    imported = measure(
        "import of the code location",
        _python("-c", "import dagster_project.definitions"),
        environment,
        runs,
    )
    parse = [*dbt, "parse", *project]
    parsed = measure("dbt parse", parse, environment, runs, forget_parse)
    alone = _line(
        "pipeline",
        measure("dbt build alone", [*dbt, "build", *project, *UNTESTED], environment, long),
    )
    return [
        cold.against(alone),
        *(_line("pipeline", one) for one in (again, imported, parsed)),
        alone,
    ]


def scale(runs: int, scratch: Path) -> list[Line]:
    """Load, build and publication of drawn markets beside a plain copy of the working file, and
    the comparisons with DuckDB alone and pandas on the largest."""
    lines = []
    for size in MARKETS:
        output = scratch / "market"
        task = Task(size, output)
        results = []
        for _ in range(min(runs, 2)):
            shutil.rmtree(output, ignore_errors=True)
            results += [run_stage(stage, task) for stage in (*REBUILD, "copy")]
        by_stage = {
            stage: Line.of(
                "scale",
                f"{stage} ({size})",
                [one.seconds for one in results if one.stage == stage],
                max(one.peak_mib for one in results if one.stage == stage),
            )
            for stage in (*REBUILD, "copy")
        }
        rows, copied = rows_of(results, size), by_stage["copy"]
        rate = rows / by_stage["load"].median
        by_stage["load"] = by_stage["load"].noted(f"{rows:,} rows, {rate:,.0f} a second")
        lines += [by_stage[stage].against(copied) for stage in REBUILD]
        lines.append(copied)
        if size == MARKETS[-1]:
            lines += compare(task, runs)
        shutil.rmtree(output)
    return lines


def events(runs: int, scratch: Path, package: str | None) -> list[Line]:
    """The event-study library beside a statsmodels loop and the package, per firm-event."""
    settings = event_study.prepare(scratch, STUDY)
    ours = [event_study.time_library(settings, STUDY) for _ in range(min(runs, 2))]
    fitted = STUDY.firm_events * 2
    lines = [
        Line.of(
            "event study",
            f"{fitted:,} regressions and every test, {STUDY.windows} windows, "
            f"{STUDY.groups} groups, one thread",
            [timed.total for timed in ours],
            max(timed.peak_mib for timed in ours),
        ),
        Line.of(
            "event study",
            "a bare sort and matrix product over as many residuals",
            [timed.limit_seconds for timed in ours],
        ),
    ]
    lines[0] = lines[0].against(lines[1])
    others = {"regressions alone, statsmodels in a loop": event_study.time_loop(STUDY)}
    if package:
        others["regressions alone, the eventstudy package"] = event_study.time_package(
            package, scratch, STUDY
        )
    for name, each in others.items():
        line = Line.of("event study", name, [each * fitted])
        of = f"{1e3 * each:.2f} ms each, timed on a sample of {event_study.SAMPLED}"
        lines.append(line.against(lines[0]).noted(of))
    return lines


def questions(runs: int, scratch: Path) -> list[Line]:
    """What readers ask of the published file, as it is and with many times the rows."""
    del runs
    asked = [*queries.cookbook(), *queries.dashboard()]
    # A page may read a file beside the marts, by its path from the project.
    with chdir(PROJECT_DIR):
        folder = queries.build_published(scratch / "output")
        settings = read_settings({"MINER_OUTPUT_DIR": str(folder)})
        large = scratch / "large.duckdb"
        queries.larger_file(settings.published_path, COPIES, large)
        lines = []
        for name, path in (("bundled rows", settings.published_path), (f"{COPIES} times", large)):
            medians = [
                p50 / 1e3 for p50, _ in queries.time_questions(path, asked, QUESTION_RUNS).values()
            ]
            line = Line.of("questions", f"a question to the published file, {name}", medians)
            lines.append(
                line.noted(f"medians of {len(asked)} questions, {QUESTION_RUNS} runs each")
            )
        published = queries.time_publication(settings.warehouse_path, 1, scratch)
        plain = copy_to_disk(settings.warehouse_path, scratch / "copy")
    copied = Line.of("publication", "a plain copy of the working file", [plain])
    line = Line.of("publication", "publication of the bundled marts", [published.seconds])
    return [
        lines[0],
        lines[1].against(lines[0]),
        line.against(copied).noted(f"{published.rows:,} rows"),
        copied,
    ]


def vendors(runs: int, scratch: Path) -> list[Line]:
    """A live extraction from vendors on this machine."""
    del runs, scratch
    done = live.measure(LIVE_SYMBOLS, LIVE_YEARS, LIVE_BITCOIN_YEARS)
    return [
        Line.of("live", one.name, [one.total.seconds], one.peak_mib).noted(
            f"{one.total.rows:,} rows, {one.total.waited_s:.0f} s of it waiting for rate limits"
        )
        for one in done
    ]


def schedule(runs: int, scratch: Path) -> list[Line]:
    """The run of the weekday schedule after a first load, and where its time goes."""
    del scratch
    return evening.lines_of(evening.measure(evening.SYMBOLS, evening.YEARS, min(runs, 2)))


def gather(parts: Sequence[str], runs: int, package: str | None) -> list[Line]:
    """Lines of the wanted parts, in the order of ``PARTS``."""
    work: dict[str, Callable[[Path], list[Line]]] = {
        "pipeline": lambda scratch: pipeline(runs, scratch),
        "scale": lambda scratch: scale(runs, scratch),
        "events": lambda scratch: events(runs, scratch, package),
        "questions": lambda scratch: questions(runs, scratch),
        "live": lambda scratch: vendors(runs, scratch),
        "evening": lambda scratch: schedule(runs, scratch),
    }
    lines = []
    for part in (part for part in PARTS if part in parts):
        print(f"{part} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="miner-bench-") as scratch:
            lines += work[part](Path(scratch))
    return lines


PARTS = ("pipeline", "scale", "events", "questions", "live", "evening")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--runs", type=int, default=3, help="runs of what takes seconds")
    parser.add_argument("--package", help="Python that has the eventstudy package")
    parser.add_argument("--write", type=Path, help="folder that gets a dated .md and .json")
    options = parser.parse_args(arguments)
    lines = gather(options.parts, options.runs, options.package)
    text = "\n".join([heading(), "", *lines_table(lines)])
    print(text)
    if options.write:
        told: dict[str, Any] = {"lines": [asdict(line) for line in lines]}
        write_results(options.write, "", "Benchmarks", text, told)


if __name__ == "__main__":
    main()
