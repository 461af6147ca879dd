"""`make run`: the whole chain in one process, recorded in the project's Dagster instance."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dagster_project import interrupts
from dagster_project.alerts import post_alert
from dagster_project.dbt_manifest import ensure_manifest
from dagster_project.dbt_process import SPARK_TARGET
from dagster_project.errors import WarehouseLocked, WarehouseProjectError
from dagster_project.instance import end_dead_runs, prepare_instance, process_tags, record_origin
from dagster_project.last_build import (
    LastBuild,
    inputs_fingerprint,
    remember_build,
    standing_build,
)
from dagster_project.postgres import show_in_postgres
from dagster_project.report import (
    CheckCounts,
    answer_lines,
    change_lines,
    check_lines,
    next_lines,
)
from dagster_project.settings import Settings
from dagster_project.sources import require_figures
from dagster_project.spark.cluster import clear_leftovers
from dagster_project.spark.java import java_command, spark_home
from dagster_project.spark.session import require_master
from dagster_project.spark.use import spark_lines
from dagster_project.team import readable_storage_failures, require_ours
from dagster_project.warehouse.connection import require_sound, warehouse
from dagster_project.warehouse.ddl import ensure_schema
from dagster_project.warehouse.history import keep_history, set_aside, start_again

if TYPE_CHECKING:
    import dagster as dg

# A program that reads the working file for a moment is waited for; an open shell is named.
_LOCK_ATTEMPTS = 6


def _prepare(settings: Settings) -> None:
    """Everything that must hold before a run starts, each with its own clear message."""
    prepare_instance(settings)
    require_ours(settings)
    require_figures(settings)
    require_sound(settings.warehouse_path, attempts=_LOCK_ATTEMPTS)
    with warehouse(settings.warehouse_path, attempts=_LOCK_ATTEMPTS) as connection:
        ensure_schema(connection)
    if ensure_manifest(settings):
        print("  ok     dbt project parsed", flush=True)
    # Of a run that was killed; it holds gigabytes of memory.
    clear_leftovers(settings.spark_home)
    if settings.on_spark:
        # Told before minutes of loading, not after.
        java_command()
        spark_home()
        if settings.spark_master:
            require_master(settings.spark_master)
        if ensure_manifest(settings, SPARK_TARGET):
            print("  ok     dbt project parsed for Spark", flush=True)


def _failure_texts(result: dg.ExecuteInProcessResult) -> list[str]:
    texts = []
    for event in result.filter_events(lambda event: event.is_step_failure):
        failure = event.step_failure_data
        said = failure.user_failure_data and failure.user_failure_data.description
        step = str(event.step_key).replace("__", "/")
        texts.append(f"{step}: {said or failure.error_display_string}")
    return texts


def _mark_told(settings: Settings, result: dg.ExecuteInProcessResult, how: str) -> None:
    """Leave a mark on the run, for the sensor that tells of failed runs."""
    import dagster as dg

    from dagster_project.defs.watching import TOLD_TAG

    with readable_storage_failures(settings), dg.DagsterInstance.get() as instance:
        instance.add_run_tags(result.run_id, {TOLD_TAG: how})


def _tell(settings: Settings, result: dg.ExecuteInProcessResult) -> None:
    """Tell the webhook that a run failed, once."""
    reasons = "; ".join(text.splitlines()[0] for text in _failure_texts(result))
    if post_alert(settings, f"A run failed: {reasons}", print):
        _mark_told(settings, result, "webhook")


def _checks(result: dg.ExecuteInProcessResult) -> CheckCounts:
    import dagster as dg

    counts = CheckCounts()
    for check in result.get_asset_check_evaluations():
        if check.passed:
            counts.passed += 1
            continue
        warned = check.severity is dg.AssetCheckSeverity.WARN
        counts.warned += warned
        counts.failed += not warned
        counts.remarks.append(
            (f"{'warned' if warned else 'failed'}: {check.check_name}", check.description or "")
        )
    return counts


def _materializations(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    found = {}
    for event in result.filter_events(lambda event: event.is_step_materialization):
        made = event.step_materialization_data.materialization
        found[made.asset_key.to_user_string()] = {
            name: value.value for name, value in made.metadata.items()
        }
    return found


def _execute(settings: Settings) -> dg.ExecuteInProcessResult:
    import dagster as dg

    logging.getLogger("dagster").setLevel(logging.ERROR)
    from dagster_project.definitions import defs
    from dagster_project.defs.common import INCREMENTAL_TAG
    from dagster_project.defs.extraction import month_of
    from dagster_project.defs.schedules import REFRESH_JOB
    from dagster_project.progress import progress_logger
    from dagster_project.sources import open_source

    definitions = dg.Definitions.merge(defs, dg.Definitions(loggers={"progress": progress_logger}))
    span = open_source(settings).span()
    today = datetime.now(UTC).date()
    with readable_storage_failures(settings), dg.DagsterInstance.get() as instance:
        end_dead_runs(instance)
        record_origin(instance, REFRESH_JOB)
        return definitions.resolve_job_def(REFRESH_JOB).execute_in_process(
            instance=instance,
            run_config={"loggers": {"progress": {}}},
            raise_on_error=False,
            tags={
                "dagster/asset_partition_range_start": month_of(span.start),
                "dagster/asset_partition_range_end": month_of(min(span.end, today)),
                **process_tags(),
                # Vendors are asked for what is not stored yet; a folder is read whole.
                **({INCREMENTAL_TAG: "1"} if settings.asks_vendors else {}),
            },
        )


def _print_sections(*sections: list[str]) -> None:
    for section in sections:
        print("\n" + "\n".join(section))


def _tell_what_stands(settings: Settings, last: LastBuild) -> None:
    """The screen of a run that has nothing to do; PostgreSQL may yet lack what the files have."""
    print(f"The warehouse from {settings.data_dir} is up to date.", flush=True)
    if settings.postgres_url:
        print(f"  {show_in_postgres(settings).summary()}", flush=True)
    _print_sections(
        [
            "What changed:",
            "  nothing: figures, ledger, study, models and code are those of publication",
            f"  {last.publication_id} ({last.published_at}); 'make rebuild' builds all the same",
        ],
        answer_lines(settings.published_path),
        check_lines(last.checks),
        next_lines(settings),
    )


def run_everything(settings: Settings, *, anew: bool = False) -> int:
    """Build, check and publish everything, then print the answer. Returns the exit status.

    A build that could only repeat the last one is left out unless ``anew``.
    """
    started = time.monotonic()
    if settings.on_spark:
        spark_home()
    inputs = inputs_fingerprint(settings)
    if not anew and (last := standing_build(settings, inputs)):
        _tell_what_stands(settings, last)
        return 0
    origin = {
        "live": f"live vendors (recorded in {settings.archive_dir}) and {settings.data_dir}",
        "replay": f"the recorded answers in {settings.archive_dir} and {settings.data_dir}",
    }.get(settings.source_mode, str(settings.data_dir))
    print(f"Building the warehouse from {origin}", flush=True)
    _prepare(settings)
    result = _execute(settings)
    if interrupts.received() and not result.success:
        # Who stopped it need not be told that it failed.
        _mark_told(settings, result, "interrupted")
        raise KeyboardInterrupt
    if not result.success:
        _tell(settings, result)
        print("\nThe run failed; what was loaded and published before is untouched.")
        for text in _failure_texts(result):
            print(f"\n{text}")
        print("\n'make ui' shows the run with all its messages.")
        return 1
    checks = _checks(result)
    remember_build(settings, inputs, checks)
    _print_sections(
        ["What changed:", *change_lines(_materializations(result))],
        answer_lines(settings.published_path),
        check_lines(checks),
        *([spark_lines(settings)] if settings.on_spark else []),
        next_lines(settings),
        [f"Done in {time.monotonic() - started:.0f} s."],
    )
    return 0


def rebuild(settings: Settings) -> int:
    """Set the working file aside and build a new one from the data folder."""
    if settings.dagster_postgres_url:
        # Before the file is set aside: another machine may make this instance's runs.
        prepare_instance(settings)
        require_ours(settings)
    path = settings.warehouse_path
    if path.exists():
        try:
            with warehouse(path, attempts=_LOCK_ATTEMPTS) as connection:
                keep_history(connection, path)
        except WarehouseLocked:
            raise
        except WarehouseProjectError:
            print("The working file cannot be read; it is kept all the same.")
        aside = set_aside(path.resolve(), "old")
        print(f"The old working file is now {aside}; the new one starts with its revisions.")
    start_again(path)
    return run_everything(settings, anew=True)
