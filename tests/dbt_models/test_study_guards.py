"""A study that the models cannot compute stops with a sentence that says how to mend it."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from benchmarks.model_sql import model_statements
from tests.warehouse_builder import load_all, run_dbt, settings_for


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A loaded warehouse and the statements of the guarded model and what it needs."""
    settings = settings_for(tmp_path_factory.mktemp("guards"))
    load_all(settings)
    built = run_dbt(settings, ["run", "--select", "+int_study_occasions"])
    assert built.success, built.exception
    needed = model_statements(settings.output_dir / "dbt_target", "int_study_occasions")
    return settings.warehouse_path, dict(needed)


def rebuild(statements: tuple[Path, dict[str, str]], model: str, change: str) -> None:
    """Run the model again after ``change``, which is taken back in any case."""
    warehouse_path, made = statements
    with duckdb.connect(str(warehouse_path)) as connection:
        connection.execute("begin")
        try:
            connection.execute(change)
            connection.execute(made[model])
        finally:
            connection.execute("rollback")


def test_a_set_with_the_name_of_an_event(statements):
    change = (
        "update raw.study_event_sets set set_id = 'msft-2gw-mar' "
        "where set_id = (select min(set_id) from raw.study_event_sets)"
    )
    message = "study/event_sets.csv: msft-2gw-mar is also an event_id of ledger/events.csv"
    with pytest.raises(duckdb.Error, match=re.escape(message)):
        rebuild(statements, "int_study_events", change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "estimation_first_day = -30",
            "ledger/events.csv: the estimation window of msft-2gw-mar, -30 to -11, has fewer "
            "sessions than min_estimation_sessions of study/parameters.csv",
        ),
        (
            "estimation_first_day = -10, estimation_last_day = -200",
            "ledger/events.csv: the estimation window of msft-2gw-mar, -10 to -200, has fewer "
            "sessions",
        ),
        (
            "estimation_last_day = -5",
            "ledger/events.csv: the estimation window of msft-2gw-mar ends at -5, not before the "
            "event windows, which begin at -5 (study/windows.csv)",
        ),
    ],
)
def test_an_estimation_window_that_no_study_can_use(statements, change, message):
    change = f"update raw.market_events set {change} where event_id = 'msft-2gw-mar'"
    with pytest.raises(duckdb.Error, match=re.escape(message)):
        rebuild(statements, "int_events", change)


def test_events_of_a_set_on_one_session_share_an_estimation_window(statements):
    """Each on its own they may differ; as one date of a set they cannot."""
    together = "update intermediate.int_events set t0_number = 700, data_status = 'in_data'"
    rebuild(statements, "int_study_occasions", together)
    with pytest.raises(duckdb.Error, match=r"of the set \S+ share a session but not an"):
        rebuild(
            statements,
            "int_study_occasions",
            f"{together}, estimation_last_day = -11 - length(event_id)",
        )


@pytest.mark.parametrize("model", ["int_study_events", "int_events", "int_study_occasions"])
def test_the_bundled_study_passes(statements, model):
    rebuild(statements, model, "select 1")
