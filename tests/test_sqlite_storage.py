"""Dagster's SQLite storages with what is kept: the same files, read and written the same way."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage

from dagster_project import sqlite_storage
from dagster_project.instance import prepare_instance
from dagster_project.settings import PROJECT_DIR, Settings
from tests.warehouse_builder import settings_for


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setenv("DAGSTER_HOME", "")  # put back afterwards
    made = settings_for(tmp_path)
    prepare_instance(made)
    sqlite_storage.engine_of.cache_clear()
    yield made
    sqlite_storage.engine_of.cache_clear()


@dg.asset(check_specs=[dg.AssetCheckSpec("holds", asset="figures")])
def figures():
    yield dg.MaterializeResult(
        metadata={"rows": 3}, check_results=[dg.AssetCheckResult(passed=True)]
    )


def _materialize(instance: dg.DagsterInstance) -> str:
    done = dg.materialize([figures], instance=instance)
    assert done.success
    return done.run_id


def _known(instance: dg.DagsterInstance, run_id: str) -> tuple:
    """What a page shows of a run and of its asset."""
    run = instance.get_run_by_id(run_id)
    (record,) = instance.get_asset_records([figures.key])
    (check,) = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(figures.key, "holds"), limit=5
    )
    return (
        run.status,
        [entry.message for entry in instance.all_logs(run_id)],
        record.asset_entry.last_materialization.asset_materialization.metadata["rows"].value,
        check.status,
    )


def test_dagster_itself_reads_what_was_stored_and_the_other_way_round(settings: Settings) -> None:
    with dg.DagsterInstance.get() as ours:
        assert isinstance(ours.event_log_storage, sqlite_storage.KeptEventLogStorage)
        assert isinstance(ours.run_storage, sqlite_storage.KeptRunStorage)
        run_id = _materialize(ours)
        known = _known(ours, run_id)
    assert known[0] is dg.DagsterRunStatus.SUCCESS
    assert known[2] == 3
    named = settings.dagster_home / "dagster.yaml"
    ours_named = named.read_text(encoding="utf-8")
    plain = yaml.safe_load(ours_named)
    del plain["run_storage"], plain["event_log_storage"]
    named.write_text(yaml.safe_dump(plain), encoding="utf-8")
    with dg.DagsterInstance.get() as theirs:
        assert not isinstance(theirs.event_log_storage, sqlite_storage.KeptEventLogStorage)
        assert _known(theirs, run_id) == known
        second = _materialize(theirs)
    named.write_text(ours_named, encoding="utf-8")
    with dg.DagsterInstance.get() as ours:
        assert ours.get_run_by_id(second).status is dg.DagsterRunStatus.SUCCESS
        assert ours.get_runs_count() == 2


def test_an_engine_serves_a_file_for_as_long_as_the_process_lives(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def count(address, **arguments):
        made.append(address)
        return real(address, **arguments)

    real = sqlite_storage.sqlalchemy.create_engine
    with dg.DagsterInstance.get() as instance:
        _materialize(instance)
        monkeypatch.setattr(sqlite_storage.sqlalchemy, "create_engine", count)
        for module in (sqlite_event_log, sqlite_run_storage):
            monkeypatch.setattr(module, "create_engine", count)
        run_id = _materialize(instance)
    # The new run's file: runs, and the index over all runs, have their engines already.
    assert [address for address in made if run_id not in address] == []
    assert len(made) == 1


def test_threads_and_removed_files_do_no_harm(settings: Settings) -> None:
    """Runs are cleared while pages ask for them."""
    with dg.DagsterInstance.get() as instance:
        runs = [_materialize(instance) for _ in range(3)]
        failures: list[BaseException] = []

        def ask() -> None:
            try:
                for _ in range(20):
                    assert len(instance.get_runs()) >= 2
                    list(instance.all_logs(runs[0]))
            except BaseException as error:  # told by the test, not by the thread
                failures.append(error)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        instance.delete_run(runs[2])
        for thread in threads:
            thread.join()
        assert failures == []
        assert {run.run_id for run in instance.get_runs()} == set(runs[:2])


def test_a_cleared_instance_goes_on_in_new_files(settings: Settings) -> None:
    """A connection that was kept would go on writing into files that nobody finds any more."""
    with dg.DagsterInstance.get() as instance:
        before = _materialize(instance)
        instance.wipe()
        assert instance.get_runs() == []
        run_id = _materialize(instance)
        assert len(_known(instance, run_id)[1]) > 5
        # Removed by hand, with what stands beside it.
        for path in (settings.dagster_home / "history" / "runs").glob(f"{run_id}.db*"):
            path.unlink()
        assert instance.all_logs(before) == []
    with dg.DagsterInstance.get() as again:
        assert again.get_run_by_id(run_id) is not None


def test_another_process_sees_events_at_once_and_a_killed_one_loses_none(
    settings: Settings,
) -> None:
    """Committed events stand in SQLite's log beside the file until it is written back."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import dagster as dg\n"
            "from tests.test_sqlite_storage import _materialize\n"
            "print(_materialize(dg.DagsterInstance.get()), flush=True)\n"
            "import time; time.sleep(60)\n",
        ],
        cwd=PROJECT_DIR,
        env={**os.environ, "DAGSTER_HOME": str(settings.dagster_home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    run_id = child.stdout.readline().strip()
    try:
        logs = settings.dagster_home / "history" / "runs"
        assert list(logs.glob(f"{run_id}.db-wal")), "the file is open"
        with dg.DagsterInstance.get() as instance:
            seen = _known(instance, run_id)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    with dg.DagsterInstance.get() as instance:
        assert _known(instance, run_id) == seen
    assert seen[0] is dg.DagsterRunStatus.SUCCESS


def test_who_watches_a_run_is_told_its_events(settings: Settings) -> None:
    told = queue.Queue()
    with dg.DagsterInstance.get() as instance:

        def tell(event, cursor) -> None:
            told.put(event)

        run_id = str(uuid.uuid4())
        instance.watch_event_logs(run_id, None, tell)
        job = dg.Definitions(assets=[figures]).resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=instance, run_id=run_id).success
        seen = []
        while not seen or seen[-1].dagster_event_type is not dg.DagsterEventType.RUN_SUCCESS:
            seen.append(told.get(timeout=30))
        instance.end_watch_event_logs(run_id, tell)
        _materialize(instance)
        assert {event.run_id for event in seen} == {run_id}
        assert len(seen) == len(instance.all_logs(run_id))


def test_a_closed_instance_leaves_files_that_can_be_copied(settings: Settings) -> None:
    with dg.DagsterInstance.get() as instance:
        run_id = _materialize(instance)
    history = settings.dagster_home / "history"
    assert [path.name for path in history.rglob("*-wal")] == []
    assert (history / "runs" / f"{run_id}.db").stat().st_size > 10_000
