"""Sensors that tell the webhook: runs that failed, and live series that are stale."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import dagster as dg

from dagster_project.alerts import post_alert
from dagster_project.contracts import LATE_AFTER_DAYS
from dagster_project.defs.extraction_report import FRESH_CHECK, MODE_METADATA, NEWEST_METADATA
from dagster_project.freshness import today_in_new_york, why_stale
from dagster_project.instance import is_process_alive
from dagster_project.settings import Settings

# Set on a run whose failure was told: whoever comes second says nothing.
TOLD_TAG = "miner_warehouse/failure_told"
STALE_EVERY_S = 900
# A step's own words, without its traceback, and no more steps than a message can hold.
WORDS, STEPS = 300, 5

MEND_STALE = "`make doctor` says which sources answer; then `make live`, or a run in the UI"


def failure_text(run: dg.DagsterRun, failures: list[tuple[str, str]], message: str) -> str:
    """What the webhook hears of a failed run: its job, id, and the first words of each step."""
    said = [
        f"{step.replace('__', '/')}: {(words.strip() or 'failed').splitlines()[0][:WORDS]}"
        for step, words in failures[:STEPS]
    ]
    if len(failures) > STEPS:
        said.append(f"and {len(failures) - STEPS} more steps")
    first_line = (message.strip() or "no reason given").splitlines()[0][:WORDS]
    return f"A run failed ({run.job_name}, {run.run_id[:8]}): {'; '.join(said) or first_line}"


def _step_failures(context: dg.RunFailureSensorContext) -> list[tuple[str, str]]:
    found = []
    for event in context.get_step_failure_events():
        failure = event.step_failure_data
        said = failure.user_failure_data and failure.user_failure_data.description
        words = said or (failure.error.message if failure.error else "") or ""
        found.append((str(event.step_key), words))
    return found


def failed_runs_sensor(settings: Settings) -> dg.SensorDefinition:
    """Tells of every failed run once, whoever started it.

    `make run` and `make live` tell of their own runs at once, and this leaves those to them while
    their process lives; one that was killed can tell no more, and is told of here.
    """

    @dg.run_failure_sensor(
        name="failed_runs",
        description="Tells MINER_ALERT_WEBHOOK of runs that failed, each once.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def failed_runs(context: dg.RunFailureSensorContext) -> None:
        # Words go to the tick's log: a tick takes one SkipReason, and may look at many runs.
        run = context.instance.get_run_by_id(context.dagster_run.run_id) or context.dagster_run
        if TOLD_TAG in run.tags:
            context.log.info(f"run {run.run_id[:8]}: told already")
        elif is_process_alive(run.tags):
            context.log.info(f"run {run.run_id[:8]}: told by the command that started it")
        elif not settings.alert_webhook:
            context.log.info("MINER_ALERT_WEBHOOK is not set: nobody is told")
        else:
            text = failure_text(run, _step_failures(context), context.failure_event.message or "")
            if post_alert(settings, text, context.log.warning):
                context.instance.add_run_tags(run.run_id, {TOLD_TAG: "webhook"})
                context.log.info(text)

    return failed_runs


def _last_live_dates(instance: dg.DagsterInstance) -> dict[str, date]:
    """Newest stored date by table, of those that were last read from vendors."""
    newest = {}
    for table in LATE_AFTER_DAYS:
        event = instance.get_latest_materialization_event(dg.AssetKey(["raw", table]))
        made = event.asset_materialization if event else None
        if made is None:
            continue
        told = {name: value.value for name, value in made.metadata.items()}
        if told.get(MODE_METADATA) == "live" and told.get(NEWEST_METADATA):
            newest[table] = date.fromisoformat(str(told[NEWEST_METADATA]))
    return newest


def stale_series_sensor(
    settings: Settings, today: Callable[[], date] = today_in_new_york
) -> dg.SensorDefinition:
    """Finds live series that are stale also when nothing runs: shows them on the asset's check and
    tells the webhook, once per series until it has newer figures."""

    @dg.sensor(
        name="stale_series",
        description="Live series whose newest figure is older than usual: warns on the check "
        f"{FRESH_CHECK} of the asset and tells MINER_ALERT_WEBHOOK, once each.",
        minimum_interval_seconds=STALE_EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def stale_series(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        seen: dict[str, dict[str, str]] = json.loads(context.cursor or "{}")
        newest = _last_live_dates(context.instance)
        reasons = {
            table: why for table, day in newest.items() if (why := why_stale(table, day, today()))
        }
        kept: dict[str, dict[str, str]] = {}
        for table in reasons:
            known = seen.get(table, {})
            kept[table] = known if known.get("newest") == str(newest[table]) else {}
            kept[table]["newest"] = str(newest[table])
        for table, entry in kept.items():
            if "shown" not in entry:
                context.instance.report_runless_asset_event(
                    dg.AssetCheckEvaluation(
                        asset_key=dg.AssetKey(["raw", table]),
                        check_name=FRESH_CHECK,
                        passed=False,
                        severity=dg.AssetCheckSeverity.WARN,
                        description=f"{reasons[table]}. {MEND_STALE}",
                    )
                )
                entry["shown"] = "yes"
        untold = [table for table, entry in kept.items() if "told" not in entry]
        if untold and settings.alert_webhook:
            text = "Stale: " + "; ".join(reasons[table] for table in untold) + f". {MEND_STALE}."
            if post_alert(settings, text, context.log.warning):
                for table in untold:
                    kept[table]["told"] = "yes"
        context.update_cursor(json.dumps(kept, sort_keys=True))
        if not newest:
            return dg.SkipReason("no series was read from vendors yet; bundled figures do not age")
        return dg.SkipReason("; ".join(reasons.values()) or f"{len(newest)} live series are fresh")

    return stale_series


def watching_definitions(settings: Settings) -> dg.Definitions:
    """Both sensors: on from the start, silent without MINER_ALERT_WEBHOOK."""
    return dg.Definitions(sensors=[failed_runs_sensor(settings), stale_series_sensor(settings)])
