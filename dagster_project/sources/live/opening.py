"""Who is asked for what: the vendors of the study, opened over the HTTP layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from dagster_project.contracts import BY_NAME
from dagster_project.settings import Settings
from dagster_project.sources.data_folder import DataFolder
from dagster_project.sources.live.archive import Archive
from dagster_project.sources.live.blockchain_com import BlockchainCom
from dagster_project.sources.live.clock import Clock
from dagster_project.sources.live.coinbase import Coinbase
from dagster_project.sources.live.coinmetrics import CoinMetrics
from dagster_project.sources.live.edgar import Edgar, read_study, today_in_new_york
from dagster_project.sources.live.figures import BITCOIN
from dagster_project.sources.live.hosts import policies
from dagster_project.sources.live.http_client import HttpClient
from dagster_project.sources.live.journal import Journal
from dagster_project.sources.live.kraken import Kraken
from dagster_project.sources.live.live_source import LiveSource, Plan
from dagster_project.sources.live.mempool import Mempool
from dagster_project.sources.live.symbol_aliases import aliases_of
from dagster_project.sources.live.tiingo import TiingoVendor
from dagster_project.sources.live.vendor import Vendor
from dagster_project.sources.live.yahoo import YahooVendor
