"""The two passes of dbt, without Spark: what goes there, and how its tables come back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from dagster_project import dbt_process
from dagster_project.dbt_manifest import read_manifest
from dagster_project.settings import Settings
from tests.warehouse_builder import failures, settings_for, share_parse

TAGGED = "model.miner_warehouse.fct_equity_daily"


@pytest.fixture
def own(built_warehouse: Path, tmp_path: Path) -> Settings:
    made = settings_for(tmp_path / "out")
    share_parse(made)
    shutil.copyfile(built_warehouse, made.warehouse_path)
    return made


def test_what_only_duckdb_can_run_stays_there_with_all_that_is_built_on_it(
    own: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = read_manifest(own)
    manifest.nodes[TAGGED].tags.append("duckdb_only")
    manifest.nodes[TAGGED].config.tags = ["duckdb_only"]
    listed = dbt_process.run_dbt(
        own,
        ["list", "--selector", "portable", "--output", "json", "--output-keys", "unique_id"],
        manifest=manifest,
        target_path=tmp_path / "target",
    )
    assert listed.success, listed.exception
    portable = {json.loads(line)["unique_id"] for line in listed.result}
    manifest.build_parent_and_child_maps()
    waiting, kept = [TAGGED], set()
    while waiting:
        kept.add(one := waiting.pop())
        waiting += [child for child in manifest.child_map.get(one, []) if child not in kept]
    assert len(kept) > 3
    assert not portable & kept
    assert "model.miner_warehouse.stg_companies" in portable
    assert not [one for one in portable if one.startswith("unit_test.")]
    models = {one for one in manifest.nodes if one.startswith("model.")}
    for test in (one for one in portable if one.startswith("test.")):
        assert set(manifest.nodes[test].depends_on.nodes) & models <= portable


def _run(settings: Settings, folder: Path, tables: str, *command: str):
    return dbt_process.run_dbt(
        settings,
        command,
        manifest=read_manifest(settings),
        target_path=folder / "target",
        environment={"MINER_SPARK_TABLES": str(folder), "MINER_SPARK_MODELS": tables},
    )


def _columns(path: Path, table: str) -> list[tuple[str, str, str]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(
            "SELECT column_name, data_type, comment FROM duckdb_columns() "
            "WHERE schema_name = 'marts' AND table_name = ? ORDER BY column_index",
            [table],
        ).fetchall()


def test_a_table_of_spark_takes_the_place_of_its_model_and_keeps_its_contract(
    own: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "back" / "marts.db" / "dim_company"
    folder.mkdir(parents=True)
    before = _columns(own.warehouse_path, "dim_company")
    names = [name for name, _, _ in before]
    with duckdb.connect(str(own.warehouse_path), read_only=True) as connection:
        # As Spark leaves it: columns in another order, text where the contract has an own type.
        connection.execute(
            f"COPY (SELECT {', '.join(reversed(names))} FROM marts.dim_company "
            f"WHERE ticker IN ('RIOT', 'MARA')) TO '{folder}/part-0.parquet'"
        )
    result = _run(own, tmp_path / "back", "dim_company", "run", "--select", "dim_company")
    assert failures(result) == []
    assert _columns(own.warehouse_path, "dim_company") == before
    with duckdb.connect(str(own.warehouse_path), read_only=True) as connection:
        found = connection.execute("SELECT ticker FROM marts.dim_company ORDER BY 1").fetchall()
    assert found == [("MARA",), ("RIOT",)]


def test_a_table_that_did_not_come_back_is_an_error_and_not_computed_here(
    own: Settings, tmp_path: Path
) -> None:
    result = _run(own, tmp_path / "back", "dim_company", "run", "--select", "dim_company")
    assert "dim_company" in " ".join(failures(result))
    assert "No files found" in " ".join(failures(result))


def test_other_models_are_computed_here_as_always(own: Settings, tmp_path: Path) -> None:
    result = _run(own, tmp_path / "back", "dim_company", "run", "--select", "dim_session")
    assert failures(result) == []
