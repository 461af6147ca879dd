"""The commands of the README, run as a user would: in another process, from another folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.made_once import made_once
from tests.warehouse_builder import command_environment, settings_for, share_parse

PROJECT_DIR = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Study:
    """One output folder and the environment that points the commands at it."""

    output_dir: Path
    environment: dict[str, str]

    @property
    def published(self) -> Path:
        return self.output_dir / "published" / "miner_marts.duckdb"

    @property
    def warehouse(self) -> Path:
        return self.output_dir / "warehouse" / "miner_warehouse.duckdb"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command of the project, started from a folder that is not the project's."""
        return subprocess.Popen(
            [sys.executable, "-m", "dagster_project", *arguments],
            cwd=self.output_dir,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def serve(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command that runs until it is stopped; its words go to ``server.log``."""
        with (self.output_dir / "server.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dagster_project", *arguments],
                cwd=self.output_dir,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def forget_the_last_build(self) -> None:
        """Let the next run build although nothing is new."""
        self.warehouse.with_name("last_build.json").unlink(missing_ok=True)

    def call(self, *arguments: str, timeout_seconds: float = 900) -> tuple[int, str]:
        """Exit status and everything printed."""
        process = self.start(*arguments)
        printed, _ = process.communicate(timeout=timeout_seconds)
        return process.returncode, printed


def make_study(output_dir: Path, **settings: str) -> Study:
    """A study in that folder, with dbt's parse there already: it takes many seconds."""
    share_parse(settings_for(output_dir))
    places = {"MINER_OUTPUT_DIR": str(output_dir), **settings}
    return Study(output_dir, command_environment(**places))


@dataclass(frozen=True)
class FirstRun:
    study: Study
    status: int
    printed: str


def _run_first(folder: Path) -> None:
    output = folder / "study"
    output.mkdir()
    status, printed = make_study(output).call("run")
    (folder / "printed.json").write_text(json.dumps([status, printed]))


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """The bundled figures, from nothing to the printed answer; a copy for this process' tests."""
    made = made_once(tmp_path_factory, "first_run", _run_first)
    output = tmp_path_factory.mktemp("first") / "study"
    shutil.copytree(made / "study", output, symlinks=True)
    status, printed = json.loads((made / "printed.json").read_text())
    return FirstRun(make_study(output), status, printed.replace(str(made / "study"), str(output)))
