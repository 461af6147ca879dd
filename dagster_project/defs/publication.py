"""The published marts: files downstream of every mart, PostgreSQL downstream of the files."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from dagster_project.defs.common import ONE_RUN, OWNERS, readable_failures
from dagster_project.postgres import show_in_postgres
from dagster_project.secret import NO_SECRET, Secret
from dagster_project.settings import PROJECT_DIR, WRITER_POOL, Settings
from dagster_project.warehouse.publish import PublicationReport, code_revision, publish
from dagster_project.warehouse.publish_macros import read_table_macros
from dagster_project.warehouse.publish_targets import compare_targets

MINER_MARTS = dg.AssetKey(["publication", "miner_marts"])
POSTGRES = dg.AssetKey(["publication", "postgres"])
TARGETS_CHECK = "targets_carry_the_same_data"

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


def _targets_agree(
    settings: Settings, key: dg.AssetKey, url: Secret = NO_SECRET
) -> dg.AssetCheckResult:
    """Read every published form back as readers do and hold it against the manifest."""
    comparison = compare_targets(settings.published_dir, url)
    differences = comparison.differences
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=TARGETS_CHECK,
        passed=not differences,
        description=f"{len(comparison.tables)} tables, {comparison.rows:,} rows are the same in "
        f"{', '.join(target.name for target in comparison.targets)}"
        if not differences
        else "\n".join(["the published forms differ:", *(f"- {what}" for what in differences)]),
        metadata={
            "rows": comparison.rows,
            "differences": len(differences),
            "tables": dg.MetadataValue.table(
                [dg.TableRecord(figures) for figures in comparison.figures()]
            ),
            **{
                f"{target.name}_seconds": round(target.seconds, 2)
                for target in comparison.targets[1:]
            },
        },
    )


def _check_spec(key: dg.AssetKey, forms: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        TARGETS_CHECK,
        asset=key,
        description=f"{forms} hold, table by table, the rows and the content that the manifest "
        "states; read back after each publication.",
    )


def _postgres_asset(settings: Settings) -> dg.AssetsDefinition:
    """The same publication in PostgreSQL, for BI tools that speak nothing else."""

    @dg.asset(
        key=POSTGRES,
        deps=[MINER_MARTS],
        group_name="publication",
        description="The publication in PostgreSQL (schema marts): loaded into a schema of its "
        "own and swapped in whole, with keys, indexes, comments and a role that may only read "
        "it; a failed run leaves the last one in place.",
        owners=OWNERS,
        kinds={"postgres"},
        backfill_policy=ONE_RUN,
        pool=WRITER_POOL,
        check_specs=[_check_spec(POSTGRES, "The DuckDB file, the Parquet files and PostgreSQL")],
    )
    def postgres(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with readable_failures(context):
            report = show_in_postgres(settings)
            check = _targets_agree(settings, POSTGRES, settings.postgres_url)
        context.log.info(report.summary())
        return dg.MaterializeResult(metadata=report.figures(), check_results=[check])

    return postgres


def publication_definitions(
    settings: Settings, marts: list[dg.AssetKey], freshness: dg.FreshnessPolicy | None
) -> dg.Definitions:
    """The asset that swaps in a whole new publication, or keeps the last one."""

    @dg.asset(
        key=MINER_MARTS,
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
        check_specs=[_check_spec(MINER_MARTS, "The DuckDB file and the Parquet files")],
    )
    def miner_marts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with readable_failures(context):
            report = publish(
                settings.warehouse_path,
                settings.published_dir,
                code_revision=code_revision(PROJECT_DIR),
                keep=settings.keep_publications,
                allow_smaller=settings.allow_smaller,
                now=datetime.now(UTC),
                macros=read_table_macros(settings.table_macros_dir),
            )
            check = _targets_agree(settings, MINER_MARTS)
        context.log.info(report.summary())
        return dg.MaterializeResult(metadata=_metadata(report), check_results=[check])

    return dg.Definitions(
        assets=[miner_marts, *([_postgres_asset(settings)] if settings.postgres_url else [])]
    )
