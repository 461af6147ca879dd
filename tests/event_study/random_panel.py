"""A data folder with drawn prices and every awkward series the event study must survive."""

from __future__ import annotations

from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd

N_SESSIONS = 420
EVENT = 300
COMPARED_EVENTS = ("main", "after-close", "weekend", "factor-hole", "young", "last")
STUDY_MODELS = """model_id,factors,is_headline,reason,method,return_kind,leverage,mask_other_events
mean_adjusted,,0,no factor,mean_adjusted,,,
market_adjusted,MKT,0,nothing estimated,market_adjusted,,,
market_adjusted_counted,MKT,0,leverage as R packages have it,market_adjusted,log,one_over_n,0
market_model,MKT,1,headline,,,,
market_model_log,MKT,0,log returns,ols,log,model,0
two_factors,MKT;FUND,0,a second fund,ols,simple,,0
three_factors,bitcoin;MKT;FUND,0,three with bitcoin first,ols,log,,0
repeated,MKT;CLONE,0,the same fund under two names,ols,,,
masked,MKT,0,without the firm's other news,ols,,,1
bitcoin,bitcoin,0,bitcoin alone,ols,,,
"""
BARE_MODELS = """model_id,factors,is_headline,reason
market_model,MKT,1,only the columns that a file must have
bitcoin,bitcoin,0,in a folder without closes in UTC
"""
BARE_WINDOWS = 'window_id,first_day,last_day\n"[0,0]",0,0\n"[-1,1]",-1,1\n'
STUDY_WINDOWS = """window_id,first_day,last_day,rank_first_day,rank_last_day
"[0,0]",0,0,-2,4
"[-1,1]",-1,1,,
"[0,3]",0,3,0,3
"""
STUDY_GROUPS = """group_id,title,rule_kind,rule_value
everyone,All firms,role,miner
pair,Two firms,tickers,AAA;BBB
alone,One firm,tickers,AAA
twins,Two firms with the same prices,tickers,AAA;TWIN
outsiders,No firm of the panel,role,hyperscaler
strangers,A fund and a firm,tickers,MKT;BBB
strangled,Two firms that are never listed together,tickers,EARLY;LATE
named,Firms the news names,named,
"""
STUDY_SETS = """set_id,title,rule_kind,rule_value
drawn_all,All drawn events,event_type,drawn
picked,Some of them,events,main;same-day;weekend;next-week;future
early,Two on one day and one far away,events,main;same-day;last
nothing,None of this kind,event_type,absent
"""
# One with holes, one listed late, and two whose returns are the same.
STUDY_BASKETS = """basket_id,title,rule_kind,rule_value,reason
ai,Three shares and a twin,tickers,HOLES;LATE;AAA;TWIN,drawn panel
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
            "EARLY": 1.0, "LATE": 1.0, "MISSES": 1.2, "RELISTED": 1.4, "STALE": 0.8,
        }.items()
    }  # fmt: skip
    returns["FUND"] = 0.6 * market + 0.01 * draw.standard_normal(n)
    returns["COIN"] = 0.4 * sector + 0.03 * draw.standard_normal(n)
    closes = 50 * np.exp(np.cumsum(pd.DataFrame(returns, index=days).clip(-0.5, 0.5)))
    closes["TWIN"] = closes["AAA"]
    closes["COPY"] = closes["MKT"]
    closes["CONSTANT"] = 12.5
    # All but the bitcoin fund itself.
    nearly = closes["COIN"] * (1 + 1e-5 * np.random.default_rng(seed + 3).standard_normal(n))
    closes["NEARLY"] = nearly
    # A price that stands still on most days: many equal returns.
    closes["STALE"] = closes["STALE"].where(draw.random(n) < 0.3).ffill().bfill()
    return closes


def _punch_holes(closes: pd.DataFrame, days: pd.DatetimeIndex, seed: int) -> None:
    draw = np.random.default_rng(seed)
    closes.loc[draw.choice(days, 70, replace=False), "HOLES"] = np.nan
    closes.loc[days[EVENT - 1 : EVENT + 1], "HOLES"] = 40.0, 41.0
    # A close on the event session, but none on the session before.
    closes.loc[days[EVENT + 1], "HOLES"] = np.nan
    closes.loc[days[EVENT + 2], "HOLES"] = 42.0
    closes.loc[days[: EVENT - 80], "SHORT"] = np.nan
    closes.loc[days[: EVENT - 30], "TINY"] = np.nan
    # The pair shares 40 sessions of the estimation window: too few for a correlation.
    closes.loc[days[EVENT - 70 : EVENT - 13], "EARLY"] = np.nan
    closes.loc[days[: EVENT - 110], "LATE"] = np.nan
    closes.loc[days[EVENT], "MISSES"] = np.nan
    # One hole in the market: that session is in no estimate.
    closes.loc[days[EVENT - 50], "MKT"] = np.nan
    closes["CLONE"] = closes["MKT"]
    # The fund that holds bitcoin starts late and ends early: early events must take the hourly
    # price at the New York close, late ones the close in UTC.
    closes.loc[days[: EVENT - 90], "COIN"] = np.nan
    closes.loc[days[EVENT + 60 :], "COIN"] = np.nan


def _bitcoin(days: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    calendar = pd.date_range(days[0] - pd.Timedelta(days=5), days[-1], freq="D")
    close = 9000 * np.exp(np.cumsum(0.03 * draw.standard_normal(len(calendar))))
    frame = pd.DataFrame({"date_utc": calendar.date, "close": close.round(2), "source": "drawn"})
    # A day without a close: no return on the session and on the one after it.
    return frame[frame.date_utc != days[120].date()]


def _hourly_bitcoin(days: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """Hours around every close of New York, up to a while after the drawn event."""
    draw = np.random.default_rng(seed)
    last = days[EVENT + 20]
    starts = pd.date_range(days[0] - pd.Timedelta(days=5), last, freq="h")
    frame = pd.DataFrame(
        {
            "date_utc": starts.date,
            "hour_utc": starts.hour,
            "close": (9000 * np.exp(np.cumsum(0.006 * draw.standard_normal(len(starts))))).round(2),
            "source": "drawn",
        }
    )
    # Another exchange stood in for a week; its price is 5% higher.
    stand_in = (starts >= days[EVENT - 150]) & (starts < days[EVENT - 145])
    frame.loc[stand_in, "source"] = "other"
    frame.loc[stand_in, "close"] = (1.05 * frame.close[stand_in]).round(2)
    # An outage on one day: no return into it or out of it.
    frame = frame[frame.date_utc != days[EVENT - 140].date()]
    return frame[frame.hour_utc.between(16, 21)]


def _events(days: pd.DatetimeIndex) -> str:
    friday = next(d for d in days[200:] if d.day_of_week == 4)

    def day(at: int) -> str:
        return str(days[at].date())

    own = "estimation_first_day,estimation_last_day"
    return f"""event_id,title,event_type,news_date,news_timing,tickers_named,source_url,{own}
