"""What price vendors share: whom they ask for, what it costs, and how renamed shares are joined."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from dagster_project.contracts import Table, Window
from dagster_project.errors import SourceError
from dagster_project.sources.exchange_calendar import sessions_in
from dagster_project.sources.live.equity_history import (
    History,
    UnknownSymbol,
    columns_for,
    is_same_price,
    missing_of,
)
from dagster_project.sources.live.strict_json import UnusableAnswer
from dagster_project.sources.live.symbol_aliases import SymbolAlias, symbols_to_ask
from dagster_project.sources.live.vendor import Client, Tally, VendorAnswer

# A successor is asked for so many days before the old symbol's last session: closes of days that
# both have say whether the two are one share.
OVERLAP = timedelta(days=14)


class EquityVendor(ABC):
    """A price vendor that is asked for one share at a time, by whatever symbol it files it under.

    ``aliases`` are other symbols of the shares and ``asked_on`` is the day that decides which of
    them hold.
    """

    name: str
    _words: str

    def __init__(
        self, client: Client, *, aliases: Sequence[SymbolAlias] = (), asked_on: date
    ) -> None:
        self._client = client
        self._aliases = tuple(aliases)
        self._asked_on = asked_on

    @abstractmethod
    def _history(self, ticker: str, symbol: str, window: Window, cost: Tally) -> History:
        """The ticker's history under ``symbol``. Raises UnknownSymbol and other SourceErrors."""

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        """Rows of a price, split or dividend table for the ticker ``symbol``.

        Where one of its symbols lacks sessions at an end of the window, the others are asked for
        them. Raises UnknownSymbol when no symbol of the ticker is known there, HttpUnavailable
        when the vendor does not answer, HttpRefused when it says no, UnusableAnswer for an answer
        that cannot be believed.
        """
        columns_for(table, symbol, History())  # refuses a table that no price vendor fills
        with Tally() as cost:
            joined = _Joined(symbol, self.name, self._words)
            failed: SourceError | None = None
            for candidate, asked, alias in self._questions(symbol, window):
                days = asked if joined.is_empty else joined.lacking(asked, candidate, alias)
                if days is None:
                    continue
                try:
                    history = self._guarded(symbol, candidate, days, cost)
                except (UnknownSymbol, UnusableAnswer) as error:
                    failed = error
                    joined.notes.append(f"{symbol} under {candidate}: {error.what}")
                except SourceError as error:
                    if joined.is_empty:
                        raise
                    joined.notes.append(f"{symbol} under {candidate}: {error.what}")
                else:
                    joined.add(candidate, history, alias)
            if failed is not None and not joined.was_answered:
                raise failed
            return self._answer(table, joined, cost)

    def _questions(
        self, ticker: str, window: Window
    ) -> list[tuple[str, Window, SymbolAlias | None]]:
        """Symbols in the order of asking, the days each may be asked for, and its alias.

        After a verified alias the ticker is asked too, for the days before the alias holds: a
        vendor may keep those under the old symbol, which later may be another company's.
        """
        aliases = {each.symbol: each for each in self._aliases if each.ticker == ticker}
        symbols = symbols_to_ask(ticker, self.name, self._asked_on, self._aliases)
        asked = [(symbol, window, aliases.get(symbol)) for symbol in symbols]
        started = aliases[symbols[-1]].valid_from_date if ticker not in symbols else None
        if started is not None and window.start < started:
            before = Window(window.start, min(window.end, started - timedelta(days=1)))
            asked.append((ticker, before, None))
        return asked

    def _guarded(self, ticker: str, symbol: str, window: Window, cost: Tally) -> History:
        try:
            return self._history(ticker, symbol, window, cost)
        except UnusableAnswer as error:
            raise UnusableAnswer(
                error.what,
                where=error.where or f"{self._words}, {symbol}, {window}",
                mend=error.mend
                or "the vendor's interface may have changed: its raw answer is in the archive",
            ) from error

    def _answer(self, table: Table, joined: _Joined, cost: Tally) -> VendorAnswer:
        columns = columns_for(table, joined.ticker, joined.history)
        if table.time_column:
            columns["source"] = list(joined.sources)
        return cost.answer(
            columns,
            notes=(*joined.notes, *joined.history.notes(joined.ticker)),
            complete=joined.history.is_complete and not joined.doubts,
            # Prices are adjusted for splits: what was read before one is on another basis.
            restated=bool(joined.history.splits),
            missing=missing_of(table, joined.history),
        )


