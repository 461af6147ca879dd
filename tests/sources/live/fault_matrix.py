"""Every fault a vendor can have, times every source: what is sent, and how it must end.

The one place where that is declared: ``test_fault_matrix.py`` runs each cell and holds the
table of ``docs/live-sources.md`` to it. A cell without an ending says why the source cannot have
that fault.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from dagster_project.contracts import Window
from dagster_project.secret import Secret
from dagster_project.sources.live.blockchain_com import BlockchainCom
from dagster_project.sources.live.coinbase import CoinbaseExchange
from dagster_project.sources.live.coinmetrics import CoinMetrics
from dagster_project.sources.live.edgar import Edgar, EdgarStudy, FilingSearch
from dagster_project.sources.live.edgar_answers import Concept
from dagster_project.sources.live.http_client import HttpClient
from dagster_project.sources.live.kraken import Kraken
from dagster_project.sources.live.mempool import MempoolSpace
from dagster_project.sources.live.tiingo import TiingoVendor
from dagster_project.sources.live.vendor import Vendor
from dagster_project.sources.live.yahoo import YahooVendor
from tests.sources.live.edgar_bodies import (
    BLOCK_PAGE,
    CIK,
    COMPANY_FACTS,
    PRESS_RELEASE,
    SEARCH_ERROR,
    SUBMISSIONS,
    changed,
    fact,
    hit,
    search,
    without,
)
from tests.sources.live.equity_bodies import CLOSES, DAYS, chart, instant, tiingo_day
from tests.sources.live.loopback import (
    Answer,
    Asked,
    as_json,
    drip,
    gzip_bomb,
    html,
    redirect,
    reset_mid_body,
    silence,
    status,
    truncated,
)

# How a cell ends. Whole: the rows of an undisturbed day at the first attempt. Retried: the same
# rows after at least one further attempt. Gap: some of those rows, none other, and the run says
# which are missing. Refused: no row, and an error with what, where and what to do.
WHOLE, RETRIED, GAP, REFUSED = "whole", "retried", "gap", "refused"
ENDINGS = (RETRIED, WHOLE, GAP, REFUSED)

# The day on which everything is asked: a Saturday, after a week of sessions.
ASKED_AT = datetime(2025, 11, 8, 12, tzinfo=UTC)
TO_COME = date(2025, 11, 11)
FIRST_DAY, MIDDLE, LAST_DAY = date(2025, 10, 30), date(2025, 11, 2), date(2025, 11, 5)
WEEK = Window(FIRST_DAY, LAST_DAY)
# More days than one call of Coinbase gives: it is asked twice.
TWO_CALLS = Window(date(2025, 1, 5), LAST_DAY)

NO_SESSIONS = "every day is a day of it, and nothing is split or paid"
Body = Callable[[Asked], Any]
Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Source:
    """One interface: where it is, what it answers, who reads it, and what can go wrong in it.

    ``bodies`` are the decoded answers by path, ``path`` the one that is disturbed. ``changes``
    are by content fault: a change of the decoded answer and how it ends, or why there is none.
    """

    heading: str
    hosts: tuple[str, ...]
    path: str
    bodies: Mapping[str, Body]
    table: str
    symbol: str
    window: Window
    make: Callable[[HttpClient], Vendor]
    changes: Mapping[str, tuple[Change, str] | str]
    error: Any
    content_type: str = "application/json"
    # Endings of faults on the way that are not the usual one, or why there is no such fault.
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def good_at(self, path: str) -> Callable[[Asked], Answer]:
        """What the host answers at one of the addresses on a good day."""

        def step(asked: Asked) -> Answer:
            body = self.bodies[path](asked)
            if isinstance(body, str):
                return Answer(body.encode(), 200, "text/html; charset=utf-8")
            return as_json(body)

        return step

    def good(self, asked: Asked) -> Answer:
        """The same at the disturbed address."""
        return self.good_at(self.path)(asked)


def always(body: Any) -> Body:
    return lambda _asked: body


# ---- Rows by day, as the bitcoin and network vendors list them ----


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


@dataclass(frozen=True)
class Listing:
    """Where an answer's rows are, what day one is stamped with, and where its figure stands."""

    rows: Callable[[Any], list[Any]]
    stamp: Callable[[date], Any]
    stamp_at: Any
    figure_at: Any
    absurd: Any
    other: Any

    def _on(self, body: Any, day: date) -> list[Any]:
        return [row for row in self.rows(body) if row[self.stamp_at] == self.stamp(day)]

    def _with(self, row: Any, at: Any, value: Any) -> Any:
        row = copy.deepcopy(row)
        row[at] = value
        return row

    def null(self, body: Any) -> Any:
        return self.set_figure(body, None)

    def set_figure(self, body: Any, value: Any) -> Any:
        for row in self._on(body, MIDDLE):
            row[self.figure_at] = value
        return body

    def repeated(self, body: Any) -> Any:
        self.rows(body).extend(copy.deepcopy(self._on(body, LAST_DAY)))
        return body

    def contradicted(self, body: Any) -> Any:
        self.rows(body).extend(
            self._with(row, self.figure_at, self.other) for row in self._on(body, MIDDLE)
        )
        return body

    def unordered(self, body: Any) -> Any:
        rows = self.rows(body)
        rows[:] = rows[1::2] + rows[::2]
        return body

    def of_another_type(self, body: Any) -> Any:
        for row in self.rows(body):
            row[self.figure_at] = {"raw": row[self.figure_at]}
        return body

    def with_more(self, body: Any) -> Any:
        for row in self.rows(body):
            row.append("new") if isinstance(row, list) else row.update(new="new")
        return body

    def with_less(self, body: Any) -> Any:
        for row in self.rows(body):
            row.pop() if isinstance(row, list) else row.pop(self.figure_at)
        return body

    def absurdity(self, body: Any) -> Any:
        return self.set_figure(body, self.absurd)

    def without_middle(self, body: Any) -> Any:
        gone = self._on(body, MIDDLE)
        self.rows(body)[:] = [row for row in self.rows(body) if row not in gone]
        return body

    def to_come(self, body: Any) -> Any:
        self.rows(body).extend(
            self._with(row, self.stamp_at, self.stamp(TO_COME)) for row in self._on(body, LAST_DAY)
        )
        return body

    def changes(self, **endings: str) -> dict[str, tuple[Change, str] | str]:
        """The changes of content with their usual endings, and those that differ."""
        made: dict[str, Any] = {
            "null inside arrays": (self.null, GAP),
            "a row twice (live bar)": (self.repeated, WHOLE),
            "two rows of a day that contradict": (self.contradicted, GAP),
            "unordered rows": (self.unordered, WHOLE),
            "changed column type": (self.of_another_type, REFUSED),
            "extra column": (self.with_more, WHOLE),
            "missing column": (self.with_less, REFUSED),
            "absurd value": (self.absurdity, GAP),
            "date in the future": (self.to_come, GAP),
            "a day absent": (self.without_middle, GAP),
            "a bar on a closed day": NO_SESSIONS,
            "a bar after the last trade": NO_SESSIONS,
            "a doubtful split or dividend": NO_SESSIONS,
        }
        named = {
            "repeated": "a row twice (live bar)",
            "to_come": "date in the future",
        }
        for short, ending in endings.items():
            made[named[short]] = (made[named[short]][0], ending)
        return {**made}


