"""The shared Dagster instance survives a run whose process was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.instance import (
    BEGAN_TAG,
    MACHINE_TAG,
    PROCESS_TAG,
    end_dead_runs,
    is_process_alive,
    prepare_instance,
    process_tags,
    record_origin,
)
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


def _started(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    run = dg.DagsterRun(
        job_name="refresh_everything", status=dg.DagsterRunStatus.STARTED, tags=tags
    )
    return instance.add_run(run).run_id


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_killed_run_is_ended_and_a_living_one_is_not(instance: dg.DagsterInstance) -> None:
    dead = _started(instance, {**process_tags(), PROCESS_TAG: str(_dead_process_id())})
    alive = _started(instance, process_tags())
    assert end_dead_runs(instance) == [dead]
    assert _status(instance, dead) is dg.DagsterRunStatus.FAILURE
    assert _status(instance, alive) is dg.DagsterRunStatus.STARTED


def test_runs_recorded_before_machines_had_a_tag_are_of_this_one(
    instance: dg.DagsterInstance,
) -> None:
    dead = _started(instance, {PROCESS_TAG: str(_dead_process_id())})
    _started(instance, {PROCESS_TAG: str(os.getpid())})
    assert end_dead_runs(instance) == [dead]


def test_a_run_of_another_machine_is_left_alone_until_it_is_taken_over(
    instance: dg.DagsterInstance,
) -> None:
    there = {**process_tags(), MACHINE_TAG: "elsewhere", PROCESS_TAG: str(_dead_process_id())}
    run_id, ours = _started(instance, there), _started(instance, process_tags())
    assert is_process_alive(there) is None
    assert end_dead_runs(instance) == []
    assert _status(instance, run_id) is dg.DagsterRunStatus.STARTED
    assert end_dead_runs(instance, taken_over=True) == [run_id]
    assert _status(instance, run_id) is dg.DagsterRunStatus.FAILURE
    assert _status(instance, ours) is dg.DagsterRunStatus.STARTED


def test_another_process_with_the_number_of_a_dead_one_is_not_taken_for_it() -> None:
    tags = process_tags()
    assert tags[BEGAN_TAG]
    assert is_process_alive(tags) is True
    assert is_process_alive({**tags, BEGAN_TAG: "before"}) is False


def test_a_run_of_this_process_names_its_code_location(instance: dg.DagsterInstance) -> None:
    """The page lists and repeats runs by code location."""

    @dg.job
    def refresh() -> None: ...

    record_origin(instance, "refresh")
    result = refresh.execute_in_process(instance=instance)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.remote_job_origin is not None
    assert run.remote_job_origin.job_name == "refresh"
    place = run.remote_job_origin.repository_origin.code_location_origin
    assert place.location_name == "miner_warehouse"
    assert place.loadable_target_origin.module_name == "dagster_project.definitions"
    (shown,) = instance.get_runs(
        dg.RunsFilter(tags={".dagster/repository": "__repository__@miner_warehouse"})
    )
    assert shown.run_id == run.run_id


def test_without_a_shared_database_runs_stay_on_this_machine(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    text = (settings_for(tmp_path).dagster_home / "dagster.yaml").read_text(encoding="utf-8")
    assert "\nstorage:" not in text
    assert "postgres" not in text
    assert str(settings_for(tmp_path).dagster_home / "history") in text
