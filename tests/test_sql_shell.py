"""`make sql`: the shell of DuckDB itself, on the published file and read-only."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from dagster_project.errors import SettingsError, WarehouseProjectError
from dagster_project.settings import PROJECT_DIR
from dagster_project.sql_shell import FIRST_QUERIES, greeting, shell_command


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An output folder with a small published file."""
    published = tmp_path / "published"
    published.mkdir()
    with duckdb.connect(str(published / "miner_marts.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.dim_event as select 'msft-2gw-mar' as event_id")
        connection.execute(
            "comment on table marts.dim_event is 'One row per event. And much else.'"
        )
        connection.execute("create macro marts.firms(event) as table from marts.dim_event")
        connection.execute("comment on macro table marts.firms is 'Firms of an event.'")
    return tmp_path


def _shell(output: Path, *arguments: str, sql: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dagster_project", "sql", *arguments],
        cwd=PROJECT_DIR,
        env={**os.environ, "MINER_OUTPUT_DIR": str(output), "HOME": str(output)},
        input=sql,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_greeting_lists_what_the_file_holds(output):
    words = greeting(output / "published" / "miner_marts.duckdb", width=80)
    assert "  dim_event  One row per event. And much else." in words
    assert "  firms(event)  Firms of an event." in words
    assert all(query in words for query in FIRST_QUERIES)
    assert max(map(len, words.splitlines()[3:10])) <= 80


def test_its_first_queries_are_answered_by_the_published_file(marts_with_macros):
    with duckdb.connect(str(marts_with_macros), read_only=True) as connection:
        connection.execute("set search_path = 'marts'")
        for query in FIRST_QUERIES:
            assert connection.execute(query).fetchall(), query


def test_piped_sql_gets_its_answer_and_nothing_else(output):
    done = _shell(output, "--format", "csv", sql="from dim_event; select 1 as one;")
    assert (done.returncode, done.stdout) == (0, "event_id\nmsft-2gw-mar\none\n1\n"), done.stderr


def test_a_mistake_in_piped_sql_stops_it_with_an_exit_code(output):
    done = _shell(output, sql="from nowhere; select 42 as reached;")
    assert done.returncode != 0
    assert "nowhere" in done.stderr
    assert "42" not in done.stdout


def test_the_shell_cannot_write(output):
    before = (output / "published" / "miner_marts.duckdb").read_bytes()
    for statement in ("create table t (i int);", "drop table marts.dim_event;"):
        done = _shell(output, sql=statement)
        assert done.returncode != 0
        assert "read-only" in done.stderr
    assert (output / "published" / "miner_marts.duckdb").read_bytes() == before


def test_a_person_at_a_terminal_is_greeted(output):
    """The shell is given a terminal of its own, as a person has."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster_project", "sql"],
        cwd=PROJECT_DIR,
        env={**os.environ, "MINER_OUTPUT_DIR": str(output), "HOME": str(output), "TERM": "dumb"},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.close(theirs)
    try:
        os.write(ours, b"select 6 * 7 as answer;\n.exit\n")
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        os.close(ours)
    assert "Published marts, read-only" in said
    assert "dim_event  One row per event." in said
    assert "42" in said
    assert process.returncode == 0


def test_what_cannot_be_done_is_said(output, tmp_path, monkeypatch):
    done = _shell(output / "elsewhere", sql="select 1")
    assert done.returncode == 1
    assert "Nothing is published yet." in done.stderr
    path = output / "published" / "miner_marts.duckdb"
    with pytest.raises(SettingsError, match="choose one of: box, csv"):
        shell_command(path, output_format="-cmd .shell", piped=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    with pytest.raises(WarehouseProjectError, match="make sql"):
        shell_command(path, piped=True)
