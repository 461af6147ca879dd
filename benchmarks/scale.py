"""What scale costs: every stage on drawn markets of growing size, and one day's append.

``python -m benchmarks.scale [--sizes 20x20 80x20 ...] [--events N] [--studied N] [--threads 1 2]
[--memory 5GB] [--event-series 10 40 160] [--append 20x1 20x20] [--write docs/benchmarks]``.

Each stage (draw, load, `dbt build`, publication, a plain copy of the file) is a process of its
own on one working file. Sizes grow by a constant factor, so that the exponent of each stage can be
fitted. Models that compute each share apart take every processor, as the project has it; all others
take one. ``--threads`` measures other numbers beside that.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.report import heading, markdown_table, seconds, write_results
from benchmarks.scale_stage import PARTS, PROJECT_THREADS, Task
from benchmarks.scaling import Fit, fit_exponent
from benchmarks.synthetic import Size
from benchmarks.timing import run_process

# What the project wants of 25 million daily rows: rows loaded a second, seconds of a whole rebuild
# (load, build, publication) and its peak memory.
AIM_ROWS, AIM_LOAD_ROWS_S, AIM_REBUILD_S, AIM_PEAK_MIB = 25_000_000, 1_000_000, 90.0, 6 * 1024
AIM_APPEND_RATIO = 2.0
REBUILD = ("load", "build", "publish")
STAGES = ("draw", *REBUILD, "copy")


@dataclass(frozen=True)
class Staged:
    """One stage of one size: ``detail`` is everything that the stage told of itself."""

    size: Size
    threads: int
    stage: str
    seconds: float
    processor_s: float
    peak_mib: float
    detail: dict[str, Any]


@dataclass(frozen=True)
class Appended:
    """One new day on a history: seconds of each stage by the wall and of the processors, and by
    the wall of each node of the build."""

    size: Size
    rows_before: int
    rows_added: int
    stages: dict[str, float]
    processor: dict[str, float]
    nodes: dict[str, float]


def run_stage(stage: str, task: Task) -> Staged:
    """One stage in a process of its own."""
    _, printed = run_process(
        [sys.executable, "-m", "benchmarks.scale_stage", stage, task.as_json()]
    )
    told = json.loads(printed.splitlines()[-1])
    done = Staged(
        task.size, task.threads, stage, told.pop("seconds"), told.pop("processor_s"),
        told.pop("peak_mib"), told,
    )  # fmt: skip
    print(
        f"  {task.size}; {stage}, {task.threads} threads: {done.seconds:.1f} s, "
        f"{done.peak_mib:.0f} MiB",
        file=sys.stderr,
        flush=True,
    )
    return done


def measure_size(size: Size, threads: Sequence[int], memory: str, scratch: Path) -> list[Staged]:
    """Every stage of one size; the build once per number of threads, the project's first."""
    output = scratch / "market"
    task = Task(size, output, memory=memory)
    results = [run_stage(stage, task) for stage in ("draw", "load")]
    for number in sorted(threads, key=lambda n: n != PROJECT_THREADS):
        results.append(run_stage("build", replace(task, threads=number)))
    results += [run_stage(stage, task) for stage in ("publish", "copy")]
    shutil.rmtree(output)
    return results


def measure_append(size: Size, memory: str, scratch: Path) -> Appended:
    """Build and publish all but the newest session, then load, build and publish that one."""
    output = scratch / "append"
    before = Task(replace(size, sessions_back=1), output, memory=memory)
    loaded = run_stage("load", before)
    for stage in ("build", "publish"):
        run_stage(stage, before)
    now = Task(size, output, memory=memory, only_last_day=True)
    done = {stage: run_stage(stage, now) for stage in REBUILD}
    shutil.rmtree(output)
    return Appended(
        size,
        loaded.detail["rows_stored"],
        done["load"].detail["rows_stored"] - loaded.detail["rows_stored"],
        {stage: one.seconds for stage, one in done.items()},
        {stage: one.processor_s for stage, one in done.items()},
        done["build"].detail["nodes"],
    )


# --- the report ---------------------------------------------------------------------------


