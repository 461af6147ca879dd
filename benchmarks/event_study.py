"""Times the event study on a drawn panel: its SQL in DuckDB, a package and a plain loop beside it.

``python -m benchmarks.event_study [--firms N --sessions N --events N] [--runs N] [--package PYTHON]
[--write docs/benchmarks]``.

A study of ``firms`` x ``sessions`` x ``events`` is written as a data folder, loaded by the
project's own loader, and the models up to ``fct_selloff_tests`` are compiled by dbt. What is timed
is their SQL in DuckDB, in a process of its own, on the named number of threads: two expected-return
models (the market; the market and a second factor) and every test.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd
import statsmodels.api as sm

from benchmarks.machine import machine, revision
from benchmarks.model_sql import model_statements
from dagster_project import dbt_process
from dagster_project.settings import PROJECT_DIR, Settings
from tests.warehouse_builder import load_all, settings_for

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
unit = 1024**2 if sys.platform == "darwin" else 1024
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
print(json.dumps({"seconds": seconds, "peak_mib": peak, "rows": rows, "processor": processor}))
"""

# In the package's own environment. It computes abnormal returns and a variance per event, nothing
# across firms, so the ratio flatters it.
_PACKAGE = """
import json, sys, time
import numpy as np
from eventstudy import Single
prices, asked = sys.argv[1:]
Single.import_returns(prices, is_price=True)
pairs = json.load(open(asked))
started = time.perf_counter()
for ticker, day in pairs:
    Single.market_model(
        ticker, "MKT", np.datetime64(day), event_window=(0, 0), estimation_size=250, buffer_size=10
    )
print(json.dumps((time.perf_counter() - started) / len(pairs)))
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
    settings = settings_for(folder / "out", folder / "data")
    load_all(settings)
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


def time_loop(size: Size) -> float:
    """Seconds per firm-event of a plain loop over one model: statsmodels fit, forecast error."""
    _, factors, returns, events = draw(size)
    pairs = _sampled_pairs(size)
    started = time.perf_counter()
    for firm, event in pairs:
        at = events[event]
        window = slice(at - 260, at - 10)
        fit = sm.OLS(returns[firm, window], sm.add_constant(factors[0, window])).fit()
        fit.get_prediction(np.array([[1.0, factors[0, at]]])).se_obs  # noqa: B018 - timed
    return (time.perf_counter() - started) / len(pairs)


def time_package(python: str, folder: Path, size: Size) -> float:
    """Seconds per firm-event of the `eventstudy` package, run by the interpreter that has it."""
    days, factors, returns, events = draw(size)
    pairs = _sampled_pairs(size)
    firms = sorted({firm for firm, _ in pairs})
    closes = 50 * np.cumprod(1 + np.vstack([factors[:1], returns[firms]]), axis=1)
    names = ["MKT", *(f"F{firm:05d}" for firm in firms)]
    prices, asked = folder / "prices.csv", folder / "asked.json"
    pd.DataFrame(closes.T, columns=names, index=days.strftime("%Y-%m-%d")).to_csv(
        prices, index_label="date"
    )
    asked.write_text(
        json.dumps([[f"F{f:05d}", days[events[e]].strftime("%Y-%m-%d")] for f, e in pairs])
    )
    done = subprocess.run(
        [python, "-W", "ignore", "-c", _PACKAGE, str(prices), str(asked)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(json.loads(done.stdout.splitlines()[-1]))


def _sampled_pairs(size: Size) -> list[tuple[int, int]]:
    random = np.random.default_rng(SEED + 1)
    firms = random.choice(size.firms, min(size.firms, 20), replace=False)
    # The first events have no 300 sessions before them, which the package asks for.
    events = random.choice(np.arange(size.events // 10, size.events), 20)
    return [(int(firm), int(event)) for firm in firms for event in events][:SAMPLED]


def report(runs: list[Timed], loop: float, package: float | None) -> str:
    """The table as it is printed and kept under docs/benchmarks."""
    size = runs[0].size
    per_event = {
        t: min(r.seconds for r in runs if r.threads == t) for t in {r.threads for r in runs}
    }
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, revision {revision()}.",
        "",
        f"{size.firms} firms x {size.sessions:,} sessions x {size.events} events = "
        f"{size.firm_events:,} firm-events, two models, twelve tests.",
        "",
        "| threads | seconds | processor seconds | peak MiB | slowest models (s) |",
        "| ---: | ---: | ---: | ---: | --- |",
        *(
            f"| {r.threads} | {r.seconds:.1f} | {r.processor_seconds:.1f} | {r.peak_mib:.0f} | "
            + ", ".join(f"{name} {seconds:.1f}" for name, seconds in r.slowest[:4])
            + " |"
            for r in runs
        ),
        "",
        "| per firm-event and model | ms | ratio |",
        "| --- | ---: | ---: |",
    ]
    best = min(per_event.values())
    ours = best / size.firm_events / 2
    lines.append(f"| this project, every test | {1000 * ours:.4f} | 1 |")
    lines.append(
        f"| statsmodels in a loop, one t per firm | {1000 * loop:.3f} | {loop / ours:.0f} |"
    )
    if package is not None:
        lines.append(
            f"| `eventstudy` package, abnormal returns only | {1000 * package:.3f} | "
            f"{package / ours:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--firms", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--memory", default="6GB", help="DuckDB's memory limit; beyond it spills")
    parser.add_argument("--package", help="Python that has the eventstudy package")
    parser.add_argument("--write", type=Path, help="folder for the table")
    options = parser.parse_args()
    size = Size(options.firms, options.sessions, options.events)
    with tempfile.TemporaryDirectory() as scratch:
        settings, statements = prepare(Path(scratch), size)
        runs = [
            time_sql(settings, statements, size, threads, options.memory)
            for threads in (1, 2)
            for _ in range(options.runs)
        ]
        loop = time_loop(size)
        package = time_package(options.package, Path(scratch), size) if options.package else None
    text = report(runs, loop, package)
    print(text)
    if options.write:
        name = f"event-study-{size.firm_events}-{datetime.now(UTC):%Y-%m-%d}.md"
        (options.write / name).write_text(text)


if __name__ == "__main__":
    main()
