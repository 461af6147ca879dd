"""The dbt models as assets, their tests as asset checks."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets

from dagster_project.defs.common import ONE_RUN, OWNERS, readable_failures
from dagster_project.defs.dbt_run import build_models, selected_nodes, selection_arguments
from dagster_project.defs.spark_run import SparkPass, spark_pass
from dagster_project.defs.subjects import LAYER_TAG, subject_of
from dagster_project.settings import WRITER_POOL, Settings
from dagster_project.warehouse.connection import require_sound, warehouse

# Unit tests prove the SQL on made-up rows: they belong to `make test`, not to a daily build.
BUILD = ["build", "--exclude-resource-type", "unit_test"]


class ProjectTranslator(DagsterDbtTranslator):
    """Keys by layer, groups by subject, owners on all."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        if node["resource_type"] == "source":
            return spec
        stated = node["meta"].get("dagster", {}).get("group")
        return spec.replace_attributes(
            group_name=stated or subject_of(node["name"]),
            owners=OWNERS,
            description=node["description"],
            tags={**spec.tags, LAYER_TAG: node["fqn"][1]},
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["fqn"][1], dbt_resource_props["name"]])


def transformation_definitions(settings: Settings, project: DbtProject) -> dg.Definitions:
    """All dbt models in one multi-asset, so that one dbt run builds and tests them."""

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        dagster_dbt_translator=ProjectTranslator(
            DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True)
        ),
        backfill_policy=ONE_RUN,
        pool=WRITER_POOL,
        name="dbt_models",
    )
    def dbt_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        specs = list(context.assets_def.specs)
        with readable_failures(context):
            # dbt tells of a lock only after its own attempts, and not who holds it.
            with warehouse(settings.warehouse_path):
                pass
            nodes = selected_nodes(context, specs)
            # A damaged block in a table that dbt reads would fail this and every later run.
            require_sound(settings.warehouse_path)
            spark = spark_pass(settings, nodes, context.log) if settings.on_spark else SparkPass()
            yield from build_models(
                context,
                settings,
                specs,
                [*BUILD, *selection_arguments(nodes)],
                environment=spark.environment,
                more=spark.metadata,
            )

    return dg.Definitions(assets=[dbt_models])
