"""What the bitcoin and network vendors answer fits the contracts: nothing is rejected at load."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import Extract, typed_frame
from dagster_project.sources.live.blockchain_com import BlockchainCom
from dagster_project.sources.live.coinbase import CoinbaseExchange
from dagster_project.sources.live.coinmetrics import CoinMetrics
from dagster_project.sources.live.kraken import Kraken
from dagster_project.sources.live.mempool import MempoolSpace
from dagster_project.warehouse.load import load
from tests.sources.live.scripted_client import TABLES, ScriptedClient, always, body_of, window

SUMMER = window("2026-08-01", "2026-08-20")
SPRING = window("2025-03-17", "2025-03-26")


@pytest.mark.parametrize(
    ("vendor", "fixture", "table", "wanted", "n_rows"),
    [
        (CoinbaseExchange, "coinbase/candles_daily.json", "btc_prices", SUMMER, 10),
        (CoinbaseExchange, "coinbase/candles_hourly.json", "btc_hourly_prices", SUMMER, 24),
        (Kraken, "kraken/ohlc_daily.json", "btc_prices_second_source", SUMMER, 9),
        (Kraken, "kraken/ohlc_daily.json", "btc_prices", SUMMER, 9),
        (CoinMetrics, "coinmetrics/asset_metrics_last_page.json", "network_metrics", SPRING, 4),
        (MempoolSpace, "mempool/hashrate_3m.json", "network_metrics_second_source", SPRING, 10),
        (
            BlockchainCom, "blockchain_com/hash_rate.json", "network_metrics_second_source",
            SPRING, 10,
        ),
    ],
)  # fmt: skip
def test_every_row_loads(vendor: Any, fixture: str, table: str, wanted: Any, n_rows: int) -> None:
    answer = vendor(ScriptedClient(always(body_of(fixture)))).fetch(TABLES[table], "BTC", wanted)
    extract = Extract(
        table=table,
        frame=typed_frame(TABLES[table], answer.columns),
        source="live",
        origin=fixture,
        retrieved_at=datetime(2026, 11, 23),
        window=wanted,
        complete=answer.complete,
    )
    with duckdb.connect() as connection:
        report = load(connection, extract)
        assert (report.inserted, report.rejected, report.total) == (n_rows, 0, n_rows)
        sources = connection.execute(f"select distinct source from raw.{table}").fetchall()
        assert sources == [(vendor.name,)]
        again = load(connection, extract)
        assert (again.unchanged, again.updated, again.removed) == (n_rows, 0, 0)


def test_two_estimates_of_one_day_stand_side_by_side() -> None:
    table = TABLES["network_metrics_second_source"]
    with duckdb.connect() as connection:
        for vendor, fixture in (
            (MempoolSpace, "mempool/hashrate_3m.json"),
            (BlockchainCom, "blockchain_com/hash_rate.json"),
        ):
            client = ScriptedClient(always(body_of(fixture)))
            answer = vendor(client).fetch(table, "BTC", SPRING)
            frame = typed_frame(table, answer.columns)
            # One vendor's answer is never all that the table holds.
            load(
                connection,
                Extract(table.name, frame, "live", fixture, datetime(2026, 11, 23), complete=False),
            )
        rows = connection.execute(
            "select source, count(*), bool_or(is_independent), min(stamped_date - date_utc) "
            "from raw.network_metrics_second_source group by source order by source"
        ).fetchall()
    assert rows == [("blockchain.com", 10, False, 0), ("mempool.space", 10, True, 1)]