class _Joined:
    """What the symbols of one ticker have said so far, as one history.

    ``sources`` are the sources of its bars. A symbol that nobody verified, and no common session
    confirms, has a source of its own: the warehouse computes no return across a change of source.
    """

    def __init__(self, ticker: str, vendor: str, words: str) -> None:
        self.ticker = ticker
        self._vendor = vendor
        self._words = words
        self.history = History()
        self.sources: list[str] = []
        self.notes: list[str] = []
        self.was_answered = False
        self.doubts = False

    @property
    def is_empty(self) -> bool:
        return not self.history.bars

    def lacking(self, asked: Window, candidate: str, alias: SymbolAlias | None) -> Window | None:
        """The days of ``asked`` that another symbol may have; None where there are none.

        A later symbol may have what follows the last bar, and is asked for days before it too,
        to compare; the ticker itself what precedes the first one.
        """
        first, last = (self.history.bars[at].session_date for at in (0, -1))
        if alias is None:
            earlier = [day for day in sessions_in(asked) if day < first]
            return Window(earlier[0], earlier[-1]) if earlier else None
        if not any(day > last for day in self.history.missing):
            return None
        return Window(max(asked.start, last - OVERLAP), asked.end)

    def add(self, symbol: str, history: History, alias: SymbolAlias | None) -> None:
        """Join what ``symbol`` has to what the symbols before it had."""
        self.was_answered = True
        before = {bar.session_date: bar.close for bar in self.history.bars}
        closes = {bar.session_date: bar.close for bar in history.bars}
        common = sorted(set(before) & set(closes))
        differing = [day for day in common if not is_same_price(before[day], closes[day])]
        if differing:
            self.doubts = True
            self.notes.append(
                f"{self.ticker} is not continued by {symbol} at {self._words}: their closes of "
                f"{differing[0]} differ; correct ledger/symbol_aliases.csv"
            )
            return
        trusted = alias is None or alias.is_verified or bool(common)
        note = f"{self.ticker} is filed under {symbol} at {self._words}"
        if before and history.bars:
            note += f" after {max(before)}" if alias else f" before {min(before)}"
        if common:
            note += f"; {len(common)} common sessions agree"
        if not trusted:
            note += (
                ", by an alias that nobody has verified: no return is computed across the change"
            )
        if history.bars and (before or symbol != self.ticker):
            self.notes.append(note)
        self._merge(history, self._vendor if trusted else f"{self._vendor} {symbol}")

    def _merge(self, history: History, source: str) -> None:
        held = self.history
        known = {bar.session_date for bar in held.bars}
        bars = [*zip(held.bars, self.sources, strict=True)]
        bars += [(bar, source) for bar in history.bars if bar.session_date not in known]
        bars.sort(key=lambda pair: pair[0].session_date)
        present = {bar.session_date for bar, _ in bars}
        self.sources = [each for _, each in bars]
        self.history = replace(
            held,
            bars=tuple(bar for bar, _ in bars),
            splits=_united(held.splits, history.splits),
            dividends=_united(held.dividends, history.dividends),
            left_out={
                reason: tuple(sorted({*held.left_out.get(reason, ()), *days}))
                for reason, days in {**held.left_out, **history.left_out}.items()
            },
            doubtful=_united(held.doubtful, history.doubtful),
            missing=tuple(sorted({*held.missing, *history.missing} - present)),
        )


def _united(held: tuple[Any, ...], more: tuple[Any, ...]) -> tuple[Any, ...]:
    """Events of both, those of one day from the first that has any."""
    days = {event.ex_date for event in held}
    return (*held, *(event for event in more if event.ex_date not in days))
