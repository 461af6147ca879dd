"""Running dbt inside a process that lives on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project.settings import Settings
from tests.warehouse_builder import run_dbt, settings_for

WRITE = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('create table t as select 1')"


@pytest.fixture
def settings(built_warehouse: Path, tmp_path: Path) -> Settings:
    made = settings_for(tmp_path)
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
