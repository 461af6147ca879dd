"""Running dbt inside a process that lives on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dagster_project.dbt_manifest import ensure_manifest, read_manifest
from dagster_project.dbt_process import WAREHOUSE_TARGET, DbtStream, artifacts_dir
from dagster_project.defs.dbt_run import invoke_dbt
from dagster_project.settings import Settings
from tests.warehouse_builder import run_dbt, settings_for, share_parse

OPEN = "import duckdb, sys; duckdb.connect(sys.argv[1]).close()"
WRITE = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('create table t as select 1')"


@pytest.fixture
def settings(built_warehouse: Path, tmp_path: Path) -> Settings:
    made = settings_for(tmp_path)
    share_parse(made)
    shutil.copyfile(built_warehouse, made.warehouse_path)
    return made


def test_the_file_is_free_for_others_when_dbt_is_done(settings: Settings) -> None:
    assert run_dbt(settings, ["run", "--select", "stg_companies"]).success
    done = subprocess.run(
        [sys.executable, "-c", WRITE, str(settings.warehouse_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_file_is_free_after_a_failure_too(settings: Settings) -> None:
    assert not run_dbt(settings, ["run", "--select", "no_such_model+", "--warn-error"]).success
    done = subprocess.run(
        [sys.executable, "-c", WRITE, str(settings.warehouse_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_environment_is_as_before(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINER_WAREHOUSE_PATH", "/elsewhere")
    run_dbt(settings, ["list", "--select", "stg_companies"])
    assert os.environ["MINER_WAREHOUSE_PATH"] == "/elsewhere"


def test_a_build_leaves_the_manifest_that_all_folders_share_as_it_is(
    settings: Settings,
) -> None:
    """Two runs of one checkout at once wrote it over one another; the next found half of each."""
    ensure_manifest(settings)
    manifest = artifacts_dir(settings, WAREHOUSE_TARGET) / "manifest.json"
    before = manifest.stat()
    outcomes = invoke_dbt(settings, ["run", "--select", "dim_session"])
    assert "model.miner_warehouse.dim_session" in {one.unique_id for one in outcomes}
    after = manifest.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_command_with_a_folder_of_its_own_writes_its_manifest_there(settings: Settings) -> None:
    """Else whoever reads compiled SQL there, as tests and benchmarks do, would find none."""
    assert run_dbt(settings, ["compile", "--select", "dim_session"]).success
    nodes = json.loads((settings.output_dir / "dbt_target" / "manifest.json").read_text())["nodes"]
    assert "int_sessions" in nodes["model.miner_warehouse.dim_session"]["compiled_code"]


SOME = ["run", "--select", "stg_companies", "stg_events", "dim_company", "dim_event", "dim_session"]


def test_nodes_are_handed_over_while_dbt_still_runs(settings: Settings) -> None:
    with DbtStream(settings, SOME, manifest=read_manifest(settings)) as dbt:
        running = [(node.status, dbt.result is None) for node in dbt]
        rows = dbt.cursor().execute("select count(*) from marts.dim_company").fetchone()
    assert len(running) > 3
    assert {status for status, _ in running} == {"success"}
    assert running[0] == ("success", True), "the first is told before the last has begun"
    assert rows is not None
    assert rows[0] > 20
    assert dbt.result is not None
    assert dbt.result.success
    assert _is_free(settings)


def test_a_block_that_is_left_stops_dbt_and_frees_the_file(settings: Settings) -> None:
    dbt = DbtStream(settings, ["run"], manifest=read_manifest(settings))

    def leave_at_the_first() -> None:
        with dbt:
            next(iter(dbt))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave_at_the_first()
    assert not dbt.result or not dbt.result.success
    assert not [thread for thread in threading.enumerate() if thread.name == "dbt"]
    assert _is_free(settings)


def test_dbt_that_cannot_run_hands_over_nothing_and_says_why(settings: Settings) -> None:
    with DbtStream(settings, ["run", "--select"], manifest=read_manifest(settings)) as dbt:
        assert list(dbt) == []
    assert dbt.result is not None
    assert dbt.result.exception is not None


def _is_free(settings: Settings) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(settings.warehouse_path)], capture_output=True, text=True
    )
    return done.returncode == 0


def test_an_interrupted_command_is_an_interrupt_and_prints_nothing(
    settings: Settings, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """dbt takes Ctrl-C for a failure, and before its loggers stand, for one to print a page on."""
    from dbt.cli import requires

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(requires, "Flags", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_dbt(settings, ["run", "--select", "dim_session"])
    assert capfd.readouterr() == ("", "")
