"""Table macros travel with the publication: checked before the switch, listed, rolled back."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from dagster_project.errors import PublicationRefused
from dagster_project.settings import read_settings
from dagster_project.warehouse.publish import list_publications, rollback
from dagster_project.warehouse.publish_macros import TableMacro, read_table_macros

RETURNS_SQL = """-- Returns of one firm; it's in the
-- order of the days.
-- Example: from marts.returns('CORZ')
create macro marts.returns(firm) as table
select session_date, daily_return from marts.fct_daily where ticker = firm order by all
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one macro on the marts of the working file."""
    path = tmp_path / "table_macros"
    path.mkdir()
    (path / "returns.sql").write_text(RETURNS_SQL, encoding="utf-8")
    return path


@pytest.fixture
def macros(folder: Path) -> tuple[TableMacro, ...]:
    return read_table_macros(folder)


def test_a_reader_calls_the_macro_in_a_plain_read_only_connection(publishing, macros):
    publishing.run(macros=macros)
    assert publishing.query("SELECT count(*), count(daily_return) FROM marts.returns('CORZ')") == [
        (100, 99)
    ]
    with duckdb.connect(str(publishing.database), read_only=True) as connection:
        rows = connection.execute("FROM marts.returns(?) LIMIT 2", ["RIOT"]).fetchall()
    assert [row[1] for row in rows] == [None, pytest.approx(0.8414709848)]
    assert publishing.query(
        "SELECT function_name, comment FROM duckdb_functions() WHERE schema_name = 'marts'"
    ) == [("returns", "Returns of one firm; it's in the order of the days.")]


def test_the_manifest_lists_the_macros(publishing, macros):
    publishing.run(macros=macros)
    manifest = json.loads((publishing.published / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["table_macros"] == [
        {
            "name": "returns",
            "description": "Returns of one firm; it's in the order of the days.",
            "example": "from marts.returns('CORZ')",
            "statement": "create macro marts.returns(firm) as table\nselect session_date, "
            "daily_return from marts.fct_daily where ticker = firm order by all",
        }
    ]


def test_the_file_format_stays_the_oldest_that_readers_share(publishing, macros):
    publishing.run(macros=macros)
    assert int.from_bytes(publishing.database.read_bytes()[12:20], "little") == 64


def test_a_changed_macro_is_published_and_an_unchanged_one_is_not(publishing, folder, macros):
    publishing.run(macros=macros)
    assert publishing.run(macros=macros).unchanged
    (folder / "returns.sql").write_text(RETURNS_SQL.replace("order by all", ""), encoding="utf-8")
    assert not publishing.run(macros=read_table_macros(folder)).unchanged


def test_rollback_brings_back_the_macro_that_was(publishing, folder, macros):
    publishing.run(macros=macros)
    (folder / "returns.sql").write_text(
        RETURNS_SQL.replace("order by all", "limit 1"), encoding="utf-8"
    )
    publishing.run(macros=read_table_macros(folder))
    count = "SELECT count(*) FROM marts.returns('CORZ')"
    assert publishing.query(count) == [(1,)]
    rollback(publishing.published)
    assert publishing.query(count) == [(100,)]


def test_a_publication_before_there_were_macros_is_replaced(publishing, macros):
    publishing.run()
    assert publishing.query(
        "SELECT count(*) FROM duckdb_functions() WHERE schema_name = 'marts'"
    ) == [(0,)]
    assert not publishing.run(macros=macros).unchanged


def test_a_macro_that_is_gone_is_a_loss(publishing, macros):
    publishing.run(macros=macros)
    with pytest.raises(PublicationRefused, match="table macro returns is gone"):
        publishing.run()
    assert not publishing.run(allow_smaller=True).unchanged


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("fct_daily", "fct_absent"), "fct_absent"),
        (("where ticker", "where symbol"), "symbol"),
        (("create macro", "creat macro"), "cannot be created"),
        (("marts.returns(firm)", "marts.other(firm)"), "returns"),
        (("marts.returns('CORZ')", "marts.returns()"), "table macro returns: Binder Error"),
    ],
    ids=["absent table", "absent column", "not SQL", "another name", "example does not fit"],
)
def test_a_macro_that_does_not_work_is_refused(publishing, folder, macros, change, reason):
    publishing.run(macros=macros)
    (folder / "returns.sql").write_text(RETURNS_SQL.replace(*change), encoding="utf-8")
    with pytest.raises(PublicationRefused, match=reason):
        publishing.run(macros=read_table_macros(folder))
    assert len(list_publications(publishing.published)) == 1
    assert publishing.building_folders() == []
    assert publishing.query("SELECT count(*) FROM marts.returns('CORZ')") == [(100,)]


@pytest.mark.parametrize(
    "text", ["create macro marts.returns() as table select 1", "-- Words.\nselect 1", ""]
)
def test_a_macro_without_words_or_example_is_refused(folder, text):
    (folder / "returns.sql").write_text(text, encoding="utf-8")
    with pytest.raises(PublicationRefused, match="Example"):
        read_table_macros(folder)


def test_the_macros_of_the_project_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = read_settings({"MINER_OUTPUT_DIR": str(tmp_path)})
    found = [macro.name for macro in read_table_macros(settings.table_macros_dir)]
    assert found == sorted(found)
    assert {"scenario", "selloff", "selloff_tests"} <= set(found)
