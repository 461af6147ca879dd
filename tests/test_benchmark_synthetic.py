"""The drawn market: the same figures for the same seed, every row within its contract, and the
things a real market has (listings, holes, splits) really in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from benchmarks.synthetic import DRAWN, FUNDS, Market, Size, SyntheticSource, write_parquet
from dagster_project.contracts import BY_NAME, TABLES, Window
from dagster_project.ingest import Ingested, ingest
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import warehouse
from tests.warehouse_builder import settings_for

SMALL = Size(tickers=40, years=2, events=12, studied=20)


def whole(market: Market, table: str) -> pd.DataFrame:
    return pd.concat(list(market.frames(table)), ignore_index=True)


def load_market(
    settings: Settings, size: Size, window: Window | None = None
) -> dict[str, Ingested]:
    source = SyntheticSource(Market(size))
    return {
        table.name: ingest(
            settings,
            source.calendar() if table.name == "exchange_sessions" else source,
            table,
            window if table.time_column else None,
        )
        for table in TABLES
    }


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(SMALL)


@pytest.fixture(scope="module")
def prices(market: Market) -> pd.DataFrame:
    return whole(market, "equity_prices")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    settings = settings_for(tmp_path_factory.mktemp("synthetic"))
    for name, done in load_market(settings, SMALL).items():
        assert not done.missing, (name, done.missing)
    with warehouse(settings.warehouse_path, read_only=True) as connection:
        yield connection


def test_the_same_seed_draws_the_same_market(market: Market, prices: pd.DataFrame) -> None:
    for table in sorted(DRAWN):
        pd.testing.assert_frame_equal(whole(Market(SMALL), table), whole(market, table))
    other = whole(Market(Size(tickers=40, years=2, events=12, studied=20, seed=1)), "equity_prices")
    assert not prices["close"].head(100).equals(other["close"].head(100))


def test_a_share_does_not_depend_on_how_many_others_there_are(prices: pd.DataFrame) -> None:
    larger = whole(Market(Size(tickers=300, years=2, events=3, studied=20)), "equity_prices")
    columns = ["session_date", "open", "high", "low", "close", "volume"]
    for ticker in ("M0000", "A0003", "W0001", "QQQ"):
        of_small = prices.loc[prices["ticker"] == ticker, columns].reset_index(drop=True)
        of_large = larger.loc[larger["ticker"] == ticker, columns].reset_index(drop=True)
        assert len(of_small) > 100
        pd.testing.assert_frame_equal(of_small, of_large)


def test_the_market_of_earlier_days_is_the_same_but_for_the_newest_sessions(
    prices: pd.DataFrame,
) -> None:
    earlier = Market(Size(tickers=40, years=2, events=12, studied=20, sessions_back=3))
    before = whole(earlier, "equity_prices")
    cut = prices[prices["session_date"] <= np.datetime64(earlier.last_known)]
    pd.testing.assert_frame_equal(before, cut.reset_index(drop=True))
    assert 0 < len(prices) - len(before) <= 3 * SMALL.tickers
    closes = whole(earlier, "btc_prices")
    assert closes["date_utc"].max().date() == earlier.last_known


def test_every_row_holds_its_contract(
    loaded: duckdb.DuckDBPyConnection, market: Market, prices: pd.DataFrame
) -> None:
    assert loaded.execute("select count(*) from ingest.rejected_rows").fetchone() == (0,)
    assert loaded.execute("select count(*) from raw.equity_prices").fetchone() == (len(prices),)
    assert loaded.execute("select count(*) from raw.market_events").fetchone() == (SMALL.events,)
    assert loaded.execute("select count(*) from raw.companies").fetchone() == (SMALL.tickers,)
    assert loaded.execute("select count(*) from raw.company_facts").fetchone() != (0,)
    assert loaded.execute("select count(*) from raw.capex_announcements").fetchone() != (0,)
    wrong = loaded.execute(
        "select count(*) from raw.equity_prices where not (low <= least(open, close) + 1e-7 "
        "and high >= greatest(open, close) - 1e-7)"
    ).fetchone()
    assert wrong == (0,)


def test_roles_and_sizes_are_those_asked_for(market: Market) -> None:
    roles = pd.Series([role for _, role in market.tickers]).value_counts().to_dict()
    assert roles == {
        "bitcoin_proxy": 1, "benchmark": 2 + 40 - 3 - 20, "miner": 10, "hyperscaler": 3,
        "ai_infrastructure": 7,
    }  # fmt: skip
    assert market.tickers[: len(FUNDS)] == FUNDS
    assert len(Market(Size(tickers=20, years=1)).tickers) == 20
    twenty = Market(Size(tickers=6, years=20))
    assert 5000 < len(twenty.sessions) < 5060
    assert len(set(market.tickers)) == SMALL.tickers


def test_listings_and_ends_of_listings_are_there(market: Market, prices: pd.DataFrame) -> None:
    companies = whole(market, "companies").set_index("ticker")
    first = prices.groupby("ticker", observed=True)["session_date"].min()
    last = prices.groupby("ticker", observed=True)["session_date"].max()
    late = companies["first_session"].dropna()
    assert 0 < len(late) < SMALL.tickers
    assert (first[late.index] == late).all()
    others = companies.index.difference(late.index)
    assert (first[others] == market.sessions[0]).all()
    gone = last[last < market.sessions[-1]]
    assert 0 < len(gone) < SMALL.tickers / 2


def test_holes_are_sessions_without_a_bar(market: Market, prices: pd.DataFrame) -> None:
    shares = {share.ticker: share for block in market.blocks() for share in block}
    holes = 0
    for ticker, days in prices.groupby("ticker", observed=True)["session_date"]:
        share = shares[str(ticker)]
        listed = share.last - share.first + 1
        assert len(days) == listed - len(share.missing)
        absent = market.sessions[list(share.missing)]
        assert not set(absent) & set(days.to_numpy())
        holes += len(absent)
    assert holes > 0


def test_splits_are_in_the_table_and_not_in_the_adjusted_prices(market: Market) -> None:
    many = Market(Size(tickers=120, years=2, studied=20))
    splits, closes = whole(many, "equity_splits"), whole(many, "equity_prices")
    assert len(splits) >= 5
    assert {2.0, 10.0} & set(splits["ratio"])
    for split in splits.itertuples():
        share = closes[closes["ticker"] == split.ticker]
        around = share[abs(share["session_date"] - split.ex_date) <= timedelta(days=10)]
        steps = np.abs(np.diff(np.log(around["close"].to_numpy(float))))
        # An unadjusted split would be a step of log(1.5) at least.
        assert (steps < np.log(1.5)).all(), split


def test_shares_move_with_the_market_and_miners_with_bitcoin(
    market: Market, prices: pd.DataFrame
) -> None:
    wide = prices.pivot(index="session_date", columns="ticker", values="close").astype(float)
    returns = np.log(wide).diff()
    assert returns["SPY"].corr(returns["QQQ"]) > 0.9
    miners = [c for c in returns if c.startswith("M")]
    others = [c for c in returns if c.startswith("W")]
    with_bitcoin = returns.corrwith(returns["IBIT"])
    assert with_bitcoin[miners].mean() > with_bitcoin[others].mean() + 0.2
    assert 0.1 < returns.corrwith(returns["QQQ"])[others].mean() < 0.95


def test_halvings_are_in_the_issuance() -> None:
    days = whole(Market(Size(tickers=6, years=3)), "network_metrics").set_index("date_utc")
    coins = days["issuance_usd"] / days["blocks"] / days["price_usd"]
    assert coins["2024-04-19"] == pytest.approx(6.25)
    assert coins["2024-04-20"] == pytest.approx(3.125)


def test_bitcoin_has_no_price_before_its_first_exchange() -> None:
    closes = whole(Market(Size(tickers=6, years=20)), "btc_prices")
    assert str(closes["date_utc"].min().date()) == "2010-07-18"
    assert float(closes["close"].iloc[-1]) == 90_000


def test_the_second_source_is_near_and_not_whole(market: Market, prices: pd.DataFrame) -> None:
    second = whole(market, "equity_closes_second_source").merge(
        prices, on=["ticker", "session_date"], suffixes=("_second", "")
    )
    of_them = prices[prices["ticker"].isin(set(second["ticker"]))]
    assert 0.95 < len(second) / len(of_them) < 1
    apart = (second["close_second"] / second["close"] - 1).abs()
    assert apart.median() < 0.002
    assert apart.max() > 0.02


def test_a_day_is_appended_to_what_is_stored(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    small = Size(tickers=12, years=1, events=3, studied=8, sessions_back=1)
    before = load_market(settings, small)
    now = Market(Size(tickers=12, years=1, events=3, studied=8))
    after = load_market(settings, now.size, Window(now.last_known, now.last_known))
    added = after["equity_prices"]
    assert 0 < added.count("inserted") <= 12
    assert added.count("updated") == added.count("removed") == 0
    assert added.total == before["equity_prices"].total + added.count("inserted")
    assert after["btc_prices"].count("inserted") >= 1
    assert after["market_events"].count("updated") == 0


def test_parquet_holds_the_same_rows_as_the_load(
    market: Market, loaded: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rows = write_parquet(market, tmp_path)
    assert set(rows) == {table.name for table in TABLES}
    for table in TABLES:
        names = [c.name for c in table.stored_columns if c.name not in ("batch_id", "retrieved_at")]
        columns = ", ".join(f'"{name}"' for name in names)
        key = ", ".join(f'"{name}"' for name in table.key)
        file = tmp_path / f"{table.name}.parquet"
        written = loaded.execute(f"select {columns} from '{file}' order by {key}")
        types = [column[1] for column in written.description or []]
        rows_written = written.fetchall()
        stored = loaded.execute(f"select {columns} from raw.{table.name} order by {key}")
        assert types == [column[1] for column in stored.description or []], table.name
        assert rows_written == stored.fetchall(), table.name
        assert len(rows_written) == rows[table.name], table.name


def test_a_market_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 6 tickers"):
        Size(tickers=5)
    with pytest.raises(ValueError, match="years"):
        Size(years=0)


def test_every_contract_of_a_drawn_table_is_known() -> None:
    assert set(BY_NAME) >= DRAWN
