"""Every cell of the fault matrix ends as declared, over a real connection, and harms nothing.

After a change that is meant, `UPDATE_DOCS=1 pytest tests/sources/live/test_fault_matrix.py` writes
the table of the documentation anew.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pytest

from dagster_project.contracts import BY_NAME, Extract, Gap, Table, Window
from dagster_project.errors import SourceError
from dagster_project.settings import BUNDLED_DATA_DIR, PROJECT_DIR, Settings
from dagster_project.sources import open_calendar
from dagster_project.sources.data_folder import DataFolder
from dagster_project.sources.live.live_source import LiveSource, Plan
from dagster_project.sources.live.opening import MAY_BE_EMPTY
from dagster_project.sources.live.vendor import Vendor, VendorAnswer, spent_on
from dagster_project.warehouse.load import load
from tests.sources.live.fault_matrix import (
    ASKED_AT,
    CELLS,
    ENDINGS,
    FAULTS,
    GAP,
    REFUSED,
    RETRIED,
    SILENT,
    SOURCES,
    TESTED,
    Cell,
    Source,
)
from tests.sources.live.loopback import FakeClock, Loopback

PAGE = PROJECT_DIR / "docs" / "live-sources.md"
BEGIN, END = "<!-- fault matrix: begin -->\n", "<!-- fault matrix: end -->\n"
FOLDER = DataFolder(BUNDLED_DATA_DIR, BUNDLED_DATA_DIR)
# Pages, stretches, attempts: whatever a host answers, the asking ends.
MOST_REQUESTS = 70


class Witness:
    """A vendor that remembers how it was answered."""

    def __init__(self, vendor: Vendor) -> None:
        self.name = vendor.name
        self._vendor = vendor
        self.answer: VendorAnswer | None = None
        self.error: SourceError | None = None

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        try:
            self.answer = self._vendor.fetch(table, symbol, window)
        except SourceError as error:
            self.error = error
            raise
        return self.answer


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


def asked(server: Loopback, source: Source, steps: tuple, fault: str = "") -> tuple:
    """What a run makes of the source with these steps, and the vendor's witness."""
    for path in source.bodies:
        server.on(path, source.good_at(path))
    server.on(source.path, *(steps or (source.good,)))
    changes = {"max_bytes": 2**20, "timeout_s": 10.0, "deadline_s": 20.0}
    if fault in SILENT:
        # A few attempts more, should this machine itself be slow.
        changes |= {"timeout_s": 0.3, "deadline_s": 0.5, "attempts": 8}
    client = server.client(*source.hosts, clock=FakeClock(ASKED_AT), changes=changes)
    witness = Witness(source.make(client))
    plan = Plan([witness], [source.symbol], empty_is_an_answer=source.table in MAY_BE_EMPTY)
    run = LiveSource(
        FOLDER,
        {source.table: [plan]},
        first=source.window.start,
        today=source.window.end,
    )
    part = run.part(BY_NAME[source.table], source.symbol, source.window, 0)
    client.close()
    return part, witness


@dataclass(frozen=True)
class Stored:
    """A warehouse that holds a source's rows of an undisturbed day, and how many they are."""

    connection: duckdb.DuckDBPyConnection
    n_rows: int


@pytest.fixture(scope="module")
def stored(server) -> Iterator[dict[str, Stored]]:
    """By heading. Two warehouses: where two sources fill the same rows, each has its own."""
    calendar = open_calendar(Settings(BUNDLED_DATA_DIR, BUNDLED_DATA_DIR))
    (sessions,) = calendar.answers(BY_NAME["exchange_sessions"])
    assert isinstance(sessions, Extract)
    with duckdb.connect() as first, duckdb.connect() as second:
        for connection in (first, second):
            load(connection, FOLDER.extract(BY_NAME["companies"]))
            load(connection, sessions)
        made = {}
        for source in SOURCES:
            part, witness = asked(server, source, ())
            assert isinstance(part, Extract), source.heading
            assert witness.answer is not None
            assert witness.answer.complete
            connection = second if source.heading in {"Tiingo", "Kraken"} else first
            report = load(connection, part)
            assert (report.updated, report.removed, report.rejected) == (0, 0, 0)
            assert report.inserted + report.unchanged == len(part.frame) > 1
            made[source.heading] = Stored(connection, len(part.frame))
        yield made