ONE_ANSWER = "no pages: one answer holds everything"
# Why the other sources cannot have what one kind of source does.
WHY_NOT = {
    "a day absent": "filings and figures come when they come",
    "a bar on a closed day": "it has no bars",
    "a bar after the last trade": "it has no bars",
    "a doubtful split or dividend": "nothing is split or paid there",
    "hundredths of the currency": "its answers name no currency",
    "another spelling of a day": "its days have one spelling",
    "a metric no longer free": "nobody asks it for metrics by name",
    "the first block's own time": "its answers do not reach the first block",
    "the host's block page with 200": "its answers are JSON: 'HTML with 200'",
    "another company's filing": "it says whose it is, and another's is refused",
}

COINBASE = Listing(
    rows=lambda body: body, stamp=midnight, stamp_at=0, figure_at=4, absurd=-100.0, other=100.5
)


def coinbase_body(asked: Asked) -> list[list[Any]]:
    first, last = (date.fromisoformat(asked.query[name][:10]) for name in ("start", "end"))
    days = days_between(first, last)
    return [[midnight(day), 90.0, 112.0, 95.0, 100.0 + day.day % 7, 12.5] for day in days[::-1]]


KRAKEN = Listing(
    rows=lambda body: body["result"]["XXBTZUSD"],
    stamp=midnight,
    stamp_at=0,
    figure_at=4,
    absurd="-100.0",
    other="100.5",
)
KRAKEN_BODY = {
    "error": [],
    "result": {
        "XXBTZUSD": [
            [midnight(day), "95", "112", "90", str(100 + day.day % 7), "100", "12.5", 9]
            for day in days_between(FIRST_DAY - timedelta(days=1), ASKED_AT.date())
        ],
        "last": midnight(date(2025, 11, 7)),
    },
}


