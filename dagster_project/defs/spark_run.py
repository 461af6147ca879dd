"""The part of a dbt build that Spark computes first, told to Dagster like the rest."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg

from dagster_project.dbt_manifest import read_manifest
from dagster_project.dbt_process import SPARK_TARGET, NodeOutcome, run_dbt
from dagster_project.defs.dbt_run import failure_of, invoke_dbt
from dagster_project.errors import WarehouseProjectError
from dagster_project.settings import Settings
from dagster_project.spark.build import compute_on_spark
from dagster_project.spark.exchange import place_of
from dagster_project.spark.session import short_reason
from dagster_project.spark.use import SparkUse

SELECTOR = "portable"
_TABLE_KINDS = {"table", "incremental"}


@dataclass(frozen=True)
class SparkPass:
    """What Spark did: outcome per node, what it took, and how the working file finds its tables."""

    outcomes: Mapping[str, NodeOutcome] = field(default_factory=dict)
    use: SparkUse | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def metadata(self, unique_id: str) -> dict[str, Any]:
        """Metadata of a model's materialization, or of a check; empty where Spark had no part."""
        node = self.outcomes.get(unique_id)
        if node is None:
            return {}
        if unique_id.startswith("model."):
            return {"engine": "spark", "spark_seconds": round(node.seconds, 3)}
        return {"on_spark": node.status, "on_spark_rows_found": node.failures or 0}


@dataclass(frozen=True)
class _Plan:
    """Nodes for Spark, tables that come back, relations that must go there besides raw ones."""

    nodes: tuple[str, ...]
    arguments: tuple[str, ...]
    tables: tuple[tuple[str, str], ...]
    further: tuple[tuple[str, str], ...]


def portable_ids(settings: Settings, manifest: Any) -> set[str]:
    """Unique ids of all nodes that dbt/selectors.yml lets run on Spark."""
    # dbt prints the list too, whatever it is told.
    with contextlib.redirect_stdout(io.StringIO()):
        listed = run_dbt(
            settings,
            ["list", "--selector", SELECTOR, "--output", "json", "--output-keys", "unique_id"],
            manifest=manifest,
            target=SPARK_TARGET,
        )
    if not listed.success:
        raise WarehouseProjectError(
            f"dbt cannot tell which models run on Spark: {listed.exception}",
            where=str(settings.dbt_project_dir / "selectors.yml"),
            mend="mend the selector that dbt names",
        )
    assert isinstance(listed.result, list)  # what dbt's list command returns
    return {json.loads(line)["unique_id"] for line in listed.result}


def _plan(settings: Settings, wanted: set[str] | None) -> _Plan:
    """What Spark is to do of the ``wanted`` nodes (None: of all)."""
    manifest = read_manifest(settings, SPARK_TARGET)
    chosen = portable_ids(settings, manifest)
    chosen = {one for one in chosen if one in manifest.nodes}
    if wanted is not None:
        chosen &= wanted
    nodes: list[Any] = [manifest.nodes[one] for one in sorted(chosen)]
    parents = {
        parent
        for node in nodes
        for parent in node.depends_on.nodes
        if parent in manifest.nodes and parent not in chosen
    }
    return _Plan(
        nodes=tuple(node.unique_id for node in nodes),
        arguments=("build", "--selector", SELECTOR)
        if wanted is None
        else ("build", "--select", *(node.name for node in nodes), "--indirect-selection", "empty"),
        tables=tuple(
            (node.schema, node.name)
            for node in nodes
            if node.resource_type == "model" and node.config.materialized in _TABLE_KINDS
        ),
        further=tuple(
            (manifest.nodes[one].schema, manifest.nodes[one].name) for one in sorted(parents)
        ),
    )


def spark_pass(
    settings: Settings, wanted: Sequence[str] | None, log: dg.DagsterLogManager
) -> SparkPass:
    """Let Spark compute and check what it can of the ``wanted`` nodes (None: of all).

    Raises SparkFailed where Spark fails, and dg.Failure where a model or a check of severity error
    fails there: the working file is then left as it is.
    """
    plan = _plan(settings, set(wanted) if wanted is not None else None)
    if not plan.nodes:
        return SparkPass()
    outcomes, use = compute_on_spark(
        settings,
        plan.further,
        plan.tables,
        run_models=lambda: invoke_dbt(settings, plan.arguments, log, target=SPARK_TARGET),
        succeeded=lambda nodes: not any(node.failed for node in nodes),
    )
    short = [replace(node, message=short_reason(node.message)) for node in outcomes]
    if failure := failure_of(short, on="dbt on Spark"):
        raise failure
    for line in use.lines():
        log.info(line)
    place = place_of(settings.spark_dir, settings.output_dir)
    return SparkPass(
        outcomes={node.unique_id: node for node in outcomes},
        use=use,
        environment={
            "MINER_SPARK_TABLES": str(place.local),
            "MINER_SPARK_MODELS": ",".join(name for _, name in plan.tables),
        },
    )
