"""Published event studies as data folders of this project.

Each function reads one folder of prices that went into another program, with what that
program printed, and writes the CSV files that make this project work the same study.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

PARAMETERS = """parameter,value,unit,reason,decided_date
estimation_first_day,{first},sessions before t0,as published,2026-01-01
estimation_last_day,{last},sessions before t0,as published,2026-01-01
min_estimation_sessions,30,sessions,as in this project,2026-01-01
short_window_sessions,120,sessions,as in this project,2026-01-01
min_common_sessions,60,sessions,as in this project,2026-01-01
pue_assumed,1,ratio,not used,2026-01-01
"""
COVID_FIRMS = ("AMZN", "FB", "NFLX", "SHOP", "UPWK")
ADDITION_METHODS = ("mean_adjusted", "market_adjusted", "market_model")
RETURN_KINDS = ("simple", "log")


def _write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _write_prices(folder: Path, long: pd.DataFrame) -> None:
    long = long.assign(source="published case").sort_values(["ticker", "session_date"])
    columns = ["ticker", "session_date", "close", "source"]
    _write(folder, "snapshot/equity_daily.csv", long[columns].to_csv(index=False))


def _windows(single: range, whole: tuple[int, int]) -> str:
    """One-day windows, ranked over all the event days, and the whole window."""
    first, last = whole
    lines = ["window_id,first_day,last_day,rank_first_day,rank_last_day"]
    lines += [f'"[{day},{day}]",{day},{day},{first},{last}' for day in single]
    lines.append(f'"[{first},{last}]",{first},{last},,')
    return "\n".join(lines) + "\n"


def write_covid(case: Path, folder: Path) -> str:
    """Five shares on 16 March 2020, log returns; returns the event's id."""
    shares = pd.read_csv(case / "input_prices.csv").melt("date", var_name="ticker")
    index = pd.read_csv(case / "input_prices_index.csv").melt("date", var_name="ticker")
    long = pd.concat([shares, index]).rename(columns={"date": "session_date", "value": "close"})
    _write_prices(folder, long.dropna())
    companies = ["ticker,name,role,is_focal", "GSPC,S&P 500,benchmark,0"]
    companies += [f"{ticker},{ticker},miner,1" for ticker in COVID_FIRMS]
    _write(folder, "ledger/companies.csv", "\n".join(companies) + "\n")
    _write(
        folder,
        "ledger/events.csv",
        "event_id,title,event_type,news_date,news_timing,tickers_named\n"
        f"covid,COVID sell-off,macro,2020-03-16,before_open,{';'.join(COVID_FIRMS)}\n",
    )
    # The headline has simple returns by rule; the published study has log returns.
    _write(
        folder,
        "study/models.csv",
        "model_id,factors,is_headline,reason,method,return_kind\n"
        "market_model,GSPC,1,simple returns,ols,simple\n"
        "market_model_log,GSPC,0,as published,ols,log\n",
    )
    _write(folder, "study/windows.csv", _windows(range(5), (0, 4)))
    _write(
        folder,
        "study/groups.csv",
        f"group_id,title,rule_kind,rule_value\nfive,All five,tickers,{';'.join(COVID_FIRMS)}\n",
    )
    _write(folder, "study/parameters.csv", PARAMETERS.format(first=-240, last=-1))
    return "covid"


def addition_requests(case: Path) -> pd.DataFrame:
    """The sixteen additions: id of the event, firm, ticker here, day."""
    requests = pd.read_csv(
        case / "01_RequestFile.csv",
        sep=";",
        header=None,
        names=["event_id", "firm", "market", "date", "kind", "first", "last", "end", "length"],
        dtype={"event_id": str},
        encoding="utf-8",
    )
    requests["ticker"] = [f"F{number:02}" for number in range(1, len(requests) + 1)]
    requests["news_date"] = pd.to_datetime(requests.date, format="%d.%m.%Y").dt.date
    return requests


def write_additions(case: Path, folder: Path) -> list[str]:
    """Sixteen additions to the S&P 500, each on its own date; returns the event ids.

    Two closes in the file are negative: the load rejects them, so they are missing.
    """
    requests = addition_requests(case)
    ticker_of = dict(zip(requests.firm, requests.ticker, strict=True)) | {"SP500": "SP500"}
    parts = [
        pd.read_csv(case / name, sep=";", header=None, names=["firm", "date", "close"])
        for name in ("02_FirmData.csv", "03_MarketData.csv")
    ]
    long = pd.concat(parts)
    long["ticker"] = long.firm.map(ticker_of)
    long["session_date"] = pd.to_datetime(long.date, format="%d.%m.%Y").dt.date
    _write_prices(folder, long.dropna())
    companies = ["ticker,name,role,is_focal", "SP500,Index,benchmark,0"]
    companies += [f"{r.ticker},{r.firm.strip()},miner,0" for r in requests.itertuples()]
    _write(folder, "ledger/companies.csv", "\n".join(companies) + "\n")
    events = ["event_id,title,event_type,news_date,news_timing,tickers_named"]
    events += [
        f"add-{r.event_id},{r.firm.strip()},addition,{r.news_date},before_open,{r.ticker}"
        for r in requests.itertuples()
    ]
    _write(folder, "ledger/events.csv", "\n".join(events) + "\n")
    models = ["model_id,factors,is_headline,reason,method,return_kind,leverage"]
    for kind in RETURN_KINDS:
        headline = int(kind == "simple")
        models += [
            f"mean_adjusted_{kind},,0,as published,mean_adjusted,{kind},",
            f"market_adjusted_{kind},SP500,0,as published,market_adjusted,{kind},one_over_n",
            f"market_model_{kind},SP500,{headline},as published,ols,{kind},",
        ]
    _write(folder, "study/models.csv", "\n".join(models) + "\n")
    _write(folder, "study/windows.csv", _windows(range(-2, 3), (-2, 2)))
    _write(
        folder,
        "study/groups.csv",
        "group_id,title,rule_kind,rule_value\nnamed,The firm of the news,named,\n",
    )
    _write(
        folder,
        "study/event_sets.csv",
        "set_id,title,rule_kind,rule_value\nall_additions,All sixteen,event_type,addition\n",
    )
    _write(folder, "study/parameters.csv", PARAMETERS.format(first=-130, last=-11))
    return [f"add-{event_id}" for event_id in requests.event_id]
