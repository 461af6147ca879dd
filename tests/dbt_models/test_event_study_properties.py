"""What must not change a result, does not: order, names, scale, strangers, the calendar.

The models' SQL runs on a copy of one small loaded panel that each example changes first; dbt only
compiles it, once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import exchange_calendars
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.model_sql import model_statements
from tests.warehouse_builder import load_all, run_dbt, settings_for

# Each example runs some fifty statements: a minute and more in all.
pytestmark = pytest.mark.slow

N_SESSIONS = 190
FIRMS = ("AAA", "BBB", "CCC", "DDD", "EEE")
FACTORS = ("MKT", "FUND", "COPY")
EXAMPLES = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FIGURES = (
    "status", "n_firms", "statistic", "df", "p_two_sided", "rbar", "mde_80pct", "caar",
)  # fmt: skip
Result = dict[tuple, dict]


def _write(folder: Path) -> None:
    random = np.random.default_rng(5)
    calendar = exchange_calendars.get_calendar("XNYS", start="2021-01-04", end="2022-12-30")
    days = calendar.sessions.tz_localize(None)[:N_SESSIONS]
    market, fund = random.normal(0, [[0.01], [0.02]], (2, N_SESSIONS))
    shared = random.normal(0, 0.01, N_SESSIONS)
    returns = {"MKT": market, "FUND": fund, "COPY": market} | {
        firm: 0.8 * market + 0.3 * fund + shared + random.normal(0, 0.02, N_SESSIONS)
        for firm in FIRMS
    }
    closes = pd.DataFrame(returns, index=days).add(1).cumprod().mul(40)
    # A hole, so that the pairwise correlations have their share.
    closes.loc[days[90], "EEE"] = np.nan
    long = closes.rename_axis("session_date").reset_index().melt("session_date", var_name="ticker")
    long = long.dropna().rename(columns={"value": "close"})
    for part in ("snapshot", "ledger", "study"):
        (folder / part).mkdir(parents=True)
    long.to_csv(folder / "snapshot" / "equity_daily.csv", index=False)
    roles = [(t, "benchmark") for t in FACTORS] + [(t, "miner") for t in FIRMS]
    (folder / "ledger" / "companies.csv").write_text(
        "ticker,name,role,is_focal\n" + "".join(f"{t},{t} Inc,{r},0\n" for t, r in roles)
    )
    (folder / "ledger" / "events.csv").write_text(
        "event_id,title,event_type,news_date,news_timing,tickers_named\n"
        f"first,First,drawn,{days[150].date()},unknown,AAA\n"
        f"second,Second,drawn,{days[180].date()},unknown,AAA;BBB\n"
    )
    study = {
        "models": "model_id,factors,is_headline,reason,method,mask_other_events\n"
        "one,MKT,1,x,ols,0\ntwo,MKT;FUND,0,x,ols,0\nmasked,MKT,0,x,ols,1\n"
        "twice,MKT;COPY,0,x,ols,0\nadjusted,MKT,0,x,market_adjusted,0\n",
        "windows": 'window_id,first_day,last_day\n"[0,0]",0,0\n"[-1,1]",-1,1\n',
        "groups": "group_id,title,rule_kind,rule_value\n"
        f"five,Five,tickers,{';'.join(FIRMS)}\npair,Pair,tickers,AAA;BBB\n",
        "event_sets": "set_id,title,rule_kind,rule_value\nboth,Both,event_type,drawn\n",
        "parameters": "parameter,value,unit,reason,decided_date\n"
        + "".join(
            f"{name},{value},x,x,2026-01-01\n"
            for name, value in {
                "estimation_first_day": -130, "estimation_last_day": -11,
                "min_estimation_sessions": 30, "short_window_sessions": 60,
                "min_common_sessions": 60, "pue_assumed": 1,
            }.items()
        ),
    }  # fmt: skip
    for name, text in study.items():
        (folder / "study" / f"{name}.csv").write_text(text)


class Panel:
    """The loaded raw tables and the SQL of every model the tests need."""

    def __init__(self, folder: Path) -> None:
        _write(folder / "data")
        self.settings = settings_for(folder / "out", folder / "data")
        load_all(self.settings)
        built = run_dbt(self.settings, ["run", "--select", "+fct_selloff_tests"])
        assert built.success, built.exception
        self.statements = model_statements(
            self.settings.output_dir / "dbt_target", "fct_selloff_tests"
        )
        self.unchanged = self.results(lambda connection: None)

    def results(self, change: Callable[[duckdb.DuckDBPyConnection], object]) -> Result:
        """Every test's figures after ``change`` was made to the raw tables."""
        with duckdb.connect() as connection:
            connection.execute(f"attach '{self.settings.warehouse_path}' as loaded (read_only)")
            connection.execute("attach ':memory:' as miner_warehouse")
            connection.execute("use miner_warehouse")
            for schema in ("raw", "staging", "intermediate", "marts"):
                connection.execute(f"create schema {schema}")
            tables = connection.execute(
                "select table_name from duckdb_tables() "
                "where database_name = 'loaded' and schema_name = 'raw'"
            ).fetchall()
            for (table,) in tables:
                connection.execute(f"create table raw.{table} as from loaded.raw.{table}")
            change(connection)
            for _, statement in self.statements:
                connection.execute(statement)
            rows = connection.execute(
                "select study_id, group_id, model_id, window_id, test_id, "
                f"{', '.join(FIGURES)} from marts.fct_selloff_tests"
            ).fetchall()
        return {row[:5]: dict(zip(FIGURES, row[5:], strict=True)) for row in rows}


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    made = Panel(tmp_path_factory.mktemp("properties"))
    # The comparison would hold for empty results too.
    assert sum(row["statistic"] is not None for row in made.unchanged.values()) > 150
    return made