def ending_of(part: Extract | Gap, witness: Witness, n_stored: int) -> str:
    """How it ended, as far as the vendor's rows and words tell."""
    if isinstance(part, Gap):
        assert part.tried, "a refusal says why"
        if witness.error is not None:
            error = witness.error
            assert error.what
            assert error.where
            assert error.mend
            assert spent_on(error).requests > 0
            assert part.cost.requests == spent_on(error).requests
        return REFUSED
    assert witness.answer is not None
    if len(part.frame) == n_stored and witness.answer.complete:
        return RETRIED if witness.answer.retries else "whole"
    assert witness.answer.notes, "a gap nobody sees"
    assert not witness.answer.complete
    return GAP


@pytest.mark.parametrize("cell", TESTED, ids=lambda cell: cell.name)
def test_a_fault_ends_as_declared_and_harms_no_stored_row(cell: Cell, server, stored) -> None:
    held = stored[cell.source.heading]
    before = len(server.requests)
    part, witness = asked(server, cell.source, cell.steps, cell.fault)
    n_requests = len(server.requests) - before
    assert 0 < n_requests <= MOST_REQUESTS
    assert ending_of(part, witness, held.n_rows) == cell.ending
    if isinstance(part, Gap):
        return
    assert part.cost.requests == n_requests
    # Loaded over the rows of a good day, nothing is changed, removed or new: what came is right,
    # and what did not come stays.
    report = load(held.connection, part)
    assert (report.inserted, report.updated, report.removed, report.rejected) == (0, 0, 0, 0)
    # A filing that could not be read says so, and leaves what was read of it as it is.
    n_unread = list(part.frame.get("status", ())).count("unread")
    assert report.unchanged + n_unread == len(part.frame) <= held.n_rows


def test_every_fault_at_every_source_is_declared_once() -> None:
    assert len({cell.name for cell in CELLS}) == len(CELLS) == len(FAULTS) * len(SOURCES)
    assert all(bool(cell.ending) != bool(cell.why_not) for cell in CELLS)
    for source in SOURCES:
        unknown = (set(source.changes) | set(source.exceptions)) - set(FAULTS)
        assert unknown == set(), source.heading


# ---- The table of the documentation ----


def matrix_text() -> str:
    """Table, counts and reasons, as the page shows them."""
    by_name = {(cell.fault, cell.source.heading): cell for cell in CELLS}
    headings = [source.heading for source in SOURCES]
    lines = [
        f"| fault | {' | '.join(headings)} |",
        f"| --- | {' | '.join('---' for _ in headings)} |",
        *(
            f"| {fault} | "
            + " | ".join(by_name[fault, heading].ending or "–" for heading in headings)
            + " |"
            for fault in FAULTS
        ),
        "",
    ]
    counts = Counter(cell.ending for cell in TESTED)
    counted = ", ".join(f"{counts[ending]} {ending}" for ending in ENDINGS)
    lines += [
        f"{len(CELLS)} cells: {len(TESTED)} tested ({counted}) and {len(CELLS) - len(TESTED)} "
        "that cannot be:",
        "",
    ]
    reasons: dict[tuple[str, str], list[str]] = {}
    for cell in CELLS:
        if cell.why_not:
            reasons.setdefault((cell.source.heading, cell.why_not), []).append(cell.fault)
    for (heading, why), faults in reasons.items():
        named = "; ".join(faults) if len(faults) < 4 else f"{len(faults)} faults of the content"
        lines.append(f"- {heading} ({named}): {why}.")
    return "\n".join(lines) + "\n"


def test_the_table_of_the_documentation_is_the_matrix() -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    shown, after = rest.split(END)
    if os.environ.get("UPDATE_DOCS") and shown != matrix_text():
        PAGE.write_text(before + BEGIN + matrix_text() + END + after, encoding="utf-8")
        pytest.fail("the table was written anew: read it, mend the prose, run again")
    assert shown == matrix_text()
