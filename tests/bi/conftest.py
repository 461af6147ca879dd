"""A publication that tests may replace by the next one."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from dagster_project.warehouse.publish import publish

NOON = datetime(2025, 3, 27, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def working(built_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working file of the module's own, fit to publish; a test may change it."""
    copy = tmp_path_factory.mktemp("working") / "miner_warehouse.duckdb"
    shutil.copy(built_warehouse, copy)
    with duckdb.connect(str(copy)) as connection:
        # The session's warehouse is built without the checks that a publication asks for.
        connection.execute(
            "insert into quality.node_results select * replace ('test.p.one' as unique_id, "
            "'one' as node_name, 'test' as resource_type, 'pass' as status) "
            "from quality.node_results limit 1"
        )
    return copy


def publish_at(working: Path, folder: Path, at: datetime) -> None:
    """What `make run` does at its end, at a time of the test's choice."""
    publish(working, folder, code_revision="abc", keep=3, allow_smaller=False, now=at)


@pytest.fixture(scope="module")
def published(working: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published DuckDB file."""
    folder = tmp_path_factory.mktemp("published")
    publish_at(working, folder, NOON)
    return folder / "miner_marts.duckdb"
