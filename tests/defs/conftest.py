"""Definitions over the bundled data with outputs in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from dagster_project.definitions import build_definitions
from dagster_project.settings import Settings
from tests.warehouse_builder import settings_for, share_parse


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = settings_for(tmp_path_factory.mktemp("output"))
    share_parse(made)
    return made


@pytest.fixture(scope="module")
def definitions(settings: Settings) -> dg.Definitions:
    return build_definitions(settings)


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions) -> dg.AssetGraph:
    return definitions.resolve_asset_graph()


@pytest.fixture
def user_folder(tmp_path: Path) -> Path:
    """The smallest folder a user may bring: one firm, one benchmark, closes only."""
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "companies.csv").write_text(
        "ticker,name,role,is_focal\nAAA,Firm A,miner,1\nQQQ,Index,benchmark,0\n"
    )
    (tmp_path / "ledger" / "events.csv").write_text(
        "event_id,title,event_type,news_date,news_timing,source_url\n"
        "news,Something happened,demand_shock_negative,2024-03-05,in_session,\n"
    )
    (tmp_path / "snapshot" / "equity_daily.csv").write_text(
        "ticker,session_date,close\nAAA,2024-03-04,10\nAAA,2024-03-05,9\n"
        "QQQ,2024-03-04,400\nQQQ,2024-03-05,399\n"
    )
    return tmp_path