def kraken_future(body: Any) -> Any:
    """A bar of a day that has not come, said to be closed."""
    body["result"]["last"] = midnight(TO_COME)
    return KRAKEN.to_come(body)


COIN_METRICS = Listing(
    rows=lambda body: body["data"],
    stamp=lambda day: f"{day}T00:00:00.000000000Z",
    stamp_at="time",
    figure_at="HashRate",
    absurd="1e30",
    other="780000001.5",
)


def network_rows(days: list[date]) -> list[dict[str, str]]:
    return [
        {
            "asset": "btc",
            "time": f"{day}T00:00:00.000000000Z",
            "HashRate": f"{780_000_000 + 1_000_000 * (day.day % 9)}.25",
            "DiffMean": "112149504190349.000000000000000000",
            "BlkCnt": str(140 + day.day % 5),
            "IssTotUSD": "36756102.0413579246801357924680",
            "IssTotNtv": "437.5",
            # The sum in bitcoin times the price, to the last digit.
            "FeeTotUSD": repr(4.6978 * 84013.9586420864208642),
            "FeeTotNtv": "4.6978",
            "PriceUSD": "84013.9586420864208642",
        }
        for day in days
    ]


NEXT_PAGE = "https://community-api.coinmetrics.io/v4/timeseries/asset-metrics?next_page_token="


def coin_metrics_body(asked: Asked) -> Any:
    """Two pages: the second is asked for with the token of the first."""
    days = days_between(FIRST_DAY, LAST_DAY)
    if asked.query.get("next_page_token") == "second":
        return {"data": network_rows(days[4:])}
    return {
        "data": network_rows(days[:4]),
        "next_page_token": "second",
        "next_page_url": f"{NEXT_PAGE}second",
    }


def without_two(body: Any) -> Any:
    for row in body["data"]:
        del row["HashRate"], row["DiffMean"]
    return body


def fees_cost_money(asked: Asked) -> Answer:
    """FeeTotUSD since March 2026, and whatever is asked for with it."""
    if "FeeTotUSD" in asked.query["metrics"]:
        words = {"type": "forbidden", "message": "Requested metric 'FeeTotUSD' is not available."}
        return status(403, json.dumps({"error": words}).encode(), "application/json")
    return as_json(coin_metrics_body(asked))


def endless_pages(asked: Asked) -> Answer:
    """Every page has a day not seen yet, and names another page."""
    number = int(asked.query.get("next_page_token", "0"))
    return as_json(
        {
            "data": network_rows([FIRST_DAY - timedelta(days=number)]),
            "next_page_url": f"{NEXT_PAGE}{number + 1}",
        }
    )


def page_in_a_circle(_asked: Asked) -> Answer:
    return as_json({"data": network_rows([FIRST_DAY]), "next_page_url": f"{NEXT_PAGE}again"})


MEMPOOL = Listing(
    rows=lambda body: body["hashrates"],
    # Stamped with the day after the one that is meant.
    stamp=lambda day: midnight(day + timedelta(days=1)),
    stamp_at="timestamp",
    figure_at="avgHashrate",
    absurd=10**60,
    other=8 * 10**20 + 1,
)
MEMPOOL_BODY = {
    "hashrates": [
        {
            "timestamp": midnight(day + timedelta(days=1)),
            "avgHashrate": 8 * 10**20 + 10**18 * (day.day % 9),
        }
        for day in days_between(FIRST_DAY - timedelta(days=60), ASKED_AT.date())
    ]
}
BLOCKCHAIN = Listing(
    rows=lambda body: body["values"],
    stamp=midnight,
    stamp_at="x",
    figure_at="y",
    absurd=-1,
    other=8.0000001e8,
)
BLOCKCHAIN_BODY = {
    "status": "ok",
    "name": "Hash Rate",
    "unit": "Hash Rate TH/s",
    "period": "day",
    "values": [
        {"x": midnight(day), "y": 8e8 + 1e6 * (day.day % 9)}
        for day in days_between(FIRST_DAY, ASKED_AT.date())
    ],
}

# ---- Prices ----

QUOTE = ("chart", "result", 0, "indicators", "quote", 0)
SESSIONS = Window(DAYS[0], DAYS[-1])
TIINGO = [tiingo_day(day, close) for day, close in zip(DAYS, CLOSES, strict=True)]


