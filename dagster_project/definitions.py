"""The code location: binds assets, checks, resources and schedules; nothing else."""

from __future__ import annotations

import dagster as dg
from dagster_dbt import DbtProject

from dagster_project.dbt_manifest import ensure_manifest
from dagster_project.dbt_process import WAREHOUSE_TARGET, artifacts_dir
from dagster_project.defs.extraction import extraction_definitions, monthly_partitions
from dagster_project.defs.publication import publication_definitions
from dagster_project.defs.schedules import freshness_policy, schedule_definitions
from dagster_project.defs.transformation import transformation_definitions
from dagster_project.defs.watching import watching_definitions
from dagster_project.settings import Settings, current_settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """All definitions over the given settings, so that a test can point them elsewhere."""
    # A code location started by hand must not meet a missing or stale manifest.
    ensure_manifest(settings)
    project = DbtProject(
        project_dir=settings.dbt_project_dir,
        target_path=artifacts_dir(settings, WAREHOUSE_TARGET),
    )
    models = transformation_definitions(settings, project)
    marts = [spec.key for spec in models.resolve_all_asset_specs() if spec.key.path[0] == "marts"]
    months = monthly_partitions(settings)
    return dg.Definitions.merge(
        extraction_definitions(settings, months),
        models,
        publication_definitions(settings, marts, freshness_policy(settings)),
        schedule_definitions(settings, months),
        watching_definitions(settings),
        # One process per run: a process per step would import everything again for each table.
        dg.Definitions(executor=dg.in_process_executor),
    )


defs = build_definitions(current_settings())
