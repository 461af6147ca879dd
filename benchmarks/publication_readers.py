"""Readers of a publication as any tool is one, each a process of its own, counting what they see.

``python -m benchmarks.publication_readers TARGET ADDRESS COUNT STOP RESULT PAUSE TABLES``: it ends
when the file STOP is there, and writes what was seen into the file RESULT.

``duckdb`` opens the published file for every question. ``postgres`` asks in turn: on a new
connection, on one that is kept, and in a transaction of two questions. An answer is torn where it
holds two publications: another publication in one table than in another, or other rows than the
publication states.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import psycopg

# Four tables in one question: the two that say what is published, and two of TABLES, whose rows
# differ from one publication to the next.
QUESTION = """
select p.publication_id, min(t.publication_id), max(t.publication_id),
    (select count(*) from marts.{first}), (select count(*) from marts.{second}),
    max(t.row_count) filter (where t.table_name = '{first}'),
    max(t.row_count) filter (where t.table_name = '{second}')
from marts.publication as p cross join marts.publication_tables as t
group by p.publication_id
"""
Row = tuple[Any, ...]


def is_torn(rows: list[Row]) -> bool:
    """Whether an answer is not of one publication."""
    if len(rows) != 1:
        return True
    shown, low, high, first, second, stated_first, stated_second = rows[0]
    return not (shown == low == high and first == stated_first and second == stated_second)


def _questions(tables: list[str]) -> list[str]:
    """The question about each pair of neighbours among the tables."""
    return [QUESTION.format(first=first, second=second) for first, second in pairwise(tables)]


def duckdb_question(address: str, number: int, tables: list[str]) -> Callable[[], list[list[Row]]]:
    questions = _questions(tables)
    question = questions[number % len(questions)]

    def ask() -> list[list[Row]]:
        with duckdb.connect(address, read_only=True, config={"threads": 1}) as connection:
            return [connection.execute(question).fetchall()]

    return ask


def postgres_question(
    address: str, number: int, tables: list[str]
) -> Callable[[], list[list[Row]]]:
    questions = _questions(tables)
    kept = psycopg.connect(address, autocommit=True) if number % 3 == 1 else None

    def new_connection() -> list[list[Row]]:
        with psycopg.connect(address, autocommit=True) as connection:
            return [connection.execute(questions[0]).fetchall()]

    def kept_connection() -> list[list[Row]]:
        assert kept is not None
        return [kept.execute(questions[-1]).fetchall()]

    def one_transaction() -> list[list[Row]]:
        with psycopg.connect(address) as connection:
            answers = [
                connection.execute(question).fetchall()
                for question in (questions[0], questions[-1])
            ]
        if {row[0] for rows in answers for row in rows} != {answers[0][0][0]}:
            return [[]]  # two publications in one transaction: torn
        return answers

    return (new_connection, kept_connection, one_transaction)[number % 3]


def loop(ask: Callable[[], list[list[Row]]], stop: Path, pause: float) -> dict[str, Any]:
    """Ask until the stop file is there."""
    seen: list[str] = []
    seconds: list[float] = []
    errors: list[str] = []
    torn = backwards = 0
    while not stop.exists():
        started = time.perf_counter()
        try:
            answers = ask()
        except Exception as error:
            errors.append(f"{type(error).__name__}: {str(error).splitlines()[0]}"[:200])
            continue
        seconds.append(time.perf_counter() - started)
        torn += any(is_torn(rows) for rows in answers)
        shown = answers[-1][0][0] if answers[-1] else ""
        if seen and shown < seen[-1]:
            backwards += 1
        if not seen or shown != seen[-1]:
            seen.append(shown)
        time.sleep(pause)
    return {
        "reads": len(seconds),
        "errors": errors,
        "torn": torn,
        "backwards": backwards,
        "seen": seen,
        "seconds": seconds,
    }


def main() -> None:
    target, address, count, stop, result, pause, tables = sys.argv[1:]
    make = {"duckdb": duckdb_question, "postgres": postgres_question}[target]
    results = [Path(f"{result}.{number}") for number in range(int(count))]
    children = []
    # Forked before any connection exists, so that fifty of them share what they imported.
    for number, path in enumerate(results):
        child = os.fork()
        if not child:
            path.write_text(
                json.dumps(loop(make(address, number, tables.split(",")), Path(stop), float(pause)))
            )
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    Path(result).write_text(
        json.dumps([json.loads(path.read_text()) for path in results if path.exists()])
    )


if __name__ == "__main__":
    main()
