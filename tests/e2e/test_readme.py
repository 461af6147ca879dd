"""The README is true: its screen is what is printed, its SQL runs on the published file."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import duckdb
import pytest

from .conftest import PROJECT_DIR, FirstRun

README = (PROJECT_DIR / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_screen_is_what_make_run_prints(first_run: FirstRun) -> None:
    (screen,) = _blocks("text")
    assert screen in first_run.printed


@pytest.mark.parametrize("query", _blocks("sql"))
def test_every_query_answers(first_run: FirstRun, query: str) -> None:
    with duckdb.connect(str(first_run.study.published), read_only=True) as connection:
        assert connection.execute(query).fetchall()


def test_its_python_runs(first_run: FirstRun) -> None:
    output = first_run.study.published.parent.parent
    for block in _blocks("python"):
        subprocess.run(
            [sys.executable, "-c", f"{block}\nassert not frame.empty"],
            cwd=PROJECT_DIR,
            env={**os.environ, "MINER_OUTPUT_DIR": str(output)},
            check=True,
        )


def test_every_published_table_is_named(first_run: FirstRun) -> None:
    with duckdb.connect(str(first_run.study.published), read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables()").fetchall()
    assert [name for (name,) in tables if f"`{name}`" not in README] == []


def test_every_make_command_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT_DIR / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)) <= targets


def test_every_setting_is_described() -> None:
    source = (PROJECT_DIR / "dagster_project" / "settings.py").read_text(encoding="utf-8")
    named = set(re.findall(r'"(MINER_[A-Z_]+)"', source)) - {"MINER_WAREHOUSE_PATH"}
    assert named == set(re.findall(r"^\| `(MINER_[A-Z_]+)(?:<HOST>)?`", README, re.MULTILINE))


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert [link for link in links if not (PROJECT_DIR / link).exists()] == []
