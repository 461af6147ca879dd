"""What a data engineer sees in the asset graph before anything has run."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._core.execution.api import create_execution_plan

from dagster_project.contracts import TABLES
from dagster_project.dbt_process import WAREHOUSE_TARGET, artifacts_dir
from dagster_project.defs.extraction import monthly_partitions
from dagster_project.defs.schedules import REFRESH_JOB, freshness_policy
from dagster_project.defs.subjects import OTHER
from dagster_project.settings import WRITER_POOL, Settings, read_settings
from dagster_project.sources import open_source

LAYERS = {"raw", "staging", "intermediate", "marts"}
# More than this cannot be read when a group is opened.
READABLE = 25
MARTS_OF_THIS_PROJECT = {
    "dim_company",
    "dim_event",
    "dim_hpc_contract",
    "dim_session",
    "fct_ai_exposure",
    "fct_capex_announcements",
    "fct_company_facts",
    "fct_hyperscaler_capex",
    "fct_mining_economics",
    "fct_selloff_daily",
    "fct_selloff_path",
    "fct_selloff_firm",
    "fct_selloff_tests",
    "fct_source_reconciliation",
    "selloff_summary",
}


def test_groups_are_subjects_that_can_be_read_when_they_are_opened(graph: dg.AssetGraph) -> None:
    sizes = Counter(graph.get(key).group_name for key in graph.get_all_asset_keys())
    assert OTHER not in sizes, "a name that no subject of defs/subjects.py claims"
    assert {group: size for group, size in sizes.items() if size > READABLE} == {}
    assert sum(sizes.values()) / len(sizes) > 5, "as few groups as that allows"


def test_a_subject_is_found_together_from_the_raw_table_to_the_mart(graph: dg.AssetGraph) -> None:
    for keys in (
        ("raw/equity_prices", "staging/stg_equity_prices", "marts/fct_equity_daily"),
        ("raw/press_claims", "staging/stg_press_claims", "marts/fct_claim_checks"),
        ("raw/company_facts", "staging/stg_company_facts", "marts/fct_company_facts"),
        ("raw/study_scenarios", "staging/stg_study_scenarios", "marts/fct_valuation_scenario"),
    ):
        assert len({graph.get(dg.AssetKey(key.split("/"))).group_name for key in keys}) == 1


def test_layers_are_tags(graph: dg.AssetGraph) -> None:
    tagged = {graph.get(key).tags.get("layer", key.path[0]) for key in graph.get_all_asset_keys()}
    assert tagged == {*LAYERS, "publication"}
    for key in graph.get_all_asset_keys():
        if key.path[0] in LAYERS:
            assert graph.get(key).tags["layer"] == key.path[0]


def test_every_mart_is_an_asset_and_feeds_the_publication(graph: dg.AssetGraph) -> None:
    marts = {key.path[1] for key in graph.get_all_asset_keys() if key.path[0] == "marts"}
    assert marts >= MARTS_OF_THIS_PROJECT
    publication = graph.get(dg.AssetKey(["publication", "miner_marts"]))
    assert {key.path[1] for key in publication.parent_keys} == marts


def test_every_asset_says_what_it_is_and_whose(graph: dg.AssetGraph) -> None:
    silent = []
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        if not (node.description and node.owners and node.kinds and node.group_name):
            silent.append(key.to_user_string())
    assert silent == []


def test_every_raw_asset_states_its_columns(graph: dg.AssetGraph) -> None:
    for table in TABLES:
        schema = graph.get(dg.AssetKey(["raw", table.name])).metadata["dagster/column_schema"]
        stated = [column.name for column in schema.columns]
        assert stated == [column.name for column in table.stored_columns]
        assert all(column.description for column in schema.columns)


def test_dbt_sources_and_raw_assets_are_the_same_tables(
    graph: dg.AssetGraph, settings: Settings
) -> None:
    manifest = json.loads((artifacts_dir(settings, WAREHOUSE_TARGET) / "manifest.json").read_text())
    sources = {(s["source_name"], s["name"]) for s in manifest["sources"].values()}
    raw = {tuple(key.path) for key in graph.materializable_asset_keys if key.path[0] == "raw"}
    assert sources == raw == {("raw", table.name) for table in TABLES}


def test_every_dbt_test_is_an_asset_check(graph: dg.AssetGraph, settings: Settings) -> None:
    manifest = json.loads((artifacts_dir(settings, WAREHOUSE_TARGET) / "manifest.json").read_text())
    tests = {n["name"] for n in manifest["nodes"].values() if n["resource_type"] == "test"}
    checks = {key.name for key in graph.asset_check_keys}
    assert tests - checks == set()
    assert len(tests) > 20


def test_every_check_says_what_it_looks_for(definitions: dg.Definitions) -> None:
    specs = [
        spec
        for assets in (definitions.resolve_all_asset_specs() and definitions.assets) or []
        if isinstance(assets, dg.AssetsDefinition)
        for spec in assets.check_specs
    ]
    assert [spec.name for spec in specs if not spec.description] == []


def test_series_have_the_months_that_can_be_filled(
    graph: dg.AssetGraph, settings: Settings
) -> None:
    last = open_source(settings).span().end
    for table in TABLES:
        node = graph.get(dg.AssetKey(["raw", table.name]))
        if not table.time_column:
            assert node.partitions_def is None
            continue
        months = node.partitions_def.get_partition_keys()
        assert months[0] == "2024-01-01"
        # The dialog offers no month after the last figure of the folder.
        assert months[-1] == last.replace(day=1).isoformat() == "2025-08-01"
        assert node.backfill_policy == dg.BackfillPolicy.single_run()


def test_vendors_are_asked_for_the_current_month_too() -> None:
    live = read_settings({"MINER_SOURCE": "live"})
    months = monthly_partitions(live).get_partition_keys()
    assert months[-1] == datetime.now(UTC).date().replace(day=1).isoformat()


def test_one_dbt_step_and_one_writer(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def(REFRESH_JOB)
    plan = create_execution_plan(job, run_config={})
    steps = [step.key for step in plan.get_all_steps_in_topo_order()]
    # A blocking check on a table that feeds other tables would split dbt into two starts.
    assert [key for key in steps if key.startswith("dbt_models")] == ["dbt_models"]
    assert steps[-1] == "publication__miner_marts"
    assert {step.pool for step in plan.get_all_steps_in_topo_order()} == {WRITER_POOL}


def test_the_job_runs_steps_in_one_process(definitions: dg.Definitions) -> None:
    assert definitions.resolve_job_def(REFRESH_JOB).executor_def.name == "in_process"


def test_schedule_asks_for_the_month_of_its_evening(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("after_the_close")
    assert schedule.cron_schedule == "0 18 * * 1-5"
    assert schedule.execution_timezone == "America/New_York"
    # 31 July 2025, 18:00 in New York, is already 22:00 UTC; two hours later it is August there.
    evening = datetime(2025, 7, 31, 18, 0, tzinfo=ZoneInfo("America/New_York"))
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=evening,
            repository_def=definitions.get_repository_def(),
        )
        (request,) = schedule.evaluate_tick(context).run_requests
    assert request.partition_key == "2025-07-01"


def test_a_folder_that_ends_earlier_is_asked_for_its_last_month(
    definitions: dg.Definitions,
) -> None:
    schedule = definitions.resolve_schedule_def("after_the_close")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime(2026, 3, 2, 18, 0, tzinfo=ZoneInfo("UTC")),
            repository_def=definitions.get_repository_def(),
        )
        (request,) = schedule.evaluate_tick(context).run_requests
    assert request.partition_key == "2025-08-01"


def test_schedule_and_freshness_are_off_until_asked_for(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("after_the_close")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert freshness_policy(read_settings({})) is None
    promised = freshness_policy(read_settings({"MINER_SCHEDULE": "1"}))
    assert promised is not None
    assert promised.timezone == "America/New_York"
