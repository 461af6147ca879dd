"""Daily bars, splits and dividends from Yahoo's chart interface (version 8).

The question is one address; what changes there is whom Yahoo lets in, which is the work of the
HTTP layer's browser-like connection. Closes are adjusted for splits and not for dividends
(``adjclose`` is not used). ``docs/decisions.md`` says why yfinance is not in between; the tests
hold this reader to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import numpy as np

from dagster_project.contracts import Window
from dagster_project.sources.exchange_calendar import sessions_in
from dagster_project.sources.live.asking import EquityVendor
from dagster_project.sources.live.equity_history import (
    Bar,
    Dividend,
    DoubtfulEvent,
    History,
    Split,
    UnknownSymbol,
    as_of,
    validate_bars,
    with_events,
)
from dagster_project.sources.live.http_errors import HttpRefused
from dagster_project.sources.live.strict_json import (
    UnusableAnswer,
    array,
    decoded_or_none,
    mapping,
    parse_json,
    real,
    shown,
    whole_number,
)
from dagster_project.sources.live.symbol_aliases import SymbolAlias
from dagster_project.sources.live.vendor import Client, Tally

HOST = "yahoo"
NEW_YORK = "America/New_York"
# Prices come up to a quarter of an hour late, and the closing auction is entered after the bell.
SETTLING = timedelta(minutes=30)
REGULAR_CLOSE = time(16, 0)
_PRICES = ("open", "high", "low", "close")


def _shortest(values: Sequence[float | None]) -> list[float | None]:
    """The decimals that were meant: 317.1 for 317.1000061035156.

    Prices travel as single-precision numbers, printed with the digits of a double. The shortest
    decimal of the same single-precision number takes the noise away; a number that is not one
    is left as it is.
    """
    # A whole column at once: to change numpy's error state per value cost more than the rest.
    with np.errstate(over="ignore"):
        singles = np.array([0.0 if value is None else value for value in values]).astype("float32")
    return [
        value if value is None or float(single) != value else float(str(single))
        for value, single in zip(values, singles, strict=True)
    ]


def _zone(meta: dict[str, Any]) -> ZoneInfo:
    name = meta.get("exchangeTimezoneName", NEW_YORK)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, TypeError, AttributeError, OSError):
        raise UnusableAnswer(f"The answer has the time zone {shown(name)}.") from None


def _instant(value: Any, zone: ZoneInfo, what: str) -> datetime:
    seconds = whole_number(value, what)
    try:
        return datetime.fromtimestamp(seconds, zone)
    except (OverflowError, ValueError, OSError):
        raise UnusableAnswer(f"The answer has {seconds} where {what}, an instant, belongs.") from (
            None
        )


def _check_meta(meta: dict[str, Any], symbol: str, currency: str) -> None:
    """The answer must be about what was asked for: GBp are pence, and no GBP."""
    expected = (("symbol", symbol.upper()), ("currency", currency), ("dataGranularity", "1d"))
    for name, wanted in expected:
        found = meta.get(name)
        said = found.upper() if name == "symbol" and isinstance(found, str) else found
        if said != wanted:
            raise UnusableAnswer(
                f"The answer has {name} {shown(found)} where {wanted} was asked for."
            )


def _refuse_error(error: Any, symbol: str) -> None:
    """Raises for an error object, but for the one that says there is nothing in the window."""
    fields = mapping(error, "error")
    code, words = fields.get("code"), fields.get("description")
    if not isinstance(code, str) or not isinstance(words, str):
        raise UnusableAnswer("The answer is an error without words.")
    if code == "Bad Request" and words.startswith("Data doesn't exist"):
        return
    # "Not Found" alone is also what a moved address says, to every symbol.
    if code == "Not Found" and re.search(r"symbol|delisted|no data", words, re.IGNORECASE):
        raise UnknownSymbol(
            f"Yahoo does not know {symbol}: {words[:120]}.",
            mend="if the share has another symbol now, add it to ledger/symbol_aliases.csv",
        )
    raise UnusableAnswer(f"Yahoo refused {symbol}: {code[:40]}: {words[:120]}.")


def _bars(result: dict[str, Any], zone: ZoneInfo) -> Iterator[Bar]:
    (quotes,) = array(mapping(result.get("indicators"), "indicators").get("quote"), "quote", 1)
    fields = mapping(quotes, "quote")
    if "timestamp" not in result and not fields:
        # A share without a session in the window.
        return
    stamps = array(result.get("timestamp"), "timestamp")
    columns = {
        name: [real(value, name) for value in array(fields.get(name), name, len(stamps))]
        for name in (*_PRICES, "volume")
    }
    prices = [_shortest(columns[name]) for name in _PRICES]
    rows = zip(stamps, *prices, columns["volume"], strict=True)
    for stamp, opening, high, low, close, volume in rows:
        day = _instant(stamp, zone, "timestamp").date()
        yield Bar(day, opening, high, low, close, volume)


def _events(
    result: dict[str, Any],
    kind: str,
    made: Callable[[dict[str, Any]], Split | Dividend],
    doubtful: list[DoubtfulEvent],
) -> Iterator[Any]:
    """Splits or dividends; one that cannot be read is doubtful, and so is a list that is none."""
    seen: list[Any] = []
    try:
        events = mapping(mapping(result.get("events", {}), "events").get(kind, {}), kind)
    except UnusableAnswer as error:
        doubtful.append(DoubtfulEvent(None, f"{kind} that cannot be read ({error.what})"))
        return
    for event in events.values():
        try:
            each = made(mapping(event, kind))
        except UnusableAnswer as error:
            doubtful.append(DoubtfulEvent(None, f"one of the {kind} ({error.what})"))
        else:
            if event not in seen:
                seen.append(event)
                yield each


def _split(event: dict[str, Any], zone: ZoneInfo) -> Split:
    day = _instant(event.get("date"), zone, "date of a split").date()
    new, old = (real(event.get(part), part) for part in ("numerator", "denominator"))
    # What cannot be divided is no ratio that is believed.
    return Split(day, new / old if new and old else 0.0)


def _dividend(event: dict[str, Any], zone: ZoneInfo) -> Dividend:
    day = _instant(event.get("date"), zone, "date of a dividend").date()
    amount = real(event.get("amount"), "amount")
    return Dividend(day, 0.0 if amount is None else amount, "split_adjusted")


def _end_of_session(meta: dict[str, Any], zone: ZoneInfo) -> datetime | None:
    """When the session ends that runs or ran last, by the vendor's own clock; None: not said."""
    periods = meta.get("currentTradingPeriod")
    if periods is None:
        return None
    regular = mapping(mapping(periods, "currentTradingPeriod").get("regular"), "regular")
    return _instant(regular.get("end"), zone, "end of the session")


