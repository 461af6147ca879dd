"""What was asked for, and when: with the archive, enough to repeat every extraction in order.

One line of JSON per part in ``extractions.jsonl`` beside the archive's bodies. A replay puts the
same questions to the archive, each within the stretch of time in which it was asked, so that an
answer of another day never slips in.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from dagster_project.contracts import Window
from dagster_project.errors import SourceError

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
        fields = {
            "format": FORMAT,
            "table": self.table,
            "symbol": self.symbol,
            "start": self.window.start.isoformat(),
            "end": self.window.end.isoformat(),
            "chain": self.chain,
            "today": self.today.isoformat(),
            "first": self.first.isoformat(),
            "began_at": self.began_at.isoformat(),
            "ended_at": self.ended_at.isoformat(),
        }
        return json.dumps(fields).encode() + b"\n"


def _entry(line: bytes) -> Entry | None:
    """The entry of a line; None where a crash cut it off."""
    try:
        fields = json.loads(line)
        if fields["format"] != FORMAT:
            return None
        return Entry(
            table=str(fields["table"]),
            symbol=str(fields["symbol"]),
            window=Window(date.fromisoformat(fields["start"]), date.fromisoformat(fields["end"])),
            chain=int(fields["chain"]),
            today=date.fromisoformat(fields["today"]),
            first=date.fromisoformat(fields["first"]),
            began_at=datetime.fromisoformat(fields["began_at"]),
            ended_at=datetime.fromisoformat(fields["ended_at"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


class Journal:
    """The file in ``directory``, made with the first entry. Safe between threads."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE
        self._lock = threading.Lock()

    def write(self, entry: Entry) -> None:
        """Keep an entry; when this returns, it survives the process. Raises SourceError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, self.path.open("a+b") as file:
                # A line that a crash cut off must not swallow this one.
                file.seek(0, os.SEEK_END)
                cut = file.tell() and not self._ends_whole(file.tell())
                file.write((b"\n" if cut else b"") + entry.line())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SourceError(
                f"The journal of extractions cannot be written: {error.strerror or error}.",
                where=str(self.path),
                mend="give this user write permission there, free disk space, or set "
                "MINER_ARCHIVE_DIR to a folder that can be written",
            ) from error

    def _ends_whole(self, size: int) -> bool:
        with self.path.open("rb") as file:
            file.seek(size - 1)
            return file.read(1) == b"\n"

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
