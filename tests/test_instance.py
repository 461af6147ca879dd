"""The shared Dagster instance survives a run whose process was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.instance import PROCESS_TAG, end_dead_runs, prepare_instance
from tests.warehouse_builder import settings_for


def _dead_process_id() -> int:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process.pid


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    monkeypatch.setenv("DAGSTER_HOME", "")  # put back afterwards
    prepare_instance(settings_for(tmp_path))
    with dg.DagsterInstance.get() as made:
        yield made


def test_the_instance_has_one_writer_and_no_telemetry(instance: dg.DagsterInstance) -> None:
    assert instance.global_op_concurrency_default_limit == 1
    assert instance.telemetry_enabled is False
    assert instance.nux_enabled is False


def test_a_killed_run_is_ended_and_a_living_one_is_not(instance: dg.DagsterInstance) -> None:
    dead, alive = (
        instance.add_run(
            dg.DagsterRun(
                job_name="refresh_everything",
                status=dg.DagsterRunStatus.STARTED,
                tags={PROCESS_TAG: str(process_id)},
            )
        )
        for process_id in (_dead_process_id(), os.getpid())
    )
    assert end_dead_runs(instance) == [dead.run_id]
    ended = instance.get_run_by_id(dead.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE
    running = instance.get_run_by_id(alive.run_id)
    assert running is not None
    assert running.status is dg.DagsterRunStatus.STARTED
