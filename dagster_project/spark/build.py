"""Spark's pass of a build: raw tables there, dbt's models and tests on it, tables back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from dagster_project.errors import SparkFailed
from dagster_project.settings import Settings
from dagster_project.spark.cluster import local_cluster
from dagster_project.spark.exchange import (
    Relation,
    empty_place,
    fetch,
    place_of,
    require_shared,
    send,
    tables_in,
)
from dagster_project.spark.session import SparkRun, short_reason, spark_session
from dagster_project.spark.use import SparkUse, remember_use

# Every model may read these; what else it needs is named by whoever selects the models.
SENT_SCHEMAS = ("raw", "ingest")

Outcome = TypeVar("Outcome")


@contextlib.contextmanager
def _master(settings: Settings) -> Iterator[str]:
    if settings.spark_master:
        yield settings.spark_master
        return
    with local_cluster(settings.spark_home) as cluster:
        yield cluster.master_url


def _explain(run: SparkRun, error: BaseException | None) -> None:
    """Raises SparkFailed where the cluster, not a model, is why a pass failed."""
    ended = run.lost
    if not ended:
        try:
            ended = "the cluster ended the application" if run.spark_context.isStopped() else ""
        except Exception as lost:  # py4j raises what its connection raises
            ended = f"Spark's driver process ended ({type(lost).__name__})"
    if not ended:
        return
    reason = f" {short_reason(error)}" if error is not None else ""
    raise SparkFailed(
        f"The Spark run ended before it was done: {ended}.{reason} "
        "What was published before is untouched.",
        where=run.master_url,
        mend="look at the logs of the cluster's workers (spark/logs in the output folder for a "
        "local one), then give the command again",
    ) from error


def compute_on_spark(
    settings: Settings,
    further: Sequence[Relation],
    tables: Sequence[Relation],
    run_models: Callable[[], Outcome],
    succeeded: Callable[[Outcome], bool],
) -> tuple[Outcome, SparkUse]:
    """Run ``run_models`` with a Spark session in place; returns what it said and what it took.

    ``further`` are relations of the working file that the models read besides raw and ingest
    tables; ``tables`` are those that must come back. They are fetched only if ``succeeded`` says
    that the models and checks did. Raises SparkFailed when cluster, session, folder or a worker
    fails.
    """
    began = time.monotonic()
    place = place_of(settings.spark_dir, settings.output_dir)
    is_local = not settings.spark_master
    log = settings.spark_home / "logs" / "driver.log"
    with (
        _master(settings) as master_url,
        spark_session(master_url, place.warehouse_uri, log, local=is_local) as run,
    ):
        try:
            empty_place(place, run)
            require_shared(place, run)
            sent = [*tables_in(settings.warehouse_path, SENT_SCHEMAS), *further]
            rows = send(settings.warehouse_path, sent, place, run)
            started = time.monotonic()
            outcome = run_models()
            is_done = succeeded(outcome)
            if is_done:
                fetch(tables, place, run)
        except Exception as error:
            # The folder seems to be at fault, too, where the cluster that was to use it is gone.
            _explain(run, error)
            raise
        if not is_done:
            _explain(run, None)
        use = SparkUse(
            master_url=master_url,
            is_local=is_local,
            rows_sent=rows,
            tables=len(tables),
            start_seconds=started - began,
            compute_seconds=time.monotonic() - started,
            executors=tuple(run.executors()),
        )
    remember_use(settings, use)
    return outcome, use
