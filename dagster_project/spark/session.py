"""One Spark session with everything pinned that decides what a figure becomes."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import re
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.errors import SparkFailed
from dagster_project.settings import HOST
from dagster_project.spark.cluster import SECRET_VARIABLE
from dagster_project.spark.java import java_command, spark_home

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONNECT_SECONDS = 10
EXECUTOR_SECONDS = 90
# A lost worker's tasks go to another; with none left for this long nothing will go on.
NO_EXECUTOR_SECONDS = 45
_WATCH_SECONDS = 1.0
_DRIVER_MEMORY = "2g"
_EXECUTOR_MEMORY = "1g"
_ADDRESS = re.compile(r"([A-Za-z0-9._-]+):(\d+)")


@dataclass(frozen=True)
class ExecutorUse:
    """What one executor did: where it ran and how many tasks it finished."""

    executor: str
    host_port: str
    worker: str
    tasks: int
    failed_tasks: int
    was_lost: bool


@dataclass
class SparkRun:
    """A running session: ``lost`` says why it cannot go on, empty while it can."""

    session: SparkSession
    master_url: str
    lost: str = ""
    _done: threading.Event = field(default_factory=threading.Event)

    @property
    def spark_context(self) -> Any:
        return self.session.sparkContext._jsc.sc()

    def executors(self) -> list[ExecutorUse]:
        """Every executor of this run, lost ones too; the driver is none."""
        listed = self.spark_context.statusStore().executorList(False)
        found = []
        for number in range(listed.size()):
            one = listed.apply(number)
            if one.id() == "driver":
                continue
            logs = one.executorLogs()
            page = logs.get("stdout").get() if logs.contains("stdout") else ""
            worker = _ADDRESS.search(page.partition("://")[2])
            found.append(
                ExecutorUse(
                    executor=one.id(),
                    host_port=one.hostPort(),
                    worker=worker[0] if worker else one.hostPort(),
                    tasks=one.completedTasks(),
                    failed_tasks=one.failedTasks(),
                    was_lost=not one.isActive(),
                )
            )
        return sorted(found, key=lambda one: int(one.executor))

    def live_executors(self) -> int:
        """How many executors answer now; the driver is not counted."""
        return int(self.spark_context.getExecutorMemoryStatus().size()) - 1


def session_options(warehouse_uri: str, *, local: bool, secret: str = "") -> dict[str, str]:
    """Spark's options for this project; ``local`` binds the driver to the loopback interface."""
    options = {
        "spark.app.name": "miner_warehouse",
        "spark.driver.memory": _DRIVER_MEMORY,
        "spark.executor.memory": _EXECUTOR_MEMORY,
        "spark.executor.cores": "1",
        # Days and hours mean UTC everywhere, whatever the clocks of the machines say.
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.sql.timestampType": "TIMESTAMP_NTZ",
        # DuckDB fails on overflow and on what cannot be cast; so shall Spark.
        "spark.sql.ansi.enabled": "true",
        # The tables live for one run; nothing of a metastore is needed or left behind.
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": warehouse_uri,
        "spark.sql.sources.default": "parquet",
        "spark.sql.parquet.compression.codec": "zstd",
        # Small tables: a task costs more than the rows it reads.
        "spark.sql.adaptive.enabled": "true",
        "spark.sql.shuffle.partitions": "4",
        "spark.default.parallelism": "4",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.ui.retainedDeadExecutors": "100",
        # A killed worker is noticed by its closed connection; a silent one by this.
        "spark.network.timeout": "60s",
        "spark.executor.heartbeatInterval": "10s",
    }
    if local:
        options |= {"spark.driver.host": HOST, "spark.driver.bindAddress": HOST}
    if secret:
        options |= {"spark.authenticate": "true", "spark.authenticate.secret": secret}
    return options


def require_master(master_url: str) -> str:
    """This machine's own address on the way to the master.

    Raises SparkFailed unless one of the masters takes a connection within the deadline.
    """
    addresses = _ADDRESS.findall(master_url.removeprefix("spark://"))
    reasons = []
    for host, port in addresses:
        try:
            with socket.create_connection((host, int(port)), CONNECT_SECONDS) as connection:
                return str(connection.getsockname()[0])
        except (OSError, OverflowError) as error:
            reasons.append(str(error))
    raise SparkFailed(
        f"The Spark master does not answer within {CONNECT_SECONDS} s: {'; '.join(reasons)}.",
        where=f"SPARK_MASTER={master_url}",
        mend="start the cluster, correct SPARK_MASTER, or unset it for a cluster of this machine",
    )


def driver_address(towards_master: str) -> dict[str, str]:
    """Environment by which the workers of another machine find the driver on this one.

    Spark takes the first address it finds here, which on a machine with several may be one that no
    worker can reach; the one on the way to the master is one they can. What a user has set stays:
    SPARK_LOCAL_IP is weaker than ``spark.driver.host`` and than ``spark-env.sh``. A loopback
    address says nothing, as where a tunnel leads to the master.
    """
    if os.environ.get("SPARK_LOCAL_IP") or ipaddress.ip_address(towards_master).is_loopback:
        return {}
    return {"SPARK_LOCAL_IP": towards_master}


def _quiet() -> None:
    # pyspark 4 prints every failed query as JSON; dbt says the same in words.
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger", "py4j"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
        logger.setLevel(logging.CRITICAL)


