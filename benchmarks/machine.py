"""The line that says what a figure was measured on."""

from __future__ import annotations

import os
import platform

import duckdb

from dagster_project.settings import PROJECT_DIR
from dagster_project.warehouse.revision import code_revision


def machine() -> str:
    """Cores, system and versions."""
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    )


def revision() -> str:
    """The code that was measured, short."""
    return code_revision(PROJECT_DIR)[:12]
