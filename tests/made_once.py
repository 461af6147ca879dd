"""What is costly to make and only read afterwards: made once for all processes of a test run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """The folder that ``make`` filled for the first process that asked; the others wait for it.

    Read only: tests that write take a copy.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with FileLock(shared / f"{name}.lock"):
        finished = shared / f"{name}.path"
        if not finished.exists():
            folder = tmp_path_factory.mktemp(name)
            make(folder)
            finished.write_text(str(folder))
    return Path(finished.read_text())
