"""Runs dbt inside the step's own process and tells Dagster what it did.

dagster-dbt defines the assets and checks; its runner is not used because it starts dbt
in two more processes (one only for the version) and gives views no row count. See
docs/decisions.md for the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.column_lineage import LineageCache, Origin, declared_lineage
from dagster_project.dbt_manifest import read_manifest
from dagster_project.dbt_process import WAREHOUSE_TARGET, artifacts_dir, run_dbt
from dagster_project.errors import WarehouseProjectError
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import warehouse
from dagster_project.warehouse.ddl import quoted

UNIQUE_ID = "dagster_dbt/unique_id"
_FAILED = {"error", "fail", "runtime error", "partial success"}
_REPORTED_FAILURES = 8
_SHOWN_ROWS = 10
_TELL_EVERY = 10


@dataclass(frozen=True)
class NodeOutcome:
    """What dbt says of one model or test.

    A model in Python has no ``sql``; ``column_origins`` is what it declares instead.
    """

    unique_id: str
    status: str
    failures: int | None
    message: str
    seconds: float
    sql: str = ""
    column_origins: Mapping[str, Sequence[str]] | None = None

    @property
    def failed(self) -> bool:
        return self.status in _FAILED


@dataclass(frozen=True)
class TableFacts:
    """Rows and columns of a relation as they stand in the working file."""

    row_count: int
    columns: tuple[tuple[str, str, str], ...]


def invoke_dbt(
    settings: Settings,
    arguments: Sequence[str],
    log: dg.DagsterLogManager | None = None,
    *,
    target: str = WAREHOUSE_TARGET,
    environment: Mapping[str, str] | None = None,
) -> list[NodeOutcome]:
    """Run a dbt command in this process; returns the outcome of each node.

    ``target`` and ``environment`` are those of ``run_dbt``.
    Raises WarehouseProjectError when dbt itself fails (a parse error, a locked file).
    """

    def follow(event: Any) -> None:
        if log is None or event.info.name not in {"LogModelResult", "LogTestResult"}:
            return
        # Each line is an event that Dagster stores, at 10 ms and more: every tenth tells
        # how far the build is, and what did not go well is always told.
        said = str(event.info.msg).strip()
        went_well = " OK " in said or " PASS " in said
        if not went_well or event.data.index % _TELL_EVERY == 0:
            log.info(said)

    result = run_dbt(
        settings,
        arguments,
        on_event=follow,
        manifest=read_manifest(settings, target),
        target=target,
        target_path=None if target == WAREHOUSE_TARGET else artifacts_dir(settings, target),
        environment=environment,
    )
    outcomes = [
        NodeOutcome(
            unique_id=str(node.node.unique_id),
            status=str(node.status),
            failures=node.failures,
            message=node.message or "",
            seconds=node.execution_time,
            sql=_sql_of(node.node),
            column_origins=node.node.config.meta.get("column_origins"),
        )
        for node in getattr(result.result, "results", None) or []
    ]
    if result.exception is not None or (not result.success and not outcomes):
        raise WarehouseProjectError(
            f"dbt could not run: {result.exception}",
            where=str(settings.dbt_project_dir),
            mend="type 'make run' for the whole chain; if a model was edited, mend it first",
        )
    return outcomes


def _sql_of(node: Any) -> str:
    """A node's compiled SQL; nothing for a model in Python."""
    return (node.compiled_code or "") if node.language == "sql" else ""


def selected_nodes(
    context: dg.AssetExecutionContext, specs: Sequence[dg.AssetSpec]
) -> list[str] | None:
    """dbt's ids of the models and tests this run selects; None when it selects all."""
    all_checks = list(context.assets_def.check_specs)
    chosen = [spec for spec in specs if spec.key in context.selected_asset_keys]
    checks = [spec for spec in all_checks if spec.key in context.selected_asset_check_keys]
    if len(chosen) == len(specs) and len(checks) == len(all_checks):
        return None
    return [spec.metadata[UNIQUE_ID] for spec in [*chosen, *checks]]


def selection_arguments(nodes: Sequence[str] | None) -> list[str]:
    """dbt arguments that select nodes by their ids; none for None, which is all."""
    if nodes is None:
        return []
    names = [unique_id.split(".")[2] for unique_id in nodes]
    return ["--select", *names, "--indirect-selection", "empty"]


def read_table_facts(path: Path, schemas: Sequence[str]) -> dict[tuple[str, str], TableFacts]:
    """Row counts and column schemas of all relations of some schemas."""
    with warehouse(path, read_only=True) as connection:
        rows = connection.execute(
            "SELECT schema_name, table_name, list((column_name, data_type, "
            "coalesce(comment, '')) ORDER BY column_index) FROM duckdb_columns() "
            "WHERE database_name = current_database() AND list_contains(?, schema_name) "
            "GROUP BY ALL ORDER BY ALL",
            [list(schemas)],
        ).fetchall()
        facts = {}
        for schema, table, columns in rows:
            relation = f"{quoted(schema)}.{quoted(table)}"
            counted = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
            facts[(schema, table)] = TableFacts(
                row_count=counted[0] if counted else 0,
                columns=tuple(tuple(column) for column in columns),
            )
    return facts


