"""Keeps dbt's manifest in step with the project, parsing only when something changed.

dbt's own cache of a parse counts as stale as soon as the working file lies elsewhere, since its
path is part of the profile; a parse takes longer than the build of a small warehouse. The models
do not depend on that path, so the parsed project is kept here and handed to every command.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.dbt_process import run_dbt
from dagster_project.errors import WarehouseProjectError
from dagster_project.settings import PROJECT_DIR, Settings

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_PARSED_SUFFIXES = {".sql", ".yml", ".md", ".csv"}


def project_fingerprint(project_dir: Path) -> str:
    """Hash of everything dbt reads when it parses, and of the dbt that reads it."""
    digest = hashlib.sha256()
    for package in ("dbt-core", "dbt-duckdb"):
        digest.update(f"{package} {version(package)}".encode())
    files = [PROJECT_DIR / "profiles.yml"]
    files += [
        path
        for path in project_dir.rglob("*")
        if path.suffix in _PARSED_SUFFIXES
        and not {"target", "logs"} & set(path.relative_to(project_dir).parts)
    ]
    for path in sorted(files):
        digest.update(str(path.relative_to(PROJECT_DIR)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _parsed_path(settings: Settings) -> Path:
    return settings.dbt_project_dir / "target" / "parsed_project.msgpack"


def ensure_manifest(settings: Settings) -> bool:
    """Parse the dbt project if its manifest is missing or stale; says whether it parsed.

    Raises WarehouseProjectError with dbt's own words where the project does not parse.
    """
    project_dir = settings.dbt_project_dir
    parsed = _parsed_path(settings)
    stamp = project_dir / "target" / "manifest.sha256"
    fingerprint = project_fingerprint(project_dir)
    made = (project_dir / "target" / "manifest.json", parsed, stamp)
    if all(path.exists() for path in made) and stamp.read_text() == fingerprint:
        return False
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumaro_encoder

    stamp.unlink(missing_ok=True)
    result = run_dbt(settings, ["parse"])
    if not result.success:
        raise WarehouseProjectError(
            f"The dbt project does not parse: {result.exception}",
            where=str(project_dir),
            mend="mend the model or yml file that dbt names",
        )
    assert isinstance(result.result, Manifest)  # what dbt's parse command returns
    parsed.write_bytes(result.result.to_msgpack(extended_mashumaro_encoder))
    stamp.write_text(fingerprint)
    return True


def read_manifest(settings: Settings) -> Manifest:
    """The parsed project that ``ensure_manifest`` left, in a form dbt commands take."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    ensure_manifest(settings)
    parsed = _parsed_path(settings).read_bytes()
    return Manifest.from_msgpack(parsed, decoder=extended_mashumuro_decoder)
