"""What the last whole build was made of, so that a run with nothing new to do takes no time.

A build from CSV files depends on those files, on the code and on the packages that ran it. Where
all of them are as they were, and the working file and the publication are untouched since, the
same tables would come out again: `make run` then prints what stands. Vendors are always asked.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from dagster_project.contracts import TABLES
from dagster_project.dbt_manifest import project_fingerprint
from dagster_project.report import CheckCounts
from dagster_project.settings import BUNDLED_DATA_DIR, PROJECT_DIR, Settings
from dagster_project.warehouse import publish_files

# Packages whose own code decides what a figure becomes.
_COMPUTING_PACKAGES = (
    "duckdb",
    "numpy",
    "scipy",
    "pyarrow",
    "pandas",
    "exchange-calendars",
    "dagster",
    "dagster-dbt",
)
_SPARK_PACKAGES = ("pyspark", "dbt-spark")


@dataclass(frozen=True)
class LastBuild:
    """A whole build that succeeded: what went in, what came out, how the checks judged it."""

    inputs: str
    working_file: tuple[int, int]
    publication_id: str
    published_at: str
    checks: CheckCounts


def _path(settings: Settings) -> Path:
    return settings.warehouse_path.with_name("last_build.json")


def _files(settings: Settings) -> Iterator[Path]:
    """Every file that a build from CSV files reads, whether or not it is there."""
    for table in TABLES:
        if table.file:
            # A missing file of the study is taken from the bundled folder.
            yield from (settings.data_dir / table.file, BUNDLED_DATA_DIR / table.file)
    code = PROJECT_DIR / "dagster_project"
    yield from sorted(path for path in code.rglob("*") if path.suffix in {".py", ".yaml"})


def inputs_fingerprint(settings: Settings) -> str | None:
    """Hash of all a build from CSV files depends on; None where vendors are to be asked."""
    if settings.asks_vendors:
        return None
    digest = hashlib.sha256(project_fingerprint(settings.dbt_project_dir).encode())
    digest.update(f"{settings.data_dir} {settings.target} {sys.version}".encode())
    for package in _COMPUTING_PACKAGES + (_SPARK_PACKAGES if settings.on_spark else ()):
        digest.update(f"{package} {version(package)}".encode())
    for path in _files(settings):
        content = path.read_bytes() if path.is_file() else b"no such file"
        digest.update(f"{path} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    """Time of the last change and size: a load or model run from elsewhere changes them."""
    if not path.is_file():
        return (0, 0)
    about = path.stat()
    return (about.st_mtime_ns, about.st_size)


def standing_build(settings: Settings, inputs: str | None) -> LastBuild | None:
    """The last build, if a new one of ``inputs`` could only repeat it.

    None where anything differs: inputs, working file, which publication readers see, or one of
    its files; and where the record is missing or cannot be read.
    """
    try:
        said = json.loads(_path(settings).read_text(encoding="utf-8"))
        checks = CheckCounts(**said["checks"])
        checks.remarks = [(str(name), str(found)) for name, found in checks.remarks]
        last = LastBuild(**{**said, "working_file": tuple(said["working_file"]), "checks": checks})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if inputs is None or last.inputs != inputs:
        return None
    if last.working_file != _stamp(settings.warehouse_path):
        return None
    if last.publication_id != publish_files.current_id(settings.published_dir):
        return None
    release = settings.published_dir / publish_files.RELEASES / last.publication_id
    manifest = publish_files.read_manifest(release)
    if manifest is None or not publish_files.is_intact(release, manifest):
        return None
    if not publish_files.leads_readers(settings.published_dir, last.publication_id):
        return None
    return last


def remember_build(settings: Settings, inputs: str | None, checks: CheckCounts) -> None:
    """Record a build that succeeded, for the next run; forget the last one if it cannot stand."""
    path = _path(settings)
    name = publish_files.current_id(settings.published_dir)
    release = settings.published_dir / publish_files.RELEASES / (name or "")
    manifest = publish_files.read_manifest(release) if name else None
    if inputs is None or name is None or manifest is None:
        path.unlink(missing_ok=True)
        return
    last = LastBuild(
        inputs, _stamp(settings.warehouse_path), name, manifest["published_at"], checks
    )
    new = path.with_suffix(".new")
    new.write_text(json.dumps(asdict(last), indent=1) + "\n", encoding="utf-8")
    new.replace(path)
