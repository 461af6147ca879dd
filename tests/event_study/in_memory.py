"""The package's answers to a data folder without dbt: relations of an oracle's figures in, the
marts that the comparisons read out.

The pipeline's SQL makes the same relations from the raw tables; its own tests hold it to that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pandas as pd
from duckdb import DuckDBPyRelation

from dagster_project.transform import study_tables
from tests.event_study.oracle import Study
from tests.event_study.oracle_rolling import basket_members, bitcoin_series

PRIORITIES = {"spot_etf": 1, "new_york_close": 2, "utc_close": 3}


def equity_returns(study: Study) -> pd.DataFrame:
    """One row per share and session with a close."""
    numbers = pd.Series(range(1, len(study.sessions) + 1), index=study.sessions)
    long = study.closes.melt(ignore_index=False, var_name="ticker", value_name="close_usd")
    long["simple_return"] = study.returns.melt(ignore_index=False)["value"]
    long["session_number"] = numbers
    return long.dropna(subset="close_usd").reset_index(drop=True)


def series_rows(study: Study, name: str, source: str, returns: pd.Series) -> pd.DataFrame:
    known = returns.reindex(study.sessions)
    rows = pd.DataFrame(
        {"session_number": range(1, len(known) + 1), "simple_return": known.to_numpy()}
    ).dropna()
    return rows.assign(
        factor=name,
        factor_source=source,
        source_priority=PRIORITIES.get(source, 1),
        is_asynchronous=source == "utc_close",
    )


def factor_returns(study: Study) -> pd.DataFrame:
    names = {factor for model in study.models for factor in model.factors}
    parts = [
        series_rows(study, name, "exchange_close", study.returns[name])
        for name in sorted(names - {"bitcoin"})
        if name in study.returns
    ]
    if "bitcoin" in names:
        parts.append(bitcoin_returns(study))
    empty = series_rows(study, "", "", pd.Series(dtype=float))
    return pd.concat([empty, *parts], ignore_index=True)


def bitcoin_returns(study: Study) -> pd.DataFrame:
    return pd.concat(
        [
            series_rows(study, "bitcoin", source, returns)
            for source, returns in bitcoin_series(study).items()
        ],
        ignore_index=True,
    )


def _models(study: Study) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "model_id": model.model_id,
                "factor_list": list(model.factors),
                "method": model.method,
                "return_kind": model.return_kind,
                "leverage": model.leverage,
                "mask_other_events": model.masks,
            }
            for model in study.models
        ]
    )


def _windows(study: Study) -> pd.DataFrame:
    frame = study.windows.copy()
    frame["rank_first_day"] = frame[["rank_first_day", "first_day"]].min(axis=1)
    frame["rank_last_day"] = frame[["rank_last_day", "last_day"]].max(axis=1)
    return frame


def _events(study: Study) -> pd.DataFrame:
    names = {"ok": "in_data", "before_data": "before_data", "future_event": "future_event"}
    return pd.DataFrame(
        [
            {
                "event_id": event_id,
                "t0_number": study.position(event_id) + 1,
                "data_status": names[study.event_status(event_id)],
                **{
                    name: study.estimation_day(study.position(event_id), name)
                    for name in ("estimation_first_day", "estimation_last_day")
                },
            }
            for event_id in study.events.index
        ]
    )


def _occasions(study: Study) -> pd.DataFrame:
    """One row per study and date with data: an event, or a set's events of one session."""
    rows = []
    for study_id in [*study.events.index, *study.event_sets.index]:
        dates: dict[int, list[str]] = {}
        for event_id in study.study_events(study_id):
            if study.event_status(event_id) == "ok":
                dates.setdefault(study.position(event_id), []).append(event_id)
        for event_ids in dates.values():
            rows.append(
                {
                    "study_id": study_id,
                    "occasion_id": "+".join(sorted(event_ids)),
                    "leading_event_id": min(event_ids),
                    "event_ids": sorted(event_ids),
                    "is_in_data": True,
                }
            )
    return pd.DataFrame(rows)


def _members(study: Study, occasions: pd.DataFrame) -> pd.DataFrame:
    rows = {
        (occasion.occasion_id, group.group_id, ticker)
        for occasion in occasions.itertuples()
        for group in study.groups.itertuples()
        for event_id in occasion.event_ids
        for ticker in study.members(group, event_id)
    }
    return pd.DataFrame(sorted(rows), columns=["occasion_id", "group_id", "ticker"])


class InMemory:
    """A data folder's study, read by the package from relations of one DuckDB connection."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.connection = duckdb.connect()
        self.occasions = _occasions(study)
        self.tables = study_tables.Study(**self.relations())

    def relation(self, frame: pd.DataFrame) -> DuckDBPyRelation:
        return self.connection.from_df(frame)

    def relations(self) -> dict[str, DuckDBPyRelation]:
        study = self.study
        named = [
            (event_id, ticker)
            for event_id in study.events.index
            for ticker in sorted(study.named_firms(event_id))
        ]
        parameters = {name: [int(value)] for name, value in study.parameters.items()}
        frames = {
            "equity_returns": equity_returns(study),
            "factor_returns": factor_returns(study),
            "sessions": self.sessions(),
            "firms": pd.DataFrame({"ticker": study.firms}),
            "models": _models(study),
            "windows": _windows(study),
            "parameters": pd.DataFrame(parameters),
            "events": _events(study),
            "named_firms": pd.DataFrame(named, columns=["event_id", "ticker"]),
        }
        return {name: self.relation(frame) for name, frame in frames.items()}

    def sessions(self) -> pd.DataFrame:
        numbers = range(1, len(self.study.sessions) + 1)
        return pd.DataFrame({"session_number": numbers, "session_date": self.study.sessions})

    def groups(self) -> dict[str, DuckDBPyRelation]:
        distinct = self.occasions.drop_duplicates("occasion_id")
        return {
            "groups": self.relation(self.study.groups),
            "members": self.relation(_members(self.study, distinct)),
            "occasions": self.relation(distinct),
        }

    def rolling_betas(self) -> Any:
        study = self.study
        return study_tables.rolling_beta_table(
            equity_returns=self.relation(equity_returns(study)),
            bitcoin_returns=self.relation(bitcoin_returns(study)),
            sessions=self.relation(self.sessions()),
            basket_members=self.relation(pd.DataFrame({"ticker": basket_members(study)})),
            windows=self.relation(study.rolling_windows),
        )

    def marts(self) -> duckdb.DuckDBPyConnection:
        """A database with the columns of the marts that the comparisons read."""
        own = duckdb.connect()
        own.execute("create schema marts")
        answers: Iterator[tuple[str, Any]] = iter(
            {
                "estimates": self.tables.estimates(),
                "windows": self.tables.window_results(),
                "betas": self.tables.betas(),
                "tests": self.tables.group_tests(
                    **self.groups(), study_occasions=self.relation(self.occasions)
                ),
                "rolling": self.rolling_betas(),
            }.items()
        )
        for name, reader in answers:
            own.register(name, reader.read_all())
        own.register("occasions", self.occasions)
        own.execute(
            """
            create table marts.fct_selloff_firm as
            select * from (select * exclude (status) from estimates)
            inner join windows using (event_id, ticker, model_id);
            create table marts.fct_selloff_betas as from betas;
            create table marts.fct_rolling_betas as from rolling;
            create table marts.fct_selloff_tests as
            select tests.*, n_events from tests inner join (
                select study_id, sum(len(event_ids)) as n_events from occasions group by study_id
            ) using (study_id)
            """
        )
        return own
