"""No connection of the project downloads an extension."""

from __future__ import annotations

import ast
import sqlite3
from pathlib import Path

import duckdb
import pytest

from dagster_project.settings import PROJECT_DIR
from dagster_project.warehouse.reader import READER_SETTINGS
from dagster_project.warehouse.session import NO_DOWNLOADS, connect

# Each with the reason why it may connect by itself.
ALONE = {
    "dagster_project/warehouse/session.py",
    # Locks its whole configuration, downloads included.
    "dagster_project/dashboard/published.py",
}


def setting(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    row = connection.execute("SELECT current_setting(?)", [name]).fetchone()
    assert row is not None
    return str(row[0]).lower()


def test_downloads_are_off_in_files_and_in_memory(tmp_path):
    path = tmp_path / "a.duckdb"
    for options in ({}, {"read_only": True}):
        with connect(path, **options) as connection:
            assert setting(connection, "autoinstall_known_extensions") == "false"
    with connect() as connection:
        assert setting(connection, "autoinstall_known_extensions") == "false"
        with pytest.raises(duckdb.Error) as refused:
            connection.execute("FROM st_read('map.shp')")
        assert "http" not in str(refused.value).split("\n")[0]


def test_a_file_of_another_program_is_never_looked_for_an_extension(tmp_path):
    path = tmp_path / "other.duckdb"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(duckdb.IOException, match="not a valid DuckDB database file"):
        connect(path)


def test_connections_with_and_without_it_share_a_file(tmp_path):
    """A notebook has the published file open in its own way."""
    path = tmp_path / "a.duckdb"
    connect(path).close()
    with duckdb.connect(str(path), read_only=True), connect(path, read_only=True) as ours:
        assert ours.execute("SELECT 1").fetchone() == (1,)


def test_dbt_and_the_shell_have_it_too():
    assert NO_DOWNLOADS in READER_SETTINGS
    assert (
        "autoinstall_known_extensions: false" in (PROJECT_DIR / "dbt" / "profiles.yml").read_text()
    )


def _connects(path: Path) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "connect"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "duckdb"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def test_nothing_connects_in_another_way():
    found = {
        path.relative_to(PROJECT_DIR).as_posix()
        for folder in ("dagster_project", "bi")
        for path in (PROJECT_DIR / folder).rglob("*.py")
        if _connects(path)
    }
    assert found == ALONE
