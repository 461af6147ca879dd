"""Load a data folder and build the dbt models into a temporary warehouse, in this process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project import dbt_process
from dagster_project.contracts import TABLES
from dagster_project.dbt_manifest import ensure_manifest, read_manifest
from dagster_project.settings import (
    PROJECT_DIR,
    Settings,
    prepare_output_folders,
    read_settings,
)
from dagster_project.sources import open_calendar, open_source
from dagster_project.warehouse.connection import warehouse
from dagster_project.warehouse.load import load

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest


def settings_for(output: Path, data: Path | None = None) -> Settings:
    """Settings that read ``data`` (default: the bundled folder) and write to ``output``."""
    environment = {"MINER_OUTPUT_DIR": str(output)}
    if data is not None:
        environment["MINER_DATA_DIR"] = str(data)
    settings = read_settings(environment)
    prepare_output_folders(settings)
    return settings


def command_environment(project_dir: Path = PROJECT_DIR, **settings: str) -> dict[str, str]:
    """This process's environment with these settings and no others, for a command of a project."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MINER_")}
    return {**kept, "PYTHONPATH": str(project_dir), **settings}


def load_all(settings: Settings) -> None:
    """Fill every raw table from the settings' data folder."""
    source, calendar = open_source(settings), open_calendar(settings)
    with warehouse(settings.warehouse_path) as connection:
        for table in TABLES:
            load(connection, (source if table.file else calendar).extract(table))


def _parsed() -> Settings:
    """Settings of an output folder with a fresh parse of dbt's project, for all test processes."""
    settings = settings_for(PROJECT_DIR / "build" / "parsed_for_tests")
    ensure_manifest(settings)
    return settings


def share_parse(settings: Settings) -> None:
    """Give an output folder the parse that its first command would make, in many seconds."""
    target = dbt_process.WAREHOUSE_TARGET
    made = dbt_process.artifacts_dir(_parsed(), target)
    shutil.copytree(
        made,
        dbt_process.artifacts_dir(settings, target),
        ignore=shutil.ignore_patterns("logs", "*.lock"),
        dirs_exist_ok=True,
    )


@cache
def parsed_project() -> Manifest:
    """dbt's project, parsed. Read only: tests that change it read one of their own."""
    return read_manifest(_parsed())


def run_dbt(settings: Settings, command: Sequence[str]):
    """Run one dbt command on the settings' warehouse, with its own target and log folders."""
    target = settings.output_dir / "dbt_target"
    return dbt_process.run_dbt(settings, command, target_path=target, manifest=parsed_project())


def failures(result) -> list[str]:
    """Messages of the nodes that failed, for an assertion a person can read."""
    if result.exception:
        return [str(result.exception)]
    return [
        f"{node.node.unique_id}: {node.status} {node.message}"
        for node in result.result
        if str(node.status) in {"error", "fail", "skipped", "runtime error"}
    ]


def build_warehouse(output: Path, data: Path | None = None, select: Sequence[str] = ()) -> Path:
    """Load and run the models; returns the DuckDB file. Fails with dbt's own messages."""
    settings = settings_for(output, data)
    load_all(settings)
    command = ["run", *(["--select", *select] if select else [])]
    result = run_dbt(settings, command)
    assert result.success, "\n".join(failures(result))
    return settings.warehouse_path
