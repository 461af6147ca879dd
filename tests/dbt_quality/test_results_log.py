"""The log of dbt results: what publication reads to know whether the marts may go out."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from tests.warehouse_builder import run_dbt, settings_for

PREFIX = "miner_warehouse"


@pytest.fixture(scope="module")
def log_after_partial_build(
    built_warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, dict], dict[str, dict]]:
    """Log before and after a small build of a warehouse with a bad bar."""
    settings = settings_for(tmp_path_factory.mktemp("results_log"))
    shutil.copy(built_warehouse, settings.warehouse_path)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute(
            "update raw.equity_prices set low = high * 2 "
            "where ticker = 'MARA' and session_date = '2025-03-26'"
        )
        connection.execute(
            "insert into quality.node_results select 'test.gone', 'gone', 'test', 'fail', 1, "
            "'error', null, [], executed_at, invocation_id from quality.node_results limit 1"
        )
    before = _read_log(settings.warehouse_path)
    result = run_dbt(
        settings,
        [
            "build",
            "--select",
            "stg_equity_prices",
            "fct_source_reconciliation",
            "selloff_parts_sum_to_return",
            "--exclude",
            "resource_type:unit_test",
        ],
    )
    assert not result.success
    return before, _read_log(settings.warehouse_path)


def _read_log(path: Path) -> dict[str, dict]:
    with duckdb.connect(str(path), read_only=True) as connection:
        cursor = connection.execute("select * from quality.node_results")
        columns = [column[0] for column in cursor.description]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return {row["unique_id"]: row for row in rows}


def test_failed_tests_are_logged_with_their_severity(log_after_partial_build) -> None:
    _, log = log_after_partial_build
    bad_bar = log[f"test.{PREFIX}.ohlc_is_consistent"]
    assert (bad_bar["status"], bad_bar["failures"], bad_bar["severity"]) == ("fail", 1, "error")
    assert "1 result" in bad_bar["message"]
    assert bad_bar["depends_on"] == [f"model.{PREFIX}.stg_equity_prices"]
    flat_bar = log[f"test.{PREFIX}.bars_show_trading"]
    assert (flat_bar["status"], flat_bar["severity"]) == ("warn", "warn")


def test_a_mart_behind_a_failed_test_is_logged_as_skipped(log_after_partial_build) -> None:
    before, log = log_after_partial_build
    mart = f"model.{PREFIX}.fct_source_reconciliation"
    assert before[mart]["status"] == "success"
    assert log[mart]["status"] == "skipped"
    # A check that could not run is no check passed: it is logged as skipped, too.
    assert log[f"test.{PREFIX}.selloff_parts_sum_to_return"]["status"] == "skipped"


def test_what_a_partial_build_did_not_touch_stays(log_after_partial_build) -> None:
    before, log = log_after_partial_build
    untouched = f"model.{PREFIX}.fct_ai_exposure"
    assert log[untouched] == before[untouched]
    rebuilt = f"model.{PREFIX}.stg_equity_prices"
    assert log[rebuilt]["invocation_id"] != before[rebuilt]["invocation_id"]


def test_a_node_that_left_the_project_leaves_the_log(log_after_partial_build) -> None:
    before, log = log_after_partial_build
    assert "test.gone" in before
    assert "test.gone" not in log
