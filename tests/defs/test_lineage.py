"""Column lineage of the whole project: through SQL as it reads, through Python as it declares."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.column_lineage import ANY_COLUMN, Catalog, LineageCache, Origin
from dagster_project.dbt_manifest import read_manifest
from dagster_project.dbt_process import NodeOutcome
from dagster_project.defs.dbt_run import _WorkingFile, invoke_dbt
from dagster_project.settings import Settings
from tests.warehouse_builder import settings_for

Lineage = Mapping[str, Mapping[str, Sequence[Origin]]]


@pytest.fixture(scope="module")
def own(built_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = settings_for(tmp_path_factory.mktemp("lineage"))
    shutil.copyfile(built_warehouse, made.warehouse_path)
    return made


def _read(own: Settings, outcomes: Sequence[NodeOutcome]) -> tuple[Lineage, Catalog]:
    """Origins of every column of some models, by the model's name, and all tables of the file."""
    with duckdb.connect(str(own.warehouse_path), read_only=True) as reader:
        file = _WorkingFile(reader, LineageCache(own.output_dir / "lineage.json"))
        found = {outcome.name: file.lineage(outcome) or {} for outcome in outcomes}
        return found, file._catalog


@pytest.fixture(scope="module")
def read(own: Settings) -> tuple[Lineage, Catalog]:
    return _read(own, invoke_dbt(own, ["compile", "--select", "resource_type:model"]))


@pytest.fixture(scope="module")
def lineage(read: tuple[Lineage, Catalog]) -> Lineage:
    return read[0]


@pytest.fixture(scope="module")
def python_models(own: Settings) -> dict[str, Any]:
    nodes = read_manifest(own).nodes.values()
    return {
        node.name: node
        for node in nodes
        if node.resource_type == "model" and node.language == "python"
    }


def _chain(lineage: Lineage, table: str, column: str) -> set[Origin]:
    """Everything that a column is made from, down to columns that nothing in dbt feeds."""
    waiting, passed = [(table, column)], set()
    while waiting:
        name, its_column = waiting.pop()
        for origin in lineage.get(name, {}).get(its_column, ()):
            if origin not in passed:
                passed.add(origin)
                waiting.append(origin[1:])
    return passed


def test_what_python_models_declare_is_there(
    python_models: dict[str, Any], read: tuple[Lineage, Catalog]
) -> None:
    lineage, catalog = read
    columns = {table: its for tables in catalog.values() for table, its in tables.items()}
    assert len(python_models) > 5
    for name, node in python_models.items():
        declared = node.config.meta["column_origins"]
        assert declared.keys() <= columns[name].keys() | {ANY_COLUMN}, name
        parents = {parent.split(".")[2] for parent in node.depends_on.nodes}
        for origin in (origin for origins in declared.values() for origin in origins):
            table, _, column = origin.partition(".")
            assert table in parents, f"{name} does not read {origin}"
            assert column in columns[table], f"{name}: {origin}"
        # None is lost on the way, and every column has its own.
        assert lineage[name].keys() == columns[name].keys()
        for column, origins in lineage[name].items():
            wanted = declared.get(column, declared.get(ANY_COLUMN))
            assert sorted(f"{t}.{c}" for _, t, c in origins) == sorted(wanted), f"{name}.{column}"


def test_columns_of_marts_lead_through_python_to_staging(
    python_models: dict[str, Any], lineage: Lineage
) -> None:
    through = {
        (table, column): chain
        for table, columns in lineage.items()
        for column in columns
        if table.startswith(("dim_", "fct_", "selloff_"))
        for chain in [_chain(lineage, table, column)]
        if any(name in python_models for _, name, _ in chain)
    }
    assert len(through) > 150
    ends = {"raw", "staging"}
    lost = [
        name for name, chain in through.items() if not ends & {schema for schema, _, _ in chain}
    ]
    assert lost == []
    assert ("staging", "stg_equity_prices", "close_usd") in through["fct_selloff_firm", "car"]
    assert ("staging", "stg_equity_prices", "close_usd") in through["selloff_verdicts", "verdict"]


def test_a_model_in_python_has_no_sql(own: Settings, python_models: dict[str, Any]) -> None:
    (outcome,) = invoke_dbt(own, ["compile", "--select", "int_rolling_betas"])
    assert outcome.sql == ""
    assert (
        outcome.column_origins == python_models["int_rolling_betas"].config.meta["column_origins"]
    )
    # Without a declaration a column has no origin, and nothing breaks.
    silent = dataclasses.replace(outcome, column_origins=None)
    assert _read(own, [silent])[0] == {"int_rolling_betas": {}}
