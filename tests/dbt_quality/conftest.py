"""The SQL of every data test as dbt compiles it, and a place to break things."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.warehouse_builder import failures, run_dbt, settings_for


@dataclass(frozen=True)
class CompiledTest:
    """One data test: its SQL and how loudly it speaks."""

    name: str
    sql: str
    severity: str
    is_singular: bool


@pytest.fixture(scope="session")
def compiled_tests(
    built_warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, CompiledTest]:
    """Every data test by name. One dbt call serves all tests of this folder."""
    settings = settings_for(tmp_path_factory.mktemp("compiled_tests"))
    shutil.copy(built_warehouse, settings.warehouse_path)
    result = run_dbt(settings, ["compile", "--select", "resource_type:test"])
    assert result.success, "\n".join(failures(result))
    return {
        item.node.name: CompiledTest(
            name=item.node.name,
            sql=item.node.compiled_code,
            severity=item.node.config.severity.lower(),
            is_singular=not getattr(item.node, "test_metadata", None),
        )
        for item in result.result
    }


@pytest.fixture(scope="session")
def scratch_file(built_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private copy of the built warehouse."""
    copy = tmp_path_factory.mktemp("scratch") / built_warehouse.name
    shutil.copy(built_warehouse, copy)
    return copy


@pytest.fixture
def marts(scratch_file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The built warehouse inside a transaction that is always rolled back."""
    connection = duckdb.connect(str(scratch_file))
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@pytest.fixture
def findings(
    marts: duckdb.DuckDBPyConnection, compiled_tests: dict[str, CompiledTest]
) -> Callable[[str], list[dict]]:
    """Rows that a data test, by name, returns on the warehouse as it now stands."""

    def run(name: str) -> list[dict]:
        cursor = marts.execute(compiled_tests[name].sql)
        columns = [column[0] for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    return run
