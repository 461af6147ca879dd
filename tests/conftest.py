"""Fixtures shared by all tests: one warehouse, loaded and built once from the bundled data."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dagster_project.settings import PROJECT_DIR
from dagster_project.warehouse.publish_macros import create_table_macros, read_table_macros
from tests.warehouse_builder import build_warehouse


@pytest.fixture(scope="session")
def built_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a DuckDB file with every model built from the bundled figures. Read only."""
    output = tmp_path_factory.mktemp("bundled_warehouse")
    return build_warehouse(output)


@pytest.fixture(scope="session")
def marts_with_macros(built_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the table macros that a publication adds. Read only."""
    copy = tmp_path_factory.mktemp("marts_with_macros") / "miner_marts.duckdb"
    shutil.copy(built_warehouse, copy)
    create_table_macros(copy, read_table_macros(PROJECT_DIR / "dbt" / "table_macros"))
    return copy
