"""One stage of a warehouse of some size, in this process: what ``benchmarks.scale`` times.

``python -m benchmarks.scale_stage STAGE '{"size": {...}, "output": "folder", ...}'`` prints one
line of JSON: seconds by the wall and of the processors, peak memory, and what the stage did.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from benchmarks.synthetic import Market, Size, SyntheticSource
from benchmarks.timing import copy_to_disk, peak_mib
from dagster_project.contracts import TABLES, Extract, Table, Window
from dagster_project.dbt_process import WAREHOUSE_TARGET
from dagster_project.ingest import ingest
from dagster_project.settings import (
    PROJECT_DIR,
    Settings,
    prepare_output_folders,
    read_settings,
)
from dagster_project.sources import Source

# What the project takes by itself for the models that compute each share apart.
PROJECT_THREADS = os.cpu_count() or 1


@dataclass(frozen=True)
class Task:
    """What a stage is to do.

    ``threads`` are DuckDB's for the models that compute each share apart (all others have one), and
    ``memory`` its limit ("" for DuckDB's own, four fifths of the machine). ``only_last_day`` loads
    the newest session alone. ``select`` are dbt's words for a part of the models; ``portable``
    takes those that run on Spark too.
    """

    size: Size
    output: Path
    threads: int = PROJECT_THREADS
    memory: str = ""
    only_last_day: bool = False
    select: tuple[str, ...] = ()
    portable: bool = False

    def as_json(self) -> str:
        return json.dumps({**asdict(self), "output": str(self.output)})

    @classmethod
    def from_json(cls, text: str) -> Task:
        told = json.loads(text)
        return cls(
            **{
                **told,
                "size": Size(**told["size"]),
                "output": Path(told["output"]),
                "select": tuple(told["select"]),
            }
        )

    @property
    def settings(self) -> Settings:
        return read_settings(
            {"MINER_OUTPUT_DIR": str(self.output), "MINER_THREADS": str(self.threads)}
        )


class Clock:
    """Seconds by the wall and of the processors since it was made, less what was paused."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        return {
            "seconds": time.perf_counter() - self._wall,
            "processor_s": time.process_time() - self._processor,
        }

    def skip(self, spent: Mapping[str, float]) -> None:
        """Leave out what something else took meanwhile."""
        self._wall += spent["seconds"]
        self._processor += spent["processor_s"]


class _Paused:
    """The drawn source, drawing while the clock stands still: what is timed is the load."""

    def __init__(self, source: SyntheticSource, clock: Clock) -> None:
        self._source, self._clock = source, clock
        self.name = source.name

    def span(self) -> Window:
        return self._source.span()

    def answers(
        self,
        table: Table,
        window: Window | None = None,
        stored_until: Mapping[str, date] | None = None,
    ) -> Iterator[Extract]:
        parts = self._source.answers(table, window, stored_until)
        while True:
            drawing = Clock()
            part = next(parts, None)
            self._clock.skip(drawing.read())
            if part is None:
                return
            yield part


def draw(task: Task) -> dict[str, Any]:
    """Draw every table and throw it away."""
    source, clock = SyntheticSource(Market(task.size)), Clock()
    rows = sum(len(part.frame) for table in TABLES for part in source.answers(table))
    return {**clock.read(), "rows": rows}


def load(task: Task) -> dict[str, Any]:
    """The project's own load of every raw table, drawing not counted."""
    settings = task.settings
    prepare_output_folders(settings)
    market = Market(task.size)
    clock = Clock()
    drawn = SyntheticSource(market)
    source, calendar = _Paused(drawn, clock), drawn.calendar()
    rows, stored, tables = 0, 0, {}
    for table in TABLES:
        asked: Source = calendar if table.name == "exchange_sessions" else source
        window = None
        if task.only_last_day and table.time_column:
            window = Window(market.last_known, market.last_known)
        before = clock.read()["seconds"]
        done = ingest(settings, asked, table, window)
        # A fast load that left rows out would be no result.
        if done.missing or done.count("rejected"):
            raise RuntimeError(f"{table.name} was not loaded whole: {done.summary}")
        tables[table.name] = clock.read()["seconds"] - before
        rows += done.count("read")
        stored += done.total
    return {
        **clock.read(),
        "rows": rows,
        "rows_stored": stored,
        "slowest": _slowest(tables),
        "bytes": settings.warehouse_path.stat().st_size,
    }


def profile_with(memory: str, folder: Path) -> Path:
    """A folder with the project's profile but for DuckDB's memory limit ("": its own)."""
    profile = yaml.safe_load((PROJECT_DIR / "dbt" / "profiles.yml").read_text(encoding="utf-8"))
    (name,) = (key for key in profile if key != "config")
    outputs = profile[name]["outputs"]
    if memory:
        outputs[WAREHOUSE_TARGET]["settings"]["memory_limit"] = memory
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    return folder


# The parts of a build that the report tells apart, by the beginning of a model's name; the first
# that fits counts.
PARTS = (
    ("staging", ("stg_",)),
    ("returns and daily marts", ("int_equity_returns", "fct_equity_daily")),
    ("rolling betas", ("int_rolling", "int_bitcoin_returns", "fct_rolling_betas")),
    ("source reconciliation", ("fct_source_reconciliation",)),
    (
        "exposure, economics, scenarios",
        (
            "int_exposure", "int_market_days", "int_company_fact", "int_known", "int_quarterly",
            "int_miner", "int_hpc", "int_capex", "int_xbrl", "int_scenario", "int_hashrate",
            "fct_ai_exposure", "fct_company_facts", "dim_hpc", "fct_capex", "fct_filing",
            "fct_hyperscaler", "fct_halving", "fct_miner", "fct_mining", "fct_scenario",
            "fct_valuation", "dim_scenario", "int_claim", "fct_claim",
        ),
    ),
    ("event study", ("int_", "fct_", "selloff_")),
    ("dimensions", ("dim_",)),
)  # fmt: skip
CHECKS = "checks"


