"""The cookbook: each page is one question with its traps, its query and its answer.

`test_docs.py` runs the queries; here stand the promises about the pages together.
`UPDATE_DOCS=1 pytest tests/dbt_models/test_cookbook.py` writes the index anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from dagster_project.settings import PROJECT_DIR

COOKBOOK = PROJECT_DIR / "docs" / "cookbook"
INDEX = COOKBOOK / "README.md"
PAGES = sorted(COOKBOOK.glob("[0-9]*.md"))
MACROS = sorted(path.stem for path in (PROJECT_DIR / "dbt" / "table_macros").glob("*.sql"))
SHAPE = re.compile(
    r"\A# (?P<question>[^\n]+\?)\n\n\*\*Watch for\.\*\* (?P<watch>.+?)\n\n"
    r"```sql\n(?P<sql>.+?)```\n\n(?P<table>(?:\|[^\n]+\n)+)(?:\n\*\*Change it\.\*\* .+\n)?\Z",
    re.DOTALL,
)
START = "<!-- questions: written by the test of the cookbook -->"


def _read(page: Path) -> re.Match[str]:
    shape = SHAPE.match(page.read_text(encoding="utf-8"))
    assert shape, f"{page.name}: not question, traps, query, answer"
    return shape


def _sources(sql: str) -> list[str]:
    return sorted(set(re.findall(r"\bmarts\.(\w+)", sql)))


def _index() -> str:
    before = INDEX.read_text(encoding="utf-8").partition(START)[0]
    rows = [
        f"| [{_read(page)['question']}]({page.name}) | "
        + ", ".join(f"`{name}`" for name in _sources(_read(page)["sql"]))
        + " |\n"
        for page in PAGES
    ]
    return f"{before}{START}\n\n| question | reads |\n| --- | --- |\n{''.join(rows)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_a_question_its_traps_its_query_and_its_answer(page: Path) -> None:
    shape = _read(page)
    assert len(shape["watch"]) > 60
    assert _sources(shape["sql"]), "it asks the published tables"
    assert 3 <= shape["table"].count("\n") <= 20, "an answer that a person reads at a glance"


def test_pages_are_numbered_without_a_gap_and_ask_different_questions() -> None:
    assert len(PAGES) >= 25
    assert [int(page.name[:2]) for page in PAGES] == list(range(1, len(PAGES) + 1))
    questions = [_read(page)["question"] for page in PAGES]
    assert len(set(questions)) == len(questions)


def test_every_one_line_question_has_a_page() -> None:
    used = {name for page in PAGES for name in _sources(_read(page)["sql"])}
    assert set(MACROS) - used == set()


def test_the_index_lists_every_page() -> None:
    wanted = _index()
    if os.environ.get("UPDATE_DOCS") and INDEX.read_text(encoding="utf-8") != wanted:
        INDEX.write_text(wanted, encoding="utf-8")
        pytest.fail("the index was written anew: run again")
    assert INDEX.read_text(encoding="utf-8") == wanted, "UPDATE_DOCS=1 writes it"