def with_live_bar() -> Any:
    """The last day once more, stamped with the time of the market, as Yahoo appends it."""
    stamps = [instant(day, 9, 30) for day in DAYS] + [instant(DAYS[-1], 16, 0, 1)]
    body = chart([*DAYS, DAYS[-1]], [*CLOSES, CLOSES[-1]], stamps=stamps)
    volume = body["chart"]["result"][0]["indicators"]["quote"][0]["volume"]
    volume[-1] = volume[-2]
    return body


def yahoo_turned(body: Any) -> Any:
    result = body["chart"]["result"][0]
    for values in (result["timestamp"], *result["indicators"]["quote"][0].values()):
        values.reverse()
    return body


def with_split(body: Any, **of: Any) -> Any:
    """A 1:0 split and a dividend of nothing."""
    stamp = instant(DAYS[2], 9, 30)
    body["chart"]["result"][0]["events"] = {
        "splits": {"1": {"date": stamp, "numerator": 1, "denominator": 0}},
        "dividends": {"1": {"date": stamp, "amount": 0}},
    }
    return body


def without_a_day(body: Any) -> Any:
    result = body["chart"]["result"][0]
    for values in (result["timestamp"], *result["indicators"]["quote"][0].values()):
        del values[2]
    return body


def with_saturday(body: Any) -> Any:
    result = body["chart"]["result"][0]
    result["timestamp"].insert(2, instant(SATURDAY, 9, 30))
    for values in result["indicators"]["quote"][0].values():
        values.insert(2, values[1])
    return body


SATURDAY = date(2025, 11, 1)
META = ("chart", "result", 0, "meta")
YAHOO_CHANGES: dict[str, tuple[Change, str] | str] = {
    "null inside arrays": (lambda b: changed(b, *QUOTE, "close", 2, to=None), GAP),
    "a row twice (live bar)": (lambda _b: with_live_bar(), WHOLE),
    "two rows of a day that contradict": (
        lambda _b: chart([*DAYS, DAYS[-1]], [*CLOSES, CLOSES[-1] * 1.2]),
        GAP,
    ),
    "unordered rows": (yahoo_turned, WHOLE),
    "changed column type": (lambda b: changed(b, *QUOTE, "close", 2, to="11.99"), REFUSED),
    "extra column": (lambda b: changed(b, *QUOTE, "vwap", to=[1] * 5), WHOLE),
    "missing column": (lambda b: without(b, *QUOTE, "close"), REFUSED),
    "absurd value": (lambda b: changed(b, *QUOTE, "close", 2, to=-5), GAP),
    # It lies outside the dates asked for: the other days do not depend on it.
    "date in the future": (
        lambda _b: chart([*DAYS, TO_COME], [*CLOSES, 13.0], session=DAYS[-1]),
        WHOLE,
    ),
    "a day absent": (without_a_day, GAP),
    "a bar on a closed day": (with_saturday, WHOLE),
    "a bar after the last trade": (
        lambda b: changed(b, *META, "regularMarketTime", to=instant(DAYS[3], 16)),
        GAP,
    ),
    "a doubtful split or dividend": (with_split, GAP),
    "hundredths of the currency": (lambda b: changed(b, *META, "currency", to="USd"), REFUSED),
    "huge page count": ONE_ANSWER,
    "page loop": ONE_ANSWER,
}
TIINGO_CHANGES: dict[str, tuple[Change, str] | str] = {
    "null inside arrays": (lambda b: changed(b, 2, "close", to=None), GAP),
    # Its split factors multiply: a day twice could count one twice.
    "a row twice (live bar)": (lambda b: [*b, b[-1]], REFUSED),
    "two rows of a day that contradict": (lambda b: [*b, tiingo_day(DAYS[-1], 20.0)], REFUSED),
    "unordered rows": (lambda b: b[::-1], WHOLE),
    "changed column type": (lambda b: changed(b, 2, "close", to="11.99"), REFUSED),
    "extra column": (lambda b: [{**row, "vwap": 1} for row in b], WHOLE),
    "missing column": (lambda b: [without(row, "close") for row in b], REFUSED),
    "absurd value": (lambda b: changed(b, 2, "close", to=-5), GAP),
    # Its split factor would rewrite the days before it.
    "date in the future": (lambda b: [*b, tiingo_day(TO_COME, 13.0)], REFUSED),
    "a day absent": (lambda b: [*b[:2], *b[3:]], GAP),
    "a bar on a closed day": (lambda b: [*b[:2], tiingo_day(SATURDAY, 12.5), *b[2:]], WHOLE),
    "a bar after the last trade": "its answers name no last trade",
    "a doubtful split or dividend": (lambda b: changed(b, 2, "divCash", to=-1), GAP),
    "another spelling of a day": (
        lambda b: changed(b, 2, "date", to=f"{DAYS[2]}T00:00:00+00:00"),
        WHOLE,
    ),
    "huge page count": ONE_ANSWER,
    "page loop": ONE_ANSWER,
}

