"""The reader for Python: frames of the published file, and nothing kept open."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from dagster_project import marts
from dagster_project.errors import WarehouseProjectError
from dagster_project.settings import PROJECT_DIR
from dagster_project.warehouse.reader import published_row_counts


def _write(path: Path, rows: int) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.fct_prices (ticker varchar not null, day date, close_usd double)"
        )
        connection.execute(
            "insert into marts.fct_prices select 'CORZ', date '2025-03-25' + i::int, i "
            "from range(?) t(i)",
            [rows],
        )
        connection.execute("comment on table marts.fct_prices is 'One row per ticker and day.'")
        connection.execute("comment on column marts.fct_prices.close_usd is 'Close, USD.'")
        connection.execute(
            "create macro marts.of_firm(firm) as table "
            "select * from marts.fct_prices where ticker = firm"
        )
        connection.execute("comment on macro table marts.of_firm is 'Prices of a firm.'")
        connection.execute("create schema other")


def _describe(release: Path, publication_id: str) -> None:
    """Write the smallest manifest that counts as complete."""
    manifest = {
        "manifest_version": 3,
        "publication_id": publication_id,
        "published_at": "2025-04-01T00:00:00+00:00",
        "code_revision": "abc",
        "replaced": None,
        "database": dict.fromkeys(("file", "sha256", "duckdb_version"), "") | {"bytes": 0},
        "tables": [],
        "table_macros": [{"name": "of_firm", "example": "from marts.of_firm('CORZ')"}],
    }
    (release / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small published file with its manifest, behind a link as the publisher lays it."""
    release = tmp_path / "releases" / "first"
    release.mkdir(parents=True)
    _write(release / "miner_marts.duckdb", rows=2)
    _describe(release, "first")
    link = tmp_path / "miner_marts.duckdb"
    link.symlink_to(release / "miner_marts.duckdb")
    return link


def test_frame_binds_what_it_is_given(path):
    hostile = "CORZ'; drop table marts.fct_prices; --"
    assert marts.frame("from fct_prices where ticker = ?", [hostile], path=path).empty
    frame = marts.frame(
        "select * from marts.fct_prices where ticker = $firm", {"firm": "CORZ"}, path=path
    )
    assert list(frame.columns) == ["ticker", "day", "close_usd"]
    assert frame["day"].tolist() == [pd.Timestamp("2025-03-25"), pd.Timestamp("2025-03-26")]
    assert marts.frame("from of_firm('CORZ')", path=str(path)).equals(frame)


def test_tables_columns_and_questions_carry_their_words(path):
    assert marts.tables(path=path).to_dict("records") == [
        {
            "table_name": "fct_prices",
            "description": "One row per ticker and day.",
            "n_rows": 2,
            "n_columns": 3,
        }
    ]
    columns = marts.columns("fct_prices", path=path).set_index("column_name")
    assert columns.loc["close_usd", "meaning"] == "Close, USD."
    assert columns["is_required"].to_dict() == {"ticker": True, "day": False, "close_usd": False}
    (question,) = marts.questions(path=path).to_dict("records")
    assert question["name"] == "of_firm"
    assert list(question["parameters"]) == ["firm"]
    assert question["example"] == "from marts.of_firm('CORZ')"
    assert published_row_counts(path) == {"fct_prices": 2}


def test_nothing_can_be_written(path):
    for statement in ("create table x (i int)", "delete from fct_prices", "drop schema other"):
        with pytest.raises(duckdb.Error, match="read-only"):
            marts.frame(statement, path=path)


def test_every_call_sees_the_newest_publication(path, tmp_path):
    """A reader that keeps its frames but no connection is not left behind."""
    assert marts.frame("select count(*) as n from fct_prices", path=path)["n"].item() == 2
    release = tmp_path / "releases" / "second"
    release.mkdir()
    _write(release / "miner_marts.duckdb", rows=5)
    _describe(release, "second")
    new = tmp_path / "new"
    new.symlink_to(release / "miner_marts.duckdb")
    new.replace(path)
    assert marts.frame("select count(*) as n from fct_prices", path=path)["n"].item() == 5
    assert marts.publication(path=path)["publication_id"] == "second"


def test_what_is_missing_is_said_with_its_mend(path, tmp_path):
    with pytest.raises(WarehouseProjectError, match="choose one of: fct_prices"):
        marts.columns("fct_pricse", path=path)
    with pytest.raises(WarehouseProjectError, match="Nothing is published yet") as missing:
        marts.frame("select 1", path=tmp_path / "absent.duckdb")
    assert "make run" in missing.value.mend
    assert not (tmp_path / "absent.duckdb").exists()
    (tmp_path / "releases" / "first" / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(WarehouseProjectError, match="missing or damaged"):
        marts.publication(path=path)


def test_a_notebook_pays_for_no_orchestrator(path):
    """Neither Dagster nor dbt is imported: they would cost seconds for one query."""
    code = (
        "import sys\n"
        "from dagster_project import marts\n"
        f"assert len(marts.frame('from fct_prices', path={str(path)!r})) == 2\n"
        "assert {'dagster', 'dbt', 'dagster_dbt'}.isdisjoint(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, check=True)
