"""The pages on the marts are true: their queries give their tables, their prose their figures.

After a change that is meant, `UPDATE_DOCS=1 pytest tests/dbt_models/test_docs.py` writes the
tables anew; the prose is for a person to mend.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.settings import PROJECT_DIR

PAGE = PROJECT_DIR / "docs" / "event-study.md"
COOKBOOK = PROJECT_DIR / "docs" / "cookbook"
PAGES = (PAGE, PROJECT_DIR / "docs" / "ai-exposure.md", *sorted(COOKBOOK.glob("[0-9]*.md")))
STUDY = PROJECT_DIR / "data" / "study"
# A query and the table below it, which a blank line may part.
_BLOCK = re.compile(r"^```sql\n(.*?)^```\n\n?((?:\|[^\n]*\n)*)", re.MULTILINE | re.DOTALL)
# A table of figures stands below every query but the one that shows how short a question is.
BARE = "from marts.selloff('msft-2gw-mar')"


@pytest.fixture(scope="module")
def reader(marts_with_macros: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(marts_with_macros), read_only=True) as connection:
        # A page may read a file of the project beside the marts, wherever the tests were started.
        connection.execute("set file_search_path = ?", [str(PROJECT_DIR)])
        yield connection


def _decimals(values: list[Any]) -> int:
    """Decimals that the longest of a column's numbers needs."""
    shown = [f"{value:.9g}" for value in values if isinstance(value, float)]
    return max((len(text.partition(".")[2]) for text in shown), default=0)


def _cell(value: Any, decimals: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value + 0.0:.{decimals}f}"
    return str(value).replace("|", "\\|")


def _table(cursor: duckdb.DuckDBPyConnection) -> str:
    names = [column[0] for column in cursor.description or ()]
    answer = cursor.fetchall()
    assert answer, "the query has no answer"
    decimals = [_decimals(list(column)) for column in zip(*answer, strict=True)]
    rows = [list(map(_cell, row, decimals)) for row in answer]
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


BLOCKS = [
    (page.stem, number, *block)
    for page in PAGES
    for number, block in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8")), start=1)
]


def test_update_on_request(reader: duckdb.DuckDBPyConnection) -> None:
    if not os.environ.get("UPDATE_DOCS"):
        return

    def answered(block: re.Match[str]) -> str:
        query, table = block.groups()
        if query.strip() == BARE:
            return block.group()
        below = "" if table else "\n"
        return f"```sql\n{query}```\n\n{_table(reader.execute(query))}{below}"

    for page in PAGES:
        page.write_text(_BLOCK.sub(answered, page.read_text(encoding="utf-8")), encoding="utf-8")
    pytest.fail("the tables were written anew: read them, mend the prose, run again")


@pytest.mark.parametrize(
    ("query", "table"),
    [(query, table) for _, _, query, table in BLOCKS],
    ids=[f"{page}-{number}" for page, number, _, _ in BLOCKS],
)
def test_every_query_gives_the_table_below_it(
    reader: duckdb.DuckDBPyConnection, query: str, table: str
) -> None:
    answer = _table(reader.execute(query))
    if query.strip() != BARE:
        assert table == answer


def test_the_notebook_prints_what_it_shows(
    marts_with_macros: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cells run on the published marts and print the outputs that are stored with them."""
    monkeypatch.setattr("dagster_project.marts._path", lambda path: marts_with_macros)
    cells = json.loads(PAGE.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    namespace: dict[str, Any] = {}
    for cell in (cell for cell in cells if cell["cell_type"] == "code"):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec("".join(cell["source"]), namespace)  # noqa: S102 - the project's own notebook
        stored = "".join(line for output in cell["outputs"] for line in output["text"])
        assert printed.getvalue() == stored


def _numbers(text: str) -> set[float]:
    """Numbers of a text, without sign or unit; names such as market_btc have none."""
    return {float(found) for found in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)", text)}


def _prose() -> str:
    text = PAGE.read_text(encoding="utf-8").split("## Sources")[0]
    text = _BLOCK.sub("", text)
    text = re.sub(r"`[^`]*`", "", text)
    text = re.sub(r"^\d+\. ", "", text, flags=re.MULTILINE)
    # Dates, a clock, formulas and the index by name are no figures of the study.
    for words in ("26 March( 2025)?", "00:00 UTC", r"\(N - 1\)", r"1 \+", "Nasdaq-100", "0 to 0"):
        text = re.sub(words, "", text)
    return text


def test_every_figure_of_the_prose_is_in_a_table_or_a_parameter() -> None:
    shown = _numbers("".join(table for page, _, _, table in BLOCKS if page == PAGE.stem))
    with (STUDY / "parameters.csv").open(encoding="utf-8") as file:
        shown |= {abs(float(row["value"])) for row in csv.DictReader(file)}
    assert _numbers(_prose()) - shown == set()


def test_every_column_of_a_study_file_is_named() -> None:
    lines = [line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    rows = {
        path.name: next(line for line in lines if line.startswith(f"| `{path.name}` |"))
        for path in sorted(STUDY.glob("*.csv"))
    }
    for name, row in rows.items():
        with (STUDY / name).open(encoding="utf-8") as file:
            missing = [c for c in next(csv.reader(file)) if f"`{c}`" not in row]
        assert missing == [], name


def test_every_model_of_the_study_is_described() -> None:
    text = PAGE.read_text(encoding="utf-8")
    with (STUDY / "models.csv").open(encoding="utf-8") as file:
        models = [row["model_id"] for row in csv.DictReader(file)]
    assert [model for model in models if f"| `{model}` |" not in text] == []
