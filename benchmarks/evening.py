"""Where the schedule's run spends its time: an evening after the first load, by part.

``python -m benchmarks.evening [--symbols N --years N] [--write docs/benchmarks]``.

The vendors are the simulated internet of the tests, in this process, with the hosts' real limits.
`make run` fills an empty folder from them; then the vendors know two more days, and a process of
its own does what the schedule has the daemon do: the run request of that evening, in the project's
instance. What its parts took stands in Dagster's own record of the run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.report import Line, heading, markdown_table, seconds, write_results
from benchmarks.timing import Cost, run_process
from dagster_project.settings import read_settings
from tests.sources.live.internet import Internet
from tests.sources.live.loopback import Loopback

SYMBOLS, YEARS = 10, 5
GROUP = "schedule"

# Runs in a clean process: the daemon starts one for each run too, so imports are part of its cost.
_CHILD = """
import json, logging, time
from datetime import datetime, timezone
began = time.perf_counter()
import dagster as dg
from dagster_project.definitions import defs
from dagster_project import dbt_process
logging.getLogger("dagster").setLevel(logging.ERROR)
imported = time.perf_counter()
spent = dict.fromkeys(("recording", "nodes"), 0.0)

def timed(owner, name, part):
    work = getattr(owner, name)
    def wrapped(*given, **named):
        started = time.perf_counter()
        try:
            return work(*given, **named)
        finally:
            spent[part] += time.perf_counter() - started
    setattr(owner, name, wrapped)

timed(dg.DagsterInstance, "handle_new_event", "recording")
outcome = dbt_process.NodeOutcome
def counted(**facts):
    spent["nodes"] += facts["seconds"]
    return outcome(**facts)
dbt_process.NodeOutcome = counted

with dg.DagsterInstance.get() as instance:
    schedule = defs.resolve_schedule_def("after_the_close")
    now = datetime.now(timezone.utc)
    with dg.build_schedule_context(instance, scheduled_execution_time=now) as context:
        request = schedule(context)
    asked = time.perf_counter()
    result = defs.resolve_job_def(schedule.job_name).execute_in_process(
        instance=instance, partition_key=request.partition_key, tags=request.tags,
        raise_on_error=False,
    )
    ended = time.perf_counter()
    steps, waited, rows = {}, 0.0, 0
    for event in result.all_events:
        if event.is_step_success:
            steps[event.step_key] = event.step_success_data.duration_ms / 1e3
        if event.is_step_materialization:
            told = event.step_materialization_data.materialization.metadata
            waited += told["waited_s"].value if "waited_s" in told else 0.0
            rows += told["rows_new"].value if "rows_new" in told else 0
print(json.dumps({
    "success": result.success, "import_s": imported - began, "run_s": ended - asked,
    "steps": steps, "waited_s": waited, "rows_new": rows, "events": len(result.all_events),
    **{f"{part}_s": value for part, value in spent.items()},
}))
"""


def parts_of(told: Mapping[str, Any]) -> dict[str, float]:
    """Seconds by part of one run, from what its process told: from its first import to its end."""
    steps: Mapping[str, float] = told["steps"]
    extraction = sum(took for name, took in steps.items() if name.startswith("raw__"))
    models, publication = steps["dbt_models"], steps["publication__miner_marts"]
    between = told["run_s"] - sum(steps.values())
    return {
        "imports and definitions": told["import_s"],
        "waiting for the vendors' limits": told["waited_s"],
        "asking, checking and loading": extraction - told["waited_s"],
        "models and checks": told["nodes_s"],
        # Dagster records a node while dbt computes the next: only what is waited for shows here.
        "dbt and records around its nodes": models - told["nodes_s"],
        "publication": publication,
        "other steps": sum(steps.values()) - extraction - models - publication,
        "Dagster between the steps": between,
    }


def measure(symbols: int, years: int, runs: int) -> list[tuple[Cost, dict[str, Any]]]:
    """Cost and account of several evenings, two days of the vendors' apart.

    Raises SystemExit where a run fails or finds nothing new: it would be no evening.
    """
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory(prefix="miner-bench-") as scratch, Loopback() as vendor:
        folder = Path(scratch)
        internet = Internet(
            vendor,
            firms=tuple(f"F{number:02d}" for number in range(1, symbols)),
            first=today - timedelta(days=round(365.25 * years)),
            until=today - timedelta(days=2 * runs + 2),
        )
        data = internet.write_panel(folder / "data")
        asked = internet.environment(folder / "output", data)
        home = str(read_settings(asked).dagster_home)
        environment = {**os.environ, **asked, "DAGSTER_HOME": home}
        print("  the first load ...", file=sys.stderr, flush=True)
        run_process([sys.executable, "-m", "dagster_project", "run"], environment)
        evenings = []
        for number in range(1, runs + 1):
            internet.until += timedelta(days=2)
            cost, printed = run_process([sys.executable, "-c", _CHILD], environment)
            told = json.loads(printed.splitlines()[-1])
            if not told["success"] or not told["rows_new"]:
                raise SystemExit(f"evening {number} was no evening: {told}")
            print(f"  evening {number}: {cost.seconds:.1f} s", file=sys.stderr, flush=True)
            evenings.append((cost, told))
        return evenings


def lines_of(evenings: Sequence[tuple[Cost, dict[str, Any]]]) -> list[Line]:
    """The whole run and each of its parts, over several evenings."""
    whole = Line.of(
        GROUP,
        "the schedule's run",
        [cost.seconds for cost, _ in evenings],
        max(cost.peak_mib for cost, _ in evenings),
    )
    first = evenings[0][1]
    processor = [cost.processor_s for cost, _ in evenings]
    whole = whole.noted(
        f"{first['rows_new']:,} new rows, {first['events']:,} events; "
        f"{seconds(min(processor))} s of the processors"
    )
    parts = [parts_of(told) for _, told in evenings]
    lines = [Line.of(GROUP, name, [one[name] for one in parts]).against(whole) for name in parts[0]]
    recording = Line.of(
        GROUP, "recording events, in all parts", [t["recording_s"] for _, t in evenings]
    )
    return [whole, *lines, recording.against(whole)]


def report(lines: Sequence[Line], symbols: int, years: int) -> str:
    """The table as it is printed and kept under docs/benchmarks."""
    rows = [
        [line.name, seconds(line.median), f"{seconds(line.least)} - {seconds(line.most)}",
         None if line.ratio is None else f"{line.ratio:.0%}"]
        for line in lines
    ]  # fmt: skip
    return "\n".join(
        [
            heading(lines[0].runs),
            "",
            f"{symbols} shares x {years} years, vendors on the same machine; {lines[0].note}; "
            f"{lines[0].peak_mib:,.0f} MiB at most.",
            "",
            *markdown_table(["part", "median s >", "spread >", "share >"], rows),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evening", description=__doc__)
    parser.add_argument("--symbols", type=int, default=SYMBOLS)
    parser.add_argument("--years", type=int, default=YEARS)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--write", type=Path, help="folder that gets a dated table")
    options = parser.parse_args()
    lines = lines_of(measure(options.symbols, options.years, options.runs))
    text = report(lines, options.symbols, options.years)
    print(text)
    if options.write:
        told = {"lines": [asdict(line) for line in lines]}
        write_results(options.write, "evening", "What an evening's run costs", text, told)


if __name__ == "__main__":
    main()
