"""An edit of dbt's project never changes what is tested, but by what the edit says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from dagster_project.dbt_manifest import ensure_manifest, project_fingerprint, read_manifest
from dagster_project.dbt_process import WAREHOUSE_TARGET, artifacts_dir
from dagster_project.errors import WarehouseProjectError
from dagster_project.settings import PROJECT_DIR, Settings
from tests.warehouse_builder import settings_for

DBT = PROJECT_DIR / "dbt"
MACROS = [
    path.relative_to(DBT).as_posix()
    for folder in ("macros", "tests/generic")
    for path in sorted((DBT / folder).glob("*.sql"))
]
# What almost everything goes through, and what yml says most about.
OFTEN = ("macros/engines.sql", "tests/singular/marts_are_finite.sql")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An output folder with a parse of a copy of dbt's project, which every test edits further."""
    folder = tmp_path_factory.mktemp("edited")
    shutil.copytree(
        DBT, folder / "dbt", ignore=shutil.ignore_patterns("target", "logs", "*.duckdb")
    )
    made = settings_for(folder / "out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Settings, "dbt_project_dir", folder / "dbt")
        # Made here, not shared: dbt takes a parse of other paths for stale, which this one is not.
        assert ensure_manifest(made)
        yield made


def _nodes(settings: Settings) -> dict[str, Any]:
    """Of every node what decides whether and how it is built or tested."""
    path = artifacts_dir(settings, WAREHOUSE_TARGET) / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    kept = ("config", "depends_on", "fqn", "tags", "meta", "columns", "description", "refs")
    return {
        unique_id: {name: node.get(name) for name in kept}
        for kind in ("nodes", "sources", "exposures", "unit_tests")
        for unique_id, node in manifest[kind].items()
    }


def _edit(settings: Settings, name: str) -> None:
    with (settings.dbt_project_dir / name).open("a", encoding="utf-8") as file:
        file.write("\n{# x #}\n" if name.endswith(".sql") else "\n# x\n")


@pytest.mark.parametrize(
    "name",
    [*OFTEN, *(pytest.param(n, marks=pytest.mark.slow) for n in MACROS if n not in OFTEN)],
)
def test_a_remark_in_a_macro_changes_nothing_that_is_tested(settings: Settings, name: str) -> None:
    """dbt's partial parsing lost severity and meta of 21 tests here."""
    before = _nodes(settings)
    assert sum(one["config"].get("severity") == "warn" for one in before.values()) > 10
    _edit(settings, name)
    assert ensure_manifest(settings)
    assert _nodes(settings) == before
    assert read_manifest(settings).nodes.keys() <= before.keys()


@pytest.mark.parametrize(
    "name",
    [
        "models/marts/selloff/a_model.py",
        "models/staging/stg_companies.sql",
        "models/metrics.md",
        "tests/generic/a_test.sql",
        "dbt_project.yml",
        "profiles.yml",
        "selectors.yml",
    ],
)
def test_whatever_dbt_reads_makes_a_parse_stale(settings: Settings, name: str) -> None:
    project = settings.dbt_project_dir
    before = project_fingerprint(project)
    _edit(settings, name)
    assert project_fingerprint(project) != before


def test_what_dbt_leaves_behind_does_not(settings: Settings) -> None:
    project = settings.dbt_project_dir
    before = project_fingerprint(project)
    for name in ("target/compiled/a.sql", "logs/a.md", "models/__pycache__/a.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    assert project_fingerprint(project) == before


def test_a_project_that_does_not_parse_is_refused_each_time(settings: Settings) -> None:
    broken = settings.dbt_project_dir / "macros" / "broken.sql"
    broken.write_text("{% macro open() %}")
    for _ in range(2):
        with pytest.raises(WarehouseProjectError, match="does not parse"):
            ensure_manifest(settings)
    broken.unlink()
    assert ensure_manifest(settings)
