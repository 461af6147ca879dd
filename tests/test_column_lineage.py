"""Column lineage: what a result column is computed from, and nothing computed twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlglot.errors import SqlglotError

from dagster_project import column_lineage as module
from dagster_project.column_lineage import LineageCache, column_lineage, declared_lineage

CATALOG = {
    "raw": {
        "prices": {"ticker": "VARCHAR", "day": "DATE", "close_usd": "DOUBLE"},
        "shares": {"ticker": "VARCHAR", "n_shares": "DOUBLE", "days": "DATE[]"},
    }
}


def _origins(sql: str) -> dict[str, set[str]]:
    found = column_lineage(sql, CATALOG)
    return {
        name: {f"{table}.{column}" for _, table, column in made} for name, made in found.items()
    }


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        # dbt names the file in front; a star is every column of its source.
        (
            'select * from "file"."raw"."prices"',
            {
                "ticker": {"prices.ticker"},
                "day": {"prices.day"},
                "close_usd": {"prices.close_usd"},
            },
        ),
        # Through CTEs and a join; the columns joined on choose rows and are no origin.
        (
            "with p as (select ticker, close_usd from raw.prices), "
            "s as (select ticker as t, n_shares from raw.shares) "
            "select p.close_usd * s.n_shares as cap, 1 as one from p join s on p.ticker = s.t",
            {"cap": {"prices.close_usd", "shares.n_shares"}, "one": set()},
        ),
        # A window's partition and order decide its value.
        (
            "select lag(close_usd) over (partition by ticker order by day) as before "
            "from raw.prices where close_usd > 0",
            {"before": {"prices.close_usd", "prices.ticker", "prices.day"}},
        ),
        # Both branches of a union, by place and not by name.
        (
            "select ticker as a, day as b from raw.prices union all "
            "select ticker, null from raw.shares",
            {"a": {"prices.ticker", "shares.ticker"}, "b": {"prices.day"}},
        ),
        # A scalar subquery, which names a column of the query around it.
        (
            "select (select max(p.close_usd) from raw.prices as p where p.ticker = s.ticker) "
            "as top from raw.shares as s",
            {"top": {"prices.close_usd"}},
        ),
        # Lists: unnested, and through a lambda whose parameter is no column.
        (
            "select unnest(days) as day, list_transform(days, lambda d: d + 1) as next "
            "from raw.shares",
            {"day": {"shares.days"}, "next": {"shares.days"}},
        ),
        # Rows counted are made from no column.
        ("select count(*) as n from raw.prices", {"n": set()}),
    ],
)
def test_origins_of_a_statement(sql: str, expected: dict[str, set[str]]) -> None:
    assert _origins(sql) == expected


def test_it_is_what_sqlglot_finds_column_by_column() -> None:
    """The same answer as sqlglot's own walk, which begins anew for every column."""
    from sqlglot import exp
    from sqlglot.lineage import lineage

    sql = (
        "with base as (select ticker, day, close_usd, row_number() over (partition by ticker "
        "order by day) as n from raw.prices), twice as (select a.ticker, a.close_usd, "
        "b.close_usd as before_usd from base as a left join base as b on a.ticker = b.ticker "
        "and a.n = b.n + 1) select t.ticker, t.close_usd / t.before_usd - 1 as ret, s.n_shares "
        "from twice as t left join raw.shares as s on t.ticker = s.ticker"
    )
    ours = column_lineage(sql, CATALOG)
    for name, origins in ours.items():
        leaves = list(lineage(name, sql, schema=CATALOG, dialect="duckdb").walk())
        theirs = {
            (table.db, table.name, exp.to_column(leaf.name).name)
            for leaf in leaves
            if not leaf.downstream and (table := leaf.expression.find(exp.Table))
        }
        assert set(origins) == theirs, name


def test_origins_that_a_model_declares() -> None:
    declared = {"car": ["prices.close_usd", "shares.n_shares"], "n": [], "*": ["prices.day"]}
    found = declared_lineage(declared, ["car", "n", "other"], CATALOG)
    assert found == {
        "car": [("raw", "prices", "close_usd"), ("raw", "shares", "n_shares")],
        "n": [],
        "other": [("raw", "prices", "day")],
    }
    # No declaration, and one of what is not there: no origin.
    assert declared_lineage({"a": ["prices.gone", "gone.a"]}, ["a", "b"], CATALOG) == {
        "a": [],
        "b": [],
    }


def test_unreadable_sql_is_an_error_and_in_a_run_only_a_missing_picture(tmp_path: Path) -> None:
    with pytest.raises(SqlglotError):
        column_lineage("select from where (", CATALOG)
    assert LineageCache(tmp_path / "c.json").lineage("m", "select from where (", CATALOG) is None


def test_a_model_is_read_again_only_when_its_sql_or_its_sources_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "target" / "column_lineage.json"
    sql = "select * from raw.shares"
    first = LineageCache(path)
    made = first.lineage("m", sql, CATALOG)
    first.save()

    read: list[str] = []
    original = module.column_lineage
    monkeypatch.setattr(
        module, "column_lineage", lambda sql, catalog: read.append(sql) or original(sql, catalog)
    )
    again = LineageCache(path)
    assert again.lineage("m", sql, CATALOG) == made
    # A table that the SQL does not read may change as it likes.
    other = {"raw": {**CATALOG["raw"], "prices": {"x": "DOUBLE"}}}
    assert again.lineage("m", sql, other) == made
    assert read == []

    wider = {"raw": {"shares": {**CATALOG["raw"]["shares"], "new": "DOUBLE"}}}
    assert "new" in (again.lineage("m", sql, wider) or {})
    assert again.lineage("m", "select 1 as a from raw.shares", CATALOG) == {"a": []}
    assert len(read) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"version": 0, "models": 3})])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, text: str) -> None:
    path = tmp_path / "column_lineage.json"
    path.write_text(text, encoding="utf-8")
    cache = LineageCache(path)
    assert cache.lineage("m", "select day from raw.prices", CATALOG) == {
        "day": [("raw", "prices", "day")]
    }
    cache.save()
    assert LineageCache(path).lineage("m", "select day from raw.prices", CATALOG)
