"""One asset per raw table: ask the source, load what it answers."""

from datetime import date, timedelta

import dagster as dg
from pydantic import Field

from dagster_project.alerts import post_alert
from dagster_project.contracts import LATE_AFTER_DAYS, LIVE_TABLES, TABLES, Table, Window
from dagster_project.defs.common import (
    INCREMENTAL_TAG,
    ONE_RUN,
    OWNERS,
    readable_failures,
)
from dagster_project.defs.extraction_report import (
    ANSWERED_CHECK,
    FRESH_CHECK,
    REJECTS_CHECK,
    answered_result,
    fresh_result,
    ingested_metadata,
    rejects_result,
)
from dagster_project.freshness import today_in_new_york
from dagster_project.ingest import ingest
from dagster_project.settings import SOURCE_MODES, WRITER_POOL, Settings
from dagster_project.sources import Source, open_calendar, open_source


class Figures(dg.ConfigurableResource):
    """Where the figures of one run come from; the launchpad can change it."""

    source: str = Field(
        default="",
        description=f"One of {', '.join(SOURCE_MODES)}; empty for the setting MINER_SOURCE.",
    )


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


def _window(context: dg.AssetExecutionContext, table: Table) -> Window | None:
    """Dates of the months asked for; a table without months is always read whole."""
    if not table.time_column:
        return None
    start, end = context.partition_time_window
    return Window(start.date(), end.date() - timedelta(days=1))


def _check_specs(table: Table) -> list[dg.AssetCheckSpec]:
    key = ["raw", table.name]
    specs = [
        dg.AssetCheckSpec(
            REJECTS_CHECK,
            asset=key,
            description="Rows that broke the contract of this table were left out: "
            "ingest.rejected_rows says which and why. Warns, since the rest is sound.",
        )
    ]
    if table.name in LIVE_TABLES:
        specs.append(
            dg.AssetCheckSpec(
                ANSWERED_CHECK,
                asset=key,
                description="Symbols that no vendor answered for, or whose answer was refused. "
                "Warns for some of them, fails when nobody answered at all.",
            )
        )
    if table.name in LATE_AFTER_DAYS:
        specs.append(
            dg.AssetCheckSpec(
                FRESH_CHECK,
                asset=key,
                description="The newest figure is not older than its source usually is "
                f"({LATE_AFTER_DAYS[table.name]} days). Warns; looked at in every run and, where "
                "figures are live, by the sensor stale_series in between.",
            )
        )
    return specs


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
        check_specs=_check_specs(table),
        retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
    )
    def extract_and_load(
        context: dg.AssetExecutionContext, figures: Figures
    ) -> dg.MaterializeResult:
        asked = settings.with_source(figures.source)
        incremental = INCREMENTAL_TAG in context.run.tags and asked.asks_vendors
        window = None if incremental else _window(context, table)
        with readable_failures():
            source: Source = open_source(asked) if table.file else open_calendar(asked)
            ingested = ingest(
                asked,
                source,
                table,
                window,
                incremental=incremental,
                say=context.log.info,
            )
        for note in ingested.notes:
            context.log.info(note)
        checks = [rejects_result(ingested)]
        if table.name in LIVE_TABLES:
            checks.append(answered_result(ingested))
        if table.name in LATE_AFTER_DAYS:
            checks.append(fresh_result(ingested, asked.source_mode, today_in_new_york()))
        if ingested.missing:
            post_alert(asked, f"{table.name}: {ingested.summary}", context.log.warning)
        return dg.MaterializeResult(
            metadata=ingested_metadata(ingested, window, asked.source_mode), check_results=checks
        )

    return extract_and_load


def extraction_definitions(settings: Settings) -> dg.Definitions:
    """All raw assets; partitions start with the first month in the data folder."""
    first = open_source(settings).span().start
    return dg.Definitions(
        assets=[raw_asset(settings, table, first) for table in TABLES],
        resources={"figures": Figures()},
    )
