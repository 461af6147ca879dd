"""Models that are built in parts: parts and threads change nothing in their tables."""

from __future__ import annotations

import dataclasses
import itertools
import re
import shutil
from pathlib import Path

import duckdb
import pytest

from dagster_project.settings import Settings
from tests.warehouse_builder import failures, parsed_project, run_dbt, settings_for

# Schema of each model that is the same to the last bit however it is built.
ORDER_FREE = {"int_equity_returns": "intermediate", "fct_equity_daily": "marts"}


def _run_sql(settings: Settings, model: str) -> str:
    """What dbt sent to DuckDB for a model."""
    (path,) = (settings.output_dir / "dbt_target" / "run").rglob(f"{model}.sql")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def in_parts(built_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The bundled figures, where all such models were built in many parts on four threads."""
    settings = dataclasses.replace(settings_for(tmp_path_factory.mktemp("in_parts")), threads=4)
    shutil.copyfile(built_warehouse, settings.warehouse_path)
    command = ["run", "--full-refresh", "--vars", "{rows_per_part: 3000}", "--select"]
    result = run_dbt(settings, [*command, *ORDER_FREE, "dim_company"])
    assert failures(result) == []
    return settings


def _differing_rows(one: Path, other: Path, table: str) -> int:
    """Rows that are not the same to the last bit in the same place of two files."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{one}' AS one (READ_ONLY)")
        connection.execute(f"ATTACH '{other}' AS other (READ_ONLY)")
        found = connection.execute(
            f"SELECT count(*) FROM one.{table} AS a POSITIONAL JOIN other.{table} AS b "
            "WHERE a IS DISTINCT FROM b"
        ).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize("model", ORDER_FREE)
def test_parts_and_threads_change_neither_a_figure_nor_the_order(
    model: str, in_parts: Settings, built_warehouse: Path
) -> None:
    sent = _run_sql(in_parts, model)
    parts = list(dict.fromkeys(re.findall(r"\bticker between '([^']+)' and '([^']+)'", sent)))
    inserts = len(re.findall(r"^\s*insert into", sent, re.M))
    # Without a contract the first part comes with the table itself.
    assert len(parts) == inserts + (ORDER_FREE[model] != "marts")
    assert len(parts) > 3
    tickers = [ticker for part in parts for ticker in part]
    assert tickers == sorted(tickers)
    assert all(last < first for (_, last), (first, _) in itertools.pairwise(parts))
    table = f"{ORDER_FREE[model]}.{model}"
    assert _differing_rows(in_parts.warehouse_path, built_warehouse, table) == 0


@pytest.mark.parametrize("model", ORDER_FREE)
def test_one_thread_gives_the_same_as_all(
    model: str, built_warehouse: Path, tmp_path: Path
) -> None:
    settings = dataclasses.replace(settings_for(tmp_path), threads=1)
    shutil.copyfile(built_warehouse, settings.warehouse_path)
    result = run_dbt(settings, ["run", "--full-refresh", "--select", model])
    assert failures(result) == []
    assert "/* part of " in _run_sql(settings, model)  # one part: the statement as it is written
    table = f"{ORDER_FREE[model]}.{model}"
    assert _differing_rows(settings.warehouse_path, built_warehouse, table) == 0


def test_only_these_models_take_more_than_one_thread(in_parts: Settings) -> None:
    assert _run_sql(in_parts, "dim_company").lstrip().startswith("set threads = 1;")
    assert _run_sql(in_parts, "fct_equity_daily").lstrip().startswith("set threads = 4;")


def test_each_such_model_keeps_what_it_promises() -> None:
    nodes = parsed_project().nodes.values()
    declared = {node.name: node for node in nodes if node.config.meta.get("built_in_parts")}
    assert declared.keys() == ORDER_FREE.keys()
    for name, node in declared.items():
        plan = node.config.meta["built_in_parts"]
        assert plan.keys() == {"by", "work", "rows", "order_free"}
        assert f"model.{node.package_name}.{plan['work']}" in node.depends_on.nodes
        assert f"in_part('{plan['by']}')" in node.raw_code
        assert plan["order_free"] is True
        # Its last words: an order that begins with what the parts are made by.
        assert re.search(rf"\norder by {plan['by']}\b[^)]*$", node.raw_code), name
