"""Dagster's and dbt's own commands, typed without PYTHONPATH, on the project's instance."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dagster_project.contracts import BY_NAME
from dagster_project.instance import prepare_instance
from dagster_project.settings import PROJECT_DIR
from tests.warehouse_builder import settings_for, share_parse

SCRIPTS = Path(sys.executable).parent
LOADS_DEFINITIONS = pytest.mark.slow
RAW_ASSET = "raw/companies"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder with an instance, as `make run` or `make ui` leaves it."""
    settings = settings_for(tmp_path_factory.mktemp("typed"))
    share_parse(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", os.environ.copy())
        prepare_instance(settings)
    return settings.output_dir


def _type(output: Path, *command: str, cwd: Path = PROJECT_DIR) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MINER_", "PYTHON", "DAGSTER_"))
    }
    return subprocess.run(
        [str(SCRIPTS / command[0]), *command[1:]],
        cwd=cwd,
        env={
            **kept,
            "MINER_OUTPUT_DIR": str(output),
            "DAGSTER_HOME": str(output / "dagster_home"),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "NO_COLOR": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("dagster run list", ""),
        ("dagster instance info", "KeptRunStorage"),
        # It says so with status 1; what it must not do is fail to open the instance.
        ("dagster-daemon liveness-check", "Daemon(s) not running"),
        ("dagster-daemon wipe", "Daemon heartbeats wiped"),
        ("dbt --version", "duckdb"),
        pytest.param("dagster definitions validate", "passed validation", marks=LOADS_DEFINITIONS),
        pytest.param("dg check defs", "loaded successfully", marks=LOADS_DEFINITIONS),
    ],
)
def test_commands_find_the_project(output: Path, command: str, words: str) -> None:
    done = _type(output, *command.split())
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert words in said, said
    assert done.returncode == (1 if "liveness-check" in command else 0), said


def test_the_instance_opens_from_any_folder(output: Path, tmp_path: Path) -> None:
    done = _type(output, "dagster", "run", "list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_an_asset_is_made_and_forgotten_by_hand(output: Path) -> None:
    module = ("-m", "dagster_project.definitions")
    made = _type(output, "dagster", "asset", "materialize", "--select", RAW_ASSET, *module)
    assert made.returncode == 0, made.stderr
    listed = _type(output, "dagster", "run", "list")
    assert "Run: " in listed.stdout, listed.stdout + listed.stderr
    wiped = _type(output, "dagster", "asset", "wipe", RAW_ASSET, "--noprompt")
    assert wiped.returncode == 0, wiped.stderr
    assert "Removed asset indexes" in wiped.stdout + wiped.stderr


@pytest.mark.slow
def test_dg_lists_every_raw_table(output: Path) -> None:
    listed = _type(output, "dg", "list", "defs", "--json").stdout
    assert [name for name in BY_NAME if f'"raw/{name}"' not in listed] == []


@pytest.mark.slow
def test_dbt_by_hand_builds_into_a_scratch_file(output: Path, built_warehouse: Path) -> None:
    settings = settings_for(output)
    shutil.copyfile(built_warehouse, settings.warehouse_path)
    before = settings.warehouse_path.stat().st_mtime_ns
    chosen = ("--select", "stg_companies", "--indirect-selection", "cautious")
    places = ("--target-path", str(output / "hand"), "--log-path", str(output / "hand"))
    built = _type(output, "dbt", "build", *chosen, *places, cwd=PROJECT_DIR / "dbt")
    assert built.returncode == 0, built.stdout
    assert (settings.dbt_dir / "dev.duckdb").exists()
    assert settings.warehouse_path.stat().st_mtime_ns == before, "it is only read"
    shown = _type(
        output, "dbt", "show", "--select", "stg_companies", "--target", "prod", *places,
        cwd=PROJECT_DIR / "dbt",
    )  # fmt: skip
    assert "CORZ" in shown.stdout or "AMZN" in shown.stdout, shown.stdout


def test_the_project_is_built_without_asking_a_registry() -> None:
    """`make` installs it offline: what builds it must be among the locked packages."""
    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text(encoding="utf-8"))
    locked = re.findall(
        r"^([a-z0-9-]+)==",
        (PROJECT_DIR / "requirements" / "runtime.lock").read_text(),
        re.MULTILINE,
    )
    wanted = project["build-system"]["requires"]
    assert wanted
    for needed in wanted:
        name = re.split(r"[<>=~! ]", needed)[0].replace("_", "-")
        assert name in locked
