"""Every vendor of the live tables at once, on this machine, speaking of one made-up market.

::

    with Loopback() as vendor:
        internet = Internet(vendor, firms=("AAA", "BBB"), funds=("IDX",), first=..., until=...)
        settings = live_settings(internet, folder)
        run_live(settings)

Answers have the shapes of the real vendors; the figures are drawn once from a seed and depend on
nothing but the symbol and the day, so that two runs at any time of day see the same market.
``until`` is the last day that the vendors know of: raise it, and set ``corrected``, for the next
day's market, in which vendors have mended figures of ``corrected_on`` and a share was split.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import duckdb
import exchange_calendars
import numpy as np

from dagster_project.contracts import LIVE_TABLES, TABLES, Table
from dagster_project.ingest import Ingested, ingest
from dagster_project.settings import Settings, prepare_output_folders, read_settings
from dagster_project.sources import open_calendar, open_source
from dagster_project.sources.live.archive import digest
from dagster_project.sources.live.hosts import HOSTS
from tests.sources.live.edgar_bodies import fact, hit, search
from tests.sources.live.equity_bodies import NO_DATA, NOT_FOUND, chart, instant, tiingo_day
from tests.sources.live.loopback import Answer, Asked, Loopback, as_json

SEED = 20250326
DAY_S, HOUR_S = 86_400, 3_600
HASHES_PER_DIFFICULTY = 2**32
# A key in the form of Tiingo's; it opens nothing.
TIINGO_KEY = "made-up-key-of-the-tests"
PHRASES = {"high performance computing": "high performance computing", "megawatts": "megawatts"}
MOST_FILINGS = 8


def _drawn(name: str, length: int) -> np.ndarray:
    """Standard normal figures that belong to ``name``: the first are the same at any length."""
    return np.random.default_rng([SEED, zlib.crc32(name.encode())]).standard_normal(length)


@cache
def _sessions(first: date, last: date) -> tuple[date, ...]:
    calendar = exchange_calendars.get_calendar(
        "XNYS", start=first.isoformat(), end=last.isoformat()
    )
    return tuple(stamp.date() for stamp in calendar.sessions)


def _epoch_s(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])


@dataclass(frozen=True)
class MadeFiling:
    """A filing of a made-up company: ``document`` is its press release, empty for a report."""

    accession: str
    form: str
    filed: date
    document: str


class Internet:
    """The vendors' side. ``firms`` file with the SEC, ``funds`` do not; all have prices.

    ``unlisted_ciks`` are firms whose central index key the study does not state, so that it is
    looked up. Nothing is known before ``first`` or after ``until``.
    """

    def __init__(
        self,
        vendor: Loopback,
        *,
        firms: Sequence[str] = ("AAA", "BBB"),
        funds: Sequence[str] = ("IDX",),
        first: date,
        until: date,
        unlisted_ciks: Sequence[str] = (),
        split_on: date | None = None,
    ) -> None:
        self.firms, self.funds = tuple(firms), tuple(funds)
        self.first, self.until = first, until
        self.corrected = False
        self.corrected_on = until - timedelta(days=4)
        # The first firm splits two for one on the first session that comes after today's market.
        coming = (day for day in _sessions(first, until + timedelta(days=14)) if day > until)
        self.split_on = split_on or next(coming)
        self.ciks = {ticker: f"{1_900_001 + n:010d}" for n, ticker in enumerate(self.firms)}
        self.stated_ciks = {t: c for t, c in self.ciks.items() if t not in unlisted_ciks}
        self.vendor = vendor
        self.answer_everywhere()

    # ---- how the project is pointed at it ----

    def urls(self) -> dict[str, str]:
        """Environment that sends every host's questions here."""
        return {f"MINER_URL_{host.upper()}": self.vendor.url for host in HOSTS}

    def environment(self, folder: Path, data: Path) -> dict[str, str]:
        """Settings of a live run: output in ``folder``, panel and study from ``data``."""
        return {
            "MINER_SOURCE": "live",
            "MINER_DATA_DIR": str(data),
            "MINER_OUTPUT_DIR": str(folder),
            "MINER_CONTACT": "tests@example.org",
            "MINER_TIINGO_KEY": TIINGO_KEY,
            "MINER_LIVE_SINCE": self.first.isoformat(),
            **self.urls(),
        }

    def write_panel(self, folder: Path, *, n_phrases: int = 2) -> Path:
        """A data folder with this market's companies; what it lacks comes from the bundled one."""
        for name in ("ledger", "study", "snapshot"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        lines = ["ticker,name,role,is_focal,cik"]
        lines += [f"{t},{t} Mining,miner,1,{self.stated_ciks.get(t, '')}" for t in self.firms]
        lines += [f"{t},{t} Fund,benchmark,0," for t in self.funds]
        (folder / "ledger/companies.csv").write_text("\n".join(lines) + "\n")
        events = "event_id,title,event_type,news_date,news_timing,tickers_named"
        sessions = self.sessions(self.first, self.until)
        # Late enough for a model to be fitted before it, where the market is old enough.
        day = sessions[-min(30, len(sessions) // 2)]
        (folder / "ledger/events.csv").write_text(
            f"{events}\nmy-event,My event,my_kind,{day},after_close,{';'.join(self.firms)}\n"
        )
        (folder / "study/models.csv").write_text(
            "model_id,factors,is_headline,reason\n"
            f"market_model,{self.funds[0]},1,the only fund of this market\n"
        )
        searches = [f'{phrase},8-K;6-K,{n},,"made up"' for n, phrase in enumerate(PHRASES, 1)]
        (folder / "study/filing_searches.csv").write_text(
            "phrase,forms,priority,suggested_kind,reason\n" + "\n".join(searches[:n_phrases]) + "\n"
        )
        return folder

    def answer_everywhere(self) -> None:
        """Every vendor is well (again)."""
        on = self.vendor.on
        for ticker in (*self.firms, *self.funds):
            on(f"/v8/finance/chart/{ticker}", self._yahoo)
            on(f"/tiingo/daily/{ticker.lower()}/prices", self._tiingo)
        on("/products/BTC-USD/candles", self._coinbase)
        on("/0/public/OHLC", self._kraken)
        on("/v4/timeseries/asset-metrics", self._coinmetrics)
        for stretch in ("3m", "1y", "3y", "all"):
            on(f"/api/v1/mining/hashrate/{stretch}", self._mempool)
        on("/charts/hash-rate", self._blockchain_com)
        on("/files/company_tickers.json", self._company_tickers)
        on("/LATEST/search-index", self._search)
        for ticker, cik in self.ciks.items():
            on(f"/submissions/CIK{cik}.json", self._submissions)
            on(f"/submissions/CIK{cik}-submissions-001.json", self._older_submissions)
            on(f"/api/xbrl/companyfacts/CIK{cik}.json", self._company_facts)
            for filing in self._all_filings(ticker):
                if filing.document:
                    folder = f"{int(cik)}/{filing.accession.replace('-', '')}"
                    on(f"/Archives/edgar/data/{folder}/{filing.document}", self._document)

    def is_mended(self, day: date) -> bool:
        """Has the vendor corrected its figures of this day by now?"""
        return self.corrected and day == self.corrected_on

    # ---- shares ----

    @cached_property
    def _all_sessions(self) -> tuple[date, ...]:
        return _sessions(self.first, self.until + timedelta(days=30))

    @cached_property
    def _closes(self) -> dict[str, dict[date, float]]:
        """Closes in today's shares (after the split) by ticker and session, in USD."""
        n = len(self._all_sessions)
        market = 0.01 * _drawn("the market", n)
        made = {}
        for number, ticker in enumerate((*self.firms, *self.funds)):
            own = 0.02 * _drawn(ticker, n) if ticker in self.firms else 0.001 * _drawn(ticker, n)
            closes = (20 + 5 * number) * np.exp(np.cumsum((0.7 + 0.3 * number) * market + own))
            rounded = np.round(np.clip(closes, 1, 100_000), 2).tolist()
            made[ticker] = dict(zip(self._all_sessions, rounded, strict=True))
        return made

    def sessions(self, start: date, end: date) -> list[date]:
        return [day for day in self._all_sessions if start <= day <= min(end, self.until)]

    def splits(self, ticker: str) -> dict[date, tuple[float, float]]:
        is_split = ticker == self.firms[0] and self.split_on <= self.until
        return {self.split_on: (2.0, 1.0)} if is_split else {}

    def dividends(self, ticker: str) -> dict[date, float]:
        """The funds pay once, a third of the way into the market; the amount is corrected."""
        if ticker not in self.funds:
            return {}
        sessions = [day for day in self._all_sessions if day <= self.corrected_on]
        return {sessions[len(sessions) // 3]: 0.26 if self.corrected else 0.25}

    def close(self, ticker: str, day: date, *, as_traded: bool) -> float:
        """USD. As traded, or in the shares there are by now."""
        close = self._closes[ticker][day]
        if (
            ticker == self.firms[0]
            and day < self.split_on
            and (as_traded or not self.splits(ticker))
        ):
            close = round(2 * close, 2)
        return round(close + 0.01, 2) if self.is_mended(day) else close

    def _yahoo(self, asked: Asked) -> Answer:
        ticker = asked.path.rpartition("/")[2]
        if ticker not in self._closes:
            return replace(as_json(NOT_FOUND), status=404)
        start, end = (
            datetime.fromtimestamp(int(asked.query[name]), UTC).date()
            for name in ("period1", "period2")
        )
        days = [
            day
            for day in self.sessions(start, end)
            if instant(day, 9, 30) < int(asked.query["period2"])
        ]
        if not days:
            return replace(as_json(NO_DATA), status=400)
        body = chart(
            days,
            [self.close(ticker, day, as_traded=False) for day in days],
            symbol=ticker,
            session=self.sessions(self.first, self.until)[-1],
            splits={day: r for day, r in self.splits(ticker).items() if day in days},
            dividends={day: a for day, a in self.dividends(ticker).items() if day in days},
        )
        (quote,) = body["chart"]["result"][0]["indicators"]["quote"]
        quote["volume"] = [1_000_000 + 7 * (day.toordinal() % 1_000) for day in days]
        return as_json(body)

    def _tiingo(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Token {TIINGO_KEY}":
            return replace(as_json({"detail": "Please supply a token"}), status=403)
        ticker = asked.path.split("/")[3].upper()
        splits, dividends = self.splits(ticker), self.dividends(ticker)
        return as_json(
            [
                tiingo_day(
                    day,
                    self.close(ticker, day, as_traded=True),
                    split=splits.get(day, (1.0, 1.0))[0],
                    paid=dividends.get(day, 0.0),
                )
                for day in self.sessions(_day(asked.query["startDate"]), self.until)
            ]
        )

    # ---- bitcoin ----

    @cached_property
    def _hourly_closes(self) -> np.ndarray:
        """USD, by hour since ``first``."""
        hours = 24 * ((self.until - self.first).days + 31)
        return np.round(60_000 * np.exp(np.cumsum(0.004 * _drawn("bitcoin", hours))), 2)

    def bars(self, step_s: int, start_s: int, end_s: int) -> list[tuple[int, float, float, float]]:
        """Start in seconds, close, open and volume of the bars that begin in the stretch."""
        first_s, after_s = _epoch_s(self.first), _epoch_s(self.until) + DAY_S
        closes, hours = self._hourly_closes, step_s // HOUR_S
        made = []
        start_s += -start_s % step_s
        for at in range(max(start_s, first_s), min(end_s, after_s - step_s) + 1, step_s):
            hour = (at - first_s) // HOUR_S
            opening = closes[hour - 1] if hour else closes[0]
            mended = self.is_mended(datetime.fromtimestamp(at, UTC).date())
            volume = 100.5 + hour % 50 + mended
            made.append((at, float(closes[hour + hours - 1]), float(opening), volume))
        return made

    def _coinbase(self, asked: Asked) -> Answer:
        step_s = int(asked.query["granularity"])
        start_s, end_s = (
            int(datetime.fromisoformat(asked.query[name]).timestamp()) for name in ("start", "end")
        )
        if (end_s - start_s) // step_s >= 300:
            return replace(as_json({"message": "granularity too small for the range"}), status=400)
        rows = [
            [at, 0.99 * min(o, c), 1.01 * max(o, c), o, c, volume]
            for at, c, o, volume in self.bars(step_s, start_s, end_s)
        ]
        return as_json(rows[::-1])

    def _kraken(self, asked: Asked) -> Answer:
        step_s = 60 * int(asked.query["interval"])
        since_s = int(asked.query.get("since", 0))
        rows = []
        for at, c, o, volume in self.bars(step_s, since_s + 1, _epoch_s(self.until) + DAY_S)[-720:]:
            # Another exchange: a hundredth of a per cent above, and its own volume.
            prices = [f"{1.0001 * price:.1f}" for price in (o, max(o, c) * 1.01, min(o, c) * 0.99)]
            close = f"{1.0001 * c + self.is_mended(datetime.fromtimestamp(at, UTC).date()):.1f}"
            rows.append([at, *prices, close, close, f"{volume / 3:.8f}", 1_000])
        last = rows[-1][0] if rows else since_s - since_s % step_s
        return as_json({"error": [], "result": {"XXBTZUSD": rows, "last": last}})

    # ---- the network ----

    def _network(self, day: date) -> tuple[float, int, float]:
        """Difficulty, blocks and hashrate in EH/s: the third follows from the others."""
        number = (day - self.first).days
        difficulty = 1.1e14 * 1.002 ** (number // 14)
        blocks = 130 + int(zlib.crc32(day.isoformat().encode()) % 30)
        return difficulty, blocks, difficulty * HASHES_PER_DIFFICULTY * blocks / DAY_S / 1e18

    def _known_days(self, start: date, end: date) -> list[date]:
        start, end = max(start, self.first), min(end, self.until)
        return [start + timedelta(days=n) for n in range((end - start).days + 1)]

    def _coinmetrics(self, asked: Asked) -> Answer:
        metrics = asked.query["metrics"].split(",")
        page, size = int(asked.query.get("next_page_token", "0")), int(asked.query["page_size"])
        start = asked.query.get("start_time", self.first.isoformat())
        end = asked.query.get("end_time", self.until.isoformat())
        days = self._known_days(_day(start), _day(end))
        rows = []
        for day in days[page * size : (page + 1) * size]:
            difficulty, blocks, hashrate_eh_s = self._network(day)
            ((_, price, _, _),) = self.bars(DAY_S, _epoch_s(day), _epoch_s(day))
            said = {
                "HashRate": f"{hashrate_eh_s * 1e6:.18f}",
                "DiffMean": f"{difficulty:.18f}",
                "BlkCnt": str(blocks),
                "IssTotUSD": f"{blocks * 3.125 * price:.18f}",
                "IssTotNtv": f"{blocks * 3.125:.8f}",
                "FeeTotUSD": f"{500_000 + self.is_mended(day):.2f}",
                "FeeTotNtv": f"{(500_000 + self.is_mended(day)) / price:.8f}",
                "PriceUSD": f"{price:.16f}",
            }
            stamp = f"{day}T00:00:00.000000000Z"
            rows.append({"asset": "btc", "time": stamp, **{m: said[m] for m in metrics}})
        body: dict[str, Any] = {"data": rows}
        if (page + 1) * size < len(days):
            body["next_page_token"] = str(page + 1)
            body["next_page_url"] = f"{self.vendor.url}{asked.path}?next_page_token={page + 1}"
        return as_json(body)

    def _mempool(self, asked: Asked) -> Answer:
        stretch = {"3m": 92, "1y": 366, "3y": 1097}.get(asked.path.rpartition("/")[2], 10_000)
        rows = []
        for day in self._known_days(self.until - timedelta(days=stretch), self.until):
            hashrate_eh_s = self._network(day)[2] * (0.99 + 0.001 * self.is_mended(day))
            # The value of a day is stamped with the day after it, in whole H/s.
            rows.append(
                {"timestamp": _epoch_s(day) + DAY_S, "avgHashrate": int(hashrate_eh_s * 1e18)}
            )
        return as_json({"hashrates": rows, "difficulty": [], "currentHashrate": 1})

    def _blockchain_com(self, asked: Asked) -> Answer:
        start = _day(asked.query["start"])
        length = int(asked.query["timespan"].removesuffix("days"))
        rows = []
        for day in self._known_days(start, start + timedelta(days=length - 1)):
            hashrate_eh_s = self._network(day)[2] * (1 + 0.001 * self.is_mended(day))
            rows.append({"x": _epoch_s(day), "y": hashrate_eh_s * 1e6})
        words = {"status": "ok", "name": "Hash Rate", "unit": "Hash Rate TH/s", "period": "day"}
        return as_json({**words, "values": rows})

    # ---- the SEC ----

    def _all_filings(self, ticker: str) -> list[MadeFiling]:
        """A report or a press release every few days of the market, those to come included."""
        last = self.until + timedelta(days=14)
        step = max(10, (last - self.first).days // MOST_FILINGS)
        made = []
        for number in range((last - self.first).days // step + 1):
            filed = self.first + timedelta(days=2 + step * number)
            form = ("8-K", "10-Q", "6-K")[number % 3]
            made.append(
                MadeFiling(
                    accession=f"{self.ciks[ticker]}-{filed:%y}-{number + 1:06d}",
                    form=form,
                    filed=filed,
                    document="" if form == "10-Q" else f"release-{number + 1}.htm",
                )
            )
        return made

    def filings(self, ticker: str) -> list[MadeFiling]:
        """What is filed by now, oldest first."""
        return [each for each in self._all_filings(ticker) if each.filed <= self.until]

    def _ticker_at(self, path: str) -> str:
        (ticker,) = (t for t, c in self.ciks.items() if f"CIK{c}" in path or f"/{int(c)}/" in path)
        return ticker

    def _tagged(self, asked: Asked, answer: Answer) -> Answer:
        """The SEC confirms a body that the asker has already."""
        tag = f'"{digest(answer.body)[:24]}"'
        if asked.headers.get("if-none-match") == tag:
            return Answer(b"", 304, None, {"ETag": tag})
        return replace(answer, headers={"ETag": tag})

    def _columns(self, filings: Iterable[MadeFiling]) -> dict[str, list[str]]:
        newest_first = list(filings)[::-1]
        return {
            "accessionNumber": [each.accession for each in newest_first],
            "filingDate": [str(each.filed) for each in newest_first],
            "reportDate": [str(each.filed) for each in newest_first],
            "acceptanceDateTime": [f"{each.filed}T20:05:11.000Z" for each in newest_first],
            "form": [each.form for each in newest_first],
            "items": ["7.01,9.01" if each.form == "8-K" else "" for each in newest_first],
            "primaryDocument": [each.document or "report.htm" for each in newest_first],
        }

    def _submissions(self, asked: Asked) -> Answer:
        ticker = self._ticker_at(asked.path)
        # The oldest filing stands on another page. Until vendors have caught up with each other,
        # the newest press release is known to the search alone.
        oldest, *recent = self.filings(ticker)
        if not self.corrected:
            newest = [each for each in recent if each.document][-1:]
            recent = [each for each in recent if each not in newest]
        older = {
            "name": f"CIK{self.ciks[ticker]}-submissions-001.json",
            "filingCount": 1,
            "filingFrom": str(oldest.filed),
            "filingTo": str(oldest.filed),
        }
        return self._tagged(
            asked,
            as_json(
                {
                    "cik": str(int(self.ciks[ticker])),
                    "name": f"{ticker} Mining",
                    "tickers": [ticker],
                    "filings": {"recent": self._columns(recent), "files": [older]},
                }
            ),
        )

    def _older_submissions(self, asked: Asked) -> Answer:
        ticker = self._ticker_at(asked.path)
        return self._tagged(asked, as_json(self._columns(self.filings(ticker)[:1])))

    def _company_tickers(self, asked: Asked) -> Answer:
        rows = {
            str(n): {"cik_str": int(cik), "ticker": ticker, "title": f"{ticker} Mining"}
            for n, (ticker, cik) in enumerate(self.ciks.items())
        }
        return self._tagged(asked, as_json(rows))

    def _search(self, asked: Asked) -> Answer:
        (ticker,) = (t for t, c in self.ciks.items() if c == asked.query["ciks"])
        start, end = _day(asked.query["startdt"]), _day(asked.query["enddt"])
        forms = asked.query["forms"].split(",")
        hits = [
            hit(each.accession, each.document, filed=str(each.filed), form=each.form,
                cik=self.ciks[ticker])
            for each in self.filings(ticker)
            if each.document and each.form in forms and start <= each.filed <= end
        ]  # fmt: skip
        return as_json(search(hits))

    def _document(self, asked: Asked) -> Answer:
        words = (
            "<html><body><p>The company signs a high performance computing contract.</p><p>It "
            "delivers 200 megawatts of critical IT load for $3.5 billion.</p></body></html>"
        )
        return self._tagged(asked, Answer(words.encode(), 200, "text/html"))

    def _company_facts(self, asked: Asked) -> Answer:
        ticker = self._ticker_at(asked.path)
        revenues, spending, shares = [], [], []
        for number, filing in enumerate(each for each in self.filings(ticker) if not each.document):
            # The calendar quarter before the report.
            ended = date(filing.filed.year, 3 * ((filing.filed.month - 1) // 3) + 1, 1)
            last_day = ended - timedelta(days=1)
            began = date(last_day.year, last_day.month - 2, 1)
            stated = (str(began), str(last_day))
            source = (filing.accession, str(filing.filed))
            # The figure of the first report was entered wrongly, and is mended in place.
            mended = self.corrected and number == 0
            revenues.append(fact(*stated, 50_000_000 + 1_000 * number + mended, *source))
            spending.append(fact(*stated, 20_000_000 + 1_000 * number, *source))
            shares.append(fact(None, str(filing.filed), 250_000_000 + number, *source))
        us_gaap = {
            "Revenues": revenues,
            "PaymentsToAcquirePropertyPlantAndEquipment": spending,
        }
        return self._tagged(
            asked,
            as_json(
                {
                    "cik": int(self.ciks[ticker]),
                    "entityName": f"{ticker} Mining",
                    "facts": {
                        "us-gaap": {
                            name: {"label": name, "units": {"USD": rows}}
                            for name, rows in us_gaap.items()
                        },
                        "dei": {
                            "EntityCommonStockSharesOutstanding": {
                                "label": "Shares",
                                "units": {"shares": shares},
                            }
                        },
                    },
                }
            ),
        )


# ---- the project's side ----


def live_settings(internet: Internet, folder: Path, data: Path) -> Settings:
    """Settings of a live run against this internet, with its folders made."""
    settings = read_settings(internet.environment(folder, data))
    prepare_output_folders(settings)
    return settings


def run_live(settings: Settings, tables: Iterable[Table] = TABLES) -> dict[str, Ingested]:
    """Extract and load tables as a run of Dagster does: each is a step of its own."""
    made = {}
    for table in tables:
        source = open_source(settings) if table.file else open_calendar(settings)
        made[table.name] = ingest(settings, source, table, None, incremental=True)
    return made


def raw_rows(
    path: Path, tables: Iterable[str] = LIVE_TABLES, *, leave_out: Sequence[str] = ("batch_id",)
) -> Mapping[str, list[tuple[Any, ...]]]:
    """Rows of raw tables in the order in which they are stored."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return {
            name: connection.execute(
                f"SELECT * EXCLUDE ({', '.join(leave_out)}) FROM raw.{name} ORDER BY rowid"
            ).fetchall()
            for name in tables
        }


def revisions(path: Path, *, leave_out: Sequence[str] = ("batch_id",)) -> list[tuple[Any, ...]]:
    """Every revision in the order in which it was recorded, without the names of the loads."""
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(
            "SELECT table_name, row_key, action, changed_columns, old_row "
            "FROM ingest.revisions ORDER BY rowid"
        ).fetchall()
    made = []
    for table, key, action, changed, old_row in found:
        old = {name: v for name, v in json.loads(old_row).items() if name not in leave_out}
        made.append((table, key, action, tuple(changed or ()), tuple(old.items())))
    return made
