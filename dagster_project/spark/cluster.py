"""A Spark cluster of this machine for the time of one run: a master and two workers.

Three processes of the installed pyspark's own Spark, each in a process group of its own, on the
loopback interface alone, with a shared secret. They are stopped when the block ends. A killed run
cannot stop them: it leaves a file with their ids and start times, by which the next one does.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster_project.errors import SparkFailed
from dagster_project.processes import began
from dagster_project.settings import HOST
from dagster_project.spark.java import java_command, spark_home

WORKERS = 2
CORES_PER_WORKER = 1
MEMORY_PER_WORKER_MB = 1536
_START_SECONDS = 60
_STOP_SECONDS = 10
_MASTER_AT = re.compile(r"Starting Spark master at (spark://\S+)")
_REGISTERED = re.compile(r"Registering worker ")
# Name under which Spark's processes take the secret from their environment.
SECRET_VARIABLE = "_SPARK_AUTH_SECRET"  # noqa: S105 - the variable's name


@dataclass(frozen=True)
class Cluster:
    """A running local cluster.

    ``master_url`` is ``spark://127.0.0.1:port``, ``pids`` are those of the master and then of each
    worker (each the leader of its process group), ``log_dir`` has ``master.log`` and
    ``worker-N.log``.
    """

    master_url: str
    pids: tuple[int, ...]
    log_dir: Path


def master_command(home: Path) -> list[str]:
    """The master's command line: free ports that the system chooses."""
    return [
        str(home / "bin" / "spark-class"),
        "org.apache.spark.deploy.master.Master",
        *("--host", HOST, "--port", "0", "--webui-port", "0"),
    ]


def worker_command(home: Path, master_url: str, work_dir: Path) -> list[str]:
    """A worker's command line; its executors write their logs into ``work_dir``."""
    return [
        str(home / "bin" / "spark-class"),
        "org.apache.spark.deploy.worker.Worker",
        *("--host", HOST, "--port", "0", "--webui-port", "0"),
        *("--cores", str(CORES_PER_WORKER), "--memory", f"{MEMORY_PER_WORKER_MB}m"),
        *("--work-dir", str(work_dir), master_url),
    ]


def daemon_environment(home: Path, secret: str, scratch_dir: Path) -> dict[str, str]:
    """Environment of master and workers: loopback, a secret, and none of the user's Spark."""
    options = "-Dspark.authenticate=true -Dspark.master.rest.enabled=false -Duser.timezone=UTC"
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SPARK_", "MINER_", "PYSPARK_"))
    }
    return {
        **kept,
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(home / "conf"),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(scratch_dir),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_MASTER_OPTS": options,
        "SPARK_WORKER_OPTS": options,
        SECRET_VARIABLE: secret,
    }


def _pid_file(state_dir: Path) -> Path:
    return state_dir / "cluster.json"


def _named(pid: int) -> dict[str, int | str]:
    return {"pid": pid, "started": began(pid)}


def _note(state_dir: Path, pids: Sequence[int]) -> None:
    said = {"owner": _named(os.getpid()), "processes": [_named(pid) for pid in pids]}
    new = _pid_file(state_dir).with_suffix(".new")
    new.write_text(json.dumps(said), encoding="utf-8")
    new.replace(_pid_file(state_dir))


def _is_running(one: dict[str, int | str]) -> bool:
    """Whether this very process runs: its id may have gone to another program since."""
    return bool(one["started"]) and began(int(one["pid"])) == one["started"]


def _signal_group(pid: int, number: int) -> bool:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _stop(pids: Sequence[int], children: Sequence[subprocess.Popen[bytes]] = ()) -> None:
    """End process groups: asked first, killed when they have not gone in time."""
    for pid in pids:
        _signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    for pid in pids:
        while time.monotonic() < deadline:
            for child in children:
                child.poll()  # takes an ended child off the process table
            if not _signal_group(pid, 0):
                break
            time.sleep(0.1)
        _signal_group(pid, signal.SIGKILL)
    for child in children:
        child.wait()


def clear_leftovers(state_dir: Path) -> list[int]:
    """Stop the cluster that a killed run left running; returns the ids of the processes stopped.

    A cluster whose run still lives is left alone.
    """
    path = _pid_file(state_dir)
    if not path.exists():
        return []
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if _is_running(said["owner"]):
            return []
        left = [int(one["pid"]) for one in said["processes"] if _is_running(one)]
    except (OSError, ValueError, TypeError, KeyError):
        left = []
    _stop(left)
    path.unlink(missing_ok=True)
    return left


def _said(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def _wait_for(
    log: Path, pattern: re.Pattern[str], count: int, children: Sequence[subprocess.Popen[bytes]]
) -> list[str]:
    """What ``pattern`` finds in a log, once there are ``count``; SparkFailed past the deadline."""
    deadline = time.monotonic() + _START_SECONDS
    while len(found := pattern.findall(_said(log))) < count:
        ended = [child.args for child in children if child.poll() is not None]
        if ended or time.monotonic() > deadline:
            last = next((line for line in reversed(_said(log).splitlines()) if line.strip()), "")
            raise SparkFailed(
                "The local Spark cluster did not start"
                + (": one of its processes ended." if ended else f" in {_START_SECONDS} s.")
                + (f" Its last words: {last[:300]}" if last else ""),
                where=str(log.parent),
                mend="read the logs there; it needs about 4 GB of memory. SPARK_MASTER names a "
                "cluster that already runs",
            )
        time.sleep(0.2)
    return found


@contextlib.contextmanager
def local_cluster(state_dir: Path) -> Iterator[Cluster]:
    """A master and two workers for the time of the block; logs of the last run in ``state_dir``.

    Raises SparkFailed when Java or the packages are missing or a process does not come up.
    """
    java_command()
    home = spark_home()
    log_dir, work_dir = state_dir / "logs", state_dir / "work"
    log_dir.mkdir(parents=True, exist_ok=True)
    clear_leftovers(state_dir)
    # A crash of an earlier run may have left executors' logs and scratch files.
    shutil.rmtree(work_dir, ignore_errors=True)
    work_dir.mkdir(parents=True)
    secret = secrets.token_hex(32)
    environment = daemon_environment(home, secret, work_dir / "scratch")
    children: list[subprocess.Popen[bytes]] = []

    def start(name: str, command: Sequence[str]) -> Path:
        log = log_dir / f"{name}.log"
        with log.open("wb") as output:
            children.append(
                subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
        _note(state_dir, [child.pid for child in children])
        return log

    before = os.environ.get(SECRET_VARIABLE)
    os.environ[SECRET_VARIABLE] = secret
    try:
        master_log = start("master", master_command(home))
        (url,) = _wait_for(master_log, _MASTER_AT, 1, children)[:1]
        for number in range(1, WORKERS + 1):
            start(f"worker-{number}", worker_command(home, url, work_dir / f"worker-{number}"))
        _wait_for(master_log, _REGISTERED, WORKERS, children)
        yield Cluster(url, tuple(child.pid for child in children), log_dir)
    finally:
        if before is None:
            os.environ.pop(SECRET_VARIABLE, None)
        else:
            os.environ[SECRET_VARIABLE] = before
        _stop([child.pid for child in children], children)
        _pid_file(state_dir).unlink(missing_ok=True)
