"""How anything here is timed: a process of its own, by the wall, the processor and its memory."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster_project.settings import PROJECT_DIR


@dataclass(frozen=True)
class Cost:
    """One run: seconds by the wall and of all processors, peak resident memory in MiB."""

    seconds: float
    processor_s: float
    peak_mib: float


@dataclass(frozen=True)
class Measured:
    """One thing over several runs: seconds of each, processor seconds of each, peak MiB of all."""

    name: str
    seconds: list[float]
    peak_mib: float = 0.0
    processor_s: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def processor(self) -> float | None:
        """Median of the processor seconds, where they were taken."""
        return statistics.median(self.processor_s) if self.processor_s else None


def peak_mib() -> float:
    """Most memory that this process has held, MiB.

    Linux counts into ``ru_maxrss`` what a parent held when it started the process, so the
    kernel's own figure of this program alone is read there.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        # macOS counts bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    (held,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(held.split()[1]) / 1024


def run_process(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[Cost, str]:
    """Run one process to its end in the project's folder; its cost and what it printed.

    Standard error goes to a log that is shown where the process fails. Raises SystemExit then.
    """
    with tempfile.TemporaryFile() as log, tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=PROJECT_DIR, env=environment, stdout=output, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read().decode(errors="replace")
        if process.returncode:
            log.seek(0)
            said = log.read().decode(errors="replace")
            raise SystemExit(f"{list(command)[:6]} failed:\n{printed[-4000:]}\n{said[-4000:]}")
    # Linux counts kibibytes, macOS bytes.
    unit = 1024 if sys.platform.startswith("linux") else 1024**2
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit), printed


def measure(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    runs: int = 3,
    before_each: Callable[[], None] = lambda: None,
) -> Measured:
    """The same command several times; tells the median as it goes."""
    costs = []
    for _ in range(runs):
        before_each()
        costs.append(run_process(command, environment)[0])
    return told(
        Measured(
            name,
            [round(cost.seconds, 3) for cost in costs],
            round(max(cost.peak_mib for cost in costs)),
            tuple(round(cost.processor_s, 3) for cost in costs),
        )
    )


def told(measured: Measured) -> Measured:
    """Say on standard error what came out; a benchmark takes minutes and a person waits."""
    print(f"  {measured.name:52} {measured.median:8.2f} s", file=sys.stderr, flush=True)
    return measured


def copy_to_disk(path: Path, target: Path) -> float:
    """Seconds of a plain copy of a file, synced and removed: no rebuild of it can be faster."""
    started = time.perf_counter()
    with path.open("rb") as source, target.open("wb") as written:
        shutil.copyfileobj(source, written, 16 * 1024**2)
        written.flush()
        # What is only in the page cache is not written yet.
        os.fsync(written.fileno())
    seconds = time.perf_counter() - started
    target.unlink()
    return seconds
