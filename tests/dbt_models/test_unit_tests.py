"""dbt's native unit tests, which a daily build leaves out: every one must pass."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from dagster_project.settings import PROJECT_DIR
from tests.warehouse_builder import failures, run_dbt, settings_for

MODELS = PROJECT_DIR / "dbt" / "models"


def _written() -> set[str]:
    """Names of all unit tests that the project's files hold."""
    return {
        test["name"]
        for path in MODELS.rglob("*.yml")
        for test in yaml.safe_load(path.read_text(encoding="utf-8")).get("unit_tests") or []
    }


def test_every_unit_test_passes(built_warehouse: Path, tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    # A unit test reads the columns of the tables it replaces, never their rows.
    shutil.copyfile(built_warehouse, settings.warehouse_path)
    result = run_dbt(settings, ["test", "--select", "test_type:unit"])
    assert failures(result) == []
    passed = {
        node.node.name
        for node in result.result
        if node.node.resource_type == "unit_test" and str(node.status) == "pass"
    }
    assert passed == _written()
    assert len(passed) > 70