# ---- EDGAR ----

EDGAR_HOSTS = ("sec", "sec_search", "sec_www")
EDGAR_TODAY = date(2025, 6, 1)
MARCH = Window(date(2025, 3, 1), date(2025, 3, 31))
NEWS = "0001999999-25-000012"
HIT = hit(NEWS, "ex99-1.htm", filed="2025-03-05")
RECENT = ("filings", "recent")
REVENUES = ("facts", "us-gaap", "Revenues", "units", "USD")
EDGAR_STUDY = EdgarStudy(
    ciks={"RIOT": CIK},
    aliases={},
    searches=(FilingSearch("critical IT load", ("8-K",)),),
    concepts=(Concept("us-gaap", "Revenues"),),
)
SUBMISSIONS_PATH = f"/submissions/CIK{CIK}.json"
SEARCH_PATH = "/LATEST/search-index"
DOCUMENT_PATH = f"/Archives/edgar/data/1999999/{NEWS.replace('-', '')}/ex99-1.htm"
FACTS_PATH = f"/api/xbrl/companyfacts/CIK{CIK}.json"
EDGAR_BODIES: dict[str, Body] = {
    SUBMISSIONS_PATH: always(SUBMISSIONS),
    SEARCH_PATH: always(search([HIT])),
    DOCUMENT_PATH: always(PRESS_RELEASE),
    FACTS_PATH: always(COMPANY_FACTS),
}
OTHER_FILING = (
    "<html><body><p>OTHER HOLDINGS CORP<br>(Exact name of registrant as specified in its charter)"
    "</p><p>critical IT load of 200 MW</p></body></html>"
)


def paged(text: str) -> Answer:
    return Answer(text.encode(), 200, "text/html; charset=utf-8")


PROSE = "a page of prose has no rows and no columns"


def filing_twice(body: Any, **other: Any) -> Any:
    """The newest filing listed again, with some columns changed."""
    for name, column in body["filings"]["recent"].items():
        column.append(other.get(name, column[0]))
    return body


def filings_turned(body: Any) -> Any:
    for column in body["filings"]["recent"].values():
        column.reverse()
    return body


def many_older(body: Any) -> Any:
    """More older pages than any company has, all within the dates asked for."""
    body["filings"]["files"] = [
        {
            "name": f"CIK{CIK}-submissions-{n:03}.json",
            "filingCount": 1,
            "filingFrom": "2025-03-01",
            "filingTo": "2025-03-31",
        }
        for n in range(999)
    ]
    return body


