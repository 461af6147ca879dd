"""Times the event-study library on a synthetic panel, beside a package and a plain loop.

``python -m benchmarks.event_study [--firms N --sessions N --events N] [--windows N] [--groups N]
[--runs N] [--package PYTHON] [--write docs/benchmarks]``.

A study of ``firms`` x ``sessions`` x ``events`` is written as a data folder and loaded by the
project's own loader; dbt builds the relational models that the library reads. What is timed are the
tables that the library makes of them, in a process of its own: two expected-return models (the
market; the market and a second factor), estimates, windows and every test across firms. Beside it
is what a bare sort and a bare matrix product over as many residuals take: no implementation can be
faster.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import exchange_calendars
import numpy as np
import pandas as pd
import statsmodels.api as sm

from benchmarks.machine import machine, revision
from benchmarks.timing import peak_mib
from dagster_project import dbt_process
from dagster_project.settings import PROJECT_DIR, Settings
from dagster_project.transform.study_tables import Study
from tests.warehouse_builder import load_all, settings_for

SEED = 20250326
# Relations of the warehouse that the library reads; exposure is left out.
READ = (
    *("int_equity_returns", "int_factor_returns", "int_sessions", "int_study_firms"),
    *("int_study_models", "int_study_windows", "int_study_parameters", "int_events"),
    *("int_event_named_firms", "int_occasions", "int_study_occasions", "int_study_group_members"),
    "stg_study_groups",
)
ESTIMATION_SESSIONS = 250
# The loop and the package are timed on a sample: their cost per firm-event does not depend on
# how many there are.
SAMPLED = 400

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
    """A synthetic study: how many firms, sessions, events, event windows and groups of firms."""

    firms: int
    sessions: int
    events: int
    windows: int = 1
    groups: int = 1

    @property
    def firm_events(self) -> int:
        return self.firms * self.events


@dataclass(frozen=True)
class Timed:
    """One run of the library: processor seconds of each table, and what bare NumPy would take."""

    size: Size
    seconds: dict[str, float]
    limit_seconds: float
    peak_mib: float

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


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
        "models": "model_id,factors,is_headline,reason\nmarket_model,MKT,1,synthetic\n"
        "two_factors,MKT;FUND,0,synthetic\n",
        "windows": "window_id,first_day,last_day\n"
        + "".join(f'"[0,{day}]",0,{day}\n' for day in range(size.windows)),
        # Groups overlap: the second leaves out every second firm, the third every third.
        "groups": "group_id,title,rule_kind,rule_value\n"
        + "".join(
            f"group{part},Group,tickers,{';'.join(names[::part])}\n"
            for part in range(1, size.groups + 1)
        ),
    }
    for name, text in study.items():
        (folder / "study" / f"{name}.csv").write_text(text)


def prepare(folder: Path, size: Size) -> Settings:
    """Write and load the study and build the relational models that the library reads."""
    write_study(folder / "data", size)
    settings = settings_for(folder / "out", folder / "data")
    load_all(settings)
    models = [f"+{name}" for name in READ]
    result = dbt_process.run_dbt(
        settings, ["run", "--select", *models], target_path=folder / "target"
    )
    if not result.success:
        raise SystemExit(f"dbt could not build what the library reads: {result.exception}")
    return settings


def time_library(settings: Settings, size: Size) -> Timed:
    """One run of the library in its own process, so that its peak memory is its own."""
    done = subprocess.run(
        [
            sys.executable, "-m", "benchmarks.event_study", "--child",
            str(settings.warehouse_path), json.dumps(asdict(size)),
        ],
        check=True, capture_output=True, text=True, cwd=PROJECT_DIR, env=dict(os.environ),
    )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    return Timed(size, told["seconds"], told["limit_seconds"], told["peak_mib"])


def _child(database: str, size: Size) -> dict[str, Any]:
    """Make every table, throwing its rows away batch by batch as a reader would take them."""
    connection = duckdb.connect(database, read_only=True)
    connection.execute("set threads = 1")

    def relation(name: str) -> duckdb.DuckDBPyRelation:
        schema = "staging" if name.startswith("stg_") else "intermediate"
        return connection.sql(f"select * from {schema}.{name}")

    started = time.process_time()
    study = Study(
        equity_returns=relation("int_equity_returns"),
        factor_returns=relation("int_factor_returns"),
        sessions=relation("int_sessions"),
        firms=relation("int_study_firms"),
        models=relation("int_study_models"),
        windows=relation("int_study_windows"),
        parameters=relation("int_study_parameters"),
        events=relation("int_events"),
        named_firms=relation("int_event_named_firms"),
    )
    seconds = {"read": time.process_time() - started}
    members = connection.sql(
        "select occasion_id, group_id, ticker "
        "from intermediate.int_occasions cross join intermediate.int_study_group_members"
    )
    tables = {
        "estimates": study.estimates,
        "windows": study.window_results,
        "tests across firms": lambda: study.group_tests(
            relation("stg_study_groups"),
            members,
            relation("int_occasions"),
            relation("int_study_occasions"),
        ),
    }
    for name, make in tables.items():
        started = time.process_time()
        rows, missing = 0, 0
        for batch in make():
            rows += batch.num_rows
            if name == "tests across firms":
                missing += batch.column("statistic").null_count
        seconds[name] = time.process_time() - started
        # A fast run that computed nothing would be no result.
        if not rows or missing:
            raise SystemExit(f"{name}: {rows} rows, {missing} without a statistic")
    return {"seconds": seconds, "limit_seconds": _bare(size), "peak_mib": peak_mib()}


def _bare(size: Size) -> float:
    """Processor seconds of one sort and one matrix product over as many residuals."""
    random = np.random.default_rng(SEED)
    residuals = random.normal(size=(size.firms, ESTIMATION_SESSIONS))
    factors = random.normal(size=(ESTIMATION_SESSIONS, 3))
    started = time.process_time()
    for _ in range(size.events * 2):
        np.argsort(residuals, axis=1)
        residuals @ factors
    return time.process_time() - started


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
    best = min(runs, key=lambda run: run.total)
    ours = best.total / size.firm_events / 2
    others = {"statsmodels in a loop, one t per firm": loop}
    if package is not None:
        others["`eventstudy` package, abnormal returns only"] = package
    return "\n".join(
        [
            f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, revision {revision()}.",
            "",
            f"{size.firms} firms x {size.sessions:,} sessions x {size.events} events = "
            f"{size.firm_events:,} firm-events, two models, {size.windows} windows, "
            f"{size.groups} groups, twelve tests. Processor seconds, one thread.",
            "",
            f"| {' | '.join(best.seconds)} | all | peak MiB | bare sort and product |",
            "|" + " ---: |" * (len(best.seconds) + 3),
            *(
                f"| {' | '.join(f'{seconds:.2f}' for seconds in run.seconds.values())} | "
                f"{run.total:.2f} | {run.peak_mib:.0f} | {run.limit_seconds:.2f} |"
                for run in runs
            ),
            "",
            "| per firm-event and model | ms | ratio |",
            "| --- | ---: | ---: |",
            f"| this project, every test | {1000 * ours:.4f} | 1 |",
            *(
                f"| {name} | {1000 * seconds:.3f} | {seconds / ours:.0f} |"
                for name, seconds in others.items()
            ),
            "",
        ]
    )


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        database, told = sys.argv[2:]
        print(json.dumps(_child(database, Size(**json.loads(told)))))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--firms", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--windows", type=int, default=1)
    parser.add_argument("--groups", type=int, default=1)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--package", help="Python that has the eventstudy package")
    parser.add_argument("--write", type=Path, help="folder for the table")
    options = parser.parse_args()
    size = Size(options.firms, options.sessions, options.events, options.windows, options.groups)
    with tempfile.TemporaryDirectory() as scratch:
        settings = prepare(Path(scratch), size)
        runs = [time_library(settings, size) for _ in range(options.runs)]
        loop = time_loop(size)
        package = time_package(options.package, Path(scratch), size) if options.package else None
    text = report(runs, loop, package)
    print(text)
    if options.write:
        name = f"event-study-{size.firm_events}-{datetime.now(UTC):%Y-%m-%d}.md"
        (options.write / name).write_text(text)


if __name__ == "__main__":
    main()
