"""A cluster of several machines that share no folder: master, two workers, store and driver.

Each is a network namespace (machines.py), so none reaches another over the loopback interface. The
driver's machine has a second network, which Spark finds first and no worker can reach. One whole
run, whose tables go to a store by its URI.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from dagster_project.spark.java import spark_home
from tests.e2e.conftest import PROJECT_DIR, Study
from tests.spark.conftest import published_study
from tests.spark.machines import ELSEWHERE, NETWORK, Machine, Machines, why_no_machines
from tests.spark.parity import Parity, compare, keys_of_marts
from tests.spark.webhdfs_server import Asked

# A whole run takes seven minutes on two cores.
pytestmark = [pytest.mark.spark, pytest.mark.nightly]

STORE_PORT = 9870  # that of Hadoop's name nodes
MASTER_PORT = 7077
_IP = shutil.which("ip") or "ip"
# A header without which the store changes nothing: what stands for a store's key, as it is set in
# Spark's configuration alone and all machines must send it.
HEADER = "X-Exchange-Key"
DEFAULTS_OF_ALL = """
spark.authenticate true
spark.authenticate.secret between-these-machines
"""
DEFAULTS_OF_DRIVER = f"""{DEFAULTS_OF_ALL}
spark.hadoop.dfs.webhdfs.rest-csrf.enabled true
spark.hadoop.dfs.webhdfs.rest-csrf.custom-header {HEADER}
"""


def _environment(machine: Machine, defaults: str) -> dict[str, str]:
    """What an administrator sets on a machine of the cluster, and nothing of this one's Spark."""
    configuration = machine.folder / "conf"
    configuration.mkdir()
    (configuration / "spark-defaults.conf").write_text(defaults)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SPARK_", "PYSPARK_", "MINER_"))
    }
    return {
        **kept,
        "PYTHONPATH": str(PROJECT_DIR),
        "SPARK_HOME": str(spark_home()),
        "SPARK_CONF_DIR": str(configuration),
        "SPARK_LOCAL_DIRS": str(machine.folder / "tmp"),
        "SPARK_DAEMON_MEMORY": "256m",
    }


def _wait_for(log: Path, words: str, count: int = 1) -> None:
    deadline = time.monotonic() + 60
    while (said := log.read_text(errors="replace")).count(words) < count:
        assert time.monotonic() < deadline, said
        time.sleep(0.2)


