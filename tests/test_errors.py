"""A full disk is one message, however it is met."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dagster_project.dbt_process import NodeOutcome
from dagster_project.defs.dbt_run import _require_ran
from dagster_project.errors import DiskFull, disk_full
from tests.e2e.conftest import make_study
from tests.warehouse_builder import settings_for


def test_a_full_disk_is_found_behind_what_it_led_to(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "a" / "b"))
    try:
        try:
            raise full
        except OSError as error:
            raise ValueError("the file could not be written") from error
    except ValueError as error:
        found = disk_full(error, tmp_path)
    assert found is not None
    assert str(tmp_path / "a" / "b") in found.where
    assert "MB free" in found.where


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("database or disk is full"),
        duckdb.IOException('IO Error: Could not write file "x": No space left on device'),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_each_way_of_saying_it(error: Exception, tmp_path: Path) -> None:
    found = disk_full(error, tmp_path)
    assert found is not None
    assert str(tmp_path) in found.where


def test_other_errors_are_left_alone(tmp_path: Path) -> None:
    assert disk_full(OSError(errno.EACCES, "Permission denied"), tmp_path) is None
    assert disk_full(ValueError("x"), tmp_path) is None


def test_a_model_that_met_a_full_disk_is_not_to_blame(tmp_path: Path) -> None:
    failed = NodeOutcome(
        unique_id="model.miner_warehouse.dim_event",
        status="error",
        failures=None,
        message='Runtime Error in model dim_event\n  IO Error: "x": No space left on device',
        seconds=1.0,
    )
    with pytest.raises(DiskFull, match="MB free there"):
        _require_ran(settings_for(tmp_path), None, [failed])


@pytest.fixture(params=["24m", "45m"], ids=["while_loading", "while_dbt_builds"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A disk with room for the parse and for little more."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={request.param}", "tmpfs", str(folder)],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S607


@pytest.mark.slow
def test_a_run_on_a_full_disk_says_so_once(small_disk: Path) -> None:
    status, printed = make_study(small_disk / "out").call("run")
    assert status == 1, printed
    assert "The disk is full" in printed, printed[-3000:]
    assert "MB free there" in printed
    assert "Traceback" not in printed, printed[-3000:]


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """This checkout as somebody sees it who may not write there."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    here = Path(__file__).resolve().parents[1]
    bound = subprocess.run(
        ["mount", "--bind", str(here), str(folder)],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if bound.returncode != 0:
        pytest.skip("only root may bind a folder")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)  # noqa: S607
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S607


@pytest.mark.slow
def test_a_checkout_that_cannot_be_written_builds_elsewhere(
    read_only: Path, tmp_path: Path
) -> None:
    with pytest.raises(OSError, match="Read-only"):
        (read_only / "dbt" / "made_by_a_test").mkdir()
    output = settings_for(tmp_path / "out").output_dir
    done = subprocess.run(
        [str(read_only / ".venv" / "bin" / "python"), "-m", "dagster_project", "run"],
        cwd=read_only,
        env={**os.environ, "MINER_OUTPUT_DIR": str(output), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (output / "published" / "manifest.json").exists()
    assert (output / "dbt" / "prod" / "manifest.json").exists()
    assert (output / "dbt" / "column_lineage.json").exists()