def assert_same(changed: Result, expected: Result, relative: float = 1e-8) -> None:
    """The expected rows are there with the same figures."""
    for key, row in expected.items():
        for figure, old in row.items():
            new = changed[key][figure]
            if isinstance(old, float):
                assert new == pytest.approx(old, rel=relative, abs=1e-12), (key, figure)
            else:
                assert new == old, (key, figure)


@EXAMPLES
@given(seed=st.integers(0, 2**31))
def test_the_order_of_rows_means_nothing(panel: Panel, seed: int) -> None:
    def shuffle(connection: duckdb.DuckDBPyConnection) -> None:
        for table in ("equity_prices", "companies", "market_events", "study_models"):
            connection.execute(
                f"create or replace table raw.{table} as select * from raw.{table} "
                f"order by hash(concat({seed}, {table}::varchar))"
            )

    assert_same(panel.results(shuffle), panel.unchanged)


@EXAMPLES
@given(names=st.permutations(FIRMS))
def test_names_of_firms_mean_nothing(panel: Panel, names: list[str]) -> None:
    def rename(connection: duckdb.DuckDBPyConnection) -> None:
        # Through names of their own, so that no two are ever the same.
        for old, new in zip(FIRMS, names, strict=True):
            connection.execute(
                "update raw.equity_prices set ticker = ? where ticker = ?", [f"new {new}", old]
            )
            connection.execute(
                "update raw.market_events set tickers_named = replace(tickers_named, ?, ?) ",
                [old, f"({FIRMS.index(old)})"],
            )
        connection.execute("update raw.equity_prices set ticker = replace(ticker, 'new ', '')")
        for number, new in enumerate(names):
            connection.execute(
                "update raw.market_events set tickers_named = replace(tickers_named, ?, ?)",
                [f"({number})", new],
            )
            connection.execute(
                "update raw.study_groups set rule_value = ? where group_id = 'pair'",
                [f"{names[0]};{names[1]}"],
            )

    assert_same(panel.results(rename), panel.unchanged)


