"""Bodies of the price vendors in their real shapes, with figures made up here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from dagster_project.sources.live.http_client import HttpRefused, HttpUnavailable, Reply

NEW_YORK = ZoneInfo("America/New_York")
# A week around the change to winter time: sessions open at 13:30 UTC, then at 14:30 UTC.
DAYS = [date(2025, 10, day) for day in (30, 31)] + [date(2025, 11, day) for day in (3, 4, 5)]
CLOSES = [12.34, 12.5, 11.99, 12.07, 13.1]
# Saturday after them: every session is over.
SATURDAY = datetime(2025, 11, 8, 12, tzinfo=UTC)

NOT_FOUND = {
    "chart": {
        "result": None,
        "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
    }
}
NO_DATA = {
    "chart": {
        "result": None,
        "error": {
            "code": "Bad Request",
            "description": "Data doesn't exist for startDate = 1565740800, endDate = 1596067200",
        },
    }
}


def instant(day: date, hour: int, minute: int = 0, second: int = 0) -> int:
    """Seconds since 1970 of a time of day in New York."""
    return int(datetime.combine(day, time(hour, minute, second), NEW_YORK).timestamp())


def single(value: float) -> float:
    """A price as it travels: of single precision, printed with a double's digits."""
    return float(np.float32(value))


def chart(
    days: list[date] = DAYS,
    closes: list[float | None] = CLOSES,  # type: ignore[assignment]
    *,
    symbol: str = "BITF",
    session: date | None = None,
    stamps: list[int] | None = None,
    splits: dict[date, tuple[float, float]] | None = None,
    dividends: dict[date, float] | None = None,
) -> dict[str, Any]:
    """A chart answer with one bar a day; open, high and low follow from the close."""
    stamps = stamps or [instant(day, 9, 30) for day in days]
    last = session or days[-1]

    def scaled(by: float) -> list[float | None]:
        return [None if close is None else single(close * by) for close in closes]

    meta = {
        "currency": "USD",
        "symbol": symbol,
        "exchangeName": "NGM",
        "instrumentType": "EQUITY",
        "firstTradeDate": 1623677400,
        "regularMarketTime": instant(last, 16, 0, 2),
        "gmtoffset": -18000,
        "timezone": "EST",
        "exchangeTimezoneName": "America/New_York",
        "regularMarketPrice": 13.1,
        "chartPreviousClose": 12.2,
        "priceHint": 2,
        "currentTradingPeriod": {
            name: {"timezone": "EST", "start": start, "end": end, "gmtoffset": -18000}
            for name, start, end in (
                ("pre", instant(last, 4), instant(last, 9, 30)),
                ("regular", instant(last, 9, 30), instant(last, 16)),
                ("post", instant(last, 16), instant(last, 20)),
            )
        },
        "dataGranularity": "1d",
        "range": "",
        "validRanges": ["1d", "5d", "1mo", "max"],
    }
    result: dict[str, Any] = {
        "meta": meta,
        "timestamp": stamps,
        "indicators": {
            "quote": [
                {
                    "open": scaled(0.99),
                    "high": scaled(1.02),
                    "low": scaled(0.97),
                    "close": scaled(1),
                    "volume": [
                        None if close is None else 1_000_000 + 7 * row
                        for row, close in enumerate(closes)
                    ],
                }
            ],
            "adjclose": [{"adjclose": scaled(0.5)}],
        },
    }
    events: dict[str, Any] = {}
    if splits:
        events["splits"] = {
            str(instant(day, 9, 30)): {
                "date": instant(day, 9, 30),
                "numerator": new,
                "denominator": old,
                "splitRatio": f"{new:g}:{old:g}",
            }
            for day, (new, old) in splits.items()
        }
    if dividends:
        events["dividends"] = {
            str(instant(day, 9, 30)): {"amount": amount, "date": instant(day, 9, 30)}
            for day, amount in dividends.items()
        }
    if events:
        result["events"] = events
    return {"chart": {"result": [result], "error": None}}


def tiingo_day(day: date, close: float, *, split: float = 1.0, paid: float = 0.0) -> dict[str, Any]:
    """One day of Tiingo as traded; the adjusted columns hold what must not be used."""
    prices = {"close": close, "high": close * 1.02, "low": close * 0.97, "open": close * 0.99}
    return {
        "date": f"{day}T00:00:00.000Z",
        **prices,
        "volume": 1_000_000,
        **{f"adj{name.capitalize()}": 0.5 for name in prices},
        "adjVolume": 5,
        "divCash": paid,
        "splitFactor": split,
    }


def reply(body: bytes, retrieved_at: datetime = SATURDAY, url: str = "http://vendor/") -> Reply:
    """An answer as the HTTP layer hands it over, after one attempt and a wait of 0.25 s."""
    sha256 = hashlib.sha256(body).hexdigest()
    return Reply(url, 200, {}, body, retrieved_at, sha256, False, waited_s=0.25, attempts=1)


@dataclass
class FakeClient:
    """Answers by path; an exception is raised, anything else is sent as JSON."""

    answers: dict[str, Any]
    retrieved_at: datetime = SATURDAY
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    secrets: list[dict[str, str]] = field(default_factory=list)

    def get(
        self,
        host: str,
        path_or_url: str,
        params: Any = None,
        *,
        accept: tuple[str, ...] = ("application/json",),
        secret_headers: Any = None,
        headers: Any = None,
        busy: Any = None,
    ) -> Reply:
        self.asked.append((host, path_or_url, dict(params or {})))
        self.secrets.append(dict(secret_headers or {}))
        answer = self.answers[path_or_url]
        if isinstance(answer, HttpRefused | HttpUnavailable):
            answer.attempts = 1
        if isinstance(answer, Exception):
            raise answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return reply(body, self.retrieved_at, f"http://{host}{path_or_url}")
