"""Runs dbt inside the step's own process and tells Dagster what it did.

dagster-dbt defines the assets and checks; its runner is not used because it starts dbt
in two more processes (one only for the version) and gives views no row count. See
docs/decisions.md for the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_project.column_lineage import LineageCache, Origin, declared_lineage
from dagster_project.dbt_manifest import read_manifest
from dagster_project.dbt_process import (
    WAREHOUSE_TARGET,
    DbtStream,
    NodeOutcome,
    column_origins,
    compiled_sql,
    run_dbt,
)
from dagster_project.errors import WarehouseProjectError, disk_full
from dagster_project.settings import Settings
from dagster_project.warehouse.ddl import quoted

if TYPE_CHECKING:
    import duckdb
    from dbt.cli.main import dbtRunnerResult

UNIQUE_ID = "dagster_dbt/unique_id"
_REPORTED_FAILURES = 8
_SHOWN_ROWS = 10
_TELL_EVERY = 10
# Of a test that was skipped nothing is known.
_DONE = {"success", "pass", "warn", "fail", "error"}


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
        environment=environment,
    )
    outcomes = [
        NodeOutcome(
            unique_id=str(node.node.unique_id),
            status=str(node.status),
            failures=node.failures,
            message=node.message or "",
            seconds=node.execution_time,
            sql=compiled_sql(node.node),
            column_origins=column_origins(node.node),
        )
        for node in getattr(result.result, "results", None) or []
    ]
    _require_ran(settings, result, outcomes)
    return outcomes


def _require_ran(
    settings: Settings, result: dbtRunnerResult | None, outcomes: Sequence[NodeOutcome]
) -> None:
    """Raise WarehouseProjectError where dbt itself failed, not one of its models or tests.

    A full disk is no fault of the model that met it.
    """
    for node in outcomes:
        if node.failed and (full := disk_full(OSError(node.message), settings.output_dir)):
            raise full
    why = result.exception if result is not None else "it ended without a word"
    if result is not None and why is None and (result.success or outcomes):
        return
    raise WarehouseProjectError(
        f"dbt could not run: {str(why) or type(why).__name__}",
        where=str(settings.dbt_project_dir),
        mend="type 'make run' for the whole chain; if a model was edited, mend it first",
    )


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


class _WorkingFile:
    """What a build leaves in the working file, read while dbt holds it open.

    ``reader`` is a connection beside dbt's own; ``lineage`` keeps what was read of the models' SQL.
    """

    def __init__(self, reader: duckdb.DuckDBPyConnection, lineage: LineageCache) -> None:
        self._reader = reader
        self._lineage = lineage
        self._catalog: dict[str, dict[str, dict[str, str]]] = {}
        for schema, table, column, kind in reader.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_database() AND NOT internal "
            "ORDER BY schema_name, table_name, column_index"
        ).fetchall():
            self._catalog.setdefault(schema, {}).setdefault(table, {})[column] = kind

    def facts(self, schema: str, table: str) -> TableFacts:
        """Rows and columns of a relation as they are now."""
        columns = self._reader.execute(
            "SELECT column_name, data_type, coalesce(comment, '') FROM duckdb_columns() "
            "WHERE database_name = current_database() AND schema_name = ? AND table_name = ? "
            "ORDER BY column_index",
            [schema, table],
        ).fetchall()
        self._catalog.setdefault(schema, {})[table] = {name: kind for name, kind, _ in columns}
        counted = self._reader.execute(
            f"SELECT count(*) FROM {quoted(schema)}.{quoted(table)}"
        ).fetchone()
        return TableFacts(
            row_count=counted[0] if counted else 0,
            columns=tuple((name, kind, comment) for name, kind, comment in columns),
        )

    def lineage(self, node: NodeOutcome) -> Mapping[str, Sequence[Origin]] | None:
        """Column lineage of a node: as it declares it, or from its SQL where that changed."""
        if node.column_origins is not None:
            tables = {
                table: columns for its in self._catalog.values() for table, columns in its.items()
            }
            return declared_lineage(node.column_origins, tables.get(node.name, {}), self._catalog)
        if not node.sql:
            return None
        return self._lineage.lineage(node.unique_id, node.sql, self._catalog)

    def found(self, node: NodeOutcome) -> list[dict[str, Any]]:
        """The first rows a test found, so that a person need not run its SQL to see them."""
        if not (node.failures and node.sql):
            return []
        rows = self._reader.execute(f"SELECT * FROM ({node.sql}) LIMIT {_SHOWN_ROWS}")
        names = [column[0] for column in rows.description]
        return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


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


def build_models(
    context: dg.AssetExecutionContext,
    settings: Settings,
    specs: Sequence[dg.AssetSpec],
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    more: Callable[[str], Mapping[str, Any]] = lambda unique_id: {},
) -> Iterator[Any]:
    """Run dbt; a materialization or check result for each node as soon as it has ended.

    A run that is killed has told of everything it built, and goes on from there when it is run
    again. ``environment`` is that of ``run_dbt``; ``more`` gives further metadata of a node by its
    id. Raises dg.Failure if any node failed, and WarehouseProjectError when dbt itself did.
    """
    models = {spec.metadata[UNIQUE_ID]: spec for spec in specs}
    checks = {spec.metadata[UNIQUE_ID]: spec for spec in context.assets_def.check_specs}
    cache = LineageCache(settings.dbt_dir / "column_lineage.json")
    outcomes: list[NodeOutcome] = []
    words: dict[str, str] = {}
    stored: _WorkingFile | None = None
    with DbtStream(
        settings, arguments, manifest=read_manifest(settings), environment=environment
    ) as dbt:
        for node in dbt:
            outcomes.append(node)
            if node.status in _DONE and stored is None:
                stored = _WorkingFile(dbt.cursor(), cache)
            if stored and node.unique_id in models and node.status == "success":
                spec = models[node.unique_id]
                facts = stored.facts(*spec.key.path)
                yield _materialization(
                    spec, node, facts, stored.lineage(node), more(node.unique_id)
                )
            elif stored and node.unique_id in checks and node.status in _DONE:
                rows = stored.found(node)
                if node.status != "pass":
                    words[node.unique_id] = _in_words(node, rows)
                    context.log.info(f"{node.status}: {node.name}: {words[node.unique_id]}")
                yield _check_result(checks[node.unique_id], node, rows, more(node.unique_id))
    cache.save()
    _require_ran(settings, dbt.result, outcomes)
    if failure := failure_of(outcomes, on="dbt", words=words):
        raise failure


def failure_of(
    outcomes: Sequence[NodeOutcome], on: str, words: Mapping[str, str] | None = None
) -> dg.Failure | None:
    """What to tell of the nodes that failed; None if none did.

    ``on`` says what ran them; ``words`` what checks found, by a node's id, in place of dbt's own.
    """
    found = words or {}
    failed = [node for node in outcomes if node.failed]
    if not failed:
        return None
    listed = [
        f"{node.name}: {found.get(node.unique_id, node.message)}"
        for node in failed[:_REPORTED_FAILURES]
    ]
    return dg.Failure(
        description=f"{on}: {len(failed)} of {len(outcomes)} models and tests failed; "
        "the published marts stay as they were.\n  " + "\n  ".join(listed),
        allow_retries=False,
    )
