"""What price vendors share when they ask: the client they need, its cost, and when to stop."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

from dagster_project.contracts import Table, Window
from dagster_project.sources.live.equity_history import (
    History,
    UnknownSymbol,
    UnusableAnswer,
    columns_for,
)
from dagster_project.sources.live.http_errors import HttpRefused, HttpUnavailable
from dagster_project.sources.live.symbol_aliases import SymbolAlias, symbols_to_ask
from dagster_project.sources.live.vendor import Client, Tally, VendorAnswer


def words_of(refused: HttpRefused) -> Any:
    """The decoded body of an error of HTTP. Raises the error itself where it has none."""
    try:
        return json.loads(refused.body)
    except (ValueError, RecursionError):
        raise refused from None


class Fuse:
    """Blows when a vendor says too many requests, and stays blown for the rest of the run.

    A limit by address stays tripped for minutes, and every further question lengthens it: the
    other symbols are left to the next vendor at once.
    """

    def __init__(self, vendor: str) -> None:
        self._vendor = vendor
        self._reason = ""

    def check(self) -> None:
        """Raises HttpUnavailable when it has blown."""
        if self._reason:
            raise HttpUnavailable(
                f"{self._vendor} is not asked again in this run. It had said: {self._reason}",
                status=HTTPStatus.TOO_MANY_REQUESTS,
                mend="run again in a quarter of an hour; what was answered is loaded",
            )

    def watch(self, error: HttpUnavailable) -> None:
        """Blow where ``error`` says too many requests, after every attempt."""
        if error.status == HTTPStatus.TOO_MANY_REQUESTS and not self._reason:
            self._reason = error.what


class EquityVendor(ABC):
    """A price vendor that is asked for one share at a time, by whatever symbol it files it under.

    ``aliases`` are other symbols of the shares and ``asked_on`` is the day that decides which of
    them hold. ``probe_symbol`` is a share that trades every session, for the question how fresh
    the vendor is.
    """

    name: str
    _words: str

    def __init__(
        self,
        client: Client,
        *,
        aliases: Sequence[SymbolAlias] = (),
        asked_on: date,
        probe_symbol: str = "SPY",
    ) -> None:
        self._client = client
        self._aliases = tuple(aliases)
        self._asked_on = asked_on
        self._probe_symbol = probe_symbol
        self._fuse = Fuse(self._words)

    @abstractmethod
    def _history(self, ticker: str, symbol: str, window: Window, cost: Tally) -> History:
        """The ticker's history under ``symbol``. Raises UnknownSymbol and other SourceErrors."""

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        """Rows of a price, split or dividend table for the ticker ``symbol``.

        Raises UnknownSymbol when no symbol of the ticker is known there, HttpUnavailable when
        the vendor does not answer (at once after it said too many requests), HttpRefused when it
        says no, UnusableAnswer for an answer that cannot be believed.
        """
        columns_for(table, symbol, History())  # refuses a table that no price vendor fills
        *earlier, last = symbols_to_ask(symbol, self.name, self._asked_on, self._aliases)
        with Tally() as cost:
            for candidate in earlier:
                try:
                    history = self._guarded(symbol, candidate, window, cost)
                except UnknownSymbol:
                    continue
                return self._answer(table, symbol, candidate, history, cost)
            history = self._guarded(symbol, last, window, cost)
            return self._answer(table, symbol, last, history, cost)

    def newest_date(self) -> date | None:
        """Newest session that is over and offered; None: none in ten days. Raises SourceError."""
        days = Window(self._asked_on - timedelta(days=10), self._asked_on)
        bars = self._guarded(self._probe_symbol, self._probe_symbol, days, Tally()).bars
        return bars[-1].session_date if bars else None

    def _guarded(self, ticker: str, symbol: str, window: Window, cost: Tally) -> History:
        self._fuse.check()
        try:
            return self._history(ticker, symbol, window, cost)
        except UnusableAnswer as error:
            raise UnusableAnswer(
                error.what,
                where=f"{self._words}, {symbol}, {window}",
                mend=error.mend
                or "the vendor's interface may have changed: its raw answer is in the archive",
            ) from error
        except HttpUnavailable as error:
            self._fuse.watch(error)
            raise

    def _answer(
        self, table: Table, ticker: str, symbol: str, history: History, cost: Tally
    ) -> VendorAnswer:
        return cost.answer(
            columns_for(table, ticker, history),
            notes=(*self._naming(ticker, symbol), *history.notes(ticker)),
            complete=history.is_complete,
            # Prices are adjusted for splits: what was read before one is on another basis.
            restated=bool(history.splits),
        )

    def _naming(self, ticker: str, symbol: str) -> tuple[str, ...]:
        if symbol == ticker:
            return ()
        verified = any(
            alias.is_verified
            for alias in self._aliases
            if (alias.ticker, alias.symbol) == (ticker, symbol)
        )
        doubt = "" if verified else ", by an alias that nobody has verified"
        return (f"{ticker} is filed under {symbol} at {self._words}{doubt}",)