def part_of(resource_type: str, name: str) -> str:
    """Which part of a build a node of dbt belongs to."""
    if resource_type != "model":
        return CHECKS
    return next(
        part for part, beginnings in PARTS if any(name.startswith(word) for word in beginnings)
    )


def build(task: Task, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """`dbt build` over what is loaded: every model and every data test.

    ``environment`` is added for dbt, as a pass on Spark asks.
    """
    from dagster_project.dbt_manifest import read_manifest
    from dagster_project.dbt_process import run_dbt

    settings = task.settings
    manifest = read_manifest(settings)
    clock = Clock()
    profiles = profile_with(task.memory, task.output / "profile")
    if task.portable:
        from dagster_project.defs.spark_run import SELECTOR

        chosen = ["--selector", SELECTOR]
    else:
        chosen = ["--exclude-resource-type", "unit_test"]
        if task.select:
            # Checks that look at other models too have nothing to look at.
            chosen += ["--select", *task.select, "--indirect-selection", "cautious"]
    result = run_dbt(
        settings, ["build", *chosen], manifest=manifest, profiles_dir=profiles,
        target_path=task.output / "target", environment=environment,
    )  # fmt: skip
    spent = clock.read()
    nodes = list(getattr(result.result, "results", None) or [])
    failed = [
        f"{node.node.name}: {node.status} {node.message}"
        for node in nodes
        if node.status in {"error", "fail", "skipped", "runtime error"}
    ]
    if result.exception or failed or not nodes:
        raise RuntimeError(f"dbt: {result.exception or ''}\n" + "\n".join(failed[:20]))
    parts: dict[str, float] = defaultdict(float)
    by_node = {}
    for node in nodes:
        parts[part_of(str(node.node.resource_type), node.node.name)] += node.execution_time
        by_node[node.node.name] = node.execution_time
    return {
        **spent,
        "parts": dict(parts),
        "nodes": by_node,
        "slowest": _slowest(by_node),
        "bytes": settings.warehouse_path.stat().st_size,
    }


def spark(task: Task) -> dict[str, Any]:
    """The portable models and checks on a master and two workers of this machine, as
    `make run TARGET=spark` has them, and their tables brought back into the working file.

    Processor seconds and memory are those of this process alone, not of Spark's.
    """
    import dagster as dg

    from dagster_project.defs.spark_run import spark_pass

    settings = task.settings
    clock = Clock()
    done = spark_pass(settings, None, dg.get_dagster_logger())
    passed = clock.read()
    assert done.use is not None  # a whole build has work for Spark
    nodes = {
        unique_id.split(".")[2]: outcome.seconds
        for unique_id, outcome in done.outcomes.items()
        if unique_id.startswith("model.")
    }
    back = build(replace(task, portable=True), done.environment)
    return {
        **clock.read(),
        "seconds_to_start_and_send": done.use.start_seconds,
        "seconds_of_models": done.use.compute_seconds,
        "seconds_of_pass": passed["seconds"],
        "seconds_back": back["seconds"],
        "rows_sent": done.use.rows_sent,
        "tables": done.use.tables,
        "tasks": [one.tasks for one in done.use.executors],
        "nodes": nodes,
        "slowest": _slowest(nodes),
    }


def publish(task: Task) -> dict[str, Any]:
    """Gate, files, verification, switch and reading every form back, as the asset does it."""
    from dagster_project.warehouse.publish import code_revision
    from dagster_project.warehouse.publish import publish as publish_marts
    from dagster_project.warehouse.publish_macros import read_table_macros
    from dagster_project.warehouse.publish_targets import compare_targets

    settings = task.settings
    clock = Clock()
    report = publish_marts(
        settings.warehouse_path,
        settings.published_dir,
        code_revision=code_revision(PROJECT_DIR),
        keep=settings.keep_publications,
        allow_smaller=False,
        now=datetime.now(UTC),
        macros=read_table_macros(settings.table_macros_dir),
    )
    published = clock.read()
    differences = compare_targets(settings.published_dir).differences
    if differences:
        raise RuntimeError("the published forms differ:\n" + "\n".join(differences))
    return {
        **clock.read(),
        "seconds_to_switch": published["seconds"],
        "rows": report.rows,
        "bytes": report.bytes,
    }


def copy(task: Task) -> dict[str, Any]:
    """A plain copy of the working file: no rebuild can be faster than writing it."""
    path = task.settings.warehouse_path
    clock = Clock()
    copy_to_disk(path, task.output / "copy")
    return {**clock.read(), "bytes": path.stat().st_size}


STAGES: dict[str, Callable[[Task], dict[str, Any]]] = {
    "draw": draw,
    "load": load,
    "build": build,
    "spark": spark,
    "publish": publish,
    "copy": copy,
}


def _slowest(seconds: Mapping[str, float], count: int = 6) -> list[tuple[str, float]]:
    return sorted(((n, round(s, 3)) for n, s in seconds.items()), key=lambda item: -item[1])[:count]


def main() -> None:
    stage, told = sys.argv[1:]
    answer = STAGES[stage](Task.from_json(told))
    print(json.dumps({**answer, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main()
