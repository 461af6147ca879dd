"""A working file made by an older contract is migrated, or refused with the command to type."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest

from dagster_project.contracts import Column, Kind, Table
from dagster_project.errors import ContractMismatch
from dagster_project.warehouse.ddl import ensure_schema

OLD = Table(
    name="things",
    file="things.csv",
    description="Things.",
    grain="one row per thing",
    key=("thing",),
    columns=(
        Column("thing", Kind.TEXT, "Its name.", required=True),
        Column("size_mw", Kind.NUMBER, "Its size, MW."),
    ),
)
NOTE = Column("note", Kind.TEXT, "It's a remark.")


@pytest.fixture
def connection():
    with duckdb.connect() as made:
        assert ensure_schema(made, (OLD,)) == ["things"]
        made.execute(
            "INSERT INTO raw.things (thing, size_mw, source, retrieved_at, batch_id) "
            "VALUES ('a', 1.5, 's', '2025-01-01', 'b')"
        )
        yield made


def columns(connection) -> list[tuple]:
    return connection.execute(
        "SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() "
        "WHERE table_name = 'things' ORDER BY column_index"
    ).fetchall()


def test_tables_have_types_requirements_and_comments(connection):
    assert columns(connection)[:2] == [
        ("thing", "VARCHAR", False, "Its name."),
        ("size_mw", "DOUBLE", True, "Its size, MW."),
    ]
    assert [name for name, *_ in columns(connection)[2:]] == [
        "source",
        "source_url",
        "retrieved_at",
        "batch_id",
    ]
    assert connection.execute(
        "SELECT comment FROM duckdb_tables() WHERE table_name = 'things'"
    ).fetchall() == [("Things. Grain: one row per thing.",)]


def test_an_equal_contract_touches_nothing(connection):
    assert ensure_schema(connection, (OLD,)) == []


def test_a_file_of_an_equal_contract_is_not_written_to(tmp_path):
    """Every part of an extraction opens the file: a needless write costs a checkpoint each time."""
    path = tmp_path / "working.duckdb"
    with duckdb.connect(str(path)) as made:
        ensure_schema(made, (OLD,))
    before = path.read_bytes()
    with duckdb.connect(str(path)) as made:
        assert ensure_schema(made, (OLD,)) == []
    assert path.read_bytes() == before
    with duckdb.connect(str(path)) as made:
        assert ensure_schema(made, (replace(OLD, columns=(*OLD.columns, NOTE)),)) == ["things"]
    assert path.read_bytes() != before


def test_a_new_optional_column_is_added_and_rows_stay(connection):
    new = replace(OLD, columns=(*OLD.columns, NOTE))
    assert ensure_schema(connection, (new,)) == ["things"]
    assert ("note", "VARCHAR", True, "It's a remark.") in columns(connection)
    assert connection.execute("SELECT thing, size_mw, note FROM raw.things").fetchall() == [
        ("a", 1.5, None)
    ]
    assert ensure_schema(connection, (new,)) == []


def test_a_value_that_is_no_longer_needed_may_be_missing(connection):
    needed = replace(OLD, columns=(OLD.columns[0], replace(OLD.columns[1], required=True)))
    connection.execute("DROP TABLE raw.things; DROP TABLE ingest.contracts")
    ensure_schema(connection, (needed,))
    assert columns(connection)[1][2] is False
    assert ensure_schema(connection, (OLD,)) == ["things"]
    assert columns(connection)[1][2] is True
    connection.execute(
        "INSERT INTO raw.things (thing, source, retrieved_at, batch_id) "
        "VALUES ('a', 's', '2025-01-01', 'b')"
    )
    assert ensure_schema(connection, (OLD,)) == []


def test_a_value_that_is_newly_needed_leaves_the_stored_rows(connection):
    needed = replace(OLD, columns=(OLD.columns[0], replace(OLD.columns[1], required=True)))
    connection.execute("UPDATE raw.things SET size_mw = NULL")
    assert ensure_schema(connection, (needed,)) == ["things"]
    assert connection.execute("SELECT thing, size_mw FROM raw.things").fetchall() == [("a", None)]
    assert ensure_schema(connection, (needed,)) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            (OLD.columns[0], replace(OLD.columns[1], kind=Kind.INTEGER)),
            "column size_mw (DOUBLE -> BIGINT) changed its type",
        ),
        ((OLD.columns[0],), "column size_mw is gone"),
        (
            (*OLD.columns, replace(NOTE, required=True)),
            "new column note needs a value",
        ),
        (
            (OLD.columns[0], replace(OLD.columns[1], name="power_mw"), NOTE),
            "column size_mw is gone",
        ),
    ],
)
def test_a_change_that_could_lose_a_value_is_refused(connection, changed, expected):
    before = columns(connection)
    other = replace(OLD, name="others")
    with pytest.raises(ContractMismatch) as refused:
        ensure_schema(connection, (other, replace(OLD, columns=changed)))
    assert refused.value.what.startswith("The working file was made by an older contract of things")
    assert expected in refused.value.what
    assert "make rebuild" in refused.value.mend
    assert columns(connection) == before
    assert connection.execute("SELECT thing, size_mw FROM raw.things").fetchall() == [("a", 1.5)]
    assert connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'others'"
    ).fetchall() == [(0,)], "a refused migration is undone as a whole"
