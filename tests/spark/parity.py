"""One table as DuckDB and as Spark computed it, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.warehouse.ddl import literal, quoted
from tests.warehouse_builder import parsed_project

_INEXACT = {"DOUBLE", "FLOAT"}


@dataclass(frozen=True)
class Parity:
    """Rows of a mart in both engines, and how far their numbers lie apart.

    ``largest_difference`` is relative to the larger of the two; ``faults`` names rows or columns
    that should be equal and are not.
    """

    table: str
    rows: int
    largest_difference: float
    faults: tuple[str, ...]


# What sums leave where the true value is zero: this small beside the column's largest value.
_NOTHING = 1e-12


def _difference(column: str, relation: str) -> str:
    a, b = f"a.{quoted(column)}", f"b.{quoted(column)}"
    return (
        f"max(CASE WHEN {a} IS NOT DISTINCT FROM {b} THEN 0 "
        f"WHEN {a} IS NULL OR {b} IS NULL OR NOT isfinite({a}) OR NOT isfinite({b}) THEN 'inf' "
        f"WHEN greatest(abs({a}), abs({b})) <= {_NOTHING} * (SELECT max(abs({quoted(column)})) "
        f"FROM file_a.{relation} WHERE isfinite({quoted(column)})) THEN 0 "
        f"ELSE abs({a} - {b}) / greatest(abs({a}), abs({b})) END::DOUBLE)"
    )


def compare(of_duckdb: Path, of_spark: Path, table: str, key: Sequence[str]) -> Parity:
    """Compare ``marts.<table>`` of two working files, rows matched by ``key``."""
    with duckdb.connect() as connection:
        for name, path in (("a", of_duckdb), ("b", of_spark)):
            connection.execute(f"ATTACH {literal(str(path))} AS file_{name} (READ_ONLY)")
        relation = f"marts.{quoted(table)}"
        described = [
            connection.execute(f"DESCRIBE file_{name}.{relation}").fetchall() for name in "ab"
        ]
        if described[0] != described[1]:
            return Parity(table, 0, float("inf"), ("columns, their order or types",))
        kinds = {row[0]: row[1] for row in described[0]}
        joined = f"FROM file_a.{relation} a FULL JOIN file_b.{relation} b ON " + " AND ".join(
            f"a.{quoted(k)} = b.{quoted(k)}" for k in key
        )
        left, right, matched = connection.execute(
            f"SELECT count(a.{quoted(key[0])}), count(b.{quoted(key[0])}), "
            f"count(*) FILTER (a.{quoted(key[0])} IS NOT NULL AND b.{quoted(key[0])} IS NOT NULL) "
            + joined
        ).fetchall()[0]
        faults = [] if left == right == matched else [f"rows: {left}, {right}, matched {matched}"]
        numbers = [column for column, kind in kinds.items() if kind in _INEXACT]
        others = [column for column in kinds if column not in numbers]
        both = joined.replace("FULL JOIN", "JOIN")
        for column in others:
            ((unequal,),) = connection.execute(
                f"SELECT count(*) FILTER "
                f"(a.{quoted(column)} IS DISTINCT FROM b.{quoted(column)}) {both}"
            ).fetchall()
            if unequal:
                faults.append(f"{column}: {unequal} rows differ")
        differences = [0.0]
        if numbers:
            found = connection.execute(
                f"SELECT {', '.join(_difference(one, relation) for one in numbers)} {both}"
            ).fetchall()[0]
            differences += [value or 0.0 for value in found]
            faults += [
                f"{column}: off by {value:.1e}"
                for column, value in zip(numbers, found, strict=True)
                if (value or 0.0) > 1e-9
            ]
    return Parity(table, left, max(differences), tuple(faults))


def keys_of_marts() -> dict[str, list[str]]:
    """The primary key of every mart, as its contract names it."""
    return {
        node.name: [
            column
            for constraint in node.constraints
            if str(constraint.type).endswith("primary_key")
            for column in constraint.columns
        ]
        or [
            column.name
            for column in node.columns.values()
            if any(str(one.type).endswith("primary_key") for one in column.constraints)
        ]
        for node in parsed_project().nodes.values()
        if node.resource_type == "model" and node.schema == "marts"
    }


def as_table(found: Sequence[Parity]) -> str:
    """The table of docs/spark.md."""
    lines = ["| mart | rows | largest relative difference |", "| --- | ---: | ---: |"]
    for one in found:
        shown = "0" if one.largest_difference == 0 else f"{one.largest_difference:.0e}"
        lines.append(f"| `{one.table}` | {one.rows:,} | {shown} |")
    return "\n".join(lines)
