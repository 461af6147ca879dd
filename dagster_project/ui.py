"""`make ui`: Dagster's web page and daemon, started and stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType

from dagster_project.dbt_manifest import ensure_manifest
from dagster_project.instance import end_dead_runs, prepare_instance
from dagster_project.settings import HOST, PROJECT_DIR, Settings, require_free_port

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


def serve(settings: Settings, *, port: int) -> int:
    """Run web page and daemon until interrupted or until one of them ends."""
    require_free_port(port, "make ui")
    prepare_instance(settings)
    ensure_manifest(settings)
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        end_dead_runs(instance)
    # A closed terminal hangs up; the servers in their own groups would outlive it.
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, _interrupt)
    workspace = str(PROJECT_DIR / "workspace.yaml")
    servers: list[subprocess.Popen[bytes]] = []
    try:
        servers.append(_start("dagster_webserver", "-h", HOST, "-p", str(port), "-w", workspace))
        servers.append(_start("dagster._daemon", "run", "-w", workspace))
        print(f"Dagster opens at http://{HOST}:{port} in a moment; Ctrl-C stops it.", flush=True)
        while all(server.poll() is None for server in servers):
            time.sleep(0.5)
        print("A Dagster server ended by itself; its last lines are above.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopping Dagster …", flush=True)
        return 0
    finally:
        _stop(servers)
