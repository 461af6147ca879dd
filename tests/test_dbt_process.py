"""Running dbt inside a process that lives on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project.dbt_manifest import ensure_manifest
from dagster_project.dbt_process import WAREHOUSE_TARGET, artifacts_dir
from dagster_project.defs.dbt_run import invoke_dbt
from dagster_project.settings import Settings
from tests.warehouse_builder import run_dbt, settings_for, share_parse

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
