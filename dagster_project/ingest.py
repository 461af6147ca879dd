"""From a source into the warehouse: every part of a table is loaded soon after it arrives.

Each part is a transaction of its own, so an interrupted extraction keeps what it loaded and
the next one goes on from there; and the working file is open only while parts are written,
never while a vendor is waited for. To open and close it takes a tenth of a second and more, so
small parts that come at once are written at one opening.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import duckdb

from dagster_project.contracts import BY_NAME, Cost, Extract, Gap, Table, Window
from dagster_project.errors import LoadRefused, SourceError
from dagster_project.freshness import newest_stored
from dagster_project.settings import Settings
from dagster_project.sources.base import Source
from dagster_project.warehouse.connection import warehouse
from dagster_project.warehouse.coverage import row_count, rows_by_month, stored_until
from dagster_project.warehouse.ddl import ensure_schema
from dagster_project.warehouse.history import keep_history
from dagster_project.warehouse.load import LoadReport, load

LOADED, UNANSWERED, REFUSED = "loaded", "unanswered", "refused"
# So soon after the last write a part waits for the next one, unless so many rows wait: a kill
# loses those, and the next run asks for them again.
TOGETHER_SECONDS, TOGETHER_ROWS = 2.0, 50_000


@dataclass(frozen=True)
class Part:
    """What became of one part: loaded, unanswered by every vendor, or refused by the load."""

    symbol: str
    status: str
    vendor: str
    rows: int
    first_date: str
    last_date: str
    tried: tuple[str, ...]
    cost: Cost
    report: LoadReport | None = None


@dataclass
class Ingested:
    """What became of a table: its parts, and how many rows are stored now."""

    table: str
    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    total: int = 0
    # Newest date of a series that is stored now; None for other tables and empty ones.
    newest: date | None = None
    # Rows stored of each month of the window that was asked for, by the month's first day.
    months: dict[str, int] = field(default_factory=dict)

    @property
    def reports(self) -> list[LoadReport]:
        return [part.report for part in self.parts if part.report]

    @property
    def missing(self) -> list[Part]:
        return [part for part in self.parts if part.status != LOADED]

    @property
    def cost(self) -> Cost:
        return sum((part.cost for part in self.parts), Cost())

    def count(self, what: str) -> int:
        """Sum of one figure of the load reports: read, inserted, updated, ..."""
        return sum(getattr(report, what) for report in self.reports)

    @property
    def summary(self) -> str:
        """One line for a log."""
        if len(self.parts) == 1 and self.reports:
            return self.reports[0].summary()
        words = (("inserted", "new"), ("updated", "revised"), ("removed", "removed"))
        changes = [f"{self.count(name):,} {word}" for name, word in words if self.count(name)]
        line = f"{self.total:,} rows, " + (", ".join(changes) or "unchanged")
        if self.missing:
            line += f", {len(self.missing)} of {len(self.parts)} symbols missing"
        return line


def ingest(
    settings: Settings,
    source: Source,
    table: Table,
    window: Window | None,
    *,
    incremental: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Ingested:
    """Ask the source for a table and load every part of the answer.

    ``incremental`` goes on from what is stored instead of asking for ``window``. Raises
    SourceError or LoadRefused where the table is one part, and SourceError where no symbol
    at all could be had and nothing is stored; otherwise what is missing stands in ``parts``
    and what was stored of it stays.
    """
    known = None
    if incremental and table.time_column:
        with warehouse(settings.warehouse_path) as connection:
            known = stored_until(connection, table)
    result = Ingested(table.name)
    waiting: list[Extract | Gap] = []
    written_at = time.monotonic()
    try:
        for answer in source.answers(table, window, known):
            waiting.append(answer)
            rows = sum(len(one.frame) for one in waiting if isinstance(one, Extract))
            if rows >= TOGETHER_ROWS or time.monotonic() - written_at >= TOGETHER_SECONDS:
                _write(settings, waiting, result, say)
                written_at = time.monotonic()
    except BaseException:
        # What came before the trouble is kept, as it would be had it come alone.
        if waiting or result.parts:
            _write(settings, waiting, result, say, ended=table)
        raise
    _write(settings, waiting, result, say, ended=table, window=window)
    if result.parts and not result.reports and not result.total:
        reasons = [f"{part.symbol or table.name}: {'; '.join(part.tried)}" for part in result.parts]
        raise SourceError(
            f"Nobody answered for table {table.name}, and nothing of it is stored.",
            where="\n         ".join(reasons[:5]),
            mend="'make doctor' says which sources can be reached; run again later",
        )
    return result


def _write(
    settings: Settings,
    waiting: list[Extract | Gap],
    result: Ingested,
    say: Callable[[str], None],
    *,
    ended: Table | None = None,
    window: Window | None = None,
) -> None:
    """Load the parts that wait, at one opening of the working file, and empty the list.

    ``ended`` is the table whose last part this is: its history is kept, and its rows are counted,
    those of a series by months of ``window`` too.
    """
    # Emptied first: what fails here is not tried again.
    parts, loaded = waiting[:], len(result.parts)
    waiting.clear()
    with warehouse(settings.warehouse_path) as connection:
        try:
            for part in parts:
                result.parts.append(_load(connection, settings, part, result))
        finally:
            # A load that was refused has logged its rejected rows.
            if ended:
                ensure_schema(connection)
                keep_history(connection, settings.warehouse_path, (ended,))
        if ended:
            result.total = row_count(connection, ended)
            result.newest = newest_stored(ended, stored_until(connection, ended))
            if window and ended.time_column:
                result.months = rows_by_month(connection, ended, window.start, window.end)
    for done in result.parts[loaded:]:
        say(_line(done))


def _load(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    answer: Extract | Gap,
    result: Ingested,
) -> Part:
    if isinstance(answer, Gap):
        return Part(answer.symbol, UNANSWERED, "", 0, "", "", answer.tried, answer.cost)
    result.notes += answer.notes
    result.origins.append(answer.origin)
    report, status, tried = None, LOADED, answer.tried
    try:
        report = load(connection, answer, allow_smaller=settings.allow_smaller)
    except LoadRefused as error:
        # A file is one part: then there is nobody else whose rows could still be had.
        if not answer.symbol:
            raise
        status, tried = REFUSED, (*tried, f"{answer.source}: {error}")
    dates = _dates(answer)
    return Part(
        symbol=answer.symbol,
        status=status,
        vendor=answer.source,
        rows=len(answer.frame),
        first_date=dates[0],
        last_date=dates[-1],
        tried=tried,
        cost=answer.cost,
        report=report,
    )


def _dates(extract: Extract) -> tuple[str, str]:
    """First and last date of an extract as text; empty where it has none."""
    column = BY_NAME[extract.table].time_column
    if not column or extract.frame.empty:
        return "", ""
    dates = extract.frame[column]
    return str(dates.min().date()), str(dates.max().date())


def _line(part: Part) -> str:
    """One line about a part, for a log."""
    name = part.symbol or "all"
    if part.status != LOADED:
        return f"{name}: {part.status} ({'; '.join(part.tried)})"
    assert part.report is not None
    line = f"{name}: {part.report.summary()} from {part.vendor}"
    if part.cost.requests:
        cost = part.cost
        line += (
            f"; {cost.requests} requests, {cost.retries} of them again, {cost.bytes:,} bytes, "
            f"waited {cost.waited_s:.1f} s"
        )
    return line + (f"; before it {'; '.join(part.tried)}" if part.tried else "")
