"""A user's data folder, small and right."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """The required files of a folder, three sessions of one miner and one benchmark."""
    folder = tmp_path / "mine"
    (folder / "snapshot").mkdir(parents=True)
    (folder / "ledger").mkdir()
    (folder / "snapshot" / "equity_daily.csv").write_text(
        "ticker,session_date,close\n"
        + "".join(
            f"{ticker},2025-03-{day},{price}\n"
            for ticker, price in (("AAA", 10), ("QQQ", 480))
            for day in (25, 26, 27)
        )
    )
    (folder / "ledger" / "companies.csv").write_text(
        "ticker,name,role,is_focal\nAAA,Firm A,miner,1\nQQQ,Index fund,benchmark,0\n"
    )
    (folder / "ledger" / "events.csv").write_text(
        "event_id,title,event_type,news_date,news_timing,source_url\n"
        "news,Something happened,demand_shock_negative,2025-03-26,in_session,\n"
    )
    return folder