def read_catalog(path: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Schema, table, column and type of everything in the working file."""
    catalog: dict[str, dict[str, dict[str, str]]] = {}
    with warehouse(path, read_only=True) as connection:
        rows = connection.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_database() AND NOT internal "
            "ORDER BY schema_name, table_name, column_index"
        ).fetchall()
    for schema, table, column, kind in rows:
        catalog.setdefault(schema, {}).setdefault(table, {})[column] = kind
    return catalog


def read_lineage(
    settings: Settings, outcomes: Sequence[NodeOutcome]
) -> dict[str, dict[str, list[Origin]]]:
    """Column lineage of each node: from its SQL, read anew only where SQL or columns changed, or
    as it declares it."""
    catalog = read_catalog(settings.warehouse_path)
    cache = LineageCache(settings.dbt_project_dir / "target" / "column_lineage.json")
    found = {
        node.unique_id: cache.lineage(node.unique_id, node.sql, catalog)
        for node in outcomes
        if node.sql
    }
    cache.save()
    tables = {table: columns for its in catalog.values() for table, columns in its.items()}
    for node in outcomes:
        if node.column_origins is not None:
            columns = tables.get(node.unique_id.split(".")[2], {})
            found[node.unique_id] = declared_lineage(node.column_origins, columns, catalog)
    return {unique_id: columns for unique_id, columns in found.items() if columns}


def _column_lineage(columns: Mapping[str, Sequence[Origin]]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        deps_by_column={
            name: [dg.TableColumnDep(dg.AssetKey([schema, table]), c) for schema, table, c in made]
            for name, made in columns.items()
        }
    )


def _materialization(
    spec: dg.AssetSpec,
    node: NodeOutcome,
    facts: TableFacts,
    lineage: Mapping[str, Sequence[Origin]] | None,
    more: Mapping[str, Any],
) -> Any:
    return dg.MaterializeResult(
        asset_key=spec.key,
        metadata={
            "dagster/row_count": facts.row_count,
            "dagster/column_schema": dg.TableSchema(
                columns=[
                    dg.TableColumn(name, kind, description=description or None)
                    for name, kind, description in facts.columns
                ]
            ),
            **({"dagster/column_lineage": _column_lineage(lineage)} if lineage else {}),
            "seconds": round(node.seconds, 3),
            **more,
        },
    )


def read_found_rows(path: Path, outcomes: Sequence[NodeOutcome]) -> dict[str, list[dict[str, Any]]]:
    """The first rows each test found, so that a person need not run its SQL to see them."""
    found = {}
    with warehouse(path, read_only=True) as connection:
        for node in outcomes:
            if node.failures and node.sql:
                rows = connection.execute(f"SELECT * FROM ({node.sql}) LIMIT {_SHOWN_ROWS}")
                names = [column[0] for column in rows.description]
                found[node.unique_id] = [
                    dict(zip(names, row, strict=True)) for row in rows.fetchall()
                ]
    return found


def _in_words(node: NodeOutcome, rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return node.message
    first = ", ".join(f"{name} {_shown(value)}" for name, value in rows[0].items())
    return f"{node.failures} found; first: {first}"


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _as_table(rows: Sequence[Mapping[str, Any]]) -> str:
    header = "| " + " | ".join(rows[0]) + " |\n|" + " --- |" * len(rows[0])
    return "\n".join([header, *("| " + " | ".join(map(_shown, r.values())) + " |" for r in rows)])


def _check_result(
    spec: dg.AssetCheckSpec,
    node: NodeOutcome,
    rows: Sequence[Mapping[str, Any]],
    more: Mapping[str, Any],
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=node.status == "pass",
        severity=dg.AssetCheckSeverity.ERROR if node.failed else dg.AssetCheckSeverity.WARN,
        description=_in_words(node, rows) or None,
        metadata={
            "rows_found": node.failures or 0,
            "status": node.status,
            **({"first_rows": dg.MetadataValue.md(_as_table(rows))} if rows else {}),
            **more,
        },
    )


def dagster_events(
    context: dg.AssetExecutionContext,
    settings: Settings,
    specs: Sequence[dg.AssetSpec],
    outcomes: Sequence[NodeOutcome],
    more: Callable[[str], Mapping[str, Any]] = lambda unique_id: {},
) -> Iterator[Any]:
    """Materializations and check results for what dbt did; raises dg.Failure if any failed.

    ``more`` gives further metadata of a node by its id.
    """
    models = {spec.metadata[UNIQUE_ID]: spec for spec in specs}
    checks = {spec.metadata[UNIQUE_ID]: spec for spec in context.assets_def.check_specs}
    layers = sorted({spec.key.path[0] for spec in specs})
    facts = read_table_facts(settings.warehouse_path, layers)
    found = read_found_rows(settings.warehouse_path, outcomes)
    built = [n for n in outcomes if n.unique_id in models and n.status == "success"]
    lineage = read_lineage(settings, built)
    for node in built:
        spec = models[node.unique_id]
        schema, table = spec.key.path
        yield _materialization(
            spec,
            node,
            facts[(schema, table)],
            lineage.get(node.unique_id),
            more(node.unique_id),
        )
    for node in outcomes:
        if node.unique_id in checks and node.status in {"pass", "warn", "fail", "error"}:
            yield _check_result(
                checks[node.unique_id],
                node,
                found.get(node.unique_id, []),
                more(node.unique_id),
            )
    if failure := failure_of(outcomes, on="dbt"):
        raise failure


def failure_of(outcomes: Sequence[NodeOutcome], on: str) -> dg.Failure | None:
    """What to tell of the nodes that failed; None if none did. ``on`` says what ran them."""
    failed = [node for node in outcomes if node.failed]
    if not failed:
        return None
    listed = [f"{n.unique_id.split('.')[2]}: {n.message}" for n in failed[:_REPORTED_FAILURES]]
    return dg.Failure(
        description=f"{on}: {len(failed)} of {len(outcomes)} models and tests failed; "
        "the published marts stay as they were.\n  " + "\n  ".join(listed),
        allow_retries=False,
    )
