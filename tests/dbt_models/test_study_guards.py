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
    built = run_dbt(settings, ["run", "--select", "+int_study_events"])
    assert built.success, built.exception
    needed = model_statements(settings.output_dir / "dbt_target", "int_study_events")
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


def test_the_bundled_study_passes(statements):
    rebuild(statements, "int_study_events", "select 1")
