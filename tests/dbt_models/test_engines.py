"""What DuckDB and Spark say differently: each macro gets the same rows and answers in both."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import pytest

from tests.dbt_models.engines import DBT, macros_of, rows_of

# Rows of every case: a group `g`, a number `n`, a text `t`, two days, a list and a JSON object.
ROWS = """(
    select 1 as g, 1e0 as n, 'b; a' as t, date '2024-02-28' as d, date '2024-03-01' as e,
        '{"ticker": "CORZ", "close": "1.5"}' as j
    union all
    select 1, 3e0, 'c', date '2025-03-09', date '2025-03-09', '{"ticker": null}'
    union all
    select 2, 5e-1, 'a', date '2025-01-02', date '2025-01-01', '{}'
    union all
    select 2, cast(null as double), null, cast(null as date), date '2025-01-01', null
) as given"""
EACH = "order by g, n is null, n"

# Name of the macro: the query (a function of the macros) and its answer, worked out by hand.
CASES: dict[str, tuple[Any, list[tuple[Any, ...]]]] = {
    "days_between": (
        lambda m: f"select {m.days_between('d', 'e')} from {ROWS} {EACH}",
        [(2,), (0,), (-1,), (None,)],
    ),
    "end_of_day_new_york": (
        # Winter: midnight is 05:00 UTC. 9 March 2025 is the day the clocks go forward.
        lambda m: f"select {m.end_of_day_new_york('d')} from {ROWS} {EACH}",
        [
            (datetime(2024, 2, 29, 5),),
            (datetime(2025, 3, 10, 4),),
            (datetime(2025, 1, 3, 5),),
            (None,),
        ],
    ),
    "each_number": (
        lambda m: (
            f"select g, k from (select g, {m.each_number(2, 'g + 2')} as k from {ROWS} where n >= 1"
            f" union all select 0, {m.each_number(3, 2)}) as numbers order by g, k"
        ),
        [(1, 2), (1, 2), (1, 3), (1, 3)],
    ),
    "each_date": (
        lambda m: f"select {m.each_date('d', 'e')} as day from {ROWS} order by day",
        [(date(2024, 2, 28),), (date(2024, 2, 29),), (date(2024, 3, 1),), (date(2025, 3, 9),)],
    ),
    "each_value": (
        lambda m: (
            f"select p from (select {m.each_value(m.parts_of('t'))} as p from {ROWS}) as parts"
            " order by p"
        ),
        [("a",), ("a",), ("b",), ("c",)],
    ),
    "mapped": (
        lambda m: (
            "select "
            + m.list_item(m.mapped(m.list_of("n", ["n"]), "v", "v * 2"), 2)
            + f" from {ROWS} where g = 1"
        ),
        [(6.0,)],
    ),
    "kept": (
        lambda m: (
            f"select {m.list_size(m.kept(m.parts_of('t'), 'p', chr(39).join(['p <> ', 'a', ''])))}"
            f" from {ROWS} where t is not null {EACH}"
        ),
        [(1,), (1,), (0,)],
    ),
    "list_size": (
        lambda m: f"select {m.list_size(m.parts_of('t'))} from {ROWS} {EACH}",
        [(2,), (1,), (1,), (None,)],
    ),
    "list_item": (
        lambda m: f"select {m.list_item(m.parts_of('t'), 2)} from {ROWS} where g = 1 and n = 1",
        [("a",)],
    ),
    "list_largest": (
        lambda m: f"select {m.list_largest(m.parts_of('t'))} from {ROWS} {EACH}",
        [("b",), ("c",), ("a",), (None,)],
    ),
    "list_of": (
        lambda m: (
            f"select g, {m.list_of('d', ['n'])} from {ROWS} where n > 0 group by g order by g"
        ),
        [(1, [date(2024, 2, 28), date(2025, 3, 9)]), (2, [date(2025, 1, 2)])],
    ),
    "one_value_list": (
        lambda m: f"select {m.one_value_list('t')} from {ROWS} where n = 3",
        [(["c"],)],
    ),
    "text_of": (
        lambda m: (
            f"select g, {m.text_of('t', ', ', ['n'])},"
            f" {m.text_of('t', '+', ['t'], once=True, where='n > 1')}"
            f" from {ROWS} group by g order by g"
        ),
        [(1, "b; a, c", "c"), (2, "a", None)],
    ),
    "product_of": (
        lambda m: (
            f"select g, {m.product_of('n')} from {ROWS} group by g"
            f" union all select 3, {m.product_of('n')} from {ROWS} where g = 3 order by 1"
        ),
        [(1, 3.0), (2, 0.5), (3, None)],
    ),
    "in_order": (
        lambda m: f"select g, {m.in_order('sum', 'n', 'd')} from {ROWS} group by g order by g",
        [(1, 4.0), (2, 0.5)],
    ),
    "last_known": (
        lambda m: (
            f"select {m.last_known('n', 'so_far')} as k from {ROWS}"
            " window so_far as (partition by g order by n is null, n"
            " rows between unbounded preceding and current row) order by g, n is null, n"
        ),
        [(1.0,), (3.0,), (0.5,), (0.5,)],
    ),
    "number_text": (
        lambda m: (
            f"select {m.number_text('k')} from (select 1 as i, 5e-4 as k union all select 2, 2e7"
            " union all select 3, 0e0 union all select 4, -1.25e0 union all"
            " select 5, cast(null as double)) as numbers order by i"
        ),
        [("0.0005",), ("20000000.0",), ("0.0",), ("-1.25",), (None,)],
    ),
    "fits": (
        lambda m: f"select {m.fits('t', chr(39) + '^[ab]' + chr(39))} from {ROWS} {EACH}",
        [(True,), (False,), (True,), (None,)],
    ),
    "json_text": (
        lambda m: f"select {m.json_text('j', 'ticker')} from {ROWS} {EACH}",
        [("CORZ",), (None,), (None,), (None,)],
    ),
}


def test_every_macro_that_dispatches_has_a_case():
    texts = [path.read_text(encoding="utf-8") for path in (DBT / "macros").glob("*.sql")]
    dispatched = set(re.findall(r"adapter\.dispatch\('(\w+)'", "\n".join(texts)))
    # `refused` has no answer; below.
    assert dispatched - {"refused"} <= set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_macro_on(name, engine, spark):
    query, expected = CASES[name]
    answer = rows_of(engine, query(macros_of(engine)), spark)
    assert [tuple(v + 0 if isinstance(v, float) else v for v in row) for row in answer] == expected


def test_a_refusal_stops_with_its_sentence(engine, spark):
    refusal = macros_of(engine).refused("'study/models.csv: mend it'")
    query = f"select case when n > 0 then {refusal} else 'fine' end from {ROWS}"
    with pytest.raises(Exception, match=r"study/models\.csv: mend it"):
        rows_of(engine, query, spark)
    assert len(rows_of(engine, query.replace("n > 0", "n > 99"), spark)) == 4
