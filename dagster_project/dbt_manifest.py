"""Keeps dbt's manifest in step with the project, parsing only when something changed.

dbt's own cache of a parse counts as stale as soon as the working file lies elsewhere, since its
path is part of the profile; a parse takes longer than the build of a small warehouse. The models
do not depend on that path, so the parsed project is kept here and handed to every command.

Every parse is a whole one. dbt's partial parsing loses what yml files say of singular tests (their
severity, what they are checks of) once a macro changed that they use: what is tested would change
although no test did.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from dagster_project.dbt_process import (
    SPARK_TARGET,
    WAREHOUSE_TARGET,
    artifacts_dir,
    run_dbt,
)
from dagster_project.errors import WarehouseProjectError
from dagster_project.settings import Settings

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_PARSED_SUFFIXES = {".sql", ".py", ".yml", ".md", ".csv"}
# Left by commands typed in the project's folder.
_MADE_BY_DBT = {"target", "logs", "dbt_packages", "__pycache__"}


def project_fingerprint(project_dir: Path, target: str = WAREHOUSE_TARGET) -> str:
    """Hash of everything dbt reads when it parses, and of the dbt that reads it."""
    digest = hashlib.sha256()
    adapter = "dbt-spark" if target == SPARK_TARGET else "dbt-duckdb"
    for package in ("dbt-core", adapter):
        digest.update(f"{package} {version(package)}".encode())
    for path in sorted(project_dir.rglob("*")):
        name = path.relative_to(project_dir)
        if path.suffix in _PARSED_SUFFIXES and not _MADE_BY_DBT & set(name.parts):
            content = path.read_bytes()
            digest.update(f"{name.as_posix()} {len(content)} ".encode())
            digest.update(content)
    return digest.hexdigest()


def _parsed_path(settings: Settings, target: str) -> Path:
    return artifacts_dir(settings, target) / "parsed_project.msgpack"


def ensure_manifest(settings: Settings, target: str = WAREHOUSE_TARGET) -> bool:
    """Parse the dbt project if its manifest is missing or stale; says whether it parsed.

    ``target`` is the output of profiles.yml that it is parsed for.
    Raises WarehouseProjectError with dbt's own words where the project does not parse.
    """
    project_dir = settings.dbt_project_dir
    folder = artifacts_dir(settings, target)
    parsed, stamp = _parsed_path(settings, target), folder / "manifest.sha256"
    fingerprint = project_fingerprint(project_dir, target)

    def is_fresh() -> bool:
        made = (folder / "manifest.json", parsed, stamp)
        return all(path.exists() for path in made) and stamp.read_text() == fingerprint

    if is_fresh():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    # Another command may be parsing: its result will do.
    with FileLock(folder / "manifest.lock"):
        if is_fresh():
            return False
        _parse(settings, parsed, target)
        stamp.write_text(fingerprint)
    return True


def _parse(settings: Settings, parsed: Path, target: str) -> None:
    """Parse the project with dbt, which writes manifest.json, and keep what it parsed."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumaro_encoder

    parsed.unlink(missing_ok=True)
    result = run_dbt(settings, ["parse", "--no-partial-parse"], target=target)
    if not result.success:
        raise WarehouseProjectError(
            f"The dbt project does not parse: {result.exception}",
            where=str(settings.dbt_project_dir),
            mend="mend the model or yml file that dbt names",
        )
    assert isinstance(result.result, Manifest)  # what dbt's parse command returns
    parsed.write_bytes(result.result.to_msgpack(extended_mashumaro_encoder))


def read_manifest(settings: Settings, target: str = WAREHOUSE_TARGET) -> Manifest:
    """The parsed project that ``ensure_manifest`` left, in a form dbt commands take."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    ensure_manifest(settings, target)
    parsed = _parsed_path(settings, target).read_bytes()
    return Manifest.from_msgpack(parsed, decoder=extended_mashumuro_decoder)
