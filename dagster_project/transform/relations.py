"""Relations of the warehouse as the arrays and descriptions that the event-study library takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyRelation

from dagster_project.event_study.arrays import Flags, Floats, Integers, Texts
from dagster_project.event_study.market import FactorSeries, Parameters
from dagster_project.event_study.models import Model
from dagster_project.event_study.windows import Window


def rows_of(relation: DuckDBPyRelation, columns: str = "*") -> list[dict[str, Any]]:
    """A small relation as dictionaries."""
    chosen = relation.project(columns)
    return [dict(zip(chosen.columns, row, strict=True)) for row in chosen.fetchall()]


def where(relation: DuckDBPyRelation, column: str, value: str) -> DuckDBPyRelation:
    """The rows of a relation that have a value in a column."""
    return relation.filter(ColumnExpression(column) == ConstantExpression(value))


def _series(
    relation: DuckDBPyRelation, key: str, number: str, value: str
) -> Iterator[tuple[str, Integers, Floats]]:
    """Per key, its session numbers and values, NaN for NULL: one row per key is fetched."""
    listed = relation.aggregate(
        f"{key}, list({number}) as numbers, list(coalesce({value}, 'nan'::double)) as figures", key
    )
    columns = listed.fetchnumpy()
    for name, numbers, figures in zip(*columns.values(), strict=True):
        yield name, np.asarray(numbers, dtype=int), np.asarray(figures, dtype=float)


@dataclass(frozen=True)
class Prices:
    """Returns of all shares on the calendar: (shares × sessions), and where a share has a close."""

    tickers: list[str]
    returns: Floats
    has_close: Flags
    session_dates: Texts
    first_number: int

    @staticmethod
    def read(equity_returns: DuckDBPyRelation, sessions: DuckDBPyRelation) -> Prices:
        calendar = sessions.order("session_number").fetchnumpy()
        numbers = np.asarray(calendar["session_number"], dtype=int)
        first = int(numbers[0]) if len(numbers) else 1
        listed = sorted(_series(equity_returns, "ticker", "session_number", "simple_return"))
        returns = np.full((len(listed), len(numbers)), np.nan)
        has_close = np.zeros(returns.shape, dtype=bool)
        for row, (_, places, values) in enumerate(listed):
            returns[row, places - first] = values
            has_close[row, places - first] = True
        return Prices(
            [ticker for ticker, _, _ in listed],
            returns,
            has_close,
            np.asarray(calendar["session_date"]).astype("datetime64[D]"),
            first,
        )

    @property
    def price_span(self) -> tuple[int, int]:
        """First and last column with any close."""
        days = np.flatnonzero(self.has_close.any(axis=0))
        return (int(days[0]), int(days[-1])) if len(days) else (0, -1)

    def place(self, relation: DuckDBPyRelation) -> Floats:
        """One series of a relation (session_number, simple_return) on the calendar."""
        placed = np.full(self.returns.shape[1], np.nan)
        for _, numbers, values in _series(relation, "1", "session_number", "simple_return"):
            placed[numbers - self.first_number] = values
        return placed

    def sources(self, relation: DuckDBPyRelation) -> list[FactorSeries]:
        """Series of a relation by factor source, the first by priority first."""
        kinds = relation.project("factor_source, source_priority, is_asynchronous").distinct()
        return [
            FactorSeries(
                source,
                priority,
                is_asynchronous,
                self.place(where(relation, "factor_source", source)),
            )
            for source, priority, is_asynchronous in sorted(kinds.fetchall(), key=lambda k: k[1])
        ]


@dataclass(frozen=True)
class Event:
    """An event with prices: its session is the column ``t0`` of the market.

    ``parameters`` are the study's with the event's own estimation window.
    """

    event_id: str
    t0: int
    parameters: Parameters
    prior_status: Texts


@dataclass(frozen=True)
class Occasion:
    """A date of a study: one event, or the events of a set that share a session."""

    occasion_id: str
    leading_event_id: str
    n_events: int


@dataclass(frozen=True)
class Memberships:
    """Firms of every occasion and group: rows of the market, and how many tickers are listed."""

    group_ids: list[str]
    counts: Mapping[tuple[str, str], int]
    rows: Mapping[tuple[str, str], Integers]

    def of(self, occasion_id: str) -> tuple[list[Integers], list[int]]:
        keys = [(occasion_id, group_id) for group_id in self.group_ids]
        nobody = np.empty(0, dtype=int)
        return [self.rows.get(key, nobody) for key in keys], [self.counts.get(k, 0) for k in keys]


def model_of(row: Mapping[str, Any]) -> Model:
    return Model(
        row["model_id"],
        tuple(row["factor_list"]),
        row["method"],
        row["return_kind"],
        row["leverage"],
        row["mask_other_events"],
    )


def window_of(row: Mapping[str, Any]) -> Window:
    return Window(
        row["window_id"],
        row["first_day"],
        row["last_day"],
        row["rank_first_day"],
        row["rank_last_day"],
    )


def parameters_of(
    row: Mapping[str, Any],
    windows: Sequence[Window],
    events: Sequence[Mapping[str, Any]],
    significance_level: float,
) -> Parameters:
    """Bounds of the study; those of every event's estimation window go into ``pooled``."""
    of_events = [(e["estimation_first_day"], e["estimation_last_day"]) for e in events]
    # The summary needs the days -1 to 1 whatever windows are configured.
    return Parameters(
        **{
            name: int(row[name])
            for name in (
                *("estimation_first_day", "estimation_last_day", "min_estimation_sessions"),
                *("short_window_sessions", "min_common_sessions"),
            )
        },
        significance_level=significance_level,
        span=(
            min([-1, *(window.rank_first_day for window in windows)]),
            max([1, *(window.rank_last_day for window in windows)]),
        ),
        pooled=(min(first for first, _ in of_events), max(last for _, last in of_events))
        if of_events
        else None,
    )


def occasions_of(occasions: DuckDBPyRelation) -> list[Occasion]:
    return [
        Occasion(row["occasion_id"], row["leading_event_id"], len(row["event_ids"]))
        for row in rows_of(
            occasions.order("occasion_id"), "occasion_id, leading_event_id, event_ids"
        )
    ]
