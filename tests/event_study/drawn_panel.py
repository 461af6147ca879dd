"""Small synthetic data folders whose study is drawn too: models, windows, groups, events, holes.

Each seed is another configuration, so that a few dozen hold what no single one would. The figures
are those of a data folder, for the oracle reads nothing else.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd

N_SESSIONS = 150
FIRMS = ("ALL", "GAPS", "LATE", "STALE", "TWIN", "FLAT", "OUT")
# Of two shares that are the same only one is drawn: together with others they can leave a mean
# correlation of 1, where rounding decides what adjusts for it.
DRAWN = tuple(firm for firm in FIRMS if firm != "TWIN")
FUNDS = ("MKT", "F2", "F3", "F4", "F5")


@cache
def _sessions() -> pd.DatetimeIndex:
    calendar = exchange_calendars.get_calendar("XNYS", start="2019-01-01", end="2022-12-31")
    return calendar.sessions.tz_localize(None)[:N_SESSIONS]


class _Draw:
    """One folder's figures."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = np.random.default_rng(seed)
        self.days = _sessions()
        # Two dates apart, one of them again, one close to it, and both ends of the data.
        first = int(self.random.integers(75, 90))
        self.positions = {
            "one": first,
            "same-day": first,
            "close": first + int(self.random.integers(1, 4)),
            "apart": int(self.random.integers(115, 135)),
            "early": 12,
            "last": N_SESSIONS - 1,
        }

    def closes(self) -> pd.DataFrame:
        random, n = self.random, N_SESSIONS
        market, sector = 0.012 * random.standard_t(5, n), 0.015 * random.standard_normal(n)
        returns = {"MKT": market}
        for fund in FUNDS[1:]:
            returns[fund] = random.uniform(0.2, 0.9) * market + 0.01 * random.standard_normal(n)
        returns["COIN"] = 0.4 * sector + 0.03 * random.standard_normal(n)
        for firm in FIRMS:
            own = 0.025 * random.standard_t(4, n)
            returns[firm] = 0.001 + random.uniform(0.5, 2) * market + sector + own
        frame = pd.DataFrame(returns, index=self.days).clip(-0.4, 0.4)
        closes = 50 * np.exp(np.cumsum(frame))
        closes["CLONE"] = closes["MKT"]
        if self.seed % 2:
            closes["TWIN"] = closes["ALL"]
        if self.seed % 3 == 0:
            closes["FLAT"] = 12.5
        # A price that stands still on most days has many equal returns.
        closes["STALE"] = closes["STALE"].where(random.random(n) < 0.4).ffill().bfill()
        self._punch(closes)
        return closes.round(6)

    def _punch(self, closes: pd.DataFrame) -> None:
        random, days = self.random, self.days
        closes.loc[random.random(N_SESSIONS) < 0.12, "GAPS"] = np.nan
        closes.loc[days[: self.positions["one"] - 30], "LATE"] = np.nan
        # No price on one event session, no return on another, none within a window.
        closes.loc[days[self.positions["one"]], "OUT"] = np.nan
        closes.loc[days[self.positions["apart"] - 1], "OUT"] = np.nan
        closes.loc[days[self.positions["apart"] + 1], "TWIN"] = np.nan
        holes = [self.positions["apart"] - 20]
        if self.seed % 4 == 0:
            # A factor that is missing on an event session.
            holes.append(self.positions["close"])
        closes.loc[days[holes], "MKT"] = np.nan
        closes["CLONE"] = closes["MKT"]
        # The fund that holds bitcoin serves some events and not others.
        closes.loc[days[: int(random.integers(0, 60))], "COIN"] = np.nan
        ends = 70 if self.seed % 4 == 0 else int(random.integers(110, N_SESSIONS))
        closes.loc[days[ends:], "COIN"] = np.nan

    def bitcoin(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Closes in UTC and hours around the New York close; each has a hole."""
        random, days = self.random, self.days
        calendar = pd.date_range(days[0] - pd.Timedelta(days=5), days[-1], freq="D")
        close = 9000 * np.exp(np.cumsum(0.03 * random.standard_normal(len(calendar))))
        daily = pd.DataFrame({"date_utc": calendar.date, "close": close.round(2), "source": "x"})
        hours = daily.loc[np.repeat(daily.index, 6), ["date_utc"]].assign(
            hour_utc=np.tile(range(16, 22), len(daily)), source="x"
        )
        hours["close"] = np.repeat(close, 6) * np.exp(0.01 * random.standard_normal(len(hours)))
        last = days[int(random.integers(100, N_SESSIONS))].date()
        return daily.drop(index=random.integers(20, 60)), hours[hours.date_utc < last]

    def models(self) -> str:
        """Of every method one; the regressions take a drawn number of factors, up to five."""
        random = self.random
        factors = list(random.permutation(FUNDS)[: self.seed % 6])
        if factors and random.random() < 0.5:
            factors[int(random.integers(len(factors)))] = "bitcoin"
        kinds = random.choice(["simple", "log"], 4)
        method = "ols" if factors else "mean_adjusted"
        some = ("bitcoin", "MKT;bitcoin", "MKT", "bitcoin;MKT")[self.seed % 4]
        repeated = "MKT;CLONE" if self.seed % 4 == 1 else "F2;MKT"
        leverage = random.choice(["model", "one_over_n"])
        return (
            "model_id,factors,is_headline,reason,method,return_kind,leverage,mask_other_events\n"
            f"adjusted,MKT,0,x,market_adjusted,{kinds[0]},{leverage},0\n"
            f"drawn,{';'.join(factors)},0,x,{method},{kinds[1]},,0\n"
            f"masked,{some},0,x,ols,{kinds[2]},,1\n"
            f"other,{repeated},1,x,ols,simple,,{self.seed % 2}\n"
        )

    def windows(self) -> str:
        first, last = -int(self.random.integers(0, 4)), int(self.random.integers(1, 5))
        low, high = first - int(self.random.integers(0, 2)), last + int(self.random.integers(0, 3))
        return (
            "window_id,first_day,last_day,rank_first_day,rank_last_day\n"
            f"day,0,0,{low},{high}\nlong,{first},{last},,\ninto,-7,0,,\n"
        )

    def events(self) -> str:
        named = {
            event_id: ";".join(self.random.permutation(DRAWN)[: int(self.random.integers(0, 4))])
            for event_id in self.positions
        }
        # Windows of their own: one that clears the window which the study's overlaps, one that is
        # longer than the study's, one with the study's end.
        own = {"apart": "-50,-9", "last": "-75,-20", "close": "-40,"}
        lines = [
            f"{event_id},{event_id},drawn,{self.days[at].date()},unknown,{named[event_id]},"
            f"{own.get(event_id, ',')}"
            for event_id, at in self.positions.items()
        ]
        lines.append("future,future,drawn,2022-06-01,unknown,ALL,,")
        lines.append("ancient,ancient,drawn,1999-01-04,unknown,ALL,,")
        return (
            "event_id,title,event_type,news_date,news_timing,tickers_named,estimation_first_day,"
            "estimation_last_day\n" + "\n".join(lines)
        )

    def groups(self) -> str:
        drawn = ";".join(self.random.permutation(DRAWN)[: int(self.random.integers(2, 5))])
        return (
            "group_id,title,rule_kind,rule_value\n"
            "everyone,All,role,miner\n"
            f"drawn,Drawn,tickers,{drawn}\n"
            "few,A fund and a firm,tickers,MKT;GAPS\n"
            "twins,Two that may be the same,tickers,ALL;TWIN\n"
            "named,Named,named,\n"
        )


PARAMETERS = """parameter,value,unit,reason,decided_date
estimation_first_day,-62,x,x,2026-01-01
estimation_last_day,-6,x,x,2026-01-01
min_estimation_sessions,15,x,x,2026-01-01
short_window_sessions,40,x,x,2026-01-01
min_common_sessions,25,x,x,2026-01-01
"""
SETS = """set_id,title,rule_kind,rule_value
all,All,event_type,drawn
some,Some,events,one;same-day;apart;future
"""
BASKETS = """basket_id,title,rule_kind,rule_value,reason
ai,Drawn,tickers,GAPS;LATE;ALL,x
"""
ROLLING = "window_sessions,min_sessions,is_headline\n20,12,1\n45,25,0\n"


def write_drawn_panel(folder: Path, seed: int) -> None:
    """Write the data folder of a seed."""
    draw = _Draw(seed)
    closes = draw.closes()
    daily, hours = draw.bitcoin()
    long = closes.rename_axis("session_date").reset_index().melt("session_date", var_name="ticker")
    long = long.dropna().rename(columns={"value": "close"})
    roles = dict.fromkeys((*FUNDS, "CLONE"), "benchmark") | {"COIN": "bitcoin_proxy"}
    companies = [f"{t},{t},{roles.get(t, 'miner')},0" for t in (*closes, "GHOST")]
    texts = {
        "snapshot/equity_daily.csv": long.assign(source="x").to_csv(index=False),
        "snapshot/btc_daily.csv": daily.to_csv(index=False),
        "ledger/companies.csv": "\n".join(["ticker,name,role,is_focal", *companies]),
        "ledger/events.csv": draw.events(),
        "study/models.csv": draw.models(),
        "study/windows.csv": draw.windows(),
        "study/groups.csv": draw.groups(),
        "study/event_sets.csv": SETS,
        "study/baskets.csv": BASKETS,
        "study/rolling_windows.csv": ROLLING,
        "study/parameters.csv": PARAMETERS,
    }
    if seed % 3:
        texts["snapshot/btc_hourly.csv"] = hours.to_csv(index=False)
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
