"""Headline measures are defined once, in `dbt/models/metrics.md`; everything says the same."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
import yaml

from dagster_project.settings import PROJECT_DIR

MODELS = PROJECT_DIR / "dbt" / "models"
BLOCK = re.compile(r"{% docs (\w+) %}\n(.*?)\n{% enddocs %}", re.DOTALL)
FORM = re.compile(
    r".+ Formula: .+\. Unit: .+\. "
    r"Computed in (?:the )?(?P<where>\w+)(?: as (?P<name>\w+))?\."
)
REFERENCE = re.compile(r"{{ doc\('(\w+)'\) }}")
METRICS = dict(BLOCK.findall((MODELS / "metrics.md").read_text(encoding="utf-8")))
# Columns that share a measure's name and are another thing.
# The beta of an event's model, not of the rolling regression.
OTHERS = {("fct_selloff_firm", "beta_btc")}


def _columns() -> dict[tuple[str, str], str]:
    """Description, as written, of every column of every mart."""
    found = {}
    for path in sorted((MODELS / "marts").rglob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            for column in model.get("columns", []):
                found[(model["name"], column["name"])] = column["description"]
    return found


COLUMNS = _columns()
CARRIERS = {key: text for key, text in COLUMNS.items() if REFERENCE.search(text)}


@pytest.mark.parametrize("metric", METRICS)
def test_a_definition_says_what_how_in_which_unit_and_where(metric: str) -> None:
    text = METRICS[metric]
    form = FORM.fullmatch(text)
    assert form, f"{metric}: {text}"
    where = form["where"]
    (model,) = list(MODELS.rglob(f"{where}.sql")) or [None]
    name = form["name"] or metric
    assert where == "ledger" or (model and re.search(rf"\b{name}\b", model.read_text()))


def test_a_column_of_a_measures_name_takes_its_words_from_there() -> None:
    own_words = {
        key: text
        for key, text in COLUMNS.items()
        if key[1] in METRICS and key not in OTHERS and REFERENCE.findall(text) != [key[1]]
    }
    assert own_words == {}
    assert all(key in COLUMNS and key not in CARRIERS for key in OTHERS)


def test_every_measure_is_carried_by_a_column() -> None:
    used = {name for text in CARRIERS.values() for name in REFERENCE.findall(text)}
    assert used == set(METRICS)


def test_no_two_measures_are_defined_in_the_same_words() -> None:
    assert len(set(METRICS.values())) == len(METRICS) >= 20


def test_published_comments_carry_the_definitions(marts_with_macros: Path) -> None:
    with duckdb.connect(str(marts_with_macros), read_only=True) as connection:
        rows = connection.execute(
            "select table_name, column_name, comment from duckdb_columns() "
            "where schema_name = 'marts'"
        ).fetchall()
    comments = {(table, column): comment for table, column, comment in rows}
    assert {
        key: comments[key]
        for key, text in CARRIERS.items()
        if not comments[key].startswith(METRICS[REFERENCE.findall(text)[0]])
    } == {}
    # A line break would tear the table that a comment is shown in.
    assert [key for key, comment in comments.items() if comment != " ".join(comment.split())] == []