SUBMISSIONS_CHANGES: dict[str, tuple[Change, str] | str] = {
    "null inside arrays": (lambda b: changed(b, *RECENT, "form", 0, to=None), REFUSED),
    "a row twice (live bar)": (filing_twice, WHOLE),
    "two rows of a day that contradict": (
        lambda b: filing_twice(b, filingDate="2025-03-06"),
        REFUSED,
    ),
    "unordered rows": (filings_turned, WHOLE),
    "changed column type": (lambda b: changed(b, *RECENT, "filingDate", 0, to=5), REFUSED),
    "extra column": (lambda b: changed(b, *RECENT, "isNew", to=[1] * 5), WHOLE),
    "missing column": (lambda b: without(b, *RECENT, "filingDate"), REFUSED),
    "absurd value": (lambda b: changed(b, *RECENT, "filingDate", 0, to="1066-10-14"), REFUSED),
    "date in the future": (
        lambda b: changed(b, *RECENT, "filingDate", 0, to="2031-01-01"),
        REFUSED,
    ),
    "huge page count": (many_older, REFUSED),
    "page loop": "older pages have names of their own, none names a next one",
}
SEARCH_CHANGES: dict[str, tuple[Change, str] | str] = {
    "null inside arrays": (lambda _b: search([{**HIT, "_source": None}]), REFUSED),
    "a row twice (live bar)": (lambda _b: search([HIT, HIT]), WHOLE),
    "two rows of a day that contradict": "a hit only names a document",
    "unordered rows": "hits have no order that counts",
    "changed column type": (lambda _b: search([{**HIT, "_id": 7}]), REFUSED),
    "extra column": (lambda _b: search([{**HIT, "highlight": {"x": 1}}]), WHOLE),
    "missing column": (lambda _b: search([without(HIT, "_source", "file_date")]), REFUSED),
    "absurd value": (lambda _b: search([HIT], total=-3), REFUSED),
    "date in the future": (
        lambda _b: search([hit(NEWS, "a.htm", filed="2031-01-01")]),
        REFUSED,
    ),
    # More hits than may be paged, on every day that is asked for.
    "huge page count": (lambda _b: search([HIT] * 100, total=10_000, relation="gte"), GAP),
    # The same page for every offset.
    "page loop": (lambda _b: search([HIT] * 100, total=9_999), GAP),
}
FACT = ("2024-01-01", "2024-03-31")
FACTS_CHANGES: dict[str, tuple[Change, str] | str] = {
    "null inside arrays": (lambda b: changed(b, *REVENUES, 0, "val", to=None), REFUSED),
    "a row twice (live bar)": (
        lambda b: changed(b, *REVENUES, to=[*revenues(b), revenues(b)[0]]),
        WHOLE,
    ),
    "two rows of a day that contradict": (
        lambda b: changed(b, *REVENUES, to=[*revenues(b), {**revenues(b)[0], "val": 7}]),
        GAP,
    ),
    "unordered rows": (lambda b: changed(b, *REVENUES, to=revenues(b)[::-1]), WHOLE),
    "changed column type": (lambda b: changed(b, *REVENUES, 0, "val", to="5"), REFUSED),
    "extra column": (lambda b: changed(b, *REVENUES, 0, "note", to="x"), WHOLE),
    "missing column": (lambda b: without(b, *REVENUES, 0, "filed"), REFUSED),
    "absurd value": (
        lambda b: changed(
            b, *REVENUES, 0, to=fact(*FACT, 1e300, "0001999999-24-000020", "2024-05-08")
        ),
        GAP,
    ),
    "date in the future": (
        lambda b: changed(b, *REVENUES, 0, to=fact(*FACT, 1, "0001999999-24-000020", "2031-05-08")),
        GAP,
    ),
    "huge page count": ONE_ANSWER,
    "page loop": ONE_ANSWER,
}


def revenues(body: Any) -> list[Any]:
    rows: list[Any] = body["facts"]["us-gaap"]["Revenues"]["units"]["USD"]
    return rows


def edgar(heading: str, path: str, changes: Mapping[str, Any], **more: Any) -> Source:
    is_facts = path == FACTS_PATH
    return Source(
        heading=heading,
        hosts=EDGAR_HOSTS,
        path=path,
        bodies=EDGAR_BODIES,
        table="xbrl_facts" if is_facts else "filing_candidates",
        symbol="RIOT",
        window=Window(date(2020, 1, 1), EDGAR_TODAY) if is_facts else MARCH,
        make=lambda client: Edgar(client, EDGAR_STUDY, today=lambda: EDGAR_TODAY),
        changes=changes,
        error=SEARCH_ERROR,
        **more,
    )