def rows_of(results: Sequence[Staged], size: Size) -> int:
    """Rows that were loaded at a size."""
    return next(
        int(one.detail["rows"]) for one in results if one.size == size and one.stage == "load"
    )


def lines_of_cost(
    results: Sequence[Staged], *, of_processor: bool = False
) -> dict[str, dict[Size, float]]:
    """Seconds per size of every stage, and of every part of the build on the project's threads.

    Of the processors instead of the wall with ``of_processor``; dbt times its nodes by the wall
    alone, so the parts are left out then.
    """
    lines: dict[str, dict[Size, float]] = {}
    for one in results:
        spent = one.processor_s if of_processor else one.seconds
        if one.threads != PROJECT_THREADS:
            lines.setdefault(f"{one.stage}, {one.threads} threads", {})[one.size] = spent
            continue
        lines.setdefault(one.stage, {})[one.size] = spent
        parts = {} if of_processor else one.detail.get("parts", {})
        for part, spent in parts.items():
            lines.setdefault(f"build: {part}", {})[one.size] = spent
    rebuild = {
        size: sum(lines[stage][size] for stage in REBUILD)
        for size in {one.size for one in results}
        if all(size in lines.get(stage, {}) for stage in REBUILD)
    }
    lines["rebuild: load, build and publication"] = rebuild
    order = [*STAGES, *(f"build: {part}" for part, _ in PARTS)]
    known = [name for name in order if name in lines]
    return {name: lines[name] for name in [*known, *(n for n in lines if n not in known)]}


def fits(lines: dict[str, dict[Size, float]], work: dict[Size, float]) -> dict[str, Fit]:
    """The exponent of every line of cost that was measured at three sizes."""
    return {
        name: fit_exponent([work[size] for size in costs], list(costs.values()))
        for name, costs in lines.items()
        if len({work[size] for size in costs}) >= 3 and min(costs.values()) > 0
    }


def cost_table(
    results: Sequence[Staged], work: dict[Size, float], unit: str, *, of_processor: bool = False
) -> list[str]:
    """Seconds of every stage at every size, with the fitted exponents."""
    sizes = sorted(work, key=lambda size: work[size])
    lines = lines_of_cost(results, of_processor=of_processor)
    fitted = fits(lines, work)
    rows = []
    for name, costs in lines.items():
        fit = fitted.get(name)
        rows.append(
            [
                name,
                *(seconds(costs.get(size)) for size in sizes),
                f"{fit.exponent:.2f}" if fit else "-",
                f"{fit.r2:.3f}" if fit else "-",
                f"{fit.last_exponent:.2f}" if fit else "-",
            ]
        )
    headers = [
        f"{'processor ' if of_processor else ''}seconds, by {unit}",
        *(f"{work[size]:,.0f} >" for size in sizes),
        "exponent >", "R² >", "of the last two >",
    ]  # fmt: skip
    return markdown_table(headers, rows)


def memory_table(results: Sequence[Staged], work: dict[Size, float]) -> list[str]:
    """Peak memory, bytes on disk and rates at every size."""
    rows = []
    for size in sorted(work, key=lambda each: work[each]):
        of_size = {(one.stage, one.threads): one for one in results if one.size == size}
        load, publish = of_size["load", PROJECT_THREADS], of_size["publish", PROJECT_THREADS]
        copied = of_size["copy", PROJECT_THREADS]
        build = of_size.get(("build", PROJECT_THREADS))
        rows.append(
            [
                str(size),
                f"{rows_of(results, size):,}",
                f"{load.detail['rows'] / load.seconds:,.0f}",
                f"{load.detail['rows'] / load.processor_s:,.0f}",
                *(f"{one.peak_mib:,.0f}" if one else "-" for one in (load, build, publish)),
                f"{copied.detail['bytes'] / 1e6:,.0f}",
                f"{publish.detail['rows']:,}",
                seconds(copied.seconds),
            ]
        )
    return markdown_table(
        [
            "market", "rows loaded >", "rows/s >", "rows per processor second >",
            "load, peak MiB >", "build >", "publication >", "working file, MB >",
            "rows published >", "a copy of the file, s >",
        ],
        rows,
    )  # fmt: skip


