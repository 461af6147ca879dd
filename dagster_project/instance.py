"""The project's one Dagster instance, shared by `make run` and `make ui`."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project import processes, team
from dagster_project.settings import (
    DAGSTER_POSTGRES_VARIABLE,
    PROJECT_DIR,
    Settings,
    prepare_output_folders,
)
from dagster_project.sqlite_health import set_damaged_aside

if TYPE_CHECKING:
    import dagster as dg

_TEMPLATE = Path(__file__).with_name("dagster.yaml")
# The address holds a password: the file names the variable, never the value.
_SHARED_STORAGE = f"""\
storage:
  # Runs and events of a whole team.
  postgres:
    postgres_url:
      env: {DAGSTER_POSTGRES_VARIABLE}
"""
# Tags of runs started by `make run`: the process whose death ends the run, the machine it is on,
# and when it began, because another process may come to bear the same number.
PROCESS_TAG = "miner_warehouse/process_id"
MACHINE_TAG = "miner_warehouse/machine"
BEGAN_TAG = "miner_warehouse/process_began"


def _own_storage(dagster_home: Path) -> str:
    # Over the files of Dagster's own defaults. Classes are named, not imported: a run that has
    # nothing to do does without Dagster.
    history = dagster_home / "history"
    return f"""\
run_storage:
  module: dagster_project.sqlite_storage
  class: KeptRunStorage
  config:
    base_dir: {json.dumps(str(history))}
event_log_storage:
  module: dagster_project.sqlite_storage
  class: KeptEventLogStorage
  config:
    base_dir: {json.dumps(str(history / "runs"))}
"""


def prepare_instance(settings: Settings, *, any_known_version: bool = False) -> None:
    """Make DAGSTER_HOME with the project's settings and point this process at it.

    Raises SettingsError and InstanceUnavailable where a team's database is named that cannot
    record runs, before any starts; ``any_known_version`` takes tables of an older Dagster.
    """
    prepare_output_folders(settings)
    told = _TEMPLATE.read_text(encoding="utf-8")
    if settings.dagster_postgres_url:
        team.require_database(settings, any_known_version=any_known_version)
        os.environ[DAGSTER_POSTGRES_VARIABLE] = team.storage_address(settings.dagster_postgres_url)
        told += _SHARED_STORAGE
    else:
        set_damaged_aside(settings.dagster_home)
        told += _own_storage(settings.dagster_home)
    target = settings.dagster_home / "dagster.yaml"
    if not target.exists() or target.read_text(encoding="utf-8") != told:
        target.write_text(told, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ.update(settings.dbt_environment())


def record_origin(instance: dg.DagsterInstance, job_name: str) -> None:
    """Let runs that this process makes of a job name their code location, as the page's own do.

    The page shows runs by code location and can repeat those alone that have one; Dagster leaves it
    out of runs that a process makes for itself.
    """
    from dagster._core.remote_origin import RemoteJobOrigin, RemoteRepositoryOrigin
    from dagster._core.workspace.load import location_origins_from_yaml_paths

    (location,) = location_origins_from_yaml_paths([str(PROJECT_DIR / "workspace.yaml")])
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job_name)
    make = instance.create_run_for_job
    vars(instance)["create_run_for_job"] = partial(make, remote_job_origin=origin)


def process_tags() -> dict[str, str]:
    """Tags that tell a later process, here or elsewhere, whether this one still lives."""
    process_id = os.getpid()
    return {
        PROCESS_TAG: str(process_id),
        MACHINE_TAG: socket.gethostname(),
        BEGAN_TAG: processes.began(process_id),
    }


def is_process_alive(tags: Mapping[str, str]) -> bool | None:
    """Whether the process that a run's tags name still lives.

    None where this machine cannot know: no process is named, or one of another machine.
    """
    process_id = tags.get(PROCESS_TAG)
    if process_id is None or tags.get(MACHINE_TAG, socket.gethostname()) != socket.gethostname():
        return None
    if not process_id.isdecimal() or not processes.is_alive(int(process_id)):
        return False
    began, begins = tags.get(BEGAN_TAG, ""), processes.began(int(process_id))
    return not (began and begins) or began == begins


def _end(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    instance.report_run_failed(run, why)
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def end_dead_runs(instance: dg.DagsterInstance, *, taken_over: bool = False) -> list[str]:
    """Mark runs whose process was killed as failed, and free the writer's slot they held.

    A killed `make run` cannot say goodbye: without this its run would stay "started" and
    hold the pool, so that every later run waits for ever. Whether a run of another machine
    lives cannot be seen from here, so it is left alone, unless a person said that this machine
    has ``taken_over``: then every run that does not live here is ended. Returns their ids.
    """
    import dagster as dg

    ended = []
    for run in instance.get_runs(
        filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    ):
        alive = is_process_alive(run.tags)
        if alive is False:
            _end(instance, run, "The process of this run was killed.")
        elif alive is None and taken_over:
            _end(instance, run, f"{socket.gethostname()} took over from this run's machine.")
        else:
            continue
        ended.append(run.run_id)
    return ended
