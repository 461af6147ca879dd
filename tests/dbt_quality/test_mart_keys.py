"""Each mart's key is stated to the publication and checked, but no index is kept for it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import yaml

from dagster_project.settings import PROJECT_DIR
from dagster_project.warehouse.publish_marts import describe_marts


def _in_the_contracts() -> dict[str, tuple[str, ...]]:
    keys = {}
    for path in (PROJECT_DIR / "dbt" / "models").rglob("*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models") or []:
            for constraint in model.get("constraints") or []:
                keys[model["name"]] = tuple(constraint["columns"])
                (checked,) = [
                    test["unique_key"]["arguments"]["columns"]
                    for test in model["data_tests"]
                    if isinstance(test, dict) and "unique_key" in test
                ]
                assert tuple(checked) == keys[model["name"]], model["name"]
                needed = {
                    column["name"]
                    for column in model["columns"]
                    if {"type": "not_null"} in column.get("constraints", [])
                }
                assert set(keys[model["name"]]) <= needed, model["name"]
    return keys


def test_the_publication_finds_the_key_of_every_contract(built_warehouse: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{built_warehouse}' AS built (READ_ONLY)")
        found = {mart.name: mart.primary_key for mart in describe_marts(connection, "built")}
    assert found == _in_the_contracts()
    assert len(found) > 30


def test_no_mart_has_an_index(built_warehouse: Path) -> None:
    with duckdb.connect(str(built_warehouse), read_only=True) as connection:
        kinds = connection.execute(
            "SELECT constraint_type, count(*) FROM duckdb_constraints() "
            "WHERE schema_name = 'marts' GROUP BY 1"
        ).fetchall()
    assert [kind for kind, _ in kinds] == ["NOT NULL"]