def _watch(run: SparkRun) -> None:
    """Cancel what would wait for ever: a query without any executor left to run it."""
    without_since: float | None = None
    while not run._done.wait(_WATCH_SECONDS):
        try:
            if run.spark_context.isStopped():
                run.lost = "the cluster ended the application"
                return
            executors = run.live_executors()
        except Exception as error:  # py4j raises what its connection raises
            run.lost = f"Spark's driver process ended ({type(error).__name__})"
            return
        if executors > 0:
            without_since = None
            continue
        without_since = without_since or time.monotonic()
        if time.monotonic() - without_since > NO_EXECUTOR_SECONDS:
            run.lost = f"no worker has been left for {NO_EXECUTOR_SECONDS} s"
            with contextlib.suppress(Exception):
                run.session.sparkContext.cancelAllJobs()
            # A job that begins after the last one was cancelled would wait again.
            without_since = time.monotonic() - NO_EXECUTOR_SECONDS + 5


def _wait_for_executor(run: SparkRun) -> None:
    deadline = time.monotonic() + EXECUTOR_SECONDS
    while run.live_executors() < 1:
        if run.spark_context.isStopped() or time.monotonic() > deadline:
            raise SparkFailed(
                f"No worker of the Spark cluster took the work in {EXECUTOR_SECONDS} s.",
                where=run.master_url,
                mend=f"look at the master's page: a worker with 1 core and {_EXECUTOR_MEMORY} of "
                "memory must be free, and reach this machine (docs/spark.md says at which address)",
            )
        time.sleep(0.2)


def _start_driver(options: dict[str, str], log: Path) -> None:
    """Start Spark's driver process, whose words go to ``log``; a running one is kept.

    Its command line, which every user of the machine can read, gets no secret.
    """
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway

    gateway = SparkContext._gateway
    if gateway is not None:
        if gateway.proc.poll() is None:
            return
        SparkContext._gateway = SparkContext._jvm = None
    conf = SparkConf(loadDefaults=False)
    for name in ("spark.driver.memory", "spark.driver.extraJavaOptions"):
        conf.set(name, options[name])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        started = launch_gateway(conf, {"stdout": output, "stderr": output})
    SparkContext._ensure_initialized(gateway=started)


@contextlib.contextmanager
def spark_session(
    master_url: str, warehouse_uri: str, log: Path, *, local: bool
) -> Iterator[SparkRun]:
    """A session on the cluster of ``master_url`` for the time of the block.

    ``local``: the cluster is this machine's own, so the driver keeps to the loopback interface.
    ``log`` receives what Spark's driver says. Raises SparkFailed when Java, packages, master or
    workers are missing.
    """
    java_command()
    home = spark_home()
    own_address = require_master(master_url)
    # Of pandas on Spark, which nothing here uses.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
    from pyspark.sql import SparkSession

    _quiet()
    # Another Spark of this machine must not decide what this one runs; the driver's Python is
    # never started on workers, but Spark wants to know it.
    wanted = {"SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable}
    if local:
        wanted |= {"SPARK_LOCAL_IP": HOST, "SPARK_CONF_DIR": str(home / "conf")}
    else:
        wanted |= driver_address(own_address)
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    on_interrupt = signal.getsignal(signal.SIGINT)
    builder = SparkSession.builder.master(master_url)
    options = session_options(
        warehouse_uri, local=local, secret=os.environ.get(SECRET_VARIABLE, "") if local else ""
    )
    for name, value in options.items():
        builder = builder.config(name, value)
    session = None
    try:
        try:
            _start_driver(options, log)
            session = builder.getOrCreate()
        except Exception as error:
            raise SparkFailed(
                f"Spark did not start: {short_reason(error)}",
                where=f"{master_url}; {log}",
                mend="read Spark's words there; the cluster must run the Spark of this project "
                "(pyspark in requirements/spark.lock) on Java 17 or newer",
            ) from error
        if threading.current_thread() is threading.main_thread():
            # Spark takes Ctrl-C for itself; the run has its own way to stop.
            signal.signal(signal.SIGINT, on_interrupt)
        session.sparkContext.setLogLevel("OFF")
        run = SparkRun(session, master_url)
        _wait_for_executor(run)
        watcher = threading.Thread(target=_watch, args=(run,), daemon=True)
        watcher.start()
        try:
            yield run
        finally:
            run._done.set()
            watcher.join(5)
    finally:
        if session is not None:
            with contextlib.suppress(Exception):
                session.stop()
        for name, old in before.items():
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old


# What stands before the reason: py4j's and dbt's own headings, Java's name of the error.
_HEADING = re.compile(r"(An error occurred while calling|(Runtime|Database) Error)\b")
_ERROR_NAME = re.compile(r"^(: )?([\w.$]+(Exception|Error): )*")


def short_reason(error: BaseException | str) -> str:
    """The telling line of Java's long words, without its stack."""
    text = str(error)
    if "OutOfMemoryError" in text:
        return f"Java ran out of memory (the driver has {_DRIVER_MEMORY})."
    for line in (line.strip() for line in text.splitlines()):
        told = _ERROR_NAME.sub("", line)
        if told and not line.startswith("at ") and not _HEADING.match(line):
            return told[:500]
    return "no reason given"