def aims(results: Sequence[Staged], *, busy: bool = False) -> list[str]:
    """Each aim beside what the largest size did, and what stands furthest in the way.

    A limit that a smaller market than the aim's keeps is open, not met. ``busy`` judges by the
    seconds of the processors.
    """
    largest = max({one.size for one in results}, key=lambda size: rows_of(results, size))
    rows = rows_of(results, largest)
    of_size = [one for one in results if one.size == largest]
    rebuilt = [one for one in of_size if one.stage in REBUILD and one.threads == PROJECT_THREADS]

    def spent(one: Staged) -> float:
        return one.processor_s if busy else one.seconds

    load = next(one for one in rebuilt if one.stage == "load")
    build = next(one for one in rebuilt if one.stage == "build")
    total, peak = sum(spent(one) for one in rebuilt), max(one.peak_mib for one in rebuilt)
    rate = load.detail["rows"] / spent(load)
    costliest = max(build.detail["parts"].items(), key=lambda item: item[1])
    share = costliest[1] / sum(build.detail["parts"].values())
    slowest = ", ".join(f"{name} {took:.0f} s" for name, took in build.detail["slowest"][:4])
    unit = "processor second" if busy else "second"

    def verdict(kept: bool) -> str:
        if not kept:
            return "missed"
        return "met" if rows >= AIM_ROWS else "open: fewer rows than the aim's"

    return [
        *markdown_table(
            ["aim", f"measured on {rows:,} rows >", ""],
            [
                [f"load at {AIM_LOAD_ROWS_S:,} rows a second", f"{rate:,.0f} a {unit}",
                 "met" if rate >= AIM_LOAD_ROWS_S else "missed"],
                [f"rebuild of {AIM_ROWS:,} rows in {AIM_REBUILD_S:.0f} s",
                 f"{total:,.0f} {unit}s", verdict(total <= AIM_REBUILD_S)],
                [f"under {AIM_PEAK_MIB / 1024:.0f} GiB", f"{peak / 1024:.1f} GiB",
                 verdict(peak < AIM_PEAK_MIB)],
            ],
        ),
        "",
        f"Of the time of the build's nodes {share:.0%} goes into {costliest[0]}; the slowest "
        f"models by the wall: {slowest}.",
    ]  # fmt: skip


def _years(one: Appended) -> str:
    return f"{one.size.years} year{'s' * (one.size.years != 1)}"


def _beside(short: float, long: float, short_cpu: float, long_cpu: float) -> list[str]:
    return [
        *(seconds(short), seconds(long), f"{long / short:.1f}"),
        *(seconds(short_cpu), seconds(long_cpu), f"{long_cpu / short_cpu:.1f}"),
    ]


def append_tables(small: Appended, large: Appended, listed: int = 12) -> list[str]:
    """What a day costs on a short and on a long history, and which models are to blame."""
    rows = []
    totals = [0.0] * 4
    for stage in REBUILD:
        both = [small.stages, large.stages, small.processor, large.processor]
        spent = [costs[stage] for costs in both]
        totals = [total + one for total, one in zip(totals, spent, strict=True)]
        rows.append([stage, *_beside(*spent)])
    rows.append(["together", *_beside(*totals)])
    ratio, of_processor = totals[1] / totals[0], totals[3] / totals[2]
    grown = sorted(
        ((large.nodes[name] - small.nodes.get(name, 0.0), name) for name in large.nodes),
        reverse=True,
    )[:listed]
    return [
        f"{small.size} and {large.size}: {small.rows_added} and {large.rows_added} rows are added "
        f"to {small.rows_before:,} and {large.rows_before:,}. The longer history costs "
        f"{ratio:.1f} times the shorter by the wall and {of_processor:.1f} times of the "
        f"processors (aim: {AIM_APPEND_RATIO:.0f} at the most).",
        "",
        *markdown_table(
            [
                "one new day, seconds",
                f"{_years(small)} >",
                f"{_years(large)} >",
                "ratio >",
                f"processor, {_years(small)} >",
                f"processor, {_years(large)} >",
                "ratio >",
            ],
            rows,
        ),
        "",
        *markdown_table(
            ["node of the build", "seconds more on the longer history >"],
            [[name, f"{more:.2f}"] for more, name in grown],
        ),
    ]