def parse_chart(
    body: Any, symbol: str, window: Window, retrieved_at: datetime, *, currency: str = "USD"
) -> History:
    """The share's history out of a decoded answer of ``/v8/finance/chart/{symbol}``.

    ``retrieved_at`` (UTC) decides which session was over, so that a recorded answer always
    means the same. Dates are the exchange's. An error that says there is no data in the window
    gives an empty history. Raises UnknownSymbol; UnusableAnswer for everything malformed.
    """
    chart = mapping(mapping(body, "the body").get("chart"), "chart")
    if chart.get("error") is not None:
        _refuse_error(chart["error"], symbol)
        return History()
    (only,) = array(chart.get("result"), "result", 1)
    result = mapping(only, "result")
    meta = mapping(result.get("meta"), "meta")
    _check_meta(meta, symbol, currency)
    zone = _zone(meta)
    now = as_of(retrieved_at, zone)
    end = _end_of_session(meta, zone)

    def is_over(day: date) -> bool:
        if end is not None and end.date() == day:
            return end + SETTLING <= now
        if end is not None and end.date() > day == now.date():
            # The vendor speaks of the next session already.
            return datetime.combine(day, REGULAR_CLOSE, zone) + SETTLING <= now
        return day < now.date()

    history = validate_bars(
        _bars(result, zone),
        window=window,
        is_over=is_over,
        today=now.date(),
        sessions=sessions_in(window) if zone.key == NEW_YORK else None,
        first_trade=_day_named(meta, "firstTradeDate", zone),
        last_trade=_day_named(meta, "regularMarketTime", zone),
    )
    doubtful: list[DoubtfulEvent] = []
    splits = list(_events(result, "splits", lambda event: _split(event, zone), doubtful))
    dividends = list(_events(result, "dividends", lambda event: _dividend(event, zone), doubtful))
    return with_events(history, splits, dividends, doubtful, window=window, today=now.date())


def _day_named(meta: dict[str, Any], name: str, zone: ZoneInfo) -> date | None:
    """The exchange's day of an instant of the answer's head; None where it names none (or 0)."""
    return _instant(meta[name], zone, name).date() if meta.get(name) else None


def _empty_or_error(refused: HttpRefused, symbol: str) -> History:
    """What an error of HTTP means: nothing in the window, or an error. Raises SourceError."""
    try:
        chart = mapping(mapping(decoded_or_none(refused.body), "the body").get("chart"), "chart")
        _refuse_error(chart.get("error"), symbol)
    except UnusableAnswer:
        raise refused from None
    return History()


def _midnight(day: date) -> str:
    return str(int(datetime.combine(day, time(), ZoneInfo(NEW_YORK)).timestamp()))


class YahooVendor(EquityVendor):
    """Yahoo behind the project's HTTP layer.

    ``currencies`` are the listing currencies of tickers that are not in USD: an answer in
    another currency than the expected one is refused. The rest is as for every EquityVendor.
    """

    name = HOST
    _words = "Yahoo"

    def __init__(
        self,
        client: Client,
        *,
        aliases: Sequence[SymbolAlias] = (),
        asked_on: date,
        currencies: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(client, aliases=aliases, asked_on=asked_on)
        self._currencies = dict(currencies or {})

    def _history(self, ticker: str, symbol: str, window: Window, cost: Tally) -> History:
        try:
            reply = cost.ask(
                self._client,
                HOST,
                f"/v8/finance/chart/{quote(symbol, safe='')}",
                {
                    "period1": _midnight(window.start),
                    "period2": _midnight(window.end + timedelta(days=1)),
                    "interval": "1d",
                    "events": "div,splits",
                    "includePrePost": "false",
                },
            )
        except HttpRefused as error:
            # Unknown symbols and empty windows are errors of HTTP too, with words in the body.
            if error.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}:
                raise
            return _empty_or_error(error, symbol)
        return parse_chart(
            parse_json(reply),
            symbol,
            window,
            reply.retrieved_at,
            currency=self._currencies.get(ticker, "USD"),
        )
