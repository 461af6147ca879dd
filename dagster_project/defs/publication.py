"""The published marts: one asset, downstream of every mart."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from dagster_project.defs.common import ONE_RUN, OWNERS, WRITER_POOL, readable_failures
from dagster_project.settings import PROJECT_DIR, Settings
from dagster_project.warehouse.publish import PublicationReport, code_revision, publish
from dagster_project.warehouse.publish_macros import read_table_macros
from dagster_project.warehouse.reader import published_row_counts

MARTS_GROUP = "marts"
READABLE_CHECK = "readers_see_the_manifest"

# What one row of the manifest's table list says; each table's own columns are in it.
_MANIFEST_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("name", "string", description="Published table."),
        dg.TableColumn("rows", "int", description="Its rows."),
        dg.TableColumn("columns", "list", description="Name, type and meaning of each column."),
        dg.TableColumn("primary_key", "list", description="Columns of its grain."),
        dg.TableColumn("content_checksum", "string", description="Checksum over its rows."),
    ]
)


def _metadata(report: PublicationReport) -> dict[str, Any]:
    return {
        "dagster/row_count": report.rows,
        "publication_id": report.publication_id,
        "unchanged": report.unchanged,
        "tables": report.tables,
        "folder": dg.MetadataValue.path(str(report.release_dir)),
        "bytes": report.bytes,
        "summary": report.summary(),
    }


def _readers_see_it(settings: Settings, report: PublicationReport) -> dg.AssetCheckResult:
    """Open the file as a reader would and compare it with its manifest."""
    seen = published_row_counts(settings.published_path)
    stated = {table["name"]: table["rows"] for table in report.manifest["tables"]}
    different = [
        f"\n- {name}: manifest {stated.get(name)}, file {seen.get(name)}"
        for name in sorted(set(seen) | set(stated))
        if seen.get(name) != stated.get(name)
    ]
    return dg.AssetCheckResult(
        check_name=READABLE_CHECK,
        passed=not different,
        description=f"{len(seen)} tables, {sum(seen.values()):,} rows read back"
        + "".join(different),
        metadata={"rows": sum(seen.values())},
    )


def publication_definitions(
    settings: Settings, marts: list[dg.AssetKey], freshness: dg.FreshnessPolicy | None
) -> dg.Definitions:
    """The asset that swaps in a whole new publication, or keeps the last one."""

    @dg.asset(
        key=["publication", "miner_marts"],
        deps=marts,
        group_name="publication",
        description="The marts as readers get them: a DuckDB file (schema marts) with the "
        "table macros, Parquet per table and a manifest, swapped in whole; a failed run leaves "
        "the last one in place.",
        owners=OWNERS,
        kinds={"duckdb", "parquet"},
        backfill_policy=ONE_RUN,
        pool=WRITER_POOL,
        freshness_policy=freshness,
        metadata={"dagster/column_schema": _MANIFEST_COLUMNS},
        check_specs=[
            dg.AssetCheckSpec(
                READABLE_CHECK,
                asset=["publication", "miner_marts"],
                description="The published file opens read-only and holds, table by table, "
                "the rows its manifest states.",
            )
        ],
    )
    def miner_marts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with readable_failures():
            report = publish(
                settings.warehouse_path,
                settings.published_dir,
                code_revision=code_revision(PROJECT_DIR),
                keep=settings.keep_publications,
                allow_smaller=settings.allow_smaller,
                now=datetime.now(UTC),
                macros=read_table_macros(settings.table_macros_dir),
            )
        context.log.info(report.summary())
        return dg.MaterializeResult(
            metadata=_metadata(report), check_results=[_readers_see_it(settings, report)]
        )

    return dg.Definitions(assets=[miner_marts])
