"""Times whole commands and prints one table: medians, spread, peak memory, ratios.

``python -m benchmarks [--runs N] [--write docs/benchmarks]``. Every figure is of a whole
process on this machine, its output in a temporary folder; nothing of the project's own
output is touched.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from benchmarks.machine import machine, revision
from benchmarks.model_sql import model_statements
from dagster_project.settings import PROJECT_DIR, read_settings

UNTESTED = ["--exclude-resource-type", "unit_test"]


@dataclass(frozen=True)
class Measured:
    """One command over several runs: seconds of wall time, peak memory in MiB."""

    name: str
    seconds: list[float]
    peak_mib: float

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def _run(command: Sequence[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall seconds and peak resident MiB of one process; raises if it fails."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, cwd=PROJECT_DIR, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise SystemExit(f"{command} failed:\n{log.read().decode()}")
    # Linux counts kibibytes, macOS bytes.
    unit = 1024 if sys.platform.startswith("linux") else 1024**2
    return seconds, usage.ru_maxrss / unit


def _measure(
    name: str,
    command: Sequence[str],
    environment: dict[str, str],
    runs: int,
    before_each: Callable[[], None] = lambda: None,
) -> Measured:
    seconds, peaks = [], []
    for _ in range(runs):
        before_each()
        wall, peak = _run(command, environment)
        seconds.append(wall)
        peaks.append(peak)
    measured = Measured(name, [round(s, 2) for s in seconds], round(max(peaks)))
    print(f"  {name:42} {measured.median:6.1f} s", file=sys.stderr, flush=True)
    return measured


def _python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def _straight_in_duckdb(
    warehouse: Path, statements: list[str], scratch: Path, runs: int
) -> Measured:
    """The same models as plain SQL on one connection, without dbt, checks or Dagster."""
    seconds = []
    for _ in range(runs):
        # Same file name, so that the catalog dbt compiled into the SQL is there.
        copy = scratch / warehouse.name
        shutil.copyfile(warehouse, copy)
        started = time.perf_counter()
        with duckdb.connect(str(copy)) as connection:
            for statement in statements:
                connection.execute(statement)
        seconds.append(round(time.perf_counter() - started, 2))
        copy.unlink()
    measured = Measured("the models' SQL straight in DuckDB", seconds, 0)
    print(f"  {measured.name:42} {measured.median:6.1f} s", file=sys.stderr, flush=True)
    return measured


def measure_daily_work(runs: int) -> list[Measured]:
    """Cold and warm `make run`, import, parse, dbt alone, and the same SQL in DuckDB."""
    with tempfile.TemporaryDirectory(prefix="miner-bench-") as folder:
        scratch = Path(folder)
        output = scratch / "output"
        settings = read_settings({"MINER_OUTPUT_DIR": str(output)})
        environment = {
            **os.environ,
            **settings.dbt_environment(),
            "MINER_OUTPUT_DIR": str(output),
            "DBT_TARGET_PATH": str(scratch / "target"),
        }
        # `make run` keeps dbt's usual target folder: a warm one is what users have.
        command_environment = {k: v for k, v in environment.items() if k != "DBT_TARGET_PATH"}

        def start_afresh() -> None:
            shutil.rmtree(output, ignore_errors=True)
            shutil.rmtree(settings.dbt_project_dir / "target", ignore_errors=True)
            output.mkdir()

        def forget_parse() -> None:
            shutil.rmtree(scratch / "target", ignore_errors=True)

        run = _python("-m", "dagster_project", "run")
        dbt = [str(Path(sys.executable).with_name("dbt"))]
        project = ["--project-dir", "dbt", "--quiet"]
        results = [
            _measure("make run, cold", run, command_environment, runs, start_afresh),
            _measure("make run, warm", run, command_environment, runs),
            _measure(
                "import of the code location",
                _python("-c", "import dagster_project.definitions"),
                command_environment,
                runs,
            ),
            _measure("dbt parse, cold", [*dbt, "parse", *project], environment, runs, forget_parse),
            _measure("dbt parse, warm", [*dbt, "parse", *project], environment, runs),
            _measure(
                "dbt build alone, one process",
                [*dbt, "build", *project, *UNTESTED],
                environment,
                runs,
            ),
        ]
        _run([*dbt, "compile", *project], environment)
        statements = [sql for _, sql in model_statements(scratch / "target")]
        results.append(_straight_in_duckdb(settings.warehouse_path, statements, scratch, runs))
    return results


def _ratios(results: list[Measured]) -> dict[str, float]:
    by_name = {r.name: r.median for r in results}
    warm, alone = by_name["make run, warm"], by_name["dbt build alone, one process"]
    return {
        "warm make run / dbt build alone": round(warm / alone, 2),
        "dbt build alone / the models' SQL in DuckDB": round(
            alone / by_name["the models' SQL straight in DuckDB"], 2
        ),
    }


def markdown(results: list[Measured], ratios: dict[str, float], runs: int) -> str:
    """The table as it is printed and kept under docs/benchmarks."""
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, revision {revision()}, {runs} runs each.",
        "",
        "| command | median s | min | max | peak MiB |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {r.name} | {r.median:.1f} | {min(r.seconds):.1f} | {max(r.seconds):.1f} | "
        f"{r.peak_mib or '-'} |"
        for r in results
    ]
    lines += ["", "| ratio | |", "| --- | ---: |"]
    lines += [f"| {name} | {value} |" for name, value in ratios.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--write", type=Path, help="folder that gets a dated .md and .json")
    arguments = parser.parse_args()
    print("Timing whole commands; this takes some minutes.", file=sys.stderr, flush=True)
    results = measure_daily_work(arguments.runs)
    ratios = _ratios(results)
    table = markdown(results, ratios, arguments.runs)
    print(table)
    if arguments.write:
        arguments.write.mkdir(parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y-%m-%d}"
        (arguments.write / f"{name}.md").write_text(f"# Benchmarks of {name}\n\n{table}\n")
        (arguments.write / f"{name}.json").write_text(
            json.dumps(
                {"machine": machine(), "results": [asdict(r) for r in results], "ratios": ratios},
                indent=2,
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