main,Main,drawn,{day(EVENT)},unknown,AAA;BBB,,,
same-day,Other news of that day,other,{day(EVENT)},in_session,BBB;CCC;MISSES,,,
after-close,After the close,drawn,{day(EVENT + 1)},after_close,AAA,,-120,-21
next-week,A week later,other,{day(EVENT + 6)},before_open,CCC;HOLES;STALE,,,-31
weekend,News on a Saturday,drawn,{(friday + pd.Timedelta(days=1)).date()},non_trading,AAA;CCC,,-190,
factor-hole,No market that day,drawn,{day(EVENT - 50)},in_session,,,,
old-news,News in the estimation windows,other,{day(EVENT - 60)},in_session,AAA;HOLES,,,
older-news,A day before,other,{day(EVENT - 62)},in_session,AAA;TWIN,,,
young,Too early,drawn,{day(20)},before_open,,,,
last,Windows beyond the data,drawn,{day(-2)},unknown,AAA;EARLY;STALE,,,
future,After the data,drawn,2022-06-01,unknown,AAA,,,
ancient,Before the calendar,drawn,1999-01-04,unknown,AAA,,,
"""


def write_panel(folder: Path, seed: int, *, bare: bool = False) -> list[str]:
    """Write the folder and return the ids of the events to compare.

    A bare one lacks every file and column that may be missing.
    """
    days = sessions()
    closes = _closes(days, seed).round(6)
    _punch_holes(closes, days, seed + 1)
    long = closes.rename_axis("session_date").reset_index().melt("session_date", var_name="ticker")
    long = long.dropna().rename(columns={"value": "close"})
    long["session_date"] = long.session_date.dt.date
    long["source"] = "drawn"
    # The order of rows in a file means nothing.
    long = long.sample(frac=1, random_state=seed)[["ticker", "session_date", "close", "source"]]
    _write(folder, "snapshot/equity_daily.csv", long.to_csv(index=False))
    if not bare:
        _write(folder, "snapshot/btc_daily.csv", _bitcoin(days, seed + 2).to_csv(index=False))
        hours = _hourly_bitcoin(days, seed + 3)
        _write(folder, "snapshot/btc_hourly.csv", hours.to_csv(index=False))

    roles = {"MKT": "benchmark", "FUND": "benchmark", "CLONE": "benchmark", "COIN": "bitcoin_proxy",
             "NEARLY": "benchmark"}  # fmt: skip
    companies = ["ticker,name,role,is_focal,first_session"]
    for ticker in closes:
        role = roles.get(ticker, "miner")
        first = days[EVENT - 100].date() if ticker == "RELISTED" else ""
        companies.append(f"{ticker},{ticker} Inc,{role},{int(ticker == 'AAA')},{first}")
    companies.append("GHOST,Never priced Inc,miner,1,")
    _write(folder, "ledger/companies.csv", "\n".join(companies) + "\n")
    _write(folder, "ledger/events.csv", _events(days))
    models, windows = (BARE_MODELS, BARE_WINDOWS) if bare else (STUDY_MODELS, STUDY_WINDOWS)
    _write(folder, "study/models.csv", models)
    _write(folder, "study/windows.csv", windows)
    _write(folder, "study/groups.csv", STUDY_GROUPS)
    if not bare:
        _write(folder, "study/event_sets.csv", STUDY_SETS)
        _write(folder, "study/baskets.csv", STUDY_BASKETS)
    _write(folder, "study/parameters.csv", STUDY_PARAMETERS)
    return list(COMPARED_EVENTS)
