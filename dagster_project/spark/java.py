"""Which Java runs Spark; one clear message where there is none that can."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from dagster_project.errors import SparkFailed

# Spark 4 runs on Java 17 and 21; older ones lack classes it needs.
OLDEST_JAVA = 17
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')
_MEND = (
    "install Java 17 (Debian: apt-get install openjdk-17-jre-headless; macOS: brew install "
    "openjdk@17), or point JAVA_HOME at one"
)


def java_command() -> str:
    """Path of the Java that Spark will take: JAVA_HOME's, else the first on PATH.

    Raises SparkFailed when there is none or it is too old.
    """
    home = os.environ.get("JAVA_HOME", "").strip()
    command = str(Path(home) / "bin" / "java") if home else (shutil.which("java") or "")
    where = f"JAVA_HOME={home}" if home else "PATH"
    if not command or not os.access(command, os.X_OK):
        raise SparkFailed("Spark needs Java, and there is none here.", where=where, mend=_MEND)
    said = subprocess.run([command, "-version"], capture_output=True, text=True, check=False)
    found = _VERSION.search(said.stderr + said.stdout)
    if said.returncode != 0 or found is None:
        raise SparkFailed("Java does not start here.", where=command, mend=_MEND)
    if int(found[1]) < OLDEST_JAVA:
        raise SparkFailed(
            f"Spark needs Java {OLDEST_JAVA} or newer; this is Java {found[1]}.",
            where=command,
            mend=_MEND,
        )
    return command


def spark_home() -> Path:
    """Folder of Spark itself, inside the installed pyspark.

    Raises SparkFailed when the extra is not installed.
    """
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None or find_spec("dbt.adapters.spark") is None:
        raise SparkFailed(
            "The packages for Spark are not installed.",
            mend="type 'make run TARGET=spark', which installs them (456 MB)",
        )
    return Path(spec.origin).parent
