"""dbt inside Dagster: parts of a build, a failing check, and what a person reads of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from dagster_project.definitions import build_definitions
from dagster_project.settings import Settings
from tests.warehouse_builder import settings_for, share_parse

JOB = "part"
MODELS = dg.AssetSelection.key_prefixes(["staging"], ["intermediate"], ["marts"])


@pytest.fixture
def own(built_warehouse: Path, tmp_path: Path) -> Settings:
    """Settings over a private copy of a warehouse that is already built."""
    made = settings_for(tmp_path)
    share_parse(made)
    shutil.copyfile(built_warehouse, made.warehouse_path)
    return made


def _run(settings: Settings, selection: dg.AssetSelection) -> dg.ExecuteInProcessResult:
    part = dg.Definitions(jobs=[dg.define_asset_job(JOB, selection=selection)])
    merged = dg.Definitions.merge(build_definitions(settings), part)
    return merged.resolve_job_def(JOB).execute_in_process(raise_on_error=False)


def _spoil_hashrate(settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute(
            "update raw.network_metrics set hashrate_eh_s = 2 * hashrate_eh_s "
            "where date_utc = '2025-03-26'"
        )


def test_one_mart_can_be_built_alone(own: Settings) -> None:
    result = _run(own, dg.AssetSelection.assets(["marts", "fct_mining_economics"]))
    assert result.success
    (made,) = result.asset_materializations_for_node("dbt_models")
    assert made.asset_key == dg.AssetKey(["marts", "fct_mining_economics"])
    metadata = {name: value.value for name, value in made.metadata.items()}
    assert metadata["dagster/row_count"] == 609
    columns = {column.name: column for column in metadata["dagster/column_schema"].columns}
    assert columns["network_eh_s"].type == "DOUBLE"
    assert columns["network_eh_s"].description
    lineage = metadata["dagster/column_lineage"].deps_by_column
    assert set(lineage) == set(columns)
    assert {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage["price_usd"]} == {
        ("staging/stg_btc_prices", "close_usd"),
        ("staging/stg_network_metrics", "price_usd"),
    }


def test_one_check_can_be_run_alone(own: Settings) -> None:
    key = dg.AssetCheckKey(
        dg.AssetKey(["marts", "fct_source_reconciliation"]), "price_sources_agree"
    )
    result = _run(own, dg.AssetSelection.checks(key))
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert check.check_name == "price_sources_agree"
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "2024-12-23" in (check.description or "")
    assert "| 2024-12-23 | 11 |" in str(check.metadata["first_rows"].value)


@pytest.mark.slow
def test_a_failing_check_fails_the_step_in_words(own: Settings) -> None:
    _spoil_hashrate(own)
    selection = MODELS | dg.AssetSelection.groups("publication")
    result = _run(own, selection)
    assert not result.success
    (failed,) = result.filter_events(lambda event: event.is_step_failure)
    assert failed.step_key == "dbt_models"
    said = failed.step_failure_data.user_failure_data.description
    # The first row it found, as a warning shows it.
    assert "hashrate_follows_from_difficulty: 1 found; first: date_utc 2025-03-26" in said
    assert "the published marts stay as they were" in said
    # Nothing was published from it, and the build left the file free.
    assert not own.published_path.exists()
    broken = [c for c in result.get_asset_check_evaluations() if not c.passed]
    severities = {c.check_name: c.severity for c in broken}
    assert severities["hashrate_follows_from_difficulty"] is dg.AssetCheckSeverity.ERROR
    with duckdb.connect(str(own.warehouse_path)) as connection:
        connection.execute("create table still_free as select 1")


@pytest.mark.slow
def test_the_publication_alone_checks_its_own_gate(own: Settings) -> None:
    _spoil_hashrate(own)
    assert not _run(own, MODELS).success
    result = _run(own, dg.AssetSelection.groups("publication"))
    assert not result.success
    (failed,) = result.filter_events(lambda event: event.is_step_failure)
    said = failed.step_failure_data.user_failure_data.description
    assert "hashrate_follows_from_difficulty" in said
    assert not own.published_path.exists()
