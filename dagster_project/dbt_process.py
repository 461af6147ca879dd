"""The one way this project runs dbt: in its own process, letting go of the file afterwards."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.settings import PROJECT_DIR, Settings

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

# Outputs of profiles.yml.
WAREHOUSE_TARGET = "warehouse"
SPARK_TARGET = "spark"


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """dbt reads the path of the working file from its environment; put it back afterwards."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _let_go_of_the_file() -> None:
    """Close the connection that dbt-duckdb keeps for the life of a process.

    Keeping it open between models halves the time of a build; keeping it after the build
    would lock everyone else out.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    manager: Any = DuckDBConnectionManager
    # env() raises a bare Exception where dbt never came to open a connection.
    with contextlib.suppress(Exception):
        manager.env().close()
    manager.close_all_connections()


def artifacts_dir(settings: Settings, target: str) -> Path:
    """Folder that all commands share for dbt's artifacts: one per target.

    A parse, which lies there, is made for one adapter.
    """
    made = settings.dbt_project_dir / "target"
    return made if target == WAREHOUSE_TARGET else made / target


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    *,
    on_event: Callable[[Any], None] | None = None,
    target_path: Path | None = None,
    manifest: Any = None,
    target: str = WAREHOUSE_TARGET,
    environment: Mapping[str, str] | None = None,
    profiles_dir: Path = PROJECT_DIR,
) -> dbtRunnerResult:
    """Run one dbt command over the settings' working file, or over Spark.

    ``on_event`` receives dbt's log events as they come; ``target_path`` replaces dbt's usual
    folder for artifacts and logs; ``manifest`` (a parsed one) saves the parse; ``profiles_dir``
    holds another ``profiles.yml`` than the project's.
    ``target`` is an output of profiles.yml; on Spark a session must be there already, which dbt
    then takes. ``environment`` is added for the command.
    """
    from dbt.cli.main import dbtRunner

    places = [
        "--project-dir",
        str(settings.dbt_project_dir),
        "--profiles-dir",
        str(profiles_dir),
        "--target",
        target,
        "--quiet",
    ]
    shared = artifacts_dir(settings, target)
    if manifest is not None and (target_path or shared) == shared:
        # What the parse has written there stays: two commands at once would write manifest.json
        # over one another, and whoever reads it next would find half of each.
        places.append("--no-write-json")
    if target == SPARK_TARGET:
        # An error of Spark is a page of Java; its reason is told by who asked, the page in the log.
        places += ["--log-level", "none"]
    if target_path is not None:
        places += ["--target-path", str(target_path), "--log-path", str(target_path / "logs")]
    runner = dbtRunner(manifest=manifest, callbacks=[on_event] if on_event else [])
    with _environment({**settings.dbt_environment(), **(environment or {})}):
        try:
            return runner.invoke([*arguments, *places])
        finally:
            _let_go_of_the_file()