def report(
    results: Sequence[Staged],
    event_results: Sequence[Staged],
    appends: Sequence[tuple[Appended, Appended]],
    memory: str,
    *,
    busy: bool = False,
) -> str:
    """Everything that was measured, as it is printed and kept.

    ``busy`` leaves out what the wall says of a machine that others use too.
    """
    lines = [
        heading(1),
        f"Models that compute each share apart on {PROJECT_THREADS} threads unless a line says "
        "otherwise, all others on one; DuckDB's memory limit: "
        f"{memory or 'its own, four fifths of the machine'}.",
    ]
    if results:
        work = {one.size: float(rows_of(results, one.size)) for one in results}
        lines += ["", "## Rows", "", *aims(results, busy=busy)]
        for of_processor in (True,) if busy else (False, True):
            table = cost_table(results, work, "rows loaded", of_processor=of_processor)
            lines += ["", *table]
        lines += ["", *memory_table(results, work)]
    if event_results:
        firm_events = {
            one.size: float(one.size.events * one.size.n_studied) for one in event_results
        }
        lines += [
            "",
            "## Events",
            "",
            *cost_table(event_results, firm_events, "firm-events", of_processor=busy),
        ]
        lines += ["", *memory_table(event_results, firm_events)]
    for number, (small, large) in enumerate(appends):
        if not number:
            lines += ["", "## One new day"]
        lines += ["", *append_tables(small, large)]
    return "\n".join(lines) + "\n"


def parse_sizes(words: Sequence[str], events: int, studied: int) -> list[Size]:
    """Sizes from words like ``320x20``: tickers and years."""
    sizes = []
    for word in words:
        tickers, _, years = word.partition("x")
        if not (tickers.isdigit() and years.isdigit()):
            raise SystemExit(f"{word!r} is no size; write tickers and years like 320x20")
        sizes.append(Size(int(tickers), int(years), events, studied))
    return sizes


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--sizes", nargs="*", default=["20x20", "80x20", "320x20"])
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--studied", type=int, default=16)
    parser.add_argument("--threads", type=int, nargs="*", default=[PROJECT_THREADS])
    parser.add_argument("--memory", default="", help="DuckDB's memory limit inside dbt, like 5GB")
    parser.add_argument("--event-series", type=int, nargs="*", default=[])
    parser.add_argument("--event-market", default="100x10", help="market of the event series")
    parser.add_argument(
        "--append", nargs="*", default=[], help="pairs: the short and the long history of a market"
    )
    parser.add_argument(
        "--busy", action="store_true", help="others use the machine: judge by its processors"
    )
    parser.add_argument("--scratch", type=Path, help="folder for the working files")
    parser.add_argument("--write", type=Path, help="folder that gets a dated .md and .json")
    options = parser.parse_args(arguments)
    if len(options.append) % 2:
        raise SystemExit("--append takes pairs: a market's short and its long history")
    with tempfile.TemporaryDirectory(prefix="miner-bench-", dir=options.scratch) as name:
        scratch = Path(name)
        results = [
            one
            for size in parse_sizes(options.sizes, options.events, options.studied)
            for one in measure_size(size, options.threads, options.memory, scratch)
        ]
        (market,) = parse_sizes([options.event_market], options.events, 10_000)
        event_results = [
            one
            for events in options.event_series
            for one in measure_size(
                replace(market, events=events), options.threads, options.memory, scratch
            )
        ]
        days = [
            measure_append(size, options.memory, scratch)
            for size in parse_sizes(options.append, options.events, options.studied)
        ]
    appends = list(zip(days[::2], days[1::2], strict=True))
    text = report(results, event_results, appends, options.memory, busy=options.busy)
    print(text)
    if options.write:
        write_results(
            options.write,
            "scale",
            "What scale costs",
            text,
            {
                "memory_limit": options.memory,
                "rows": [asdict(one) for one in results],
                "events": [asdict(one) for one in event_results],
                "appends": [[asdict(one) for one in pair] for pair in appends],
            },
        )


if __name__ == "__main__":
    main()
