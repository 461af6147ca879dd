"""Figures asked over the internet: symbol by symbol, vendor after vendor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd

from dagster_project.contracts import (
    SOURCE_REF,
    Cost,
    Extract,
    Gap,
    Kind,
    Table,
    Window,
    typed_frame,
)
from dagster_project.errors import SourceError
from dagster_project.sources.base import WHOLE_TABLE, OnePart
from dagster_project.sources.live.circuit_breaker import CircuitBreaker
from dagster_project.sources.live.journal import Entry, Journal
from dagster_project.sources.live.vendor import Vendor, VendorAnswer, spent_on

# Vendors correct prints for some days: each incremental answer starts this many calendar days
# before the last stored one, so that a week with a holiday is read again.
OVERLAP_DAYS = 10


@dataclass(frozen=True)
class Plan:
    """Who is asked for a table: vendors in order, and the symbols to ask for.

    ``absent`` says of a configured vendor why it cannot be asked (a key that is not set).
    ``empty_is_an_answer`` is for facts that need not exist (filings); a price series without
    a row in ten days is a vendor that does not know the symbol. Before ``first_day`` there is
    nothing to ask for.
    """

    vendors: Sequence[Vendor]
    symbols: Sequence[str]
    absent: tuple[str, ...] = ()
    empty_is_an_answer: bool = False
    first_day: date = date.min


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _stored_as(table: Table, symbol: str, plan: Plan) -> str:
    """The name under which the warehouse knows what a plan asks for."""
    if table.symbol_column == "source":
        return plan.vendors[0].name if plan.vendors else symbol
    return symbol if table.symbol_column else WHOLE_TABLE


def _breaker_key(vendor: Vendor) -> str:
    return f"vendor {vendor.name}"


def _filled(
    table: Table, found: Extract, more: Extract, missing: Sequence[date]
) -> tuple[Extract, tuple[date, ...]]:
    """``found`` with the rows that ``more`` has of the ``missing`` days, and the days left."""
    day = next(name for name in table.key if table.column(name).kind is Kind.DATE)
    days = more.frame[day].dt.date
    had = set(days)
    frame = (
        pd.concat([found.frame, more.frame[days.isin(list(missing))]])
        .drop_duplicates(list(table.key))
        .sort_values(list(table.key))
        .reset_index(drop=True)
    )
    left = tuple(each for each in missing if each not in had)
    note = f"{more.source} has {len(missing) - len(left)} of {len(missing)} days that others lack"
    if len(frame) == len(found.frame):
        return replace(found, notes=(*found.notes, note)), left
    return replace(
        found,
        frame=frame,
        origin=f"{found.origin}; {more.origin}",
        retrieved_at=max(found.retrieved_at, more.retrieved_at),
        notes=(*found.notes, note, *more.notes),
    ), left


class LiveSource:
    """Tables with plans come from vendors, all others from the data folder.

    One part per plan and symbol: a symbol that every vendor of a plan fails on is a Gap and the
    others go on. ``first`` is the first date asked for of a symbol that has nothing stored,
    ``today`` the last; ``journal`` receives every part that was asked for. ``breaker`` says which
    vendors are left alone for now.
    """

    name = "live"

    def __init__(
        self,
        folder: OnePart,
        plans: Mapping[str, Sequence[Plan]],
        *,
        first: date,
        today: date,
        journal: Journal | None = None,
        now: Callable[[], datetime] = _now,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._folder = folder
        self._plans = plans
        self._first = first
        self._today = today
        self._journal = journal
        self._now = now
        self._breaker = breaker or CircuitBreaker()

    def span(self) -> Window:
        """From the first date asked for until today."""
        return Window(self._first, self._today)

    def answers(
        self,
        table: Table,
        window: Window | None = None,
        stored_until: Mapping[str, date] | None = None,
    ) -> Iterator[Extract | Gap]:
        """One part per plan and symbol, as it arrives; never raises for one that fails."""
        plans = self._plans.get(table.name, ())
        if not any(plan.vendors for plan in plans):
            yield from self._from_folder(table, window, plans)
            return
        for chain, plan in enumerate(plans):
            for symbol in plan.symbols:
                known = None
                if stored_until is not None:
                    known = stored_until.get(_stored_as(table, symbol, plan))
                asked = self._window(
                    window, known, plan.first_day, incremental=stored_until is not None
                )
                if asked is not None:
                    yield self._recorded(table, symbol, asked, chain)

    def part(self, table: Table, symbol: str, window: Window, chain: int) -> Extract | Gap:
        """One symbol from the plan number ``chain`` of a table."""
        return self._ask(table, symbol, window, self._plans[table.name][chain])

    def _recorded(self, table: Table, symbol: str, window: Window, chain: int) -> Extract | Gap:
        began_at = self._now()
        part = self.part(table, symbol, window, chain)
        if self._journal is not None:
            self._journal.write(
                Entry(
                    table=table.name,
                    symbol=symbol,
                    window=window,
                    chain=chain,
                    today=self._today,
                    first=self._first,
                    began_at=began_at,
                    ended_at=self._now(),
                )
            )
        return part

    def _from_folder(
        self, table: Table, window: Window | None, plans: Sequence[Plan]
    ) -> Iterator[Extract | Gap]:
        for part in self._folder.answers(table, window):
            if plans:
                reason = "; ".join(why for plan in plans for why in plan.absent)
                note = f"{table.name} is read from the data folder: {reason or 'no vendor is set'}"
                # The warehouse may hold later rows of a vendor than the file.
                part = replace(part, notes=(*part.notes, note), complete=False)
            yield part

    def _window(
        self, window: Window | None, known: date | None, first_day: date, *, incremental: bool
    ) -> Window | None:
        """Dates to ask for; None where the window asked for lies in the future, or before the
        first day there can be."""
        end = min(window.end, self._today) if window else self._today
        start = window.start if window else self._first
        if incremental:
            overlap = known - timedelta(days=OVERLAP_DAYS) if known else self._first
            start = max(self._first, min(overlap, end))
        start = max(start, first_day)
        return Window(start, end) if start <= end else None

    def _ask(self, table: Table, symbol: str, window: Window, plan: Plan) -> Extract | Gap:
        """What the first vendor that knows the symbol has, and what it lacks from the next."""
        tried: list[str] = list(plan.absent)
        spent = Cost()
        found: Extract | None = None
        missing: tuple[date, ...] = ()
        for vendor in plan.vendors:
            left_alone_s, why = self._breaker.rest(_breaker_key(vendor))
            if left_alone_s:
                tried.append(f"{vendor.name}: not asked, {why}")
                continue
            asked = Window(missing[0], missing[-1]) if missing else window
            try:
                answer = vendor.fetch(table, symbol, asked)
                spent += answer.cost
                if answer.restated and asked.start > self._first and not missing:
                    # Older prices are on another basis now: all of the symbol is read again.
                    asked = window = Window(self._first, window.end)
                    answer = vendor.fetch(table, symbol, asked)
                    spent += answer.cost
            except SourceError as error:
                spent += spent_on(error)
                self._breaker.failed(_breaker_key(vendor))
                tried.append(f"{vendor.name}: {error.what}")
                continue
            self._breaker.succeeded(_breaker_key(vendor))
            extract = self._extract(table, symbol, asked, vendor, answer)
            if found is not None:
                found, missing = _filled(table, found, extract, missing)
            elif extract.frame.empty and not plan.empty_is_an_answer:
                tried.append(f"{vendor.name}: no rows from {asked.start} to {asked.end}")
            else:
                found, missing = extract, answer.missing
            if found is not None and not missing:
                break
        if found is None:
            return Gap(table.name, symbol, tuple(tried), spent)
        return replace(found, tried=tuple(tried), cost=spent)

    def _extract(
        self, table: Table, symbol: str, window: Window, vendor: Vendor, answer: VendorAnswer
    ) -> Extract:
        columns = dict(answer.columns)
        length = max((len(values) for values in columns.values()), default=0)
        columns.setdefault("source", [vendor.name] * length)
        columns[SOURCE_REF] = [
            f"{vendor.name} {symbol} row {number}".replace("  ", " ")
            for number in range(1, length + 1)
        ]
        frame = typed_frame(table, columns)
        notes = answer.notes
        if table.time_column:
            dates = frame[table.time_column].dt.date
            # A vendor may answer with more than it was asked for, a day in the future included.
            inside = (dates >= window.start) & (dates <= window.end)
            if not inside.all():
                notes += (f"{int((~inside).sum())} rows outside {window} were left out",)
            frame = frame[inside].reset_index(drop=True)
        return Extract(
            table=table.name,
            frame=frame,
            source=vendor.name,
            origin=f"{vendor.name} {symbol}".strip(),
            retrieved_at=answer.retrieved_at or self._now(),
            window=window if table.time_column else None,
            # What one vendor lacks of one symbol says nothing about the rest of the table.
            complete=False,
            notes=notes,
            symbol=symbol,
        )
