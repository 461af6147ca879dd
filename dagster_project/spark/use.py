"""What a Spark pass took, kept for the screen at the end of a run and for whoever asks later."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dagster_project.settings import Settings
from dagster_project.spark.session import ExecutorUse


@dataclass(frozen=True)
class SparkUse:
    """Where a pass ran, rows sent there, tables that came back, seconds of its parts."""

    master_url: str
    is_local: bool
    rows_sent: int
    tables: int
    start_seconds: float
    compute_seconds: float
    executors: tuple[ExecutorUse, ...]

    def lines(self) -> list[str]:
        """The same for a person."""
        cluster = "a local cluster" if self.is_local else "the cluster"
        return [
            f"Spark computed {self.tables} tables on {cluster} ({self.master_url}):",
            f"  {self.start_seconds:.0f} s to start and to send {self.rows_sent:,} rows, "
            f"{self.compute_seconds:.0f} s for models and checks",
            *(
                f"  worker {one.worker}: executor {one.executor} finished {one.tasks:,} tasks"
                + (f", {one.failed_tasks:,} failed" if one.failed_tasks else "")
                + (" and was lost" if one.was_lost else "")
                for one in self.executors
            ),
        ]


def _path(settings: Settings) -> Path:
    return settings.spark_home / "last_pass.json"


def remember_use(settings: Settings, use: SparkUse) -> None:
    """Keep what the last pass took beside the cluster's logs."""
    settings.spark_home.mkdir(parents=True, exist_ok=True)
    _path(settings).write_text(json.dumps(asdict(use), indent=1) + "\n", encoding="utf-8")


def spark_lines(settings: Settings) -> list[str]:
    """What the last pass took, in words; empty when there was none."""
    try:
        said = json.loads(_path(settings).read_text(encoding="utf-8"))
        executors = tuple(ExecutorUse(**one) for one in said.pop("executors"))
        return SparkUse(**said, executors=executors).lines()
    except (OSError, ValueError, TypeError, KeyError):
        return []
