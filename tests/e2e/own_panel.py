"""A user's own data folder: three firms, an index, two events, one model. Whole runs are short."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import exchange_calendars
import numpy as np

SESSIONS = 330
EVENT_AT = 300
# An earlier event, with an estimation window of its own.
EARLIER_AT = 200
EARLIER_ESTIMATION = (-150, -31)
# With the one that is known and never priced.
COMPANIES = 5


def _sessions() -> list[date]:
    calendar = exchange_calendars.get_calendar("XNYS", start="2021-01-04", end="2022-12-30")
    return [stamp.date() for stamp in calendar.sessions[:SESSIONS]]


def _returns() -> dict[str, np.ndarray]:
    random = np.random.default_rng(20250326)
    market = random.normal(0, 0.01, SESSIONS)
    firms = {
        ticker: beta * market + random.normal(0, 0.03, SESSIONS)
        for ticker, beta in (("AAA", 1.5), ("BBB", 0.7), ("CCC", 2.0))
    }
    return {"IDX": market, **firms}


def draw_closes() -> dict[str, np.ndarray]:
    """Closes per ticker, rounded as a file would hold them."""
    return {t: np.round(100 * np.cumprod(1 + r), 4) for t, r in _returns().items()}


def write_own_panel(folder: Path, closes: dict[str, np.ndarray]) -> Path:
    """The data folder of such a user; what it lacks comes from the bundled one."""
    for name in ("snapshot", "ledger", "study"):
        (folder / name).mkdir(parents=True)
    days = _sessions()
    rows = [
        f"{ticker},{day},{close!r}"
        for ticker, of_ticker in closes.items()
        for day, close in zip(days, of_ticker.tolist(), strict=True)
    ]
    (folder / "snapshot/equity_daily.csv").write_text(
        "ticker,session_date,close\n" + "\n".join(rows) + "\n"
    )
    (folder / "ledger/companies.csv").write_text(
        "ticker,name,role,is_focal\nAAA,Alpha,miner,1\nBBB,Beta,miner,1\nCCC,Gamma,miner,0\n"
        "IDX,Index,benchmark,0\nDDD,Known but never priced,miner,1\n"
    )
    (folder / "ledger/events.csv").write_text(
        "event_id,title,event_type,news_date,news_timing,tickers_named,estimation_first_day,"
        "estimation_last_day\n"
        f"my-event,My event,my_kind,{days[EVENT_AT - 1]},after_close,AAA;BBB,,\n"
        f"earlier,Before it,my_kind,{days[EARLIER_AT]},before_open,CCC,"
        f"{EARLIER_ESTIMATION[0]},{EARLIER_ESTIMATION[1]}\n"
    )
    (folder / "study/models.csv").write_text(
        "model_id,factors,is_headline,reason\nmarket_model,IDX,1,my own index\n"
    )
    return folder
