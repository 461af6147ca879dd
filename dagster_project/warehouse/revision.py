"""Which revision of the code made a publication."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

UNKNOWN = "unknown"


def _git(project_dir: Path, *arguments: str) -> str | None:
    # A git hook exports GIT_DIR and its kin, which would answer for another repository.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            ["git", "-C", str(project_dir), *arguments],  # noqa: S607 - git is found on the PATH
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def code_revision(project_dir: Path) -> str:
    """The commit of the project's files, with ``-dirty`` where files differ from it.

    ``unknown`` without git, and where the project is an unpacked archive inside some
    other repository, whose commit says nothing about it.
    """
    top = _git(project_dir, "rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != project_dir.resolve():
        return UNKNOWN
    commit = _git(project_dir, "rev-parse", "HEAD")
    changes = _git(project_dir, "status", "--porcelain")
    if not commit or changes is None:
        return UNKNOWN
    return f"{commit}-dirty" if changes else commit
