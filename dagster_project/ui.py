"""`make ui`: Dagster's web page and daemon, started and stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType

from dagster_project import team
from dagster_project.dbt_manifest import ensure_manifest
from dagster_project.instance import end_dead_runs, prepare_instance
from dagster_project.settings import HOST, PROJECT_DIR, Settings, require_free_port
from dagster_project.team import readable_storage_failures

_STOP_SECONDS = 15


def _start(*command: str) -> subprocess.Popen[bytes]:
    """A server in its own process group, so that one signal reaches all its children."""
    return subprocess.Popen(
        [sys.executable, "-m", *command], cwd=PROJECT_DIR, start_new_session=True
    )


def _signal_group(server: subprocess.Popen[bytes], signal_number: int) -> bool:
    """Signal a server and all its children; says whether any of them was still there."""
    try:
        os.killpg(server.pid, signal_number)
    except ProcessLookupError:
        return False
    return True


def _stop(servers: list[subprocess.Popen[bytes]]) -> None:
    """Ask both groups to end; what has not ended in time, code servers included, is killed."""
    for server in servers:
        _signal_group(server, signal.SIGINT)
    deadline = time.monotonic() + _STOP_SECONDS
    for server in servers:
        while time.monotonic() < deadline:
            server.poll()  # takes an ended server off the process table
            if not _signal_group(server, 0):
                break
            time.sleep(0.1)
        _signal_group(server, signal.SIGKILL)
        server.wait()


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _made_elsewhere(settings: Settings) -> str:
    """What to say where another machine makes the runs of a shared instance; empty here."""
    if not settings.dagster_postgres_url or (owner := team.claim(settings)).is_here:
        return ""
    return f"Runs asked for on this page are made on {owner.machine}, in {owner.folder}."


def serve(settings: Settings, *, port: int) -> int:
    """Run web page and daemon until interrupted or until one of them ends.

    The page alone where another machine makes the runs of a shared instance.
    """
    require_free_port(port, "make ui")
    prepare_instance(settings)
    ensure_manifest(settings)
    import dagster as dg

    with readable_storage_failures(settings), dg.DagsterInstance.get() as instance:
        end_dead_runs(instance)
    # A second daemon on one instance would launch every run and tick every schedule twice.
    elsewhere = _made_elsewhere(settings)
    # A closed terminal hangs up; the servers in their own groups would outlive it.
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, _interrupt)
    workspace = str(PROJECT_DIR / "workspace.yaml")
    servers: list[subprocess.Popen[bytes]] = []
    try:
        page = ("dagster_project.guarded_webserver", "-h", HOST, "-p", str(port))
        servers.append(_start(*page, "-w", workspace))
        if not elsewhere:
            servers.append(_start("dagster._daemon", "run", "-w", workspace))
        print(f"Dagster opens at http://{HOST}:{port} in a moment; Ctrl-C stops it.", flush=True)
        if elsewhere:
            print(elsewhere, flush=True)
        while all(server.poll() is None for server in servers):
            time.sleep(0.5)
        print("A Dagster server ended by itself; its last lines are above.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopping Dagster …", flush=True)
        return 0
    finally:
        _stop(servers)
