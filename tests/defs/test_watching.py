"""Failed runs and stale series are told once each, and seen in the UI."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_project.contracts import BY_NAME, LATE_AFTER_DAYS, LIVE_TABLES
from dagster_project.defs.extraction_report import FRESH_CHECK, fresh_result
from dagster_project.defs.watching import (
    TOLD_TAG,
    failed_runs_sensor,
    failure_text,
    stale_series_sensor,
)
from dagster_project.freshness import newest_stored, why_stale
from dagster_project.ingest import Ingested
from dagster_project.instance import PROCESS_TAG
from dagster_project.secret import Secret
from dagster_project.settings import BUNDLED_DATA_DIR, Settings

# An id that no process of this machine has: the kernel counts to 2**22.
NOBODY = str(2**22 + 1)
TODAY = date(2026, 1, 12)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that reached the webhook; an entry "down" at the end lets the next ones fail."""
    texts: list[str] = []

    def post(settings: Settings, text: str, warn: Any) -> bool:
        if not settings.alert_webhook or texts[-1:] == ["down"]:
            warn("the alert was not delivered")
            return False
        texts.append(text)
        return True

    monkeypatch.setattr("dagster_project.defs.watching.post_alert", post)
    return texts


@pytest.fixture
def alerting(tmp_path: Path) -> Settings:
    base = Settings(data_dir=BUNDLED_DATA_DIR, output_dir=tmp_path)
    return replace(base, alert_webhook=Secret("https://chat.example.org/hooks/secret"))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


# ---- runs that failed ----


@dg.op
def breaks() -> None:
    raise dg.Failure(description="Nobody answered for table btc_prices.\n  mend:  make doctor")


@dg.job
def refresh() -> None:
    breaks()


def failed_run(
    instance: dg.DagsterInstance, tags: dict[str, str] | None = None
) -> dg.RunFailureSensorContext:
    """What the daemon hands to the sensor after a run that failed."""
    result = refresh.execute_in_process(instance=instance, raise_on_error=False, tags=tags or {})
    assert not result.success
    return dg.build_run_status_sensor_context(
        sensor_name="failed_runs",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=instance,
        dagster_run=result.dagster_run,
    ).for_run_failure()


def test_a_failed_run_of_the_ui_is_told_once(
    instance: dg.DagsterInstance, alerting: Settings, told: list[str]
) -> None:
    sensor, context = failed_runs_sensor(alerting), failed_run(instance)
    sensor(context)
    (text,) = told
    run_id = context.dagster_run.run_id
    assert text == (
        f"A run failed (refresh, {run_id[:8]}): breaks: Nobody answered for table btc_prices."
    )
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.tags[TOLD_TAG] == "webhook"
    sensor(context)
    assert len(told) == 1


def test_a_command_tells_of_its_own_run_while_it_lives(
    instance: dg.DagsterInstance, alerting: Settings, told: list[str]
) -> None:
    sensor = failed_runs_sensor(alerting)
    sensor(failed_run(instance, {PROCESS_TAG: str(os.getpid())}))
    assert told == []
    sensor(failed_run(instance, {PROCESS_TAG: NOBODY}))
    assert len(told) == 1, "a command that was killed can tell no more"


def test_a_tick_of_the_daemon_tells_of_every_run_that_failed_since_the_last(
    instance: dg.DagsterInstance, alerting: Settings, told: list[str]
) -> None:
    sensor = failed_runs_sensor(alerting)
    repository = dg.Definitions(jobs=[refresh], sensors=[sensor]).get_repository_def()

    def tick(cursor: str | None) -> str | None:
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor, repository_def=repository
        )
        return sensor.evaluate_tick(context).cursor

    failed_run(instance)
    cursor = tick(None)
    assert told == [], "what failed before the sensor was there is old news"
    for tags in ({}, {PROCESS_TAG: str(os.getpid())}, {}):
        failed_run(instance, tags)
    cursor = tick(cursor)
    assert len(told) == 2
    tick(cursor)
    assert len(told) == 2


def test_an_alert_that_was_not_delivered_is_not_taken_for_told(
    instance: dg.DagsterInstance, alerting: Settings, told: list[str]
) -> None:
    told.append("down")
    sensor, context = failed_runs_sensor(alerting), failed_run(instance)
    sensor(context)
    run = instance.get_run_by_id(context.dagster_run.run_id)
    assert run is not None
    assert TOLD_TAG not in run.tags
    told.clear()
    sensor(context)
    assert len(told) == 1


def test_without_a_webhook_nobody_is_told(
    instance: dg.DagsterInstance, alerting: Settings, told: list[str]
) -> None:
    silent = failed_runs_sensor(replace(alerting, alert_webhook=Secret("")))
    silent(failed_run(instance))
    assert told == []


def test_a_message_holds_a_few_steps_and_their_first_lines() -> None:
    run = dg.DagsterRun(job_name="refresh", run_id="0123456789")
    many = [(f"raw__t{n}", "x" * 400 + "\nsecond line") for n in range(7)]
    text = failure_text(run, many, "ignored")
    assert text.startswith("A run failed (refresh, 01234567): raw/t0: xxx")
    assert text.endswith("; and 2 more steps")
    assert "second line" not in text
    assert len(text) < 1_700
    assert failure_text(run, [], "The process was killed.\nmore").endswith(
        ": The process was killed."
    )


