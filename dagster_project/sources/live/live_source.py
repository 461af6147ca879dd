"""Figures asked over the internet: symbol by symbol, vendor after vendor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from dagster_project.contracts import SOURCE_REF, Cost, Extract, Gap, Table, Window, typed_frame
from dagster_project.errors import SourceError
from dagster_project.sources.base import WHOLE_TABLE, OnePart
from dagster_project.sources.live.journal import Entry, Journal
from dagster_project.sources.live.vendor import Vendor, VendorAnswer, spent_on

# Vendors correct prints for some days: each incremental answer starts this many calendar days
# before the last stored one, so that a week with a holiday is read again.
OVERLAP_DAYS = 10
# A vendor that failed this many symbols in a row is down or has shut us out: asking it for the
# other symbols would only lengthen the ban.
FAILURES_IN_A_ROW = 3


@dataclass(frozen=True)
class Plan:
    """Who is asked for a table: vendors in order, and the symbols to ask for.

    ``absent`` says of a configured vendor why it cannot be asked (a key that is not set).
    ``empty_is_an_answer`` is for facts that need not exist (filings); a price series without
    a row in ten days is a vendor that does not know the symbol.
    """

    vendors: Sequence[Vendor]
    symbols: Sequence[str]
    absent: tuple[str, ...] = ()
    empty_is_an_answer: bool = False


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _stored_as(table: Table, symbol: str, plan: Plan) -> str:
    """The name under which the warehouse knows what a plan asks for."""
    if table.symbol_column == "source":
        return plan.vendors[0].name if plan.vendors else symbol
    return symbol if table.symbol_column else WHOLE_TABLE


class LiveSource:
    """Tables with plans come from vendors, all others from the data folder.

    One part per plan and symbol: a symbol that every vendor of a plan fails on is a Gap and the
    others go on. ``first`` is the first date asked for of a symbol that has nothing stored,
    ``today`` the last; ``journal`` receives every part that was asked for.
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
    ) -> None:
        self._folder = folder
        self._plans = plans
        self._first = first
        self._today = today
        self._journal = journal
        self._now = now
        self._failed_in_a_row: Counter[str] = Counter()

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
                asked = self._window(window, known, incremental=stored_until is not None)
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
        self, window: Window | None, known: date | None, *, incremental: bool
    ) -> Window | None:
        """Dates to ask for; None where the window asked for lies in the future."""
        end = min(window.end, self._today) if window else self._today
        start = window.start if window else self._first
        if incremental:
            overlap = known - timedelta(days=OVERLAP_DAYS) if known else self._first
            start = max(self._first, min(overlap, end))
        return Window(start, end) if start <= end else None

    def _ask(self, table: Table, symbol: str, window: Window, plan: Plan) -> Extract | Gap:
        tried: list[str] = list(plan.absent)
        spent = Cost()
        for vendor in plan.vendors:
            if self._failed_in_a_row[vendor.name] >= FAILURES_IN_A_ROW:
                tried.append(
                    f"{vendor.name}: not asked, it failed for {FAILURES_IN_A_ROW} symbols in a row"
                )
                continue
            try:
                answer = vendor.fetch(table, symbol, window)
                spent += answer.cost
                if answer.restated and window.start > self._first:
                    # Older prices are on another basis now: all of the symbol is read again.
                    window = Window(self._first, window.end)
                    answer = vendor.fetch(table, symbol, window)
                    spent += answer.cost
            except SourceError as error:
                spent += spent_on(error)
                self._failed_in_a_row[vendor.name] += 1
                tried.append(f"{vendor.name}: {error.what}")
                continue
            self._failed_in_a_row[vendor.name] = 0
            extract = self._extract(table, symbol, window, vendor, answer, tuple(tried), spent)
            if extract.frame.empty and not plan.empty_is_an_answer:
                tried.append(f"{vendor.name}: no rows from {window.start} to {window.end}")
                continue
            return extract
        return Gap(table.name, symbol, tuple(tried), spent)

    def _extract(
        self,
        table: Table,
        symbol: str,
        window: Window,
        vendor: Vendor,
        answer: VendorAnswer,
        tried: tuple[str, ...],
        spent: Cost,
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
            tried=tried,
            cost=spent,
        )
