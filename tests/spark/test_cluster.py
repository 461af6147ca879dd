"""The local cluster: command lines, and what a killed run left. None of these starts Spark."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from dagster_project.errors import SparkFailed
from dagster_project.processes import began
from dagster_project.spark import cluster
from dagster_project.spark.exchange import empty_place, place_of
from dagster_project.spark.session import (
    SparkRun,
    driver_address,
    require_master,
    session_options,
    short_reason,
)

SLEEP = [sys.executable, "-c", "import time; time.sleep(120)"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP, start_new_session=True) as process:
        yield process
        process.kill()


def _note(folder: Path, owner: dict[str, object], processes: list[dict[str, object]]) -> Path:
    path = folder / "cluster.json"
    path.write_text(json.dumps({"owner": owner, "processes": processes}))
    return path


def _ended(process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 5
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return process.poll() is not None


DEAD = {"pid": 999_999_999, "started": "1"}


def test_master_and_workers_listen_on_the_loopback_interface_alone(tmp_path: Path) -> None:
    home = Path("/spark")
    for command in (
        cluster.master_command(home),
        cluster.worker_command(home, "spark://127.0.0.1:7", tmp_path),
    ):
        assert command[0] == "/spark/bin/spark-class"
        assert command[command.index("--host") + 1] == "127.0.0.1"
        assert command[command.index("--port") + 1] == "0"
    environment = cluster.daemon_environment(home, "secret", tmp_path)
    assert environment["SPARK_LOCAL_IP"] == "127.0.0.1"
    assert "spark.authenticate=true" in environment["SPARK_MASTER_OPTS"]
    assert "secret" not in environment["SPARK_MASTER_OPTS"]


def test_the_users_own_spark_settings_do_not_reach_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_MASTER_HOST", "0.0.0.0")  # noqa: S104 - what must not get through
    monkeypatch.setenv("MINER_TIINGO_KEY", "a-key-of-somebody")
    environment = cluster.daemon_environment(Path("/spark"), "secret", tmp_path)
    assert "SPARK_MASTER_HOST" not in environment
    assert "MINER_TIINGO_KEY" not in environment


def test_what_a_killed_run_left_is_stopped(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    left = {"pid": sleeper.pid, "started": began(sleeper.pid)}
    path = _note(tmp_path, DEAD, [left])
    assert cluster.clear_leftovers(tmp_path) == [sleeper.pid]
    assert _ended(sleeper)
    assert not path.exists()
    assert cluster.clear_leftovers(tmp_path) == []


def test_a_cluster_whose_run_lives_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    owner = {"pid": os.getpid(), "started": began(os.getpid())}
    left = {"pid": sleeper.pid, "started": began(sleeper.pid)}
    path = _note(tmp_path, owner, [left])
    assert cluster.clear_leftovers(tmp_path) == []
    assert sleeper.poll() is None
    assert path.exists()


def test_an_id_that_went_to_another_program_is_not_taken_for_ours(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    _note(tmp_path, DEAD, [{"pid": sleeper.pid, "started": "1"}])
    assert cluster.clear_leftovers(tmp_path) == []
    assert sleeper.poll() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"owner": 1}', '{"owner": {}, "processes": 3}'])
def test_a_broken_note_stops_nothing_and_goes(tmp_path: Path, text: str) -> None:
    (tmp_path / "cluster.json").write_text(text)
    assert cluster.clear_leftovers(tmp_path) == []
    assert not (tmp_path / "cluster.json").exists()


def test_a_master_that_does_not_answer_is_named() -> None:
    with pytest.raises(SparkFailed, match="does not answer") as caught:
        require_master("spark://127.0.0.1:9")
    assert "SPARK_MASTER=spark://127.0.0.1:9" in str(caught.value)


def test_the_driver_is_found_at_the_address_that_leads_to_the_master(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SPARK_LOCAL_IP", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as master:
        own = require_master(f"spark://127.0.0.1:9,127.0.0.1:{master.getsockname()[1]}")
    assert own == "127.0.0.1"
    assert driver_address("10.1.2.3") == {"SPARK_LOCAL_IP": "10.1.2.3"}
    # A tunnel to the master: nobody reaches this machine there.
    assert driver_address(own) == {}
    monkeypatch.setenv("SPARK_LOCAL_IP", "10.9.9.9")
    assert driver_address("10.1.2.3") == {}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    place = place_of(str(tmp_path / "file"), tmp_path)
    with pytest.raises(SparkFailed, match=r"cannot be used: .*Not a directory") as caught:
        empty_place(place, cast(SparkRun, None))  # a plain path needs no session
    assert str(tmp_path / "file") in str(caught.value)


def test_days_and_numbers_mean_the_same_on_every_cluster() -> None:
    remote, local = (
        session_options("file:///x", local=local, secret="s" * local) for local in (False, True)
    )
    assert remote["spark.sql.session.timeZone"] == "UTC"
    assert remote["spark.sql.ansi.enabled"] == "true"
    assert remote["spark.sql.timestampType"] == "TIMESTAMP_NTZ"
    assert "spark.driver.host" not in remote
    assert "spark.authenticate" not in remote
    assert local["spark.driver.host"] == "127.0.0.1"
    assert local["spark.authenticate"] == "true"


def test_javas_long_words_become_one_line() -> None:
    java = (
        "Runtime Error in model m (m.sql)\n  An error occurred while calling o1.sql.\n"
        "  : org.apache.spark.SparkException: [TABLE_NOT_FOUND] The table x\n\tat org.y"
    )
    assert short_reason(java) == "[TABLE_NOT_FOUND] The table x"
    assert short_reason("got 3 results, configured to fail if != 0").startswith("got 3 results")
    assert "out of memory" in short_reason("java.lang.OutOfMemoryError: Java heap space")
    assert short_reason("") == "no reason given"
