"""The benchmark of questions: its larger file is one that joins still meet in."""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.queries import Question, ask, cookbook, larger_file, quantiles_ms


def test_quantiles_are_of_the_runs() -> None:
    assert quantiles_ms([0.004, 0.001, 0.002, 0.003, 0.1]) == (3.0, 100.0)
    assert quantiles_ms([n / 1000 for n in range(1, 101)]) == (50.5, 95.0)
    assert quantiles_ms([0.5]) == (500.0, 500.0)


def test_every_page_of_the_cookbook_is_a_question() -> None:
    questions = cookbook()
    assert len(questions) >= 25
    assert all("marts." in question.sql for question in questions)


def test_copies_keep_their_keys_apart_and_their_joins_together(
    marts_with_macros: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small.duckdb"
    tables = ("dim_company", "dim_event", "dim_session", "selloff_summary", "fct_mining_economics")
    with duckdb.connect(str(small)) as connection:
        connection.execute(f"attach '{marts_with_macros}' as built (read_only)")
        connection.execute("create schema marts")
        keys = {}
        for table in tables:
            connection.execute(f"create table marts.{table} as from built.marts.{table}")
            (keys[table],) = connection.execute(
                "select primary_key from built.quality.mart_keys where table_name = ?", [table]
            ).fetchone() or ([],)
        counted = sum(
            connection.execute(f"select count(*) from marts.{table}").fetchone()[0]  # type: ignore[index]  # a count is a row
            for table in tables
        )
    target = tmp_path / "large.duckdb"
    (tmp_path / "macros").mkdir()
    assert larger_file(small, 3, target, macros=tmp_path / "macros") == 3 * counted
    with duckdb.connect(str(target), read_only=True) as connection:
        for table, key in keys.items():
            listed = ", ".join(f'"{name}"' for name in key)
            twice = connection.execute(
                f"select count(*) - count(distinct ({listed})) from marts.{table}"
            ).fetchone()
            assert key
            assert twice == (0,), table
        # Every copy of a firm's row meets its copy of the company and of the event.
        met, rows = connection.execute(
            "select count(c.ticker) filter (where e.event_id is not null), count(*) "
            "from marts.selloff_summary as s "
            "left join marts.dim_company as c on s.ticker = c.ticker "
            "left join marts.dim_event as e on s.event_id = e.event_id"
        ).fetchone() or (0, 1)
        assert met == rows
    assert ask(target, Question("one", "from dim_event where event_id = ?", ["x"])) > 0
