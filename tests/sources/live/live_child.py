"""A live run, its stand-in for the models and its publication, in a process that may be killed.

The models are not what is looked at, and dbt would take all the time there is: two marts are
made from the raw tables in one transaction, as dbt makes each of its own.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.context import ForkServerContext, ForkServerProcess

import pyrate_limiter

from dagster_project.contracts import BY_NAME, LIVE_TABLES
from dagster_project.ingest import ingest
from dagster_project.settings import Settings, prepare_output_folders, read_settings
from dagster_project.sources import open_source

# The HTTP layer imports its packages when it first asks: here once for all children.
from dagster_project.sources.live import hosts, http_client, rate_limit, wire
from dagster_project.warehouse.connection import warehouse
from dagster_project.warehouse.publish import PublicationReport, publish
from tests.sources.live.loopback import FakeClock

PRELOADED = (rate_limit, wire, pyrate_limiter)
# What vendors fill, and before it the tables that those refer to.
PARENTS = tuple(BY_NAME[name] for name in ("companies", "exchange_sessions"))
TABLES = tuple(BY_NAME[name] for name in LIVE_TABLES)

MARTS = (
    "CREATE SCHEMA IF NOT EXISTS marts; CREATE SCHEMA IF NOT EXISTS quality;"
    "CREATE OR REPLACE TABLE marts.fct_closes "
    "(ticker VARCHAR, session_date DATE, close DOUBLE, PRIMARY KEY (ticker, session_date));"
    "INSERT INTO marts.fct_closes SELECT ticker, session_date, close FROM raw.equity_prices;"
    "CREATE OR REPLACE TABLE marts.dim_table (table_name VARCHAR PRIMARY KEY, n_rows BIGINT);"
    + "".join(
        f"INSERT INTO marts.dim_table SELECT '{name}', count(*) FROM raw.{name};"
        for name in LIVE_TABLES
    )
    + "COMMENT ON TABLE marts.fct_closes IS 'One row per ticker and session.';"
    "COMMENT ON TABLE marts.dim_table IS 'One row per raw table.';"
    "CREATE OR REPLACE TABLE quality.node_results (unique_id VARCHAR, node_name VARCHAR, "
    "resource_type VARCHAR, status VARCHAR, failures BIGINT, severity VARCHAR, message VARCHAR, "
    "executed_at TIMESTAMP);"
    + "".join(
        f"INSERT INTO quality.node_results VALUES ('{kind}.p.{name}', '{name}', '{kind}', "
        f"'{status}', NULL, NULL, NULL, '2025-03-27 10:00');"
        for kind, name, status in (
            ("model", "fct_closes", "success"),
            ("model", "dim_table", "success"),
            ("test", "unique_key", "pass"),
        )
    )
)


class Present(FakeClock):
    """The present, in which nobody waits."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def hurry() -> None:
    """In this process: hosts' limits are not waited for, and a loopback answers at once."""
    hosts.HOSTS = {name: replace(policy, attempts=2) for name, policy in hosts.HOSTS.items()}
    http_client.SystemClock = Present  # type: ignore[misc,assignment]  # this process alone


def make_marts(settings: Settings) -> None:
    """Two marts over the raw tables, whole or not at all."""
    with warehouse(settings.warehouse_path) as connection:
        connection.execute(f"BEGIN; {MARTS} COMMIT;")


def publish_marts(settings: Settings) -> PublicationReport:
    report = publish(
        settings.warehouse_path,
        settings.published_dir,
        code_revision="tests",
        keep=settings.keep_publications,
        allow_smaller=False,
        now=datetime.now(UTC),
    )
    return report


class Stage:
    """How far a run has come, in memory that outlives its process: a table, marts, publication."""

    NAMES = (*(table.name for table in TABLES), "marts", "publication", "done")

    def __init__(self, context: ForkServerContext) -> None:
        self._number = context.RawValue("i", 0)

    def reach(self, name: str) -> None:
        self._number.value = self.NAMES.index(name)

    @property
    def name(self) -> str:
        return self.NAMES[self._number.value]


def work(environment: Mapping[str, str], stage: Stage) -> None:
    """Everything, as ``make run`` would, under the settings of ``environment``."""
    hurry()
    settings = read_settings(environment)
    prepare_output_folders(settings)
    source = open_source(settings)
    for table in TABLES:
        stage.reach(table.name)
        ingest(settings, source, table, None, incremental=True)
    stage.reach("marts")
    make_marts(settings)
    stage.reach("publication")
    publish_marts(settings)
    stage.reach("done")


class Killable:
    """Starts ``work`` in processes of its own.

    They are forked from a server that has imported everything and has neither a thread nor a
    connection: a fresh interpreter per run would spend its time on imports.
    """

    def __init__(self) -> None:
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])

        # The first process waits for the server's imports, which are no part of any run.
        first = self._context.Process(target=hurry)
        first.start()
        first.join(60)

    def start(self, environment: Mapping[str, str]) -> tuple[ForkServerProcess, Stage]:
        stage = Stage(self._context)
        process = self._context.Process(target=work, args=(dict(environment), stage))
        process.start()
        return process, stage

    def run(self, environment: Mapping[str, str]) -> dict[str, float]:
        """To the end; fails where the run does. Seconds that each stage took."""
        process, stage = self.start(environment)
        lasted = dict.fromkeys(Stage.NAMES[:-1], 0.0)
        before = time.monotonic()
        while process.is_alive():
            name = stage.name
            process.join(0.002)
            now = time.monotonic()
            if name in lasted:
                lasted[name] += now - before
            before = now
        assert process.exitcode == 0, f"the run failed in {stage.name} ({process.exitcode})"
        return lasted
