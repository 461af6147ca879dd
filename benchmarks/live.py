"""Times a live extraction against vendors on this machine: shares by day, bitcoin by hour.

``python -m benchmarks.live [--symbols N --years N --bitcoin-years N] [--write docs/benchmarks]``.

The vendors are the simulated internet of the tests, in this process; what is timed is a process
of its own that asks, records, loads. Three runs: the first with the hosts' real limits, the next
morning's (incremental, the same limits), and the first again with limits that are not waited for,
which shows what the work itself costs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.machine import machine, revision
from dagster_project.settings import PROJECT_DIR
from tests.sources.live.internet import Internet, live_settings, run_live
from tests.sources.live.live_child import PARENTS
from tests.sources.live.loopback import Loopback

# Runs in a clean process, so that its peak memory is the extraction's alone.
_CHILD = """
import json, os, resource, sys, time
from datetime import date
from dagster_project.contracts import BY_NAME, Window
from dagster_project.ingest import ingest
from dagster_project.settings import read_settings
from dagster_project.sources import open_source
mode, since = sys.argv[1], dict(zip(sys.argv[2::2], sys.argv[3::2]))
if mode == "hurry":
    from tests.sources.live.live_child import hurry
    hurry()
settings = read_settings(os.environ)
processor, told = time.process_time(), {}
for name, first in since.items():
    started = time.perf_counter()
    window = None if mode == "incremental" else Window(date.fromisoformat(first), date.today())
    done = ingest(
        settings, open_source(settings), BY_NAME[name], window, incremental=mode == "incremental"
    )
    told[name] = {
        "seconds": time.perf_counter() - started,
        "waited_s": 0.0 if mode == "hurry" else done.cost.waited_s,
        "requests": done.cost.requests, "bytes": done.cost.bytes, "rows": done.count("read"),
        "missing": len(done.missing), "stored": done.total,
    }
unit = 1024**2 if sys.platform == "darwin" else 1024
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
print(json.dumps({"tables": told, "peak_mib": peak, "processor": time.process_time() - processor}))
"""


@dataclass(frozen=True)
class Measured:
    """One table of one run. ``waited_s`` went into rate limits and back-off."""

    run: str
    table: str
    requests: int
    rows: int
    mebibytes: float
    seconds: float
    waited_s: float


@dataclass(frozen=True)
class Run:
    """One process: its tables, peak memory in MiB and processor time in seconds."""

    name: str
    tables: list[Measured]
    peak_mib: float
    processor_s: float

    @property
    def total(self) -> Measured:
        def added(what: str) -> float:
            return sum(getattr(each, what) for each in self.tables)

        return Measured(
            self.name,
            "both",
            int(added("requests")),
            int(added("rows")),
            added("mebibytes"),
            added("seconds"),
            added("waited_s"),
        )


def _run(name: str, mode: str, environment: dict[str, str], since: dict[str, date]) -> Run:
    tables = [word for table, day in since.items() for word in (table, day.isoformat())]
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, mode, *tables],
        capture_output=True, text=True, cwd=PROJECT_DIR, env={**os.environ, **environment},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    answer = json.loads(done.stdout.splitlines()[-1])
    for table, told in answer["tables"].items():
        # A fast run that loaded nothing would be no result.
        if told["missing"] or not told["rows"]:
            raise SystemExit(f"{name}: {table} was not answered: {told}")
    return Run(
        name,
        [
            Measured(
                name,
                table,
                told["requests"],
                told["rows"],
                told["bytes"] / 1024**2,
                told["seconds"],
                told["waited_s"],
            )
            for table, told in answer["tables"].items()
        ],
        answer["peak_mib"],
        answer["processor"],
    )


def measure(symbols: int, years: int, bitcoin_years: int) -> list[Run]:
    """The three runs."""
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory(prefix="miner-bench-") as scratch, Loopback() as vendor:
        folder = Path(scratch)
        internet = Internet(
            vendor,
            firms=tuple(f"F{number:02d}" for number in range(1, symbols)),
            first=today - timedelta(days=round(365.25 * years)),
            until=today - timedelta(days=4),
        )
        data = internet.write_panel(folder / "data")
        run_live(live_settings(internet, folder / "empty", data), PARENTS)
        since = {
            "equity_prices": internet.first,
            "btc_hourly_prices": today - timedelta(days=round(365.25 * bitcoin_years)),
        }

        def run(name: str, mode: str, output: str) -> Run:
            print(f"  {name} ...", file=sys.stderr, flush=True)
            return _run(name, mode, internet.environment(folder / output, data), since)

        for output in ("limited", "hurried"):
            shutil.copytree(folder / "empty", folder / output)
        runs = [run("first run", "whole", "limited")]
        internet.until += timedelta(days=2)
        runs.append(run("two days later", "incremental", "limited"))
        runs.append(run("first run, limits not waited for", "hurry", "hurried"))
        return runs


def report(runs: list[Run], symbols: int, years: int, bitcoin_years: int) -> str:
    """The table as it is printed and kept under docs/benchmarks."""
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, revision {revision()}.",
        "",
        f"{symbols} shares x {years} years by day and {bitcoin_years} years of bitcoin by hour, "
        "asked of vendors on the same machine, recorded and loaded.",
        "",
        "| run | table | requests | rows | MiB | seconds | waited s | waiting | rows/s |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for run in runs:
        for each in (*run.tables, run.total):
            lines.append(
                f"| {each.run} | {each.table} | {each.requests} | {each.rows:,} | "
                f"{each.mebibytes:.1f} | {each.seconds:.1f} | {each.waited_s:.1f} | "
                f"{each.waited_s / each.seconds:.0%} | {each.rows / each.seconds:,.0f} |"
            )
    lines += ["", "| run | peak MiB | processor s |", "| --- | ---: | ---: |"]
    lines += [f"| {run.name} | {run.peak_mib:.0f} | {run.processor_s:.1f} |" for run in runs]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--symbols", type=int, default=30)
    parser.add_argument("--years", type=int, default=20)
    parser.add_argument("--bitcoin-years", type=int, default=5)
    parser.add_argument("--write", type=Path, help="folder that gets a dated table")
    options = parser.parse_args()
    sizes = (options.symbols, options.years, options.bitcoin_years)
    text = report(measure(*sizes), *sizes)
    print(text)
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        (options.write / f"live-{datetime.now(UTC):%Y-%m-%d}.md").write_text(text)


if __name__ == "__main__":
    main()
