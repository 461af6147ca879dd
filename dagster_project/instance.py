"""The project's one Dagster instance, shared by `make run` and `make ui`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.settings import Settings, prepare_output_folders

if TYPE_CHECKING:
    import dagster as dg

_TEMPLATE = Path(__file__).with_name("dagster.yaml")
# Tag of runs started by `make run`: the process whose death ends the run.
PROCESS_TAG = "miner_warehouse/process_id"


def prepare_instance(settings: Settings) -> None:
    """Make DAGSTER_HOME with the project's settings and point this process at it."""
    prepare_output_folders(settings)
    target = settings.dagster_home / "dagster.yaml"
    if not target.exists() or target.read_bytes() != _TEMPLATE.read_bytes():
        shutil.copyfile(_TEMPLATE, target)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ.update(settings.dbt_environment())


def is_alive(process_id: str) -> bool:
    """Whether a process of this machine runs under that id."""
    try:
        os.kill(int(process_id), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs whose process was killed as failed, and free the writer's slot they held.

    A killed `make run` cannot say goodbye: without this its run would stay "started" and
    hold the pool, so that every later run waits for ever.
    """
    import dagster as dg

    ended = []
    for run in instance.get_runs(
        filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    ):
        process_id = run.tags.get(PROCESS_TAG)
        if process_id is not None and not is_alive(process_id):
            instance.report_run_failed(run, "The process of this run was killed.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended
