"""Daily bars, splits and dividends from Tiingo's end-of-day interface, with the user's own key.

Tiingo's ``adjClose`` is adjusted for dividends too, which the rest of the warehouse is not.
Bars are therefore built from the prices as traded and the split factors after them, and every
question reaches to the newest day: a split after the window has changed the window's prices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

from dagster_project.contracts import BY_NAME, Window
from dagster_project.errors import SourceError
from dagster_project.sources.exchange_calendar import NEW_YORK, sessions_in
from dagster_project.sources.live.asking import EquityVendor
from dagster_project.sources.live.equity_history import (
    Bar,
    Dividend,
    DoubtfulEvent,
    History,
    Split,
    UnknownSymbol,
    as_of,
    positive,
    validate_bars,
    with_events,
)
from dagster_project.sources.live.http_errors import HttpRefused, Later
from dagster_project.sources.live.strict_json import (
    UnusableAnswer,
    array,
    decoded_or_none,
    mapping,
    parse_json,
    real,
    shown,
)
from dagster_project.sources.live.symbol_aliases import SymbolAlias
from dagster_project.sources.live.vendor import Client, Tally

HOST = "tiingo"
# From this hour on the day's prices are offered; corrections follow until 20:00.
OFFERED_FROM = time(17, 30)
# The shortest allowance is one by the hour.
REFILLED_AFTER_S = 3600.0
# All splits of a share together: far beyond any on record, and far from where numbers end.
MAX_ADJUSTMENT = 1e9


class Key(Protocol):
    """A secret that shows itself only when asked by name."""

    def reveal(self) -> str:
        """The key."""


def _day(value: Any) -> date:
    """The day of ``2019-01-02T00:00:00.000Z``: midnight UTC, in any spelling of it."""
    if isinstance(value, str):
        try:
            if len(value) == 10:
                return date.fromisoformat(value)
            instant = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            if instant.utcoffset() == timedelta(0) and instant.time() == time():
                return instant.date()
    raise UnusableAnswer(f"The answer has {shown(value)} where a date belongs.")


def _refuse_words(body: Any, symbol: str) -> None:
    """Raises for an answer that is an error in words, which may come with any status."""
    if not isinstance(body, dict):
        return
    words = body.get("detail")
    if not isinstance(words, str):
        raise UnusableAnswer("The answer is an object where a list of days belongs.")
    if "ticker" in words.lower() and "not found" in words.lower():
        raise UnknownSymbol(
            f"Tiingo does not know {symbol}: {words[:120]}",
            mend="if the share has another symbol now, add it to ledger/symbol_aliases.csv",
        )
    if "not found" in words.lower():
        # A moved address says no more than this either.
        raise UnknownSymbol(
            f"Tiingo has nothing at the address of {symbol}: {words[:120]}",
            mend="if every symbol is answered so, the interface has moved (make doctor); if only "
            "this one is, add its symbol of today to ledger/symbol_aliases.csv",
        )
    raise UnusableAnswer(f"Tiingo refused {symbol}: {words[:120]}")


def used_up(body: Any) -> Later | None:
    """Whether a decoded answer says that the allowance is used up, which comes with any status."""
    words = body.get("detail") if isinstance(body, dict) else None
    if not isinstance(words, str) or "run over your" not in words.lower():
        return None
    return Later(
        f"Tiingo's allowance is used up: {words[:160].rstrip('.')}",
        HTTPStatus.TOO_MANY_REQUESTS,
        wait_s=REFILLED_AFTER_S,
    )


def _field(row: dict[str, Any], name: str) -> Any:
    if name not in row:
        raise UnusableAnswer(f"A day of the answer has no {name}.")
    return row[name]


def _scaled(value: float | None, by: float) -> float | None:
    return None if value is None else value / by


def _whole_shares(volume: float | None, by: float) -> float | None:
    """Shares of today for shares of then, whole where a reverse split left a fraction."""
    if volume is None or by == 1 or not math.isfinite(volume * by):
        return volume
    return round(volume * by)


def parse_prices(body: Any, symbol: str, window: Window, retrieved_at: datetime) -> History:
    """The share's history out of a decoded answer of ``/tiingo/daily/{symbol}/prices``.

    The answer must reach to the newest day, or its prices are not adjusted for later splits.
    ``retrieved_at`` (UTC) decides whether the newest day was final. Raises UnknownSymbol and
    UnusableAnswer.
    """
    _refuse_words(body, symbol)
    rows = [mapping(row, "a day") for row in array(body, "the body")]
    dated = sorted(((_day(_field(row, "date")), row) for row in rows), key=lambda pair: pair[0])
    days = [day for day, _ in dated]
    if len(set(days)) < len(days):
        raise UnusableAnswer("The answer has a day twice.")
    now = as_of(retrieved_at, NEW_YORK)
    if days and days[-1] > now.date():
        # Its split factor would rewrite the days before it.
        raise UnusableAnswer(f"The answer has {days[-1]}, which had not come when it was given.")
    bars: list[Bar] = []
    splits: list[Split] = []
    dividends: list[Dividend] = []
    doubtful: list[DoubtfulEvent] = []
    widest = BY_NAME["equity_splits"].column("ratio").at_most
    later = 1.0
    for day, row in reversed(dated):
        prices = {
            name: _scaled(real(_field(row, name), name), later)
            for name in ("open", "high", "low", "close")
        }
        volume = real(_field(row, "volume"), "volume")
        bars.append(Bar(session_date=day, volume=_whole_shares(volume, later), **prices))
        factor = real(_field(row, "splitFactor"), "splitFactor")
        if not positive(factor, widest):
            doubtful.append(DoubtfulEvent(day, f"a split of {day} with the factor {factor}"))
        elif factor is not None and factor != 1:
            splits.append(Split(day, factor))
            # The factor applies from its own day on: only what was traded before is rewritten.
            later *= factor
            if not 1 / MAX_ADJUSTMENT <= later <= MAX_ADJUSTMENT:
                raise UnusableAnswer(f"The splits after {day} multiply to {later}.")
        try:
            paid = real(_field(row, "divCash"), "divCash")
        except UnusableAnswer as error:
            doubtful.append(DoubtfulEvent(day, f"a dividend of {day} ({error.what})"))
        else:
            if paid:
                dividends.append(Dividend(day, paid, "as_paid"))

    def is_over(day: date) -> bool:
        return day < now.date() or (day == now.date() and now.time() >= OFFERED_FROM)

    history = validate_bars(
        reversed(bars),
        window=window,
        is_over=is_over,
        today=now.date(),
        sessions=sessions_in(window),
    )
    return with_events(history, splits, dividends, doubtful, window=window, today=now.date())


class TiingoVendor(EquityVendor):
    """Tiingo behind the project's HTTP layer.

    ``key`` is the user's; without one every question is refused, with what to set, but for a
    ``replay``, which asks nobody. The rest is as for every EquityVendor.
    """

    name = HOST
    _words = "Tiingo"

    def __init__(
        self,
        client: Client,
        key: Key | None,
        *,
        aliases: Sequence[SymbolAlias] = (),
        asked_on: date,
        replay: bool = False,
    ) -> None:
        super().__init__(client, aliases=aliases, asked_on=asked_on)
        self._key = key
        self._replay = replay

    def _history(self, ticker: str, symbol: str, window: Window, cost: Tally) -> History:
        if not self._key and not self._replay:
            raise SourceError(
                "Tiingo is asked with a key, and there is none.",
                mend="set MINER_TIINGO_KEY to the token of your account at tiingo.com",
            )
        try:
            reply = cost.ask(
                self._client,
                HOST,
                f"/tiingo/daily/{quote(symbol.lower(), safe='')}/prices",
                # No end: splits after the window change what its prices are today.
                {"startDate": window.start.isoformat(), "format": "json"},
                busy=used_up,
                secret_headers=(
                    {"Authorization": f"Token {self._key.reveal()}"} if self._key else None
                ),
            )
        except HttpRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                _refuse_words(decoded_or_none(error.body), symbol)
            raise
        return parse_prices(parse_json(reply), symbol, window, reply.retrieved_at)
