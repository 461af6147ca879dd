"""Fixtures shared by all tests: one warehouse, loaded and built once from the bundled data."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagster_project.settings import PROJECT_DIR
from dagster_project.warehouse.publish_macros import create_table_macros, read_table_macros
from tests.made_once import made_once
from tests.postgres_server import PostgresServer, find_binaries, running_server
from tests.warehouse_builder import build_warehouse, settings_for

# Few tests, each of them minutes: at the end they would keep one process while the others are done.
LONG = ("e2e", "bi/test_superset.py", "sources/live/test_kills.py", "spark")
_LONG_PATHS = tuple(Path(__file__).parent / part for part in LONG)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs first; within that, the order stays."""
    items.sort(key=lambda item: not any(item.path.is_relative_to(path) for path in _LONG_PATHS))


@pytest.fixture(scope="session")
def built_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a DuckDB file with every model built from the bundled figures. Read only."""
    made = made_once(tmp_path_factory, "bundled_warehouse", build_warehouse)
    return settings_for(made).warehouse_path


@pytest.fixture(scope="session")
def marts_with_macros(built_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the table macros that a publication adds. Read only."""
    copy = tmp_path_factory.mktemp("marts_with_macros") / "miner_marts.duckdb"
    shutil.copy(built_warehouse, copy)
    create_table_macros(copy, read_table_macros(PROJECT_DIR / "dbt" / "table_macros"))
    return copy


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A throwaway PostgreSQL server; continuous integration must have one."""
    if find_binaries() is None and not os.environ.get("CI"):
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    with running_server() as server:
        yield server
