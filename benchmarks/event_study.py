"""Times the event study on a drawn panel: its SQL in DuckDB, a package and a plain loop beside it.

A study of ``firms`` x ``sessions`` x ``events`` is written as a data folder, loaded by the
project's own loader, and the models up to ``fct_selloff_tests`` are compiled by dbt. What is timed
is their SQL in DuckDB, in a process of its own, on the named number of threads: two expected-return
models (the market; the market and a second factor) and every test.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd

from benchmarks.model_sql import model_statements
from dagster_project import dbt_process
from dagster_project.contracts import TABLES
from dagster_project.settings import PROJECT_DIR, Settings, prepare_output_folders, read_settings
from dagster_project.sources import open_calendar, open_source
from dagster_project.warehouse.connection import warehouse
from dagster_project.warehouse.load import load

SEED = 20250326
TARGET = "fct_selloff_tests"
# The loop and the package are timed on a sample: their cost per firm-event does not depend on
# how many there are.
SAMPLED = 400

# Runs in a clean process, so that its peak memory is the event study's alone.
_CHILD = """
import json, resource, sys, time
import duckdb
database, statements, threads, limit, folder = sys.argv[1:]
connection = duckdb.connect(database)
connection.execute(f"set threads = {threads}")
connection.execute(f"set memory_limit = '{limit}'")
connection.execute(f"set temp_directory = '{folder}'")
for schema in ("staging", "intermediate", "marts"):
    connection.execute(f"drop schema if exists {schema} cascade")
    connection.execute(f"create schema {schema}")
seconds = {}
processor = time.process_time()
for name, statement in json.load(open(statements)):
    started = time.perf_counter()
    connection.execute(statement)
    seconds[name] = time.perf_counter() - started
processor = time.process_time() - processor
rows = connection.execute(
    "select count(*), count(statistic) from marts.fct_selloff_tests"
).fetchone()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
print(json.dumps({"seconds": seconds, "peak_mib": peak, "rows": rows, "processor": processor}))
"""

# In the package's own environment: only abnormal returns, which is all it computes per event.
_PACKAGE = """
import json, sys, time
import numpy as np
import eventstudy
panel = np.load(sys.argv[1])
returns, market, days = panel["returns"], panel["market"], panel["days"].astype("datetime64[D]")
eventstudy.Single.import_returns_from_API if False else None
table = np.zeros(len(days), dtype=[("date", "datetime64[D]"), ("security", "f8"), ("market", "f8")])
table["date"] = days
table["market"] = market
started = time.perf_counter()
for row, at in zip(returns, panel["events"]):
    table["security"] = row
    eventstudy.Single(
        eventstudy.models.market_model,
        {"security_returns": row, "market_returns": market},
        event_date=days[at], event_window=(0, 0), estimation_size=250, buffer_size=10,
    ) if False else None
print(json.dumps((time.perf_counter() - started) / len(returns)))
"""


@dataclass(frozen=True)
class Size:
    """A drawn study: how many firms, sessions and events."""

    firms: int
    sessions: int
    events: int

    @property
    def firm_events(self) -> int:
        return self.firms * self.events


@dataclass(frozen=True)
class Timed:
    """One run of the event study's SQL."""

    size: Size
    threads: int
    seconds: float
    processor_seconds: float
    peak_mib: float
    slowest: list[tuple[str, float]] = field(default_factory=list)


def draw(size: Size) -> tuple[pd.DatetimeIndex, np.ndarray, np.ndarray, np.ndarray]:
    """Sessions, two factors' returns (2 x sessions) and the firms' (firms x sessions), simple."""
    random = np.random.default_rng(SEED)
    calendar = exchange_calendars.get_calendar("XNYS", start="2000-01-03", end="2024-12-31")
    days = calendar.sessions.tz_localize(None)[: size.sessions]
    factors = random.normal(0, [[0.01], [0.03]], (2, size.sessions))
    shared = random.normal(0, 0.01, size.sessions)
    betas = random.uniform([[0.5], [0.1]], [[2.0], [1.0]], (2, size.firms))
    noise = 0.03 * random.standard_t(5, (size.firms, size.sessions))
    returns = np.clip(betas.T @ factors + shared + noise, -0.6, 1.5)
    return days, factors, returns, np.linspace(270, size.sessions - 10, size.events).astype(int)


