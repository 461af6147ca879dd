"""Every mart that Spark computes, row by row, against DuckDB's."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import duckdb
import pytest

from dagster_project.settings import PROJECT_DIR
from tests.e2e.conftest import FirstRun
from tests.spark.parity import Parity, as_table, compare, keys_of_marts

pytestmark = pytest.mark.spark
PAGE = PROJECT_DIR / "docs" / "spark.md"
_TABLE = re.compile(r"(?<=<!-- parity -->\n).*?(?=<!-- /parity -->)", re.DOTALL)


@pytest.fixture(scope="module")
def parities(spark_run: FirstRun, built_warehouse: Path, tmp_path_factory) -> list[Parity]:
    assert spark_run.status == 0, spark_run.printed
    (warehouse,) = (spark_run.study.output_dir / "spark").glob("study-*/warehouse/marts.db")
    keys = keys_of_marts()
    return [
        compare(built_warehouse, spark_run.study.warehouse, table, keys[table])
        for table in sorted(folder.name for folder in warehouse.iterdir())
    ]


def test_every_mart_agrees_row_by_row(parities: list[Parity]) -> None:
    assert len(parities) > 10
    assert {one.table: one.faults for one in parities if one.faults} == {}


def test_the_page_shows_the_parity_that_was_found(parities: list[Parity]) -> None:
    made = as_table(parities)
    text = PAGE.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_DOCS"):
        text = _TABLE.sub(lambda match: f"\n{made}\n\n", text)
        PAGE.write_text(text, encoding="utf-8")
    shown = dict(re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", text, re.MULTILINE))
    assert shown == {one.table: f"{one.rows:,}" for one in parities}


def test_both_workers_did_their_part(spark_run: FirstRun) -> None:
    said = json.loads((spark_run.study.output_dir / "spark" / "last_pass.json").read_text())
    tasks = {one["worker"]: one["tasks"] for one in said["executors"]}
    assert len(tasks) == 2
    assert min(tasks.values()) > 10
    for worker in tasks:
        assert f"worker {worker}" in spark_run.printed


def test_the_run_went_on_without_the_worker_that_was_killed(spark_run: FirstRun) -> None:
    said = json.loads((spark_run.study.output_dir / "spark" / "last_pass.json").read_text())
    assert [one["was_lost"] for one in said["executors"]].count(True) == 1
    assert "and was lost" in spark_run.printed


def test_checks_of_both_engines_are_kept(spark_run: FirstRun) -> None:
    found = re.search(r"Checked: (\d+) passed, (\d+) warned, (\d+) failed", spark_run.printed)
    assert found is not None
    assert int(found[3]) == 0


def test_the_working_file_has_spark_tables_with_keys_and_comments(spark_run: FirstRun) -> None:
    with duckdb.connect(str(spark_run.study.warehouse), read_only=True) as connection:
        (keys,) = connection.execute(
            "SELECT count(*) FROM quality.mart_keys WHERE schema_name = 'marts'"
        ).fetchall()[0]
        (silent,) = connection.execute(
            "SELECT count(*) FROM duckdb_columns() WHERE schema_name = 'marts' AND comment IS NULL"
        ).fetchall()[0]
    assert keys > 20
    assert silent == 0


def test_nothing_of_the_cluster_is_left_running(spark_run: FirstRun) -> None:
    assert not (spark_run.study.output_dir / "spark" / "cluster.json").exists()
