"""Jobs, the weekday schedule after the New York close, and the freshness it promises."""

from datetime import timedelta

import dagster as dg

from dagster_project.defs.common import INCREMENTAL_TAG
from dagster_project.defs.extraction import month_of
from dagster_project.settings import Settings

REFRESH_JOB = "refresh_everything"
NEW_YORK = "America/New_York"
# Feeds settle their closing prints within two hours of the 16:00 auction.
AFTER_THE_CLOSE = "0 18 * * 1-5"
READY_BY = "0 20 * * 1-5"


def freshness_policy(settings: Settings) -> dg.FreshnessPolicy | None:
    """The publication is renewed every weekday evening; bundled figures never age."""
    if not settings.schedule_on:
        return None
    return dg.FreshnessPolicy.cron(
        deadline_cron=READY_BY, lower_bound_delta=timedelta(hours=2), timezone=NEW_YORK
    )


def schedule_definitions(
    settings: Settings, months: dg.MonthlyPartitionsDefinition
) -> dg.Definitions:
    """The weekday schedule: off unless MINER_SCHEDULE is on; ``months`` are those of the series."""
    job = dg.define_asset_job(
        REFRESH_JOB,
        selection=dg.AssetSelection.all(),
        description="Extract, load, build, check and publish everything.",
    )

    @dg.schedule(
        job=job,
        cron_schedule=AFTER_THE_CLOSE,
        execution_timezone=NEW_YORK,
        name="after_the_close",
        # Bitcoin and the network know no exchange holiday, so every weekday has news.
        description="Weekdays at 18:00 New York: extracts the current month, then everything.",
        default_status=dg.DefaultScheduleStatus.RUNNING
        if settings.schedule_on
        else dg.DefaultScheduleStatus.STOPPED,
    )
    def after_the_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        day = context.scheduled_execution_time.date()
        # The tag makes live sources go on from what is stored, however long ago that was.
        return dg.RunRequest(
            run_key=day.isoformat(),
            # A folder's months end with its last figure.
            partition_key=min(month_of(day), months.get_last_partition_key() or ""),
            tags={INCREMENTAL_TAG: "1"},
        )

    return dg.Definitions(jobs=[job], schedules=[after_the_close])
