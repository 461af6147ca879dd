"""Every question of the dashboard answers, and every column it shows is defined."""

from __future__ import annotations

import re

import pytest
import yaml

from dagster_project.dashboard.published import Publication, ask
from dagster_project.dashboard.queries import Query, all_queries
from dagster_project.dashboard.view import definitions
from dagster_project.settings import PROJECT_DIR

QUERIES = pytest.mark.parametrize("query", all_queries().values(), ids=lambda query: query.name)


@QUERIES
def test_a_query_says_what_it_asks_and_gives_its_parameters(query: Query) -> None:
    assert query.question.endswith("?"), query.question
    assert set(re.findall(r"\$([a-z_]+)", query.sql)) == set(query.example)
    assert query.tables


@QUERIES
def test_a_query_answers_with_defined_columns(query: Query, publication: Publication) -> None:
    frame = ask(publication, query.sql, dict(query.example))
    assert len(frame) > 0
    columns = [str(column) for column in frame.columns]
    assert set(query.definitions) <= set(columns), "a definition of a column that is not there"
    silent = [c for c, _, meaning in definitions(publication, query, columns) if not meaning]
    assert silent == []


def test_the_exposure_names_what_the_queries_read() -> None:
    folder = PROJECT_DIR / "dbt"
    exposures = yaml.safe_load((folder / "models" / "exposures.yml").read_text(encoding="utf-8"))
    (exposure,) = (e for e in exposures["exposures"] if e["name"] == "dashboard")
    named = {re.findall(r"'(\w+)'", reference)[0] for reference in exposure["depends_on"]}
    macros = {path.stem: path for path in (folder / "table_macros").glob("*.sql")}
    read = {table for query in all_queries().values() for table in query.tables}
    for macro in read & set(macros):
        read |= set(re.findall(r"\bmarts\.(\w+)", macros[macro].read_text(encoding="utf-8")))
    assert named == read - set(macros)
