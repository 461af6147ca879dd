"""The contracts are sound, and everything written from them is up to date."""

from __future__ import annotations

import ast
import importlib
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import CALENDAR_PARAMETER, TABLES, Kind
from dagster_project.contracts.documentation import (
    DICTIONARY_PATH,
    MARTS_MACRO_PATH,
    SOURCES_PATH,
    marts_macro,
    sources_yaml,
    with_dictionary,
)
from dagster_project.settings import BUNDLED_DATA_DIR, PROJECT_DIR
from dagster_project.sources.data_folder import DataFolder
from dagster_project.sources.exchange_calendar import ExchangeCalendar
from dagster_project.warehouse.load import load

PACKAGE = PROJECT_DIR / "dagster_project"
WRITE_THEM = "the contracts changed: run `make contracts` and commit what it writes"


def test_dbt_sources_equal_the_contracts():
    assert SOURCES_PATH.read_text(encoding="utf-8") == sources_yaml(), WRITE_THEM
    assert MARTS_MACRO_PATH.read_text(encoding="utf-8") == marts_macro(), WRITE_THEM


def test_the_dictionary_equals_the_contracts():
    readme = DICTIONARY_PATH.read_text(encoding="utf-8")
    assert readme == with_dictionary(readme), WRITE_THEM


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_contract_is_sound(table):
    names = [column.name for column in table.stored_columns]
    assert len(names) == len(set(names))
    assert set(table.key) <= set(table.column_names)
    assert table.grain.startswith("one row per ")
    assert all(column.description for column in table.stored_columns)
    if table.time_column:
        assert table.column(table.time_column).kind is Kind.DATE
        assert table.column(table.time_column).required
        assert table.time_column in table.key
    by_name = {other.name: other for other in TABLES}
    for column in table.columns:
        if column.reference:
            parent = by_name[column.reference.table]
            assert parent.key == (column.reference.column,)
            assert TABLES.index(parent) < TABLES.index(table), "loads run in this order"
    assert not (table.default_from_bundled and not table.optional)
    if table.required_keys:
        (key,) = table.key
        # What is not required has a default: the exchange calendar.
        assert set(table.column(key).one_of) - set(table.required_keys) <= {CALENDAR_PARAMETER}
        assert set(table.required_keys) <= set(table.column(key).one_of)
    if table.required_keys or table.table_rules:
        assert not table.time_column, "a month of a series is never the whole table"


def test_a_fingerprint_follows_the_stored_shape_only():
    from dataclasses import replace

    table = TABLES[0]
    reworded = replace(table, description="Other words.", max_rejected_share=0.5)
    rekeyed = replace(table, key=(*table.key, "name"))
    shortened = replace(table, columns=table.columns[:-1])
    assert reworded.fingerprint == table.fingerprint
    assert len({table.fingerprint, rekeyed.fingerprint, shortened.fingerprint}) == 3


def test_the_bundled_figures_pass_every_contract_without_a_reject():
    source = DataFolder(BUNDLED_DATA_DIR, BUNDLED_DATA_DIR)
    calendar = ExchangeCalendar(source.span().start, date(2025, 12, 31))
    with duckdb.connect() as connection:
        for table in TABLES:
            report = load(connection, (source if table.file else calendar).extract(table))
            assert (report.rejected, report.rejections) == (0, ()), table.name
            assert report.inserted == report.read == report.total, "a row is repeated"
            # Some tables only a live source or a user fills; those have no bundled file.
            bundled = not table.file or (BUNDLED_DATA_DIR / table.file).exists()
            assert (report.total > 0) == bundled, table.name


HTTP = {"requests", "httpx", "curl_cffi", "urllib3", "urllib.request"}
# What each room of the house may not know; see CONTRIBUTING.
FORBIDDEN = {
    "contracts": {"dagster", "duckdb", *HTTP}
    | {f"dagster_project.{room}" for room in ("sources", "warehouse", "defs")},
    "sources": {"dagster", "dagster_dbt", "duckdb", "dbt"}
    | {f"dagster_project.{room}" for room in ("warehouse", "defs")},
    "warehouse": {"dagster", "dagster_dbt", "dbt", *HTTP}
    | {f"dagster_project.{room}" for room in ("sources", "defs")},
    "dashboard": {"dagster", "dagster_dbt", "dbt", *HTTP},
    "spark": {"dagster", "dagster_dbt", "dbt", *HTTP}
    | {f"dagster_project.{room}" for room in ("sources", "defs")},
}


def _imports(path: Path) -> set[str]:
    """Every module a file names in an import, those inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            assert node.module
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize(
    "path",
    sorted(path for room in FORBIDDEN for path in (PACKAGE / room).rglob("*.py")),
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_a_room_knows_only_what_it_may(path):
    room = path.relative_to(PACKAGE).parts[0]
    trespasses = [
        name
        for name in _imports(path)
        if any(name == banned or name.startswith(f"{banned}.") for banned in FORBIDDEN[room])
    ]
    assert trespasses == []


def test_only_the_http_layer_opens_connections():
    libraries = HTTP | {"http.client", "socket", "pyrate_limiter"}
    users = {
        path.name
        for path in PACKAGE.rglob("*.py")
        if any(
            name == library or name.startswith(f"{library}.")
            for name in _imports(path)
            for library in libraries
        )
        # The page's own server is no source.
        and path.relative_to(PACKAGE).parts[0] == "sources"
    }
    assert users == {"wire.py", "rate_limit.py"}


def test_the_dashboard_knows_the_published_file_alone():
    known = {
        f"dagster_project.{name}"
        for name in ("dashboard", "errors", "settings", "origin_guard", "spreadsheet")
    }
    for path in (PACKAGE / "dashboard").rglob("*.py"):
        ours = {name for name in _imports(path) if name.startswith("dagster_project.")}
        assert [n for n in ours if not any(n == k or n.startswith(f"{k}.") for k in known)] == []


def test_the_instance_knows_neither_sources_nor_the_warehouse():
    known = {"dagster_project", "errors", "instance", "processes", "secret", "settings"}
    known |= {"sqlite_health", "team"}
    for name in ("instance.py", "team.py"):
        ours = {n for n in _imports(PACKAGE / name) if n.startswith("dagster_project.")}
        assert ours
        assert {n.split(".")[1] for n in ours} <= known


def test_only_the_dashboard_draws():
    drawn_by = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if _imports(path) & {"streamlit", "altair"}
    }
    assert drawn_by == {"dashboard"}


def test_only_its_own_room_starts_spark():
    users = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] in {"pyspark", "py4j"} for name in _imports(path))
    }
    assert users == {"spark"}


def test_the_rooms_are_where_the_rule_looks_for_them():
    for room in FORBIDDEN:
        assert importlib.import_module(f"dagster_project.{room}").__file__
        assert len(list((PACKAGE / room).glob("*.py"))) > 2
