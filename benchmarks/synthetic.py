"""A drawn market of any size, as a source like any other: seeded, with splits, holes and listings.

``python -m benchmarks.synthetic FOLDER [--tickers N --years N --events N --studied N]`` writes its
raw tables as Parquet. In Python, ``SyntheticSource(Market(Size(...)))`` answers with what the
project's own loader takes.

Every share is drawn from a stream of its own, so that its figures depend on the seed, its number
and the years alone: neither on how many others there are nor on how many are drawn at once. Shares
come in blocks of ``BLOCK`` tickers; nothing here holds more than one block.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import exchange_calendars
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.contracts import (
    BY_NAME,
    SOURCE_REF,
    TABLES,
    Column,
    Extract,
    Kind,
    Table,
    Window,
    typed_frame,
)
from dagster_project.settings import BUNDLED_DATA_DIR
from dagster_project.sources import Source
from dagster_project.sources.data_folder import DataFolder
from dagster_project.sources.exchange_calendar import ExchangeCalendar

SEED = 20250326
NAME = "synthetic"
# Shares drawn and loaded at once: some 600,000 rows at 20 years.
BLOCK = 128
LAST_DAY = date(2025, 12, 31)
# Bitcoin has no price before its first exchange; a market that begins earlier has none either.
FIRST_BITCOIN_DAY = date(2010, 7, 18)
# Subsidy in bitcoin per block from each day (UTC) on.
SUBSIDIES = (
    (date(2009, 1, 3), 50.0),
    (date(2012, 11, 28), 25.0),
    (date(2016, 7, 9), 12.5),
    (date(2020, 5, 11), 6.25),
    (date(2024, 4, 20), 3.125),
)
RETARGET_DAYS = 14
HASHES_PER_DIFFICULTY = 2**32
DAY_S = 86_400

SPLIT_RATIOS = (2.0, 3.0, 1.5, 4.0, 10.0, 0.1, 0.2)
SPLITS_PER_YEAR = 0.05
SHARE_LISTED_LATER = 0.3
SHARE_DELISTED = 0.15
SHARE_HALTED = 0.2
HOLES_PER_SESSION = 0.0005
# One share in this many is in the second source too, and the funds.
SECOND_SOURCE_EVERY = 5

FUNDS = (("IBIT", "bitcoin_proxy"), ("QQQ", "benchmark"), ("SPY", "benchmark"))
# Of the studied firms; the rest of the market has the role of benchmarks, which no study tests.
ROLE_SHARES = (("miner", 0.5, "M"), ("hyperscaler", 0.15, "H"), ("ai_infrastructure", 0.35, "A"))
EVENT_TYPES = ("demand_shock_negative", "demand_shock_positive", "contract", "macro")
TIMINGS = ("before_open", "in_session", "after_close", "unknown")

# Streams of random figures, one per thing drawn: a change to one leaves the others alone.
_FACTORS, _SHARE, _INTRADAY, _BITCOIN, _NETWORK, _EVENTS, _LEDGER, _SECOND = range(8)

Floats = np.ndarray[Any, np.dtype[np.float64]]
Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Size:
    """What to draw.

    ``tickers`` counts the three funds; ``studied`` of the others are miners, hyperscalers and AI
    firms, which every event is tested on, and the rest is the wider market. ``sessions_back``
    leaves out the newest sessions: the same market as it stood then.
    """

    tickers: int = 20
    years: int = 1
    events: int = 10
    studied: int = 100
    sessions_back: int = 0
    seed: int = SEED

    def __post_init__(self) -> None:
        if self.tickers < 2 * len(FUNDS):
            raise ValueError(f"a market needs at least {2 * len(FUNDS)} tickers: {self.tickers}")
        if self.years < 1 or self.events < 1 or self.studied < 3 or self.sessions_back < 0:
            raise ValueError(f"years, events and three studied firms are needed: {self}")

    @property
    def n_studied(self) -> int:
        return min(self.studied, self.tickers - len(FUNDS))

    def __str__(self) -> str:
        return (
            f"{self.tickers:,} tickers ({self.n_studied:,} studied) x {self.years} years, "
            f"{self.events:,} events"
        )


@dataclass(frozen=True)
class Share:
    """What is fixed about one share: positions are of sessions of the market.

    ``splits`` are (position, ratio); ``missing`` the positions without a bar.
    """

    number: int
    ticker: str
    role: str
    first: int
    last: int
    beta_market: float
    beta_bitcoin: float
    volatility: float
    start_price: float
    splits: tuple[tuple[int, float], ...]
    missing: tuple[int, ...]


@dataclass(frozen=True)
class Bars:
    """Daily bars of a block of shares: one row per share and session with a bar, by share and day.

    ``share`` is the position in the block, ``session`` that in the market's calendar. Prices in USD
    as adjusted for all later splits.
    """

    shares: tuple[Share, ...]
    share: np.ndarray[Any, np.dtype[np.int64]]
    session: np.ndarray[Any, np.dtype[np.int64]]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class Market:
    """Everything that is drawn for one size."""

    size: Size
    first_day: date = field(init=False)

    def __post_init__(self) -> None:
        self.first_day = LAST_DAY.replace(year=LAST_DAY.year - self.size.years) + timedelta(days=1)

    def _random(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.size.seed, self.size.years, *stream])

    @cached_property
    def sessions(self) -> np.ndarray[Any, np.dtype[np.datetime64]]:
        """Every session of the years, also those that ``sessions_back`` leaves out."""
        calendar = exchange_calendars.get_calendar(
            "XNYS", start=self.first_day.isoformat(), end=LAST_DAY.isoformat()
        )
        return calendar.sessions.tz_localize(None).to_numpy().astype("datetime64[s]")

    @property
    def n_known(self) -> int:
        """Sessions that the market knows of."""
        return len(self.sessions) - self.size.sessions_back

    @property
    def last_known(self) -> date:
        """Newest session that the market knows of."""
        day: date = self.sessions[self.n_known - 1].astype("datetime64[D]").item()
        return day

    # --- prices ---------------------------------------------------------------------------

    @cached_property
    def bitcoin_days(self) -> np.ndarray[Any, np.dtype[np.datetime64]]:
        first = max(self.first_day, FIRST_BITCOIN_DAY)
        return np.arange(first, LAST_DAY + timedelta(days=1), dtype="datetime64[D]")

    @cached_property
    def bitcoin_closes(self) -> Floats:
        """USD, one per day of ``bitcoin_days``; the last is 90,000."""
        random = self._random(_BITCOIN)
        steps = 0.028 * random.standard_t(4, len(self.bitcoin_days)) / np.sqrt(2)
        path = np.cumsum(np.clip(steps, -0.4, 0.4))
        return np.round(90_000 * np.exp(path - path[-1]), 2)

    @cached_property
    def factors(self) -> Floats:
        """Log returns per session (2 x sessions): the market's and bitcoin's since the last close.

        Zero before bitcoin has a price.
        """
        market = 0.0003 + 0.011 * self._random(_FACTORS).standard_t(5, len(self.sessions))
        logs = np.log(self.bitcoin_closes)
        at = np.searchsorted(self.bitcoin_days, self.sessions.astype("datetime64[D]"))
        level = np.where(at < len(logs), logs[np.minimum(at, len(logs) - 1)], logs[-1])
        # Positions before the first price are all 0, so that their differences vanish.
        bitcoin = np.diff(level, prepend=level[0])
        return np.vstack([np.clip(market, -0.15, 0.15), bitcoin])

    @cached_property
    def tickers(self) -> tuple[tuple[str, str], ...]:
        """Ticker and role: funds, studied firms by role, the wider market."""
        named = list(FUNDS)
        left = self.size.n_studied
        for role, part, letter in ROLE_SHARES:
            count = (
                left if role == ROLE_SHARES[-1][0] else max(1, round(part * self.size.n_studied))
            )
            named += [(f"{letter}{number:04d}", role) for number in range(count)]
            left -= count
        wider = self.size.tickers - len(named)
        return tuple(named + [(f"W{number:04d}", "benchmark") for number in range(wider)])

    def share(self, position: int) -> Share:
        """What is fixed about the share at ``position`` of ``tickers``."""
        ticker, role = self.tickers[position]
        is_fund = position < len(FUNDS)
        # The name decides, not the position: a market with more miners has the same first ones.
        stream = int.from_bytes(ticker.encode(), "big")
        random = self._random(_SHARE, stream)
        length = len(self.sessions)
        chance = random.random(3)
        first, last = 0, length - 1
        if chance[0] < SHARE_LISTED_LATER and not is_fund:
            first = int(random.integers(1, max(2, length // 2)))
        if chance[1] < SHARE_DELISTED and not is_fund:
            last = int(random.integers(length // 2 + length // 4, length))
        n_splits = 0 if is_fund else int(random.poisson(SPLITS_PER_YEAR * self.size.years))
        days = sorted(set(random.integers(first + 1, last + 1, n_splits).tolist()))
        ratios = random.choice(SPLIT_RATIOS, len(days))
        missing: list[int] = []
        if not is_fund:
            missing = random.integers(
                first, last + 1, random.poisson(HOLES_PER_SESSION * length)
            ).tolist()
            if chance[2] < SHARE_HALTED:
                halted = int(random.integers(first, last + 1))
                missing += range(halted, min(halted + int(random.integers(2, 15)), last))
        # Listing and last bars stay: they are what says that a share was listed.
        missing = sorted(set(missing) - {first, last})
        beta_market, beta_bitcoin = random.uniform((0.5, 0.0), (1.8, 0.2))
        volatility, start = random.uniform(0.01, 0.03), float(np.exp(random.uniform(2, 5)))
        if role == "miner":
            beta_bitcoin += 0.6
        if ticker == "QQQ" or ticker == "SPY":
            beta_market, beta_bitcoin, volatility = 1.0, 0.0, 0.002
        if ticker == "IBIT":
            beta_market, beta_bitcoin, volatility = 0.0, 1.0, 0.0005
        return Share(
            position, ticker, role, first, last, float(beta_market), float(beta_bitcoin),
            float(volatility), start, tuple(zip(days, map(float, ratios), strict=True)),
            tuple(missing),
        )  # fmt: skip

    def blocks(self) -> Iterator[tuple[Share, ...]]:
        """All shares, ``BLOCK`` at a time."""
        for start in range(0, len(self.tickers), BLOCK):
            stop = min(start + BLOCK, len(self.tickers))
            yield tuple(self.share(position) for position in range(start, stop))

    def bars(self, shares: tuple[Share, ...], since: int = 0) -> Bars:
        """Bars of some shares from session ``since`` to the newest that is known."""
        length = len(self.sessions)
        own = np.empty((len(shares), length))
        intraday = np.empty((4, len(shares), length), dtype=np.float32)
        for row, share in enumerate(shares):
            stream = int.from_bytes(share.ticker.encode(), "big")
            random = self._random(_INTRADAY, stream)
            own[row] = share.volatility * random.standard_t(5, length) / np.sqrt(5 / 3)
            intraday[:, row] = random.standard_normal((4, length), dtype=np.float32)
        betas = np.array([[share.beta_market, share.beta_bitcoin] for share in shares])
        steps = np.clip(betas @ self.factors + own, -0.7, 0.7)
        live = np.zeros((len(shares), length), dtype=bool)
        # Later splits divide earlier prices: what a vendor answers today.
        later = np.ones((len(shares), length))
        for row, share in enumerate(shares):
            live[row, share.first : share.last + 1] = True
            live[row, list(share.missing)] = False
            for position, ratio in share.splits:
                later[row, :position] *= ratio
        start = np.array([share.start_price for share in shares])[:, None]
        # The path is of prices as adjusted; as traded they are rounded to the tick.
        adjusted = np.clip(start * np.exp(np.cumsum(steps, axis=1)), 1e-3, 1e6)
        close = self._ticks(adjusted * later) / later
        before = np.concatenate([start, close[:, :-1]], axis=1)
        open_ = self._ticks(before * np.exp(0.004 * intraday[0]) * later) / later
        high = np.maximum(open_, close) * (1 + 0.006 * np.abs(intraday[1]))
        low = np.minimum(open_, close) / (1 + 0.006 * np.abs(intraday[2]))
        volume = np.rint(1e6 / start * 10 * np.exp(0.5 * intraday[3]) * later).astype(np.int64)
        live[:, : max(since, 0)] = False
        live[:, self.n_known :] = False
        row, session = np.nonzero(live)
        return Bars(
            shares, row, session, np.round(open_[live], 8), np.round(high[live], 8),
            np.round(low[live], 8), np.round(close[live], 8), volume[live],
        )  # fmt: skip

    @staticmethod
    def _ticks(prices: Floats) -> Floats:
        """Prices as an exchange quotes them: cents above a dollar, else hundredths of a cent."""
        return np.where(prices >= 1, np.round(prices, 2), np.maximum(np.round(prices, 4), 1e-4))

    # --- the tables -------------------------------------------------------------------------

    def frames(self, table: str, since: date | None = None) -> Iterator[pd.DataFrame]:
        """Rows of a raw table in PANDAS_TYPES, block by block; a series from ``since`` on.

        Raises KeyError for a table that nothing is drawn for (``DRAWN`` names them).
        """
        if table in ("equity_prices", "equity_closes_second_source"):
            start = (
                0 if since is None else int(np.searchsorted(self.sessions, np.datetime64(since)))
            )
            for shares in self.blocks():
                bars = self.bars(shares, start)
                yield self._prices(bars) if table == "equity_prices" else self._second(bars)
            return
        columns = _DRAWN_BY[table](self)
        frame = typed_frame(BY_NAME[table], {**columns, SOURCE_REF: _refs(table, columns)})
        time_column = BY_NAME[table].time_column
        if time_column and since is not None:
            frame = frame[frame[time_column] >= np.datetime64(since)].reset_index(drop=True)
        yield frame

    def _prices(self, bars: Bars) -> pd.DataFrame:
        return _series_frame(
            self, "equity_prices", bars.shares, bars.share, bars.session,
            {
                "open": bars.open, "high": bars.high, "low": bars.low, "close": bars.close,
                "volume": bars.volume,
            },
        )  # fmt: skip

    def _second(self, bars: Bars) -> pd.DataFrame:
        """Closes of a second source: near, with days left out and a few wrong ones."""
        length = len(self.sessions)
        noise = np.zeros((len(bars.shares), length))
        kept = np.zeros((len(bars.shares), length), dtype=bool)
        for row, share in enumerate(bars.shares):
            if share.number % SECOND_SOURCE_EVERY and share.number >= len(FUNDS):
                continue
            stream = int.from_bytes(share.ticker.encode(), "big")
            random = self._random(_SECOND, stream)
            noise[row] = 0.0008 * random.standard_normal(length)
            noise[row][random.random(length) < 0.0002] += 0.03
            kept[row] = random.random(length) > 0.01
        chosen = kept[bars.share, bars.session]
        share, session = bars.share[chosen], bars.session[chosen]
        close = np.round(bars.close[chosen] * (1 + noise[share, session]), 8)
        return _series_frame(
            self, "equity_closes_second_source", bars.shares, share, session, {"close": close}
        )

    def _companies(self) -> Columns:
        shares = [share for block in self.blocks() for share in block]
        days = self.sessions.astype("datetime64[D]")
        return {
            "ticker": [share.ticker for share in shares],
            "name": [f"Company {share.ticker}" for share in shares],
            "role": [share.role for share in shares],
            "is_focal": [share.role == "miner" and share.ticker < "M0006" for share in shares],
            "first_session": [
                days[share.first].item() if share.first else None for share in shares
            ],
        }

    def _splits(self) -> Columns:
        days = self.sessions.astype("datetime64[D]")
        rows = [
            (share.ticker, days[position].item(), ratio)
            for block in self.blocks()
            for share in block
            for position, ratio in share.splits
            if position < self.n_known
        ]
        return {
            "ticker": [row[0] for row in rows],
            "ex_date": [row[1] for row in rows],
            "ratio": [row[2] for row in rows],
        }

    def _bitcoin(self) -> Columns:
        closes = self.bitcoin_closes
        wide = np.abs(self._random(_BITCOIN, 1).standard_normal((2, len(closes)))) * 0.01
        opens = np.concatenate([closes[:1], closes[:-1]])
        known = self.bitcoin_days <= np.datetime64(self.last_known)
        volume = np.round(20_000 * np.exp(40 * wide[0]), 4)
        return {
            "date_utc": self.bitcoin_days[known].tolist(),
            "open": opens[known].tolist(),
            "high": (np.maximum(opens, closes) * (1 + wide[0]))[known].tolist(),
            "low": (np.minimum(opens, closes) / (1 + wide[1]))[known].tolist(),
            "close": closes[known].tolist(),
            "volume_btc": volume[known].tolist(),
        }

    def _network(self) -> Columns:
        """Difficulty set anew every two weeks, blocks by chance, subsidy by the schedule."""
        random = self._random(_NETWORK)
        days = self.bitcoin_days
        elapsed = (days - np.datetime64(FIRST_BITCOIN_DAY)).astype(int)
        # From 181 in July 2010 to some 1.5e14: steep at first, then less and less.
        trend = np.log(181) + (np.log(1.5e14) - np.log(181)) * (elapsed / 5_645) ** 0.45
        epoch = elapsed // RETARGET_DAYS
        first_of_epoch = np.searchsorted(epoch, epoch)
        difficulty = np.round(np.exp(trend[first_of_epoch]), 0)
        blocks = np.clip(random.poisson(146, len(days)), 60, 300)
        price = np.round(self.bitcoin_closes * (1 + 0.001 * random.standard_normal(len(days))), 2)
        starts = np.array([start for start, _ in SUBSIDIES], dtype="datetime64[D]")
        subsidy = np.array([coins for _, coins in SUBSIDIES])[
            np.searchsorted(starts, days, side="right") - 1
        ]
        fee_share = 0.02 * np.exp(0.8 * random.standard_normal(len(days)))
        known = days <= np.datetime64(self.last_known)
        hashrate = difficulty * HASHES_PER_DIFFICULTY * blocks / DAY_S / 1e18
        return {
            "date_utc": days[known].tolist(),
            "hashrate_eh_s": hashrate[known].tolist(),
            "difficulty": difficulty[known].tolist(),
            "blocks": blocks[known].tolist(),
            "issuance_usd": (subsidy * blocks * price)[known].tolist(),
            "fees_usd": (subsidy * blocks * price * fee_share)[known].tolist(),
            "price_usd": price[known].tolist(),
        }

    def _events(self) -> Columns:
        """Events over the sessions that have a year before them, or over the later half."""
        random = self._random(_EVENTS)
        length = len(self.sessions)
        earliest = min(270, length // 2)
        at = np.sort(random.integers(earliest, length - 6, self.size.events))
        days = self.sessions.astype("datetime64[D]")
        studied = [ticker for ticker, role in self.tickers if role == "miner"]
        named = random.integers(0, len(studied), self.size.events)
        rows = [
            (number, days[position].item(), studied[named[number]])
            for number, position in enumerate(at)
            if position < self.n_known
        ]
        types = random.choice(EVENT_TYPES, self.size.events)
        timings = random.choice(TIMINGS, self.size.events)
        return {
            "event_id": [f"event-{number:04d}" for number, _, _ in rows],
            "title": [f"Drawn event {number}" for number, _, _ in rows],
            "event_type": [str(types[number]) for number, _, _ in rows],
            "tier": ["core" if number % 3 == 0 else "extra" for number, _, _ in rows],
            "news_date": [day for _, day, _ in rows],
            "news_timing": [str(timings[number]) for number, _, _ in rows],
            "tickers_named": [ticker for _, _, ticker in rows],
        }

    def _quarters(self) -> list[tuple[date, date]]:
        """First and last day of the quarters that were reported by now (45 days after they end)."""
        ends = pd.date_range(self.first_day, self.last_known - timedelta(days=45), freq="QE")
        return [
            ((end - pd.offsets.QuarterBegin(startingMonth=1)).date(), end.date()) for end in ends
        ]

    def _company_facts(self) -> Columns:
        """What miners report each quarter: power, shares, net debt, revenue, bitcoin."""
        rows: list[dict[str, Any]] = []
        for ticker, role in self.tickers:
            if role != "miner":
                continue
            random = self._random(_LEDGER, int.from_bytes(ticker.encode(), "big"))
            power, shares_n = random.uniform(100, 600), random.uniform(5e7, 4e8)
            for number, (start, end) in enumerate(self._quarters()):
                grown = 1 + 0.02 * number
                metrics = (
                    ("total_power_capacity_mw", power * grown, "MW", "point", "gross"),
                    ("shares_outstanding", shares_n * grown, "shares", "point", None),
                    ("net_debt_usd", random.normal(0, 2e8), "USD", "point", None),
                    ("energized_hashrate_eh_s", power / 30 * grown, "EH/s", "point", None),
                    ("btc_produced", random.uniform(200, 2000), "BTC", "quarter", None),
                    ("total_revenue_usd", random.uniform(2e7, 2e8), "USD", "quarter", None),
                )
                known = end + timedelta(days=45)
                rows += [
                    {
                        "ticker": ticker, "as_of_date": end, "metric": metric,
                        "value": round(value, 3), "unit": unit, "period": period,
                        "period_start": None if period == "point" else start, "known_at": known,
                        "known_at_basis": "filing", "power_basis": basis,
                        "value_basis": "as_stated", "source_name": "Drawn report",
                        "source_url": f"https://www.sec.gov/drawn/{ticker}/{end}",
                        "source_quality": "primary",
                    }
                    for metric, value, unit, period, basis in metrics
                ]  # fmt: skip
        return _by_column("company_facts", rows)

    def _announcements(self) -> Columns:
        """Contracts for AI megawatts of every second miner, one in two years."""
        rows: list[dict[str, Any]] = []
        days = self.sessions.astype("datetime64[D]")[: self.n_known]
        miners = [ticker for ticker, role in self.tickers if role == "miner"]
        for ticker in miners[::2]:
            random = self._random(_LEDGER, int.from_bytes(ticker.encode(), "big"), 1)
            count = max(1, self.size.years // 2)
            for number, position in enumerate(
                np.sort(random.integers(0, len(self.sessions), count))
            ):
                if position >= self.n_known:
                    continue
                power = int(random.integers(5, 31))
                rows.append(
                    {
                        "announcement_id": f"{ticker.lower()}-contract-{number}",
                        "announced_on": days[position].item(),
                        "date_precision": "day",
                        "date_basis": "stated",
                        "known_at": days[position].item(),
                        "company": f"Company {ticker}",
                        "ticker": ticker,
                        "counterparty": f"Customer {number}",
                        "kind": "hpc_contract",
                        "power_mw": float(power),
                        "power_basis": "critical_it",
                        "value_usd": power * 15_000_000,
                        "term_years": 10.0,
                        "direction": "expands",
                        "source_name": "Drawn release",
                        "source_url": f"https://www.sec.gov/drawn/{ticker}/contract-{number}",
                        "source_quality": "primary",
                    }
                )
        return _by_column("capex_announcements", rows)


_DRAWN_BY = {
    "companies": Market._companies,
    "equity_splits": Market._splits,
    "btc_prices": Market._bitcoin,
    "network_metrics": Market._network,
    "market_events": Market._events,
    "company_facts": Market._company_facts,
    "capex_announcements": Market._announcements,
}
# Tables that are drawn; the study's come from the project's own files, the rest stays empty.
DRAWN = frozenset(_DRAWN_BY) | {"equity_prices", "equity_closes_second_source"}


def _by_column(table: str, rows: list[dict[str, Any]]) -> Columns:
    return {name: [row.get(name) for row in rows] for name in BY_NAME[table].column_names}


def _refs(table: str, columns: Columns) -> list[str]:
    length = len(next(iter(columns.values())))
    return [f"{NAME} {table}, row {number}" for number in range(1, length + 1)]


def _coded(names: list[str], codes: np.ndarray[Any, np.dtype[np.int64]]) -> pd.Series[Any]:
    """Text that repeats, stored once per name."""
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index(names, dtype="str")))


def _series_frame(
    market: Market,
    table: str,
    shares: tuple[Share, ...],
    share: np.ndarray[Any, np.dtype[np.int64]],
    session: np.ndarray[Any, np.dtype[np.int64]],
    values: dict[str, np.ndarray[Any, Any]],
) -> pd.DataFrame:
    """A frame of a table by ticker and session, without a Python object per row."""
    tickers = [each.ticker for each in shares]
    return pd.DataFrame(
        {
            "ticker": _coded(tickers, share),
            "session_date": market.sessions[session],
            **values,
            SOURCE_REF: _coded([f"{NAME} {table}, {ticker}" for ticker in tickers], share),
        }
    )


class SyntheticSource:
    """The drawn market behind the interface of every source (``sources/base.py``).

    The study's files are the project's own. A window asks for the drawn rows from its first day on,
    which is what a day's append needs.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self._study = DataFolder(BUNDLED_DATA_DIR, BUNDLED_DATA_DIR)
        # Of the market's own time, so that two draws are equal in every column.
        self._asked_at = datetime.combine(market.last_known, time(23))

    @property
    def name(self) -> str:
        return NAME

    def span(self) -> Window:
        """First day of the market to its newest session."""
        return Window(self.market.first_day, self.market.last_known)

    def answers(
        self,
        table: Table,
        window: Window | None = None,
        stored_until: Mapping[str, date] | None = None,
    ) -> Iterator[Extract]:
        """The table, in one part per block of shares where it is by share and session."""
        del stored_until
        if table.name not in DRAWN:
            yield self._from_the_study(table)
            return
        for number, frame in enumerate(self.market.frames(table.name, window and window.start)):
            yield Extract(
                table=table.name,
                frame=frame,
                source=NAME,
                origin=f"{NAME}: {self.market.size}",
                retrieved_at=self._asked_at,
                window=window if table.time_column else None,
                # A block says nothing of the others' rows.
                complete=not table.symbol_column,
                symbol=f"block {number}" if table.symbol_column else "",
            )

    def _from_the_study(self, table: Table) -> Extract:
        if table.file.startswith("study/") and table.default_from_bundled:
            return self._study.extract(table)
        nothing = typed_frame(table, {SOURCE_REF: []})
        return Extract(table.name, nothing, NAME, NAME, self._asked_at)

    def calendar(self) -> Source:
        """Sessions of the exchange for the years drawn."""
        return ExchangeCalendar(self.market.first_day, LAST_DAY)