SOURCES: tuple[Source, ...] = (
    Source(
        "Yahoo",
        ("yahoo",),
        "/v8/finance/chart/BITF",
        {"/v8/finance/chart/BITF": always(chart())},
        "equity_prices",
        "BITF",
        SESSIONS,
        lambda client: YahooVendor(client, asked_on=ASKED_AT.date()),
        YAHOO_CHANGES,
        {"chart": {"result": None, "error": {"code": "Internal", "description": "Sorry."}}},
    ),
    Source(
        "Tiingo",
        ("tiingo",),
        "/tiingo/daily/bitf/prices",
        {"/tiingo/daily/bitf/prices": always(TIINGO)},
        "equity_prices",
        "BITF",
        SESSIONS,
        lambda client: TiingoVendor(
            client, Secret("a-key-nobody-may-see"), asked_on=ASKED_AT.date()
        ),
        TIINGO_CHANGES,
        {"detail": "Internal."},
    ),
    Source(
        "Coinbase",
        ("coinbase",),
        "/products/BTC-USD/candles",
        {"/products/BTC-USD/candles": coinbase_body},
        "btc_prices",
        "BTC",
        TWO_CALLS,
        lambda client: CoinbaseExchange(client),
        {
            # A bar beside the stretch that was asked for is another call's.
            **COINBASE.changes(to_come=WHOLE),
            "huge page count": "the stretches follow from the dates asked for, not from answers",
            # The last stretch's page for every question: the first stretch stays empty.
            "page loop": (
                lambda _b: coinbase_body(
                    Asked("", {"start": "2025-11-01", "end": "2025-11-05"}, {}, "")
                ),
                GAP,
            ),
        },
        {"message": "NotFound"},
    ),
    Source(
        "Kraken",
        ("kraken",),
        "/0/public/OHLC",
        {"/0/public/OHLC": always(KRAKEN_BODY)},
        "btc_prices",
        "BTC",
        WEEK,
        lambda client: Kraken(client),
        {
            **KRAKEN.changes(),
            "date in the future": (kraken_future, GAP),
            "huge page count": ONE_ANSWER,
            "page loop": ONE_ANSWER,
        },
        {"error": ["EQuery:Unknown asset pair"]},
    ),
    Source(
        "Coin Metrics",
        ("coinmetrics",),
        "/v4/timeseries/asset-metrics",
        {"/v4/timeseries/asset-metrics": coin_metrics_body},
        "network_metrics",
        "BTC",
        WEEK,
        lambda client: CoinMetrics(client),
        {
            **COIN_METRICS.changes(),
            # Of hashrate, difficulty and blocks any two say the third.
            "missing column": (without_two, REFUSED),
            "a metric no longer free": (lambda _b: fees_cost_money, WHOLE),
            "huge page count": (lambda _b: endless_pages, REFUSED),
            "page loop": (lambda _b: page_in_a_circle, REFUSED),
        },
        {"error": {"type": "bad_parameter", "message": "Bad parameter 'metrics'."}},
    ),
    Source(
        "mempool.space",
        ("mempool",),
        "/api/v1/mining/hashrate/3m",
        {"/api/v1/mining/hashrate/3m": always(MEMPOOL_BODY)},
        "network_metrics_second_source",
        "BTC",
        WEEK,
        lambda client: MempoolSpace(client),
        {
            **MEMPOOL.changes(),
            "the first block's own time": (
                lambda b: {
                    "hashrates": [
                        {"timestamp": 1231006505, "avgHashrate": 497102.7},
                        *b["hashrates"],
                    ]
                },
                WHOLE,
            ),
            "huge page count": "four stretches there are, and no more are asked for",
            "page loop": "four stretches there are, and no more are asked for",
        },
        {"error": "Internal"},
    ),
    Source(
        "blockchain.com",
        ("blockchain_com",),
        "/charts/hash-rate",
        {"/charts/hash-rate": always(BLOCKCHAIN_BODY)},
        "network_metrics_second_source",
        "BTC",
        WEEK,
        lambda client: BlockchainCom(client),
        {
            **BLOCKCHAIN.changes(),
            "huge page count": ONE_ANSWER,
            "page loop": ONE_ANSWER,
        },
        {"status": "not-found", "error": "chart not found"},
    ),
    edgar("EDGAR filings", SUBMISSIONS_PATH, SUBMISSIONS_CHANGES),
    edgar("EDGAR search", SEARCH_PATH, SEARCH_CHANGES),
    edgar(
        "EDGAR documents",
        DOCUMENT_PATH,
        {
            "the host's block page with 200": (lambda _b: lambda _asked: paged(BLOCK_PAGE), GAP),
            "another company's filing": (lambda _b: lambda _asked: paged(OTHER_FILING), GAP),
        },
        content_type="text/html; charset=utf-8",
        # A document that cannot be had leaves its filing out, and the others go on.
        exceptions={
            "429 for ever": GAP,
            "500 for ever": GAP,
            "404": GAP,
            "JSON cut short, then an answer": "a page cut short reads as a shorter page",
            "JSON cut short for ever": "a page cut short reads as a shorter page",
            "HTML with 200": GAP,
            "empty 200": GAP,
            "[] with 200": GAP,
            "error object with 200": GAP,
            "gzip bomb": GAP,
            "redirect to another host": GAP,
            "not UTF-8": GAP,
        },
    ),
    edgar(
        "EDGAR figures",
        FACTS_PATH,
        FACTS_CHANGES,
        # Funds and some foreign filers report none: no figures, and the run says so.
        exceptions={"404": GAP},
    ),
)

# ---- Faults on the way, alike for every source ----

BOMB_MEBIBYTES = 4


@lru_cache(maxsize=1)
def bomb() -> Answer:
    return gzip_bomb(BOMB_MEBIBYTES)


