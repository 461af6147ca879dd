"""Processes of this machine: whether one lives, and which of those that bore its number it is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def is_alive(process_id: int) -> bool:
    """Whether a process of this machine runs under that number."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def began(process_id: int) -> str:
    """When a process of this machine began, in a form that no other of that number has.

    Empty where there is no such process, or where it cannot be known.
    """
    boot = Path("/proc/sys/kernel/random/boot_id")
    about = Path(f"/proc/{process_id}/stat")
    try:
        if boot.exists():
            # Clock ticks since the machine started, the 20th word behind the program's name, which
            # may hold spaces and brackets.
            ticks = about.read_text(encoding="utf-8").rpartition(")")[2].split()[19]
            return f"{boot.read_text(encoding='utf-8').strip()[:8]}:{ticks}"
        shown = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(process_id)],  # noqa: S607 - where it is, differs
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
        )
    except (OSError, IndexError):
        return ""
    return " ".join(shown.stdout.split())
