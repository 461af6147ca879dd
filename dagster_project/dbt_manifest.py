"""Keeps dbt's manifest in step with the project, parsing only when something changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dagster_project.dbt_process import run_dbt
from dagster_project.errors import WarehouseProjectError
from dagster_project.settings import PROJECT_DIR, Settings

_PARSED_SUFFIXES = {".sql", ".yml", ".md", ".csv"}


def _fingerprint(project_dir: Path) -> str:
    """Hash of everything dbt reads when it parses."""
    digest = hashlib.sha256()
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


def ensure_manifest(settings: Settings) -> bool:
    """Parse the dbt project if its manifest is missing or stale; says whether it parsed.

    Raises WarehouseProjectError with dbt's own words where the project does not parse.
    """
    project_dir = settings.dbt_project_dir
    manifest = project_dir / "target" / "manifest.json"
    stamp = project_dir / "target" / "manifest.sha256"
    fingerprint = _fingerprint(project_dir)
    if manifest.exists() and stamp.exists() and stamp.read_text() == fingerprint:
        return False
    result = run_dbt(settings, ["parse"])
    if not result.success:
        raise WarehouseProjectError(
            f"The dbt project does not parse: {result.exception}",
            where=str(project_dir),
            mend="mend the model or yml file that dbt names",
        )
    stamp.write_text(fingerprint)
    return True
