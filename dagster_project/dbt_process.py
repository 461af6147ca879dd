"""The one way this project runs dbt: in its own process, letting go of the file afterwards."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.settings import Settings
from dagster_project.sources import open_folder
from dagster_project.study_size import DEFAULT_MAX_FACTORS, max_factors

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

# Outputs of profiles.yml.
WAREHOUSE_TARGET = "prod"
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


def _variables(settings: Settings, factors: int | None) -> list[str]:
    """dbt's variables where the study is larger than what dbt_project.yml has room for.

    Left out otherwise: dbt parses the whole project again when they change.
    """
    wanted = max_factors(open_folder(settings)) if factors is None else factors
    if wanted == DEFAULT_MAX_FACTORS:
        return []
    return ["--vars", json.dumps({"max_factors": wanted})]


def artifacts_dir(settings: Settings, target: str) -> Path:
    """Folder in the output folder for dbt's parse, artifacts and logs: one per target.

    A parse is made for one adapter. Commands typed in the project's own folder have others
    (``dbt/target``), so that neither reads what the other left half done.
    """
    return settings.dbt_dir / target


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    *,
    factors: int | None = None,
    on_event: Callable[[Any], None] | None = None,
    target_path: Path | None = None,
    manifest: Any = None,
    target: str = WAREHOUSE_TARGET,
    environment: Mapping[str, str] | None = None,
    profiles_dir: Path | None = None,
) -> dbtRunnerResult:
    """Run one dbt command over the settings' working file, or over Spark.

    ``factors`` is the number of factors that the models' SQL has room for (default: as many as
    the study's largest model needs). ``on_event`` receives dbt's log events as they come;
    ``target_path`` replaces ``artifacts_dir`` as folder of artifacts and logs; ``manifest`` (a
    parsed one) saves the parse; ``profiles_dir`` holds another ``profiles.yml`` than the project's.
    ``target`` is an output of profiles.yml; on Spark a session must be there already, which dbt
    then takes. ``environment`` is added for the command.
    """
    from dbt.cli.main import dbtRunner

    shared = artifacts_dir(settings, target)
    folder = target_path or shared
    places = [
        "--project-dir",
        str(settings.dbt_project_dir),
        "--profiles-dir",
        str(profiles_dir or settings.dbt_project_dir),
        "--target",
        target,
        "--target-path",
        str(folder),
        "--log-path",
        str(folder / "logs"),
        "--quiet",
    ]
    if manifest is not None and folder == shared:
        # What the parse has written there stays: two commands at once would write manifest.json
        # over one another, and whoever reads it next would find half of each.
        places.append("--no-write-json")
    if target == SPARK_TARGET:
        # An error of Spark is a page of Java; its reason is told by who asked, the page in the log.
        places += ["--log-level", "none"]
    runner = dbtRunner(manifest=manifest, callbacks=[on_event] if on_event else [])
    with _environment({**settings.dbt_environment(), **(environment or {})}):
        try:
            return runner.invoke([*arguments, *_variables(settings, factors), *places])
        finally:
            _let_go_of_the_file()
