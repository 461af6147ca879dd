"""The same work done otherwise: the models' SQL straight in DuckDB, and pandas.

``python -m benchmarks.comparison [--tickers N --years N --events N --studied N] [--runs N]``.

On one drawn and loaded market: the daily returns of every share (what ``int_equity_returns`` holds)
by dbt, by the same SQL in DuckDB without dbt, and by pandas; and the market model of every firm and
event by pandas, firm by firm. Both answers of pandas are held against the project's tables first: a
faster answer that says something else is no comparison.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from benchmarks.model_sql import model_statements
from benchmarks.report import Line, heading, lines_table
from benchmarks.scale_stage import Clock, Task, build
from benchmarks.synthetic import Size, add_size_options
from benchmarks.timing import peak_mib, run_process
from dagster_project.dbt_process import run_dbt

# A difference of the last digits is allowed for; more is another answer.
TOLERANCE = 1e-9
RETURNS = "int_equity_returns"
MARKET, MODEL = "QQQ", "market_model"


def pandas_returns(
    prices: pd.DataFrame, companies: pd.DataFrame, sessions: pd.DataFrame
) -> pd.DataFrame:
    """Daily returns as the project defines them, for shares with one source.

    ``prices`` has ticker, session_date, open, high, low, close, volume; ``companies`` ticker and
    first_session; ``sessions`` session_date. One row per ticker and session with a close of the
    present listing: returns over consecutive sessions only, gaps flagged, volume against its mean
    over the 20 sessions before.
    """
    ordered = np.sort(sessions["session_date"].to_numpy())
    frame = prices.merge(companies[["ticker", "first_session"]], on="ticker")
    first = frame["first_session"]
    frame = frame[first.isna() | (frame["session_date"] >= first)]
    frame = frame.sort_values(["ticker", "session_date"], ignore_index=True)
    frame["session_number"] = np.searchsorted(ordered, frame["session_date"].to_numpy()) + 1
    by_ticker = frame.groupby("ticker", sort=False)
    last_close = by_ticker["close"].shift()
    apart = frame["session_number"] - by_ticker["session_number"].shift()
    previous = last_close.where(apart == 1)
    frame["previous_close_usd"] = previous
    frame["simple_return"] = frame["close"] / previous - 1
    frame["log_return"] = np.log(frame["close"] / previous)
    frame["is_gap"] = apart > 1
    frame["is_zero_volume"] = frame["volume"] == 0
    frame["is_flat_bar"] = (
        (frame["open"] == frame["close"])
        & (frame["high"] == frame["close"])
        & (frame["low"] == frame["close"])
    )
    mean = by_ticker["volume"].transform(lambda volume: volume.rolling(20).mean().shift())
    whole = frame["session_number"] - by_ticker["session_number"].shift(20) == 20
    frame["volume_ratio_20d"] = (frame["volume"] / mean).where(whole)
    return frame.drop(columns="first_session")


def pandas_market_model(
    returns: pd.DataFrame, asked: pd.DataFrame, first_day: int = -260, last_day: int = -11
) -> pd.DataFrame:
    """Alpha, beta and abnormal return on the event day, firm by firm and event by event.

    ``returns`` has one column per ticker over session numbers; ``asked`` has event_id, ticker and
    t0_number. Least squares on the market over the sessions between ``first_day`` and ``last_day``
    of the event on which both have a return.
    """
    market = returns[MARKET]
    rows = []
    for event_id, ticker, t0 in asked[["event_id", "ticker", "t0_number"]].itertuples(index=False):
        window = slice(t0 + first_day, t0 + last_day)
        both = pd.concat(
            [market.loc[window], returns[ticker].loc[window]], axis=1, keys=["x", "y"]
        ).dropna()
        x, y = both["x"] - both["x"].mean(), both["y"] - both["y"].mean()
        beta = (x * y).sum() / (x * x).sum()
        alpha = both["y"].mean() - beta * both["x"].mean()
        abnormal = returns.at[t0, ticker] - alpha - beta * market.at[t0]
        rows.append((event_id, ticker, len(both), alpha, beta, abnormal))
    return pd.DataFrame(
        rows, columns=["event_id", "ticker", "n", "alpha", "beta", "abnormal_return"]
    )


# --- each in a process of its own ----------------------------------------------------------


def _returns_in_duckdb(task: Task) -> dict[str, float]:
    """The compiled SQL of the returns into a new table, without dbt."""
    (statement,) = (
        sql for name, sql in model_statements(_compiled(task), RETURNS) if name == RETURNS
    )
    with duckdb.connect(str(task.settings.warehouse_path)) as connection:
        connection.execute(f"set threads = {task.threads}")
        clock = Clock()
        connection.execute(statement)
        return clock.read()


def _raw(connection: duckdb.DuckDBPyConnection, table: str, columns: str) -> pd.DataFrame:
    return connection.execute(f"select {columns} from raw.{table}").df()


def _returns_in_pandas(task: Task) -> dict[str, float]:
    """Read the raw tables, compute; the result stays in memory, which flatters it."""
    with duckdb.connect(str(task.settings.warehouse_path), read_only=True) as connection:
        connection.execute(f"set threads = {task.threads}")
        clock = Clock()
        answer = pandas_returns(
            _raw(
                connection, "equity_prices",
                "ticker, session_date, open, high, low, close, volume",
            ),
            _raw(connection, "companies", "ticker, first_session"),
            _raw(connection, "exchange_sessions", "session_date"),
        )  # fmt: skip
        spent = clock.read()
        ours = connection.execute(
            "select previous_close_usd, simple_return, log_return, volume_ratio_20d, is_gap "
            f"from intermediate.{RETURNS} order by ticker, session_date"
        ).df()
    require_equal(answer[list(ours)], ours, "returns")
    return spent


def market_model_beside(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """The market model of every firm-event that the project fitted, from its table of returns.

    Raises RuntimeError where a coefficient or an abnormal return differs.
    """
    ours = connection.execute(
        "select firm.event_id, firm.ticker, events.t0_number, firm.n_est as n, firm.alpha, "
        "firm.beta_market as beta, daily.ar as abnormal_return "
        "from marts.fct_selloff_firm as firm "
        "join intermediate.int_events as events on firm.event_id = events.event_id "
        "join marts.fct_selloff_daily as daily on firm.event_id = daily.event_id and "
        "firm.ticker = daily.ticker and firm.model_id = daily.model_id and daily.rel_day = 0 "
        "where firm.model_id = ? and firm.window_id = '[0,0]' and firm.alpha is not null "
        "and daily.ar is not null order by all",
        [MODEL],
    ).df()
    clock = Clock()
    long = connection.execute(
        f"select ticker, session_number, simple_return from intermediate.{RETURNS}"
    ).df()
    wide = long.pivot(index="session_number", columns="ticker", values="simple_return")
    answer = pandas_market_model(wide, ours)
    spent = clock.read()
    require_equal(answer[["n", "alpha", "beta", "abnormal_return"]], ours, "market model")
    return {**spent, "firm_events": len(ours)}


def _market_model_in_pandas(task: Task) -> dict[str, float]:
    with duckdb.connect(str(task.settings.warehouse_path), read_only=True) as connection:
        connection.execute(f"set threads = {task.threads}")
        return market_model_beside(connection)


def require_equal(answer: pd.DataFrame, ours: pd.DataFrame, what: str) -> None:
    """Raises RuntimeError where pandas and the project disagree, in any column of ``answer``."""
    if len(answer) != len(ours) or answer.empty:
        raise RuntimeError(f"{what}: {len(answer)} rows in pandas, {len(ours)} in the project")
    for column in answer:
        left, right = answer[column].to_numpy(float), ours[column].to_numpy(float)
        if (np.isnan(left) != np.isnan(right)).any():
            raise RuntimeError(f"{what}: {column} is missing in other rows")
        apart = np.abs(left - right) > TOLERANCE * np.maximum(1, np.abs(right))
        if apart.any():
            raise RuntimeError(f"{what}: {column} differs in {apart.sum()} rows")


def _compiled(task: Task) -> Path:
    return task.output / "compiled"


def _compile(task: Task) -> dict[str, float]:
    clock = Clock()
    # All of every model, also where a build would take over rows of the last one; in a folder of
    # its own, because dbt forgets the SQL of models that a later command leaves out.
    command = ["compile", "--full-refresh"]
    # dbt prints what it compiles.
    with contextlib.redirect_stdout(io.StringIO()):
        result = run_dbt(task.settings, command, target_path=_compiled(task))
    if not result.success:
        raise RuntimeError(f"dbt could not compile: {result.exception}")
    return clock.read()


def _all_in_duckdb(task: Task) -> dict[str, float]:
    """Every SQL model's compiled statement on one connection, without dbt, checks or comments."""
    statements = model_statements(_compiled(task))
    with duckdb.connect(str(task.settings.warehouse_path)) as connection:
        connection.execute(f"set threads = {task.threads}")
        clock = Clock()
        for _, statement in statements:
            connection.execute(statement)
        return clock.read()