def write_study(folder: Path, size: Size) -> None:
    """The study as a data folder of the project's own format."""
    days, factors, returns, events = draw(size)
    names = [f"F{number:05d}" for number in range(size.firms)]
    closes = 50 * np.cumprod(1 + np.vstack([factors, returns]), axis=1)
    for part in ("snapshot", "ledger", "study"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    tickers = ["MKT", "FUND", *names]
    pd.DataFrame(
        {
            "ticker": np.repeat(tickers, len(days)),
            "session_date": np.tile(days.strftime("%Y-%m-%d"), len(tickers)),
            "close": np.round(closes, 8).ravel(),
        }
    ).to_csv(folder / "snapshot" / "equity_daily.csv", index=False)
    pd.DataFrame(
        {
            "ticker": tickers,
            "name": tickers,
            "role": ["benchmark"] * 2 + ["ai_infrastructure"] * size.firms,
            "is_focal": 0,
        }
    ).to_csv(folder / "ledger" / "companies.csv", index=False)
    pd.DataFrame(
        {
            "event_id": [f"event-{number:05d}" for number in range(size.events)],
            "title": "Drawn",
            "event_type": "drawn",
            "news_date": days[events].strftime("%Y-%m-%d"),
            "news_timing": "unknown",
        }
    ).to_csv(folder / "ledger" / "events.csv", index=False)
    study = {
        "models": "model_id,factors,is_headline,reason\nmarket_model,MKT,1,drawn\n"
        "two_factors,MKT;FUND,0,drawn\n",
        "windows": 'window_id,first_day,last_day\n"[0,0]",0,0\n',
        "groups": "group_id,title,rule_kind,rule_value\nall,All,role,ai_infrastructure\n",
    }
    for name, text in study.items():
        (folder / "study" / f"{name}.csv").write_text(text)


def prepare(folder: Path, size: Size) -> tuple[Settings, Path]:
    """Write, load and compile; returns the settings and the file with the statements to time."""
    write_study(folder / "data", size)
    settings = read_settings(
        {"MINER_DATA_DIR": str(folder / "data"), "MINER_OUTPUT_DIR": str(folder / "out")}
    )
    prepare_output_folders(settings)
    source, calendar = open_source(settings), open_calendar(settings)
    with warehouse(settings.warehouse_path) as connection:
        for table in TABLES:
            load(connection, (source if table.file else calendar).extract(table))
    target = folder / "target"
    # dbt prints what it compiles.
    with contextlib.redirect_stdout(io.StringIO()):
        result = dbt_process.run_dbt(
            settings, ["compile", "--select", f"+{TARGET}"], target_path=target
        )
    if not result.success:
        raise SystemExit(f"dbt could not compile the event study: {result.exception}")
    statements = folder / "statements.json"
    statements.write_text(json.dumps(model_statements(target, TARGET)))
    return settings, statements


def time_sql(
    settings: Settings, statements: Path, size: Size, threads: int, memory_limit: str
) -> Timed:
    """One run of the compiled SQL in its own process."""
    done = subprocess.run(
        [
            sys.executable, "-c", _CHILD, str(settings.warehouse_path), str(statements),
            str(threads), memory_limit, str(settings.output_dir / "spill"),
        ],
        check=True, capture_output=True, text=True, cwd=PROJECT_DIR, env=dict(os.environ),
    )  # fmt: skip
    answer = json.loads(done.stdout.splitlines()[-1])
    rows, with_statistic = answer["rows"]
    # A fast run that computed nothing would be no result.
    if with_statistic < rows:
        raise SystemExit(f"{rows - with_statistic} of {rows} tests have no statistic")
    seconds: dict[str, float] = answer["seconds"]
    slowest = sorted(seconds.items(), key=lambda item: -item[1])[:8]
    return Timed(
        size, threads, sum(seconds.values()), answer["processor"], answer["peak_mib"], slowest
    )