# ---- series that are stale ----


def materialized(instance: dg.DagsterInstance, table: str, newest: str, mode: str = "live") -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset_key=["raw", table],
            metadata={"newest_date": newest, "source_mode": mode},
        )
    )


def tick(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None = None
) -> tuple[str, str]:
    """Words of the tick and the cursor after it."""
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    data = sensor.evaluate_tick(context)
    return data.skip_message or "", data.cursor or ""


def checks(instance: dg.DagsterInstance, table: str) -> list[dg.AssetCheckEvaluation]:
    key = dg.AssetCheckKey(dg.AssetKey(["raw", table]), FRESH_CHECK)
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    return [
        record.event.dagster_event.event_specific_data  # type: ignore[union-attr] # it has one
        for record in records
    ]


def test_a_stale_series_is_told_and_shown_once_until_it_moves(
    instance: dg.DagsterInstance, alerting: Settings, told: list[str]
) -> None:
    sensor = stale_series_sensor(alerting, today=lambda: TODAY)
    materialized(instance, "equity_prices", "2026-01-07")
    materialized(instance, "btc_prices", "2026-01-09")
    words, cursor = tick(sensor, instance)
    assert words == (
        "btc_prices: the newest figure is of 2026-01-09, 3 days ago; 2 are usual at the most"
    )
    assert told == [
        f"Stale: {words}. `make doctor` says which sources answer; then `make live`, or a run in "
        "the UI."
    ]
    (check,) = checks(instance, "btc_prices")
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert checks(instance, "equity_prices") == []

    words, cursor = tick(sensor, instance, cursor)
    assert len(told) == 1
    assert len(checks(instance, "btc_prices")) == 1
    # It moved, and is late all the same: that is another staleness.
    later = stale_series_sensor(alerting, today=lambda: date(2026, 1, 15))
    materialized(instance, "btc_prices", "2026-01-12")
    materialized(instance, "equity_prices", "2026-01-14")
    words, cursor = tick(later, instance, cursor)
    assert len(told) == 2
    materialized(instance, "btc_prices", "2026-01-14")
    words, cursor = tick(later, instance, cursor)
    assert (words, json.loads(cursor)) == ("2 live series are fresh", {})


def test_bundled_and_replayed_figures_do_not_age(
    instance: dg.DagsterInstance, alerting: Settings, told: list[str]
) -> None:
    materialized(instance, "btc_prices", "2025-08-29", mode="bundled")
    materialized(instance, "network_metrics", "2025-08-29", mode="replay")
    words, _ = tick(stale_series_sensor(alerting, today=lambda: TODAY), instance)
    assert "no series was read from vendors" in words
    assert told == []


def test_what_was_not_delivered_is_told_at_the_next_tick_and_shown_once(
    instance: dg.DagsterInstance, alerting: Settings, told: list[str]
) -> None:
    sensor = stale_series_sensor(alerting, today=lambda: TODAY)
    materialized(instance, "btc_prices", "2026-01-01")
    told.append("down")
    _, cursor = tick(sensor, instance)
    told.clear()
    _, cursor = tick(sensor, instance, cursor)
    tick(sensor, instance, cursor)
    assert len(told) == 1
    assert len(checks(instance, "btc_prices")) == 1


@pytest.mark.parametrize(
    ("newest", "mode", "passed"),
    [
        (date(2026, 1, 10), "live", True),
        (date(2026, 1, 9), "live", False),
        (date(2025, 8, 29), "bundled", True),
        (None, "live", False),
    ],
)
def test_a_run_checks_freshness_itself(newest: date | None, mode: str, passed: bool) -> None:
    result = fresh_result(Ingested("btc_prices", newest=newest), mode, TODAY)
    assert result.passed is passed
    assert result.severity is dg.AssetCheckSeverity.WARN
    assert result.description


def test_which_date_counts_for_a_series() -> None:
    ahead, behind = date(2026, 1, 10), date(2024, 6, 1)
    shares = {"IREN": ahead, "DELISTED": behind}
    assert newest_stored(BY_NAME["equity_prices"], shares) == ahead
    sources = {"blockchain.com": ahead, "mempool.space": behind}
    assert newest_stored(BY_NAME["network_metrics_second_source"], sources) == behind
    assert newest_stored(BY_NAME["btc_prices"], {}) is None


def test_only_series_of_vendors_can_be_stale() -> None:
    assert set(LATE_AFTER_DAYS) < set(LIVE_TABLES)
    assert all(BY_NAME[name].time_column for name in LATE_AFTER_DAYS)
    assert why_stale("xbrl_facts", date(2001, 1, 1), TODAY) == ""
    assert why_stale("equity_prices", date(2026, 1, 7), TODAY) == ""
    assert "6 days ago" in why_stale("equity_prices", date(2026, 1, 6), TODAY)


def test_both_sensors_are_on_and_in_the_ui(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    sensors = {sensor.name: sensor for sensor in repository.sensor_defs}
    assert set(sensors) == {"failed_runs", "stale_series"}
    assert {s.default_status for s in sensors.values()} == {dg.DefaultSensorStatus.RUNNING}
    assert all(sensor.description for sensor in sensors.values())
