"""The same models on DuckDB and on a Spark cluster of this machine, at growing sizes.

``python -m benchmarks.spark [--sizes 20x5 80x5 320x5] [--events N] [--studied N]
[--write docs/benchmarks]``. Needs the extra ``[spark]`` and Java, as `make run TARGET=spark` does.

Each market is drawn and loaded once. Then Spark computes and checks the portable models (a master
and two workers, each worker with one core) and its tables come back into the working file; then
DuckDB does the same on one thread, and with two for the models that take more than one. Every pass
is a process of its own.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.report import heading, markdown_table, seconds, write_results
from benchmarks.scale import Staged, parse_sizes, run_stage
from benchmarks.scale_stage import Task
from benchmarks.scaling import fit_exponent
from benchmarks.synthetic import Size

DUCKDB_THREADS = (1, 2)
LISTED_MODELS = 8


@dataclass(frozen=True)
class Beside:
    """One market on both engines: rows loaded, the pass on Spark, builds on DuckDB by threads."""

    size: Size
    rows: int
    spark: Staged
    duckdb: dict[int, Staged]

    @property
    def ratio(self) -> float:
        """Spark's whole pass, from starting the cluster to the tables' return, by DuckDB's best."""
        return self.spark.seconds / min(one.seconds for one in self.duckdb.values())


def measure_beside(size: Size, scratch: Path) -> Beside:
    """One market on both engines; Spark first, so that DuckDB finds no tables of its own."""
    task = Task(size, scratch / "market", portable=True)
    rows = int(run_stage("load", task).detail["rows"])
    on_spark = run_stage("spark", task)
    on_duckdb = {
        threads: run_stage("build", replace(task, threads=threads)) for threads in DUCKDB_THREADS
    }
    shutil.rmtree(task.output)
    return Beside(size, rows, on_spark, on_duckdb)


def crossover(results: Sequence[Beside]) -> str:
    """Where the two engines would meet if both went on as between the two largest markets.

    A line through two points is no forecast; the sentence says how far it reaches.
    """
    small, large = sorted(results, key=lambda one: one.rows)[-2:]
    best = [min(each.seconds for each in one.duckdb.values()) for one in (small, large)]
    step = large.rows - small.rows
    duckdb = (best[1] - best[0]) / step
    spark = (large.spark.seconds - small.spark.seconds) / step
    found = (
        f"Between the two largest markets a million rows more cost DuckDB {duckdb * 1e6:.1f} s and "
        f"Spark {spark * 1e6:.1f} s"
    )
    if large.ratio <= 1:
        return f"{found}. Spark is the faster one there already."
    if spark >= duckdb:
        return (
            f"{found}: the distance grows, and on this machine Spark would never overtake. More "
            "machines divide Spark's part alone."
        )
    meeting = large.rows + (large.spark.seconds - best[1]) / (duckdb - spark)
    return (
        f"{found}: if both went on in straight lines, they would meet at {meeting / 1e6:,.1f} "
        f"million rows, {meeting / large.rows:.0f} times the largest market here. So far a line "
        "through two points does not reach; it says no more than that they do not meet nearby."
    )


def report(results: Sequence[Beside], ended: str = "") -> str:
    """Both engines side by side, where each spends its time, and where they might meet.

    ``ended`` says at which market a pass failed, and with which words.
    """
    ordered = sorted(results, key=lambda one: one.rows)
    work = [float(one.rows) for one in ordered]
    lines = [
        heading(1),
        "Portable models and their checks. Spark: a master and two workers of this machine, one "
        "core and 1.5 GB each, and its driver; DuckDB: one process, inside dbt.",
        "",
        *markdown_table(
            [
                "market", "rows loaded >", "DuckDB, 1 thread, s >", "2 threads >", "Spark, s >",
                "of it start and send >", "models and checks >", "back into DuckDB >",
                "Spark to DuckDB's best >", "tasks of the workers",
            ],
            [
                [
                    str(one.size),
                    f"{one.rows:,}",
                    *(seconds(one.duckdb[threads].seconds) for threads in DUCKDB_THREADS),
                    seconds(one.spark.seconds),
                    seconds(one.spark.detail["seconds_to_start_and_send"]),
                    seconds(one.spark.detail["seconds_of_models"]),
                    seconds(one.spark.detail["seconds_back"]),
                    f"{one.ratio:.1f}",
                    ", ".join(f"{tasks:,}" for tasks in one.spark.detail["tasks"]),
                ]
                for one in ordered
            ],
        ),
    ]  # fmt: skip
    if len(ordered) >= 3:
        fits = {
            "DuckDB, 1 thread": [one.duckdb[1].seconds for one in ordered],
            "Spark": [one.spark.seconds for one in ordered],
        }
        lines += [""] + [
            f"{name}: exponent {fit.exponent:.2f} over all, {fit.last_exponent:.2f} between the "
            "two largest."
            for name, fit in ((name, fit_exponent(work, spent)) for name, spent in fits.items())
        ]
    if len(ordered) >= 2:
        lines += ["", crossover(ordered)]
    if ended:
        lines += ["", ended]
    largest = ordered[-1]
    duckdb = largest.duckdb[1].detail["nodes"]
    spark = largest.spark.detail["nodes"]
    names = sorted(spark, key=lambda name: -spark[name])[:LISTED_MODELS]
    lines += [
        "",
        f"The slowest models on Spark at {largest.size}:",
        "",
        *markdown_table(
            ["model", "Spark, s >", "DuckDB, 1 thread, s >"],
            [[f"`{name}`", seconds(spark[name]), seconds(duckdb.get(name))] for name in names],
        ),
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=__doc__)
    parser.add_argument("--sizes", nargs="*", default=["20x5", "80x5", "320x5"])
    parser.add_argument("--events", type=int, default=10)
    parser.add_argument("--studied", type=int, default=16)
    parser.add_argument("--scratch", type=Path, help="folder for the working files")
    parser.add_argument("--write", type=Path, help="folder that gets a dated .md and .json")
    options = parser.parse_args(arguments)
    results: list[Beside] = []
    ended = ""
    with tempfile.TemporaryDirectory(prefix="miner-bench-", dir=options.scratch) as name:
        for size in parse_sizes(options.sizes, options.events, options.studied):
            try:
                results.append(measure_beside(size, Path(name)))
            except SystemExit as error:
                # What a cluster does not manage is a result too, and no reason to lose the others.
                print(f"{size} did not end well:\n{error}", file=sys.stderr)
                if not results:
                    raise
                ended = f"Not managed: {size}. {str(error).strip().splitlines()[-1]}"
                break
    text = report(results, ended)
    print(text)
    if options.write:
        told = {"rows": [asdict(one) for one in results], "ended": ended}
        write_results(options.write, "spark", "DuckDB and Spark", text, told)


if __name__ == "__main__":
    main()
