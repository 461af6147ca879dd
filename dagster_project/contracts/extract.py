"""What crosses from a source to the warehouse: a typed frame with its provenance."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pandas as pd

from dagster_project.contracts.schema import Kind, Table

PANDAS_TYPES = {
    Kind.TEXT: "string",
    Kind.DATE: "datetime64[s]",
    Kind.INTEGER: "Int64",
    Kind.NUMBER: "Float64",
    Kind.BOOLEAN: "boolean",
    Kind.INSTANT: "datetime64[us]",
}

# Column of a frame that says where in the source a row stands, for messages.
SOURCE_REF = "source_ref"


@dataclass(frozen=True)
class Window:
    """Dates from ``start`` to ``end``, both included."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start > self.end:
            raise ValueError(f"the window ends before it starts: {self.start}..{self.end}")

    def __str__(self) -> str:
        return f"{self.start}..{self.end}"


@dataclass(frozen=True)
class Cost:
    """What an answer took: requests sent, how many of them were repeats, bytes of the
    bodies (decompressed), and seconds spent waiting for rate limits and between repeats.
    """

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    waited_s: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.requests + other.requests,
            self.retries + other.retries,
            self.bytes + other.bytes,
            self.waited_s + other.waited_s,
        )


@dataclass(frozen=True)
class Extract:
    """One answer of a source: a whole table, or one symbol of it.

    ``frame`` has the contract's columns in PANDAS_TYPES, provenance columns where the
    source knows them per row (``source``, ``source_url``) and ``source_ref``.
    ``complete`` says that the answer holds every row the source has in the window, so a
    row that is absent no longer exists there. ``notes`` are remarks for the log.
    ``symbol`` names what was asked for where a source is asked symbol by symbol; ``tried``
    says which vendors were asked before this one and why they did not answer.
    """

    table: str
    frame: pd.DataFrame
    source: str
    origin: str
    retrieved_at: datetime
    window: Window | None = None
    complete: bool = True
    notes: tuple[str, ...] = field(default_factory=tuple)
    symbol: str = ""
    tried: tuple[str, ...] = field(default_factory=tuple)
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True)
class Gap:
    """A symbol that nobody answered for: what was stored of it stays.

    ``tried`` has one line per vendor: its name and what was wrong.
    """

    table: str
    symbol: str
    tried: tuple[str, ...]
    cost: Cost = field(default_factory=Cost)


def typed_frame(table: Table, columns: dict[str, list[Any]]) -> pd.DataFrame:
    """Frame with the contract's dtypes from lists of Python values (None is missing).

    Contract columns that ``columns`` lacks become missing.
    """
    length = max((len(values) for values in columns.values()), default=0)
    series = {}
    for column in table.stored_columns:
        values = columns.get(column.name)
        if values is None:
            if column.name not in table.column_names:
                continue
            values = [None] * length
        series[column.name] = pd.Series(values, dtype=PANDAS_TYPES[column.kind])
    if SOURCE_REF in columns:
        series[SOURCE_REF] = pd.Series(columns[SOURCE_REF], dtype="string")
    return pd.DataFrame(series)
