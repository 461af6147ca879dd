"""One asset per raw table: ask the source, load what it answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from enum import Enum

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
from dagster_project.defs.subjects import LAYER_TAG, subject_of
from dagster_project.errors import SourceError
from dagster_project.freshness import today_in_new_york
from dagster_project.ingest import ingest
from dagster_project.settings import SOURCE_MODES, WRITER_POOL, Settings
from dagster_project.sources import Source, open_calendar, open_source, require_figures

# A list to choose from in the launchpad; the first is what MINER_SOURCE says.
FiguresFrom = Enum("FiguresFrom", {name: name for name in ("setting", *SOURCE_MODES)})  # type: ignore[misc]


class Figures(dg.ConfigurableResource):
    """Where the figures of one run come from; the launchpad can change it."""

    source: FiguresFrom = Field(
        default=FiguresFrom["setting"],
        description=f"One of {', '.join(SOURCE_MODES)}; `setting` is what MINER_SOURCE says.",
    )

    def settings(self, settings: Settings) -> Settings:
        """The settings of the run that this resource is configured for."""
        return (
            settings
            if self.source is FiguresFrom["setting"]
            else settings.with_source(str(self.source.value))
        )


def monthly_partitions(settings: Settings) -> dg.MonthlyPartitionsDefinition:
    """Months from the first figure on that can be filled.

    Vendors answer for the current month too, which counts although unfinished; the months of a
    folder end with its last figure.
    """
    span = open_source(settings).span()
    # The end is left out of the partitions.
    after = None if settings.asks_vendors else span.end.replace(day=1) + timedelta(days=31)
    return dg.MonthlyPartitionsDefinition(
        start_date=month_of(span.start), end_date=month_of(after) if after else None, end_offset=1
    )


def month_of(day: date) -> str:
    """Partition key of the month a day lies in."""
    return day.replace(day=1).isoformat()


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


@contextmanager
def _read_as_one(table: Table, window: Window | None, settings: Settings) -> Iterator[None]:
    """Say why a fault in another month stops the months that were asked for."""
    try:
        yield
    except SourceError as error:
        if window is None or settings.asks_vendors:
            raise
        raise SourceError(
            f"{error.what}\n  why:   {table.file} is read as one before its months are taken: a "
            "cell that cannot be read may stand in any of them",
            where=error.where,
            mend=error.mend,
        ) from error


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


def raw_asset(
    settings: Settings, table: Table, months: dg.MonthlyPartitionsDefinition
) -> dg.AssetsDefinition:
    """Asset that extracts and loads one raw table; a series by months."""

    @dg.asset(
        key=["raw", table.name],
        deps=[dg.AssetKey(["raw", name]) for name in table.referenced_tables],
        group_name=subject_of(table.name),
        tags={LAYER_TAG: "raw"},
        description=f"{table.description} Grain: {table.grain}.",
        owners=OWNERS,
        kinds={"python", "csv" if table.file else "calendar", "duckdb"},
        code_version=table.fingerprint,
        partitions_def=months if table.time_column else None,
        backfill_policy=ONE_RUN,
        pool=WRITER_POOL,
        metadata={
            "dagster/column_schema": _column_schema(table),
            "dagster/table_name": f"{settings.warehouse_path.stem}.raw.{table.name}",
        },
        check_specs=_check_specs(table),
    )
    def extract_and_load(
        context: dg.AssetExecutionContext, figures: Figures
    ) -> dg.MaterializeResult:
        asked = figures.settings(settings)
        incremental = INCREMENTAL_TAG in context.run.tags and asked.asks_vendors
        window = None if incremental else _window(context, table)
        with readable_failures(context), _read_as_one(table, window, asked):
            require_figures(asked)
            source: Source = open_source(asked) if table.file else open_calendar(asked)
            ingested = ingest(
                asked,
                source,
                table,
                window,
                incremental=incremental,
                say=context.log.info,
            )
        for month, rows in ingested.months.items():
            context.add_asset_metadata({"dagster/partition_row_count": rows}, partition_key=month)
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


def extraction_definitions(
    settings: Settings, months: dg.MonthlyPartitionsDefinition
) -> dg.Definitions:
    """All raw assets; series by ``months``."""
    return dg.Definitions(
        assets=[raw_asset(settings, table, months) for table in TABLES],
        resources={"figures": Figures()},
    )
