"""One asset per raw table: ask the source, load what it answers."""

from datetime import date, timedelta
from typing import Any

import dagster as dg

from dagster_project.contracts import TABLES, Extract, Table, Window
from dagster_project.defs.common import ONE_RUN, OWNERS, WRITER_POOL, readable_failures
from dagster_project.settings import Settings
from dagster_project.sources import open_calendar, open_source
from dagster_project.warehouse.connection import warehouse
from dagster_project.warehouse.load import LoadReport, load

REJECTS_CHECK = "no_rejected_rows"


def monthly_partitions(first: date) -> dg.MonthlyPartitionsDefinition:
    """Months from the first figure to the current one, which counts although unfinished."""
    return dg.MonthlyPartitionsDefinition(start_date=first.replace(day=1).isoformat(), end_offset=1)


def _column_schema(table: Table) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.kind.duckdb_type,
                description=column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=not column.required, unique=table.key == (column.name,)
                ),
            )
            for column in table.stored_columns
        ]
    )


def _extract(settings: Settings, table: Table, window: Window | None) -> Extract:
    source = open_source(settings) if table.file else open_calendar(settings)
    return source.extract(table, window)


def _window(context: dg.AssetExecutionContext, table: Table) -> Window | None:
    """Dates of the months asked for; a table without months is always read whole."""
    if not table.time_column:
        return None
    start, end = context.partition_time_window
    return Window(start.date(), end.date() - timedelta(days=1))


def _metadata(extract: Extract, report: LoadReport) -> dict[str, Any]:
    return {
        "dagster/row_count": report.total,
        "rows_read": report.read,
        "rows_new": report.inserted,
        "rows_revised": report.updated,
        "rows_removed": report.removed,
        "rows_rejected": report.rejected,
        "source": extract.source,
        "origin": extract.origin,
        "window": str(extract.window) if extract.window else "everything",
        "batch_id": report.batch_id,
        "summary": report.summary(),
        **({"notes": "; ".join(extract.notes)} if extract.notes else {}),
    }


def _rejects_result(report: LoadReport) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=REJECTS_CHECK,
        passed=not report.rejected,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{report.rejected} of {report.read} rows left out"
        + "".join(f"\n- {text}" for text in report.rejections),
        metadata={"rejected": report.rejected, "read": report.read},
    )


def raw_asset(settings: Settings, table: Table, first: date) -> dg.AssetsDefinition:
    """Asset that extracts and loads one raw table; a series by months."""

    @dg.asset(
        key=["raw", table.name],
        deps=[dg.AssetKey(["raw", name]) for name in table.referenced_tables],
        group_name="sources",
        description=f"{table.description} Grain: {table.grain}.",
        owners=OWNERS,
        kinds={"python", "csv" if table.file else "calendar", "duckdb"},
        code_version=table.fingerprint,
        partitions_def=monthly_partitions(first) if table.time_column else None,
        backfill_policy=ONE_RUN,
        pool=WRITER_POOL,
        metadata={
            "dagster/column_schema": _column_schema(table),
            "dagster/table_name": f"{settings.warehouse_path.stem}.raw.{table.name}",
        },
        check_specs=[
            dg.AssetCheckSpec(
                REJECTS_CHECK,
                asset=["raw", table.name],
                description="Rows that broke the contract of this table were left out: "
                "ingest.rejected_rows says which and why. Warns, since the rest is sound.",
            )
        ],
        retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
    )
    def extract_and_load(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with readable_failures():
            extract = _extract(settings, table, _window(context, table))
            for note in extract.notes:
                context.log.info(note)
            with warehouse(settings.warehouse_path) as connection:
                report = load(connection, extract, allow_smaller=settings.allow_smaller)
        context.log.info(report.summary())
        return dg.MaterializeResult(
            metadata=_metadata(extract, report), check_results=[_rejects_result(report)]
        )

    return extract_and_load


def extraction_definitions(settings: Settings) -> dg.Definitions:
    """All raw assets; partitions start with the first month in the data folder."""
    first = open_source(settings).span().start
    return dg.Definitions(assets=[raw_asset(settings, table, first) for table in TABLES])