CHILDREN = {
    "compile": _compile,
    "returns in DuckDB": _returns_in_duckdb,
    "returns in pandas": _returns_in_pandas,
    "returns by dbt": lambda task: build(task),
    "market model in pandas": _market_model_in_pandas,
    "all models in DuckDB": _all_in_duckdb,
}


def _child(name: str, task: Task) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.comparison", "--child", name, task.as_json()]
    return dict(json.loads(run_process(command, os.environ)[1].splitlines()[-1]))


def compare(built: Task, runs: int) -> list[Line]:
    """Lines about a market that is loaded and built already in ``built.output``."""
    _child("compile", built)
    only = Task(built.size, built.output, built.threads, built.memory, select=(RETURNS,))

    def line(name: str, child: str, task: Task) -> tuple[Line, dict[str, Any]]:
        answers = [_child(child, task) for _ in range(runs)]
        return (
            Line.of(
                "comparison", name, [one["seconds"] for one in answers],
                max(one["peak_mib"] for one in answers),
            ),
            answers[0],
        )  # fmt: skip

    size = str(built.size)
    by_dbt, _ = line(f"returns, dbt with its checks ({size})", "returns by dbt", only)
    straight, _ = line("returns, the same SQL straight in DuckDB", "returns in DuckDB", built)
    by_pandas, _ = line("returns, pandas", "returns in pandas", built)
    models, _ = line("every SQL model straight in DuckDB", "all models in DuckDB", built)
    fitted, told = line("market model, pandas firm by firm", "market model in pandas", built)
    each = 1e3 * fitted.median / told["firm_events"]
    return [
        by_dbt.against(straight),
        straight,
        by_pandas.against(straight),
        models,
        fitted.noted(f"{told['firm_events']:,} firm-events, {each:.2f} ms each"),
    ]


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        name, told = sys.argv[2:]
        answer = CHILDREN[name](Task.from_json(told))
        print(json.dumps({**answer, "peak_mib": peak_mib()}))
        return
    from benchmarks.scale import run_stage

    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparison", description=__doc__)
    add_size_options(parser, Size(tickers=80, years=5, events=20, studied=16))
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    size = Size(options.tickers, options.years, options.events, options.studied)
    with tempfile.TemporaryDirectory(prefix="miner-bench-") as scratch:
        task = Task(size, Path(scratch) / "market")
        for stage in ("load", "build"):
            run_stage(stage, task)
        print("\n".join([heading(options.runs), "", *lines_table(compare(task, options.runs))]))


if __name__ == "__main__":
    main()