@EXAMPLES
@given(factor=st.floats(0.001, 1000), ticker=st.sampled_from([*FIRMS, *FACTORS]))
def test_the_scale_of_a_price_means_nothing(panel: Panel, factor: float, ticker: str) -> None:
    changed = panel.results(
        lambda connection: connection.execute(
            "update raw.equity_prices set close = close * ? where ticker = ?",
            [factor, ticker],
        )
    )
    kept = panel.unchanged
    if ticker in ("MKT", "COPY"):
        # Rounding may part two equal factors by less than the model may use.
        kept = {key: row for key, row in kept.items() if key[2] != "twice"}
    assert_same(changed, kept, relative=1e-6)


@EXAMPLES
@given(seed=st.integers(0, 2**31))
def test_a_stranger_means_nothing(panel: Panel, seed: int) -> None:
    def add(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(
            "insert into raw.companies by name select * replace ('ZZZ' as ticker, "
            "'Stranger' as name) from raw.companies where ticker = 'AAA'"
        )
        connection.execute(
            "insert into raw.equity_prices by name select * replace ('ZZZ' as ticker, "
            f"close * (1 + 0.05 * (hash(concat(session_date, {seed})) % 1000) / 1000.0) "
            "as close) from raw.equity_prices where ticker = 'BBB'"
        )
        connection.execute(
            "insert into raw.market_events by name select * replace ('third' as event_id, "
            "'other' as event_type, cast(null as varchar) as tickers_named) "
            "from raw.market_events where event_id = 'first'"
        )

    changed = panel.results(add)
    assert_same(changed, panel.unchanged, relative=1e-12)
    assert {key[0] for key in changed} == {"first", "second", "third", "both"}


@EXAMPLES
@given(weeks=st.integers(-300, 300))
def test_the_calendar_date_means_nothing(panel: Panel, weeks: int) -> None:
    def shift(connection: duckdb.DuckDBPyConnection) -> None:
        for table in ("equity_prices", "market_events", "exchange_sessions"):
            dated = connection.execute(
                "select column_name from duckdb_columns() where database_name = 'miner_warehouse' "
                "and schema_name = 'raw' and table_name = ? and data_type = 'DATE'",
                [table],
            ).fetchall()
            for (column,) in dated:
                connection.execute(f"update raw.{table} set {column} = {column} + {7 * weeks}")

    assert_same(panel.results(shift), panel.unchanged, relative=1e-12)


def test_a_repeated_factor_leaves_no_figure(panel: Panel) -> None:
    rows = [row for key, row in panel.unchanged.items() if key[2] == "twice"]
    assert rows
    assert {row["status"] for row in rows} == {"no_firms"}
    assert {row["statistic"] for row in rows} == {None}


def test_masking_changes_only_what_it_masks(panel: Panel) -> None:
    def figures(study: str, model: str) -> dict:
        return panel.unchanged[(study, "five", model, "[0,0]", "portfolio_t")]

    # The first event names AAA and lies in the second's estimation window, not the reverse.
    assert figures("second", "one")["statistic"] != figures("second", "masked")["statistic"]
    assert figures("second", "one")["statistic"] == pytest.approx(
        figures("second", "masked")["statistic"], rel=0.2
    )
    assert_same({(): figures("first", "masked")}, {(): figures("first", "one")}, relative=1e-10)


def test_a_common_shock_moves_the_mean_by_its_size(panel: Panel) -> None:
    """All five lose a tenth on the day: the mean abnormal return falls by a tenth of 1 + r."""
    changed = panel.results(
        lambda connection: connection.execute(
            f"update raw.equity_prices set close = close * 0.9 where ticker in {FIRMS} "
            "and session_date >= "
            "(select news_date from raw.market_events where event_id = 'second')"
        )
    )
    compared = 0
    for key, old in panel.unchanged.items():
        if key[0] == "second" and key[2] != "twice" and old["status"] == "ok":
            fall = old["caar"] - changed[key]["caar"]
            assert fall == pytest.approx(0.1, abs=0.01), key
            # What was learned before the event does not know of it.
            assert changed[key]["mde_80pct"] == pytest.approx(old["mde_80pct"], rel=1e-12)
            compared += 1
    assert compared > 50