# --- Parquet ----------------------------------------------------------------------------------

_ARROW = {
    Kind.TEXT: pa.string(),
    Kind.DATE: pa.date32(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.INSTANT: pa.timestamp("us"),
}


def _arrow_column(frame: pd.DataFrame, column: Column, default: Any) -> pa.Array:
    kind = _ARROW[column.kind]
    if column.name not in frame.columns:
        return pa.repeat(pa.scalar(default, kind), len(frame))
    values = pa.Array.from_pandas(frame[column.name])
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    values = values.cast(kind)
    return values if default is None else values.fill_null(pa.scalar(default, kind))


def write_parquet(market: Market, folder: Path) -> dict[str, int]:
    """Every raw table of the contracts as ``<table>.parquet``; returns the rows of each.

    The columns are those of the loaded table with its types, provenance included, so that the file
    can stand in for it; ``batch_id`` is the source's name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = SyntheticSource(market)
    calendar = source.calendar()
    rows = {}
    for table in TABLES:
        schema = pa.schema([(c.name, _ARROW[c.kind]) for c in table.stored_columns])
        rows[table.name] = 0
        with pq.ParquetWriter(folder / f"{table.name}.parquet", schema, compression="zstd") as file:
            asked: Source = calendar if table.name == "exchange_sessions" else source
            for extract in asked.answers(table):
                assert isinstance(extract, Extract)
                provenance = {
                    "source": extract.source,
                    "retrieved_at": extract.retrieved_at,
                    "batch_id": NAME,
                }
                arrays = [
                    _arrow_column(extract.frame, column, provenance.get(column.name))
                    for column in table.stored_columns
                ]
                file.write_table(pa.Table.from_arrays(arrays, schema=schema))
                rows[table.name] += len(extract.frame)
    return rows


def add_size_options(parser: argparse.ArgumentParser, default: Size) -> None:
    """Options of a command that draws one market."""
    parser.add_argument("--tickers", type=int, default=default.tickers)
    parser.add_argument("--years", type=int, default=default.years)
    parser.add_argument("--events", type=int, default=default.events)
    parser.add_argument(
        "--studied", type=int, default=default.studied, help="firms that events are tested on"
    )
    parser.add_argument("--seed", type=int, default=default.seed)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.synthetic", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder for the Parquet files")
    add_size_options(parser, Size())
    options = parser.parse_args()
    size = Size(
        tickers=options.tickers, years=options.years, events=options.events,
        studied=options.studied, seed=options.seed,
    )  # fmt: skip
    rows = write_parquet(Market(size), options.folder)
    print(f"{size}: {sum(rows.values()):,} rows in {len(rows)} tables")


if __name__ == "__main__":
    main()
