"""The two constructs that DuckDB 1.5.5 answers wrongly are found, and nothing else is."""

from __future__ import annotations

import pytest

from dagster_project.settings import PROJECT_DIR
from dagster_project.sql_rules import main, violations

WRONG = {
    "sum_over_ranges": [
        "select sum(x) over (order by d) from t",
        "select SUM (x) OVER (PARTITION BY a ORDER BY d) from t",
        "select sum(case when (x > 0) then x end) over (order by d) from t",
        "select sum(x) filter (where y > 0) over (order by d) from t",
        "select sum(x) over (order by d range unbounded preceding) from t",
        "select sum(x) over (order by d range between unbounded preceding and current row) from t",
        "select sum(x) over (order by d range between unbounded preceding and 3 following) from t",
        "select sum(x) over w from t window w as (partition by a order by d)",
        "select sum(x) over (w) from t window w as (partition by a order by d)",
        "select sum({{ column }}) over (\n    order by {{ key }}\n) from t",
    ],
    "list_reduce_captures": [
        "select list_reduce(prices, lambda a, b: a + b * t.factor) from t",
        "select list_reduce(prices, lambda a, b: a * rate + b, 0) from t",
        "select reduce(prices, (a, b) -> a + b + c) from t",
        "select list_reduce(range(n), lambda a, b: a + b * x) from t",
    ],
}
RIGHT = [
    "select sum(x) over (order by d rows unbounded preceding) from t",
    "select sum(x) over (partition by a) from t",
    "select sum(x) over (order by d range between 3 preceding and current row) from t",
    "select sum(x) over (order by d range between interval 3 days preceding and current row)",
    "select sum(x) over (order by d range between unbounded preceding and unbounded following) "
    "from t",
    "select sum(x) over w from t window w as (order by d rows between 3 preceding and current row)",
    "select sum(x), row_number() over (order by d) from t",
    "select sum(x) from t order by d",
    "select max(x) over (order by d) from t",
    "-- sum(x) over (order by d)\nselect 1",
    "/* sum(x) over (order by d) */ select 1",
    "select list_reduce(prices, lambda a, b: a + b) from t",
    "select list_reduce(prices, lambda a, b: greatest(a, round(b, 2)), 1e0) from t",
    "select list_reduce(range(24, 0, -1), lambda k, m: 1 + m * v.b * k, v.x) from v",
]


@pytest.mark.parametrize(("rule", "sql"), [(r, sql) for r, all_ in WRONG.items() for sql in all_])
def test_what_is_answered_wrongly_is_found(rule, sql):
    assert [violation.rule for violation in violations(sql)] == [rule]


@pytest.mark.parametrize("sql", RIGHT)
def test_what_is_answered_rightly_passes(sql):
    assert violations(sql) == []


def test_the_line_is_named(capsys, tmp_path):
    (tmp_path / "model.sql").write_text("select\n    a,\n    sum(x) over (order by d)\nfrom t\n")
    assert main([str(tmp_path)]) == 1
    assert "model.sql:3: sum_over_ranges" in capsys.readouterr().out


def test_the_project_has_none():
    assert main([str(PROJECT_DIR / name) for name in ("dbt", "dagster_project", "bi")]) == 0