def half(source: Source) -> Callable[[Asked], Answer]:
    """Half of the text, announced as whole: nothing on the way notices."""

    def step(asked: Asked) -> Answer:
        body = source.good(asked).body
        return Answer(body[: len(body) // 2])

    return step


def breaking(source: Source, how: Callable[[bytes], Any]) -> Callable[[Asked], Any]:
    return lambda asked: how(source.good(asked).body)


JSON_ERROR = json.dumps({"message": "forbidden", "detail": "forbidden"}).encode()
# The steps of the server, and how they end where a source says nothing else.
Steps = Callable[[Source], list[Any]]
ON_THE_WAY: dict[str, tuple[Steps, str]] = {
    "429 with Retry-After, then an answer": (
        lambda s: [status(429, b"slow down", retry_after="7"), s.good],
        RETRIED,
    ),
    "429 without Retry-After, then an answer": (lambda s: [status(429), s.good], RETRIED),
    "429 for ever": (lambda s: [status(429, b"Edge: Too Many Requests")], REFUSED),
    "403 JSON": (lambda s: [status(403, JSON_ERROR, "application/json")], REFUSED),
    "403 HTML": (lambda s: [html(403)], REFUSED),
    "404": (lambda s: [status(404, b"NoSuchKey", "application/xml")], REFUSED),
    "500 for ever": (lambda s: [status(500)], REFUSED),
    "502, then an answer": (lambda s: [status(502), s.good], RETRIED),
    "reset mid-body, then an answer": (
        lambda s: [breaking(s, reset_mid_body), s.good],
        RETRIED,
    ),
    "time-out, then an answer": (lambda s: [silence(), s.good], RETRIED),
    "slow drip, then an answer": (lambda s: [drip(), s.good], RETRIED),
    "body cut short, then an answer": (lambda s: [breaking(s, truncated), s.good], RETRIED),
    "JSON cut short, then an answer": (lambda s: [half(s), s.good], RETRIED),
    "JSON cut short for ever": (lambda s: [half(s)], REFUSED),
    "HTML with 200": (lambda s: [html(200)], REFUSED),
    "empty 200": (lambda s: [Answer(b"", 200, s.content_type)], REFUSED),
    "[] with 200": (lambda s: [as_json([])], REFUSED),
    "error object with 200": (lambda s: [as_json(s.error)], REFUSED),
    "gzip bomb": (lambda s: [bomb()], REFUSED),
    "redirect to another host": (lambda s: [redirect("https://elsewhere.example.org/x")], REFUSED),
    "not UTF-8": (lambda s: [Answer(b'{"a": "\xff\xfe"}', 200, s.content_type)], REFUSED),
}
# Faults of what an answer says, in the order of the table; what each is differs by source.
IN_THE_CONTENT = (
    "null inside arrays",
    "a row twice (live bar)",
    "two rows of a day that contradict",
    "unordered rows",
    "changed column type",
    "extra column",
    "missing column",
    "absurd value",
    "date in the future",
    "huge page count",
    "page loop",
    *WHY_NOT,
)
FAULTS = (*ON_THE_WAY, *IN_THE_CONTENT)
# Only these wait for real, and then not long: a silence has to be waited for.
SILENT = frozenset({"time-out, then an answer", "slow drip, then an answer"})


@dataclass(frozen=True)
class Cell:
    """One fault at one source: the server's steps and the ending, or why there is no such cell."""

    fault: str
    source: Source
    steps: tuple[Any, ...] = ()
    ending: str = ""
    why_not: str = ""

    @property
    def name(self) -> str:
        return f"{self.source.heading}: {self.fault}"


def _cell(fault: str, source: Source) -> Cell:
    if fault in ON_THE_WAY:
        steps, usual = ON_THE_WAY[fault]
        ending = source.exceptions.get(fault, usual)
        if ending not in ENDINGS:
            return Cell(fault, source, why_not=ending)
        return Cell(fault, source, tuple(steps(source)), ending)
    declared = source.changes.get(fault, WHY_NOT.get(fault, PROSE))
    if isinstance(declared, str):
        return Cell(fault, source, why_not=declared)
    change, ending = declared

    def step(asked: Asked) -> Any:
        body = change(copy.deepcopy(source.bodies[source.path](asked)))
        return body(asked) if callable(body) else as_json(body)

    return Cell(fault, source, (step,), ending)


CELLS: tuple[Cell, ...] = tuple(_cell(fault, source) for fault in FAULTS for source in SOURCES)
TESTED = tuple(cell for cell in CELLS if cell.ending)