def _start_spark(machine: Machine, kind: str, *arguments: str) -> None:
    machine.start(
        [
            *(str(spark_home() / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind}"),
            *("--host", machine.address, "--webui-port", "0", *arguments),
        ],
        log="spark.log",
        environment=_environment(machine, DEFAULTS_OF_ALL),
        cwd=machine.folder,
    )


# Where Spark announces a driver of which nobody has told it anything.
ASK_SPARK = """
from pyspark.sql import SparkSession
session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
print("announced at", session.conf.get("spark.driver.host"))
"""


@dataclass(frozen=True)
class Run:
    """A run on five machines, when all of them have ended.

    ``without_help`` is what Spark alone says on the driver's machine.
    """

    study: Study
    status: int | None
    printed: str
    published_by_duckdb: Path
    store_folder: Path
    asked: list[Asked]
    machines: dict[str, Machine]
    without_help: str


@pytest.fixture(scope="module")
def run(with_spark: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    if reason := why_no_machines():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("machines")
    with Machines(folder) as machines:
        master = machines.add("master")
        workers = [machines.add(f"worker{number}") for number in (1, 2)]
        store = machines.add("store")
        driver = machines.add("driver", second_network=True)

        asked = store.folder / "asked.jsonl"
        asked.touch()
        study = published_study(driver.folder / "study")
        by_duckdb = folder / "by_duckdb.duckdb"
        shutil.copyfile(study.published, by_duckdb)
        study.forget_the_last_build()

        without_help = driver.run([sys.executable, "-c", ASK_SPARK]).stdout
        files = store.folder / "files"
        store.start(
            [
                *(sys.executable, "-m", "tests.spark.webhdfs_server"),
                *(str(files), store.address, str(STORE_PORT), str(asked), HEADER),
            ],
            log="store.log",
            environment={**os.environ, "PYTHONPATH": str(PROJECT_DIR)},
            cwd=store.folder,
        )
        _start_spark(master, "master.Master", "--port", str(MASTER_PORT))
        _wait_for(master.folder / "spark.log", "Starting Spark master at")
        url = f"spark://{master.address}:{MASTER_PORT}"
        for worker in workers:
            work = str(worker.folder / "work")
            _start_spark(
                worker,
                "worker.Worker",
                "--cores",
                "1",
                "--memory",
                "1536m",
                "--work-dir",
                work,
                url,
            )
        _wait_for(master.folder / "spark.log", "Registering worker ", len(workers))

        process = driver.start(
            [sys.executable, "-m", "dagster_project", "run"],
            log="run.log",
            environment={
                **_environment(driver, DEFAULTS_OF_DRIVER),
                **{name: text for name, text in study.environment.items() if "MINER_" in name},
                "SPARK_MASTER": url,
                "MINER_SPARK_DIR": f"webhdfs://{store.address}:{STORE_PORT}/exchange",
            },
            cwd=study.output_dir,
        )
        process.wait(1800)
        yield Run(
            study,
            process.returncode,
            (driver.folder / "run.log").read_text(),
            by_duckdb,
            files,
            [Asked(**json.loads(line)) for line in asked.read_text().splitlines()],
            {one.name: one for one in (master, *workers, store, driver)},
            without_help,
        )


@pytest.fixture(scope="module")
def parities(run: Run, tmp_path_factory: pytest.TempPathFactory) -> list[Parity]:
    keys = keys_of_marts()
    made = run.store_folder.glob("exchange/study-*/warehouse/marts.db/*")
    return [
        compare(run.published_by_duckdb, run.study.published, one.name, keys[one.name])
        for one in made
    ]


def test_the_run_ends_well_and_names_its_cluster(run: Run) -> None:
    assert run.status == 0, run.printed
    assert f"on the cluster (spark://{run.machines['master'].address}:{MASTER_PORT})" in run.printed


def test_what_is_published_is_what_duckdb_alone_publishes(run: Run, parities: list[Parity]) -> None:
    assert run.status == 0, run.printed
    assert len(parities) > 20
    assert {one.table: one.faults for one in parities if one.faults} == {}
    with duckdb.connect(str(run.study.published), read_only=True) as connection:
        connection.execute(f"ATTACH '{run.published_by_duckdb}' AS other (READ_ONLY)")
        both = connection.execute(
            "SELECT list(DISTINCT table_name ORDER BY table_name) FROM duckdb_tables() "
            "WHERE schema_name = 'marts' GROUP BY database_name"
        ).fetchall()
    assert len(both) == 2
    assert both[0] == both[1]


def test_both_workers_computed_on_machines_of_their_own(run: Run) -> None:
    said = json.loads((run.study.output_dir / "spark" / "last_pass.json").read_text())
    tasks = {one["host_port"].partition(":")[0]: one["tasks"] for one in said["executors"]}
    assert set(tasks) == {run.machines[name].address for name in ("worker1", "worker2")}
    assert min(tasks.values()) > 20


def test_the_driver_is_announced_where_workers_reach_it_and_not_where_spark_would(run: Run) -> None:
    # Else this test would show nothing.
    assert f"announced at {ELSEWHERE}" in run.without_help
    assert run.status == 0, run.printed


def test_every_table_went_through_the_store_from_the_machine_that_had_it(run: Run) -> None:
    address = {name: machine.address for name, machine in run.machines.items()}
    moved = Counter(
        (asked.client, asked.operation, asked.path.split("/")[3])
        for asked in run.asked
        if asked.node == "data" and asked.path.count("/") > 3
    )
    assert {client for client, *_ in moved} <= {
        address[name] for name in ("driver", "worker1", "worker2")
    }
    assert moved[address["driver"], "CREATE", "sent"] > 30
    assert moved[address["driver"], "OPEN", "warehouse"] > 30
    for worker in ("worker1", "worker2"):
        assert moved[address[worker], "OPEN", "sent"]
        assert moved[address[worker], "CREATE", "warehouse"] > 10
        # Only workers compute: the driver writes nothing among Spark's tables but marks of success.
    written = {
        asked.path
        for asked in run.asked
        if (asked.client, asked.node, asked.operation) == (address["driver"], "data", "CREATE")
    }
    assert not [path for path in written if "/warehouse/" in path and path.endswith(".parquet")]


def test_nothing_of_the_exchange_lies_in_a_machines_own_folder(run: Run) -> None:
    for name in ("master", "worker1", "worker2"):
        assert not list(run.machines[name].folder.rglob("*.parquet"))
    # The driver keeps what came back, which DuckDB then read, and nothing that was sent.
    returned = run.study.output_dir / "spark" / "returned"
    here = list((run.study.output_dir / "spark").rglob("*.parquet"))
    assert here
    assert all(one.is_relative_to(returned) for one in here)
    sent = {one.parent.name for one in run.store_folder.glob("exchange/study-*/sent/raw/*/*")}
    assert {"companies", "equity_prices"} <= sent


def test_nothing_went_to_an_address_outside_of_the_machines_network(run: Run) -> None:
    assert {asked.client.rpartition(".")[0] for asked in run.asked} == {NETWORK}


@pytest.fixture
def may_make_machines() -> None:
    if reason := why_no_machines():
        pytest.skip(reason)


def test_machines_share_neither_folder_nor_name(may_make_machines: None, tmp_path: Path) -> None:
    with Machines(tmp_path) as machines:
        one, other = machines.add("one"), machines.add("other")
        (one.folder / "own").write_text("of one")
        look = ["sh", "-c", f"hostname; cat {one.folder}/own"]
        assert one.run(look).stdout == "one\nof one"
        seen = other.run(look).stdout
    assert seen.startswith("other\n")
    assert "No such file" in seen
    assert "of one" not in seen


def test_what_a_killed_test_left_is_taken_away(may_make_machines: None, tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = f"miner-test-{gone.pid}-0a0a0a-worker"
    subprocess.run([_IP, "netns", "add", left], check=True)
    with Machines(tmp_path) as machines:
        namespace = machines.add("alone").namespace
        listed = subprocess.run([_IP, "netns", "list"], capture_output=True, text=True, check=True)
        assert left not in listed.stdout
        assert namespace in listed.stdout
    listed = subprocess.run([_IP, "netns", "list"], capture_output=True, text=True, check=True)
    assert namespace not in listed.stdout
