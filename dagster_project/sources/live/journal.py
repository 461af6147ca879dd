"""What was asked for, and when: with the archive, enough to repeat every extraction in order.

One line of JSON per part in ``extractions.jsonl`` beside the archive's bodies. A replay puts the
same questions to the archive, each within the stretch of time in which it was asked, so that an
answer of another day never slips in.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from dagster_project.contracts import Window
from dagster_project.errors import SourceError
from dagster_project.sources.live.archive import append_line

FORMAT = 1
FILE = "extractions.jsonl"


@dataclass(frozen=True)
class Entry:
    """One part that was asked for.

    ``today`` is the day it was in New York, ``first`` the first date of a whole history;
    ``began_at`` and ``ended_at`` (UTC, no zone) enclose every question of the part.
    """

    table: str
    symbol: str
    window: Window
    chain: int
    today: date
    first: date
    began_at: datetime
    ended_at: datetime

    def line(self) -> bytes:
        """The line of the journal, with its line break."""
        fields = {"format": FORMAT, **vars(self), **vars(self.window)}
        del fields["window"]
        return json.dumps(fields, default=lambda value: value.isoformat()).encode() + b"\n"


def _entry(line: bytes) -> Entry | None:
    """The entry of a line; None where a crash cut it off."""
    try:
        fields = json.loads(line)
        if fields.pop("format") != FORMAT:
            return None
        days = {each: date.fromisoformat(fields.pop(each)) for each in ("start", "end")}
        for name in ("today", "first"):
            fields[name] = date.fromisoformat(fields[name])
        for name in ("began_at", "ended_at"):
            fields[name] = datetime.fromisoformat(fields[name])
        return Entry(window=Window(**days), **fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


class Journal:
    """The file in ``directory``, made with the first entry. Safe between threads."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE
        self._lock = threading.Lock()

    def write(self, entry: Entry) -> None:
        """Keep an entry; when this returns, it survives the process. Raises SourceError."""
        try:
            with self._lock:
                append_line(self.path, entry.line())
        except OSError as error:
            raise SourceError(
                f"The journal of extractions cannot be written: {error.strerror or error}.",
                where=str(self.path),
                mend="give this user write permission there, free disk space, or set "
                "MINER_ARCHIVE_DIR to a folder that can be written",
            ) from error

    def entries(self, table: str, *, not_after: datetime | None = None) -> Iterator[Entry]:
        """Entries of a table in the order in which they were answered."""
        if not self.path.exists():
            return
        found = [_entry(line) for line in self.path.read_bytes().splitlines()]
        chosen = [
            entry
            for entry in found
            if entry is not None
            and entry.table == table
            and (not_after is None or entry.ended_at <= not_after)
        ]
        yield from sorted(chosen, key=lambda entry: entry.ended_at)
