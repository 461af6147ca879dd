"""A data folder with drawn prices and every awkward series the event study must survive."""

from __future__ import annotations

from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd

N_SESSIONS = 420
STUDY_MODELS = "model_id,factors,is_headline,reason\nmarket_model,{factor},1,drawn panel\n"
STUDY_WINDOWS = 'window_id,first_day,last_day\n"[0,0]",0,0\n"[-1,1]",-1,1\n"[0,3]",0,3\n'
STUDY_GROUPS = """group_id,title,rule_kind,rule_value
everyone,All firms,role,miner
pair,Two firms,tickers,AAA;BBB
alone,One firm,tickers,AAA
twins,Two firms with the same prices,tickers,AAA;TWIN
outsiders,No firm of the panel,role,hyperscaler
strangers,A fund and a firm,tickers,MKT;BBB
strangled,Two firms that are never listed together,tickers,EARLY;LATE
"""
STUDY_PARAMETERS = """parameter,value,unit,reason,decided_date
estimation_first_day,-160,sessions before t0,drawn panel,2026-01-01
estimation_last_day,-11,sessions before t0,drawn panel,2026-01-01
min_estimation_sessions,30,sessions,drawn panel,2026-01-01
short_window_sessions,120,sessions,drawn panel,2026-01-01
min_common_sessions,60,sessions,drawn panel,2026-01-01
pue_assumed,1,ratio,drawn panel,2026-01-01
"""


def sessions() -> pd.DatetimeIndex:
    calendar = exchange_calendars.get_calendar("XNYS", start="2019-01-01", end="2022-12-31")
    return calendar.sessions.tz_localize(None)[:N_SESSIONS]


def _write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _closes(days: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    n = len(days)
    market = 0.012 * draw.standard_t(5, n)
    sector = 0.02 * draw.standard_normal(n)

    def firm(beta: float) -> np.ndarray:
        return 0.001 + beta * market + sector + 0.03 * draw.standard_t(4, n)

    returns = {"MKT": market} | {
        ticker: firm(beta)
        for ticker, beta in {
            "AAA": 1.5, "BBB": 2.0, "CCC": 0.7, "HOLES": 1.1, "SHORT": 1.3, "TINY": 0.9,
            "EARLY": 1.0, "LATE": 1.0, "MISSES": 1.2, "RELISTED": 1.4,
        }.items()
    }  # fmt: skip
    closes = 50 * np.exp(np.cumsum(pd.DataFrame(returns, index=days).clip(-0.5, 0.5)))
    closes["TWIN"] = closes["AAA"]
    closes["COPY"] = closes["MKT"]
    closes["CONSTANT"] = 12.5
    return closes


def write_panel(folder: Path, seed: int, factor: str = "MKT") -> list[str]:
    """Write the folder and return its event ids. Files that may be missing are missing."""
    days = sessions()
    draw = np.random.default_rng(seed + 1)
    closes = _closes(days, seed).round(6)
    event = 300
    closes.loc[draw.choice(days, 70, replace=False), "HOLES"] = np.nan
    closes.loc[days[event - 1 : event + 1], "HOLES"] = 40.0, 41.0
    # A close on the event session, but none on the session before.
    closes.loc[days[event + 1], "HOLES"] = np.nan
    closes.loc[days[event + 2], "HOLES"] = 42.0
    closes.loc[days[: event - 80], "SHORT"] = np.nan
    closes.loc[days[: event - 30], "TINY"] = np.nan
    # The pair shares 40 sessions of the estimation window: too few for a correlation.
    closes.loc[days[event - 70 : event - 13], "EARLY"] = np.nan
    closes.loc[days[: event - 110], "LATE"] = np.nan
    closes.loc[days[event], "MISSES"] = np.nan
    # One hole in the market: that session is in no estimate.
    closes.loc[days[event - 50], "MKT"] = np.nan
    long = closes.rename_axis("session_date").reset_index().melt("session_date", var_name="ticker")
    long = long.dropna().rename(columns={"value": "close"})
    long["session_date"] = long.session_date.dt.date
    long["source"] = "drawn"
    # The order of rows in a file means nothing.
    long = long.sample(frac=1, random_state=seed)[["ticker", "session_date", "close", "source"]]
    _write(folder, "snapshot/equity_daily.csv", long.to_csv(index=False))

    companies = ["ticker,name,role,is_focal,first_session"]
    for ticker in closes:
        role = "benchmark" if ticker == "MKT" else "miner"
        first = days[event - 100].date() if ticker == "RELISTED" else ""
        companies.append(f"{ticker},{ticker} Inc,{role},{int(ticker == 'AAA')},{first}")
    companies.append("GHOST,Never priced Inc,miner,1,")
    if factor not in closes:
        companies.append(f"{factor},Absent fund,benchmark,0,")
    _write(folder, "ledger/companies.csv", "\n".join(companies) + "\n")

    day = {name: days[at].date() for name, at in {"main": event, "hole": event - 50}.items()}
    friday = next(d for d in days[200:] if d.day_of_week == 4)
    events = f"""event_id,title,event_type,news_date,news_timing,tickers_named,source_url
main,Main,drawn,{day["main"]},unknown,AAA;BBB,
after-close,After the close,drawn,{days[event + 1].date()},after_close,AAA,
weekend,News on a Saturday,drawn,{(friday + pd.Timedelta(days=1)).date()},non_trading,,
factor-hole,No market that day,drawn,{day["hole"]},in_session,,
young,Too early,drawn,{days[20].date()},before_open,,
last,Windows beyond the data,drawn,{days[-2].date()},unknown,,
future,After the data,drawn,2022-06-01,unknown,AAA,
ancient,Before the calendar,drawn,1999-01-04,unknown,AAA,
"""
    _write(folder, "ledger/events.csv", events)
    _write(folder, "study/models.csv", STUDY_MODELS.format(factor=factor))
    _write(folder, "study/windows.csv", STUDY_WINDOWS)
    _write(folder, "study/groups.csv", STUDY_GROUPS)
    _write(folder, "study/parameters.csv", STUDY_PARAMETERS)
    return ["main", "after-close", "weekend", "factor-hole", "young", "last"]
