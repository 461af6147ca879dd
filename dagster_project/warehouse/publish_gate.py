"""What must hold before marts replace the published ones; it trusts no earlier run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import duckdb

from dagster_project.errors import PublicationRefused
from dagster_project.warehouse.ddl import quoted
from dagster_project.warehouse.key_order import in_key_order
from dagster_project.warehouse.publish_marts import (
    ABOUT_NAMES,
    MARTS_SCHEMA,
    Mart,
    mart_coverage,
    views_among_marts,
)

NODE_RESULTS = ("quality", "node_results")
# Facts are corrected and repeats dropped between publications; losing more than one row
# in a hundred is a cut-off source, not a correction.
MAX_LOST_ROWS_SHARE = 0.01

_CHECK_TYPES = {"test", "unit_test"}
_BUILT_TYPES = {"model", "seed", "snapshot"}
_BAD_STATUSES = {"error", "fail", "skipped", "runtime error", "partial success"}

_MEND_BUILD = "run 'make run' and mend what it reports"
_MEND_MODEL = "declare it in the model's yml and build again"
_MEND_SMALLER = "if the loss is meant, run once with MINER_ALLOW_SMALLER=1"
_MEND_REBUILD = "type 'make rebuild': it builds a new working file without leftovers"


@dataclass(frozen=True)
class Problem:
    """One reason not to publish, and what to do about it."""

    what: str
    mend: str


@dataclass(frozen=True)
class NodeResult:
    """Latest result of one dbt node."""

    name: str
    resource_type: str
    status: str
    message: str


def node_results(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[NodeResult]:
    """Latest result per dbt node. Raises duckdb.Error where the table is missing or differs."""
    relation = ".".join(quoted(part) for part in (catalog, *NODE_RESULTS))
    rows = connection.execute(
        "SELECT node_name, lower(resource_type), lower(status), coalesce(message, '') "
        f"FROM {relation} "
        "QUALIFY row_number() OVER (PARTITION BY unique_id ORDER BY executed_at DESC) = 1 "
        "ORDER BY unique_id"
    ).fetchall()
    return [NodeResult(*row) for row in rows]


def check_counts(results: list[NodeResult]) -> dict[str, Any]:
    """Results counted by status, and the names of the checks that warned."""
    checks = [r for r in results if r.resource_type in _CHECK_TYPES]
    return {
        "models": dict(
            sorted(Counter(r.status for r in results if r.resource_type in _BUILT_TYPES).items())
        ),
        "checks": dict(sorted(Counter(r.status for r in checks).items())),
        "warned": sorted(r.name for r in checks if r.status == "warn"),
    }


def _result_problems(results: list[NodeResult], marts: tuple[Mart, ...]) -> list[Problem]:
    problems = []
    for result in results:
        if result.resource_type in _CHECK_TYPES:
            fits = result.status in {"pass", "warn"}
        elif result.resource_type in _BUILT_TYPES:
            fits = result.status == "success"
        else:
            fits = result.status not in _BAD_STATUSES
        if not fits:
            message = " ".join(result.message.split())[:300]
            problems.append(
                Problem(
                    f"{result.resource_type} {result.name}: {result.status}"
                    + (f" ({message})" if message else ""),
                    _MEND_BUILD,
                )
            )
    if not any(r.resource_type in _CHECK_TYPES for r in results):
        problems.append(Problem("no check of the data was run", _MEND_BUILD))
    built = {r.name for r in results if r.resource_type in _BUILT_TYPES}
    problems.extend(
        Problem(f"table {mart.name}: no model made it; it is left over", _MEND_REBUILD)
        for mart in marts
        if mart.name not in built
    )
    return problems


def _key_problems(connection: duckdb.DuckDBPyConnection, catalog: str, mart: Mart) -> list[Problem]:
    if not mart.primary_key:
        return [Problem(f"table {mart.name}: no primary key is declared", _MEND_MODEL)]
    # As models leave their rows; nothing has to be grouped then.
    if in_key_order(connection, mart.relation(catalog), mart.primary_key):
        return []
    keys = ", ".join(quoted(name) for name in mart.primary_key)
    is_missing = " OR ".join(f"{quoted(name)} IS NULL" for name in mart.primary_key)
    row = connection.execute(
        f"SELECT count(*) FILTER (WHERE {is_missing}), "
        f"count(*) - (SELECT count(*) FROM (SELECT DISTINCT {keys} FROM {mart.relation(catalog)})) "
        f"FROM {mart.relation(catalog)}"
    ).fetchone()
    assert row is not None
    missing, repeated = row
    named = f"table {mart.name}: primary key ({', '.join(mart.primary_key)})"
    problems = []
    if missing:
        problems.append(Problem(f"{named} is NULL in {missing:,} rows", _MEND_BUILD))
    if repeated:
        problems.append(Problem(f"{named} repeats in {repeated:,} rows", _MEND_BUILD))
    return problems


def _finite_problems(
    connection: duckdb.DuckDBPyConnection, catalog: str, mart: Mart
) -> list[Problem]:
    tests = {}
    for column in mart.columns:
        name = quoted(column.name)
        if column.type in {"DOUBLE", "FLOAT"}:
            tests[column.name] = f"NOT isfinite({name})"
        elif re.fullmatch(r"(DOUBLE|FLOAT)\[\d*\]", column.type):
            tests[column.name] = f"len(list_filter({name}, lambda item: NOT isfinite(item))) > 0"
    if not tests:
        return []
    counts = connection.execute(
        f"SELECT {', '.join(f'count(*) FILTER (WHERE {test})' for test in tests.values())} "
        f"FROM {mart.relation(catalog)}"
    ).fetchone()
    assert counts is not None
    return [
        Problem(
            f"table {mart.name}, column {name}: {count:,} values are infinite or not a number",
            "guard the division or logarithm in the model, then build again",
        )
        for name, count in zip(tests, counts, strict=True)
        if count
    ]


def coverage_problems(
    previous: dict[str, Any],
    marts: tuple[Mart, ...],
    rows: dict[str, int],
    coverage: dict[str, Any],
    macros: Collection[str] = (),
) -> list[Problem]:
    """What the previous publication (its manifest) covers and the new marts do not."""
    lost: list[str] = []
    by_name = {mart.name: mart for mart in marts}
    for before in previous["tables"]:
        name = before["name"]
        if name not in by_name:
            lost.append(f"table {name} is gone")
            continue
        columns = {c.name for c in by_name[name].columns}
        gone = [c["name"] for c in before["columns"] if c["name"] not in columns]
        if gone:
            lost.append(f"table {name}: column {', '.join(gone)} is gone")
        if rows[name] < (1 - MAX_LOST_ROWS_SHARE) * before["rows"]:
            lost.append(f"table {name}: {rows[name]:,} rows where {before['rows']:,} are published")
        tickers = set(coverage[name]["tickers"] or ())
        absent = [ticker for ticker in before["tickers"] or () if ticker not in tickers]
        if absent:
            lost.append(f"table {name}: ticker {', '.join(absent)} is gone")
        for column, (old_first, old_last) in before["key_dates"].items():
            first, last = coverage[name]["key_dates"].get(column, (None, None))
            # The state of one day, which a later day's takes the place of.
            if first and first == last and old_first == old_last and first >= old_first:
                continue
            if old_first and (first is None or first > old_first):
                lost.append(
                    f"table {name}: {column} starts {first or 'nowhere'}, "
                    f"published from {old_first}"
                )
            if old_last and (last is None or last < old_last):
                lost.append(
                    f"table {name}: {column} ends {last or 'nowhere'}, published to {old_last}"
                )
    lost.extend(
        f"table macro {macro['name']} is gone"
        for macro in previous.get("table_macros", ())
        if macro["name"] not in macros
    )
    return [Problem(what, _MEND_SMALLER) for what in lost]


@dataclass(frozen=True)
class GateReport:
    """What the gate measured on the way, for the manifest."""

    results: list[NodeResult]
    coverage: dict[str, dict[str, Any]]


def check_gate(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    marts: tuple[Mart, ...],
    *,
    macros: Collection[str] = (),
    previous: dict[str, Any] | None,
    allow_smaller: bool,
) -> GateReport:
    """Raises PublicationRefused with every reason at once; else what was measured."""
    problems: list[Problem] = []
    if not marts:
        problems.append(Problem(f"schema {MARTS_SCHEMA} has no table", _MEND_BUILD))
    problems.extend(
        Problem(f"{name} is a view; a publication holds tables", "materialize it as a table")
        for name in views_among_marts(connection, catalog)
    )
    problems.extend(
        Problem(f"table {mart.name}: the publication has a table of that name", "rename the model")
        for mart in marts
        if mart.name in ABOUT_NAMES
    )
    results: list[NodeResult] = []
    try:
        results = node_results(connection, catalog)
    except duckdb.Error as error:
        problems.append(
            Problem(
                f"the results of the last build ({'.'.join(NODE_RESULTS)}) cannot be read: "
                f"{str(error).splitlines()[0]}",
                _MEND_BUILD,
            )
        )
    else:
        if results:
            problems.extend(_result_problems(results, marts))
        else:
            problems.append(
                Problem(f"{'.'.join(NODE_RESULTS)} is empty: nothing was built", _MEND_BUILD)
            )
    rows: dict[str, int] = {}
    coverage: dict[str, dict[str, Any]] = {}
    for mart in marts:
        problems.extend(_key_problems(connection, catalog, mart))
        problems.extend(_finite_problems(connection, catalog, mart))
        coverage[mart.name] = mart_coverage(connection, catalog, mart)
        counted = connection.execute(f"SELECT count(*) FROM {mart.relation(catalog)}").fetchone()
        assert counted is not None
        rows[mart.name] = counted[0]
    if previous is not None and not allow_smaller:
        problems.extend(coverage_problems(previous, marts, rows, coverage, macros))
    if problems:
        raise PublicationRefused(
            f"The marts are not fit to publish ({len(problems)} "
            f"reason{'s' * (len(problems) > 1)}); readers keep the previous publication.",
            where="\n         ".join(problem.what for problem in problems),
            mend="\n         ".join(dict.fromkeys(problem.mend for problem in problems)),
        )
    return GateReport(results, coverage)
