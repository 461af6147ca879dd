"""A strict CSV reader that says file, line, column and reason for everything it refuses."""

from __future__ import annotations

import csv
import io
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from dagster_project.contracts import Column, Kind, Table
from dagster_project.errors import SourceError

# Enough to see the pattern of a broken export without flooding the terminal.
MAX_REPORTED_PROBLEMS = 10
# A field of this size is a quote that was never closed, not a figure or a note.
MAX_FIELD_CHARACTERS = 65_536
# A year outside these is a slip of the keyboard, and calendars cannot reach it.
FIRST_YEAR, LAST_YEAR = 1900, 2199
# What the warehouse's whole-number type holds.
LARGEST_INTEGER = 2**63 - 1

# Unicode's controls but tab and line breaks, and its marks of direction and of zero width.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


class HiddenCharacter(ValueError):
    """A text holds a character that nobody sees; the message is that character."""


_TRUE = {"1", "true", "yes"}
_FALSE = {"0", "false", "no"}


# Python also reads week dates (2025-W13-4), days without dashes and the digits of other scripts.
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _require_ascii(text: str) -> None:
    if not text.isascii():
        raise ValueError


def _parse_text(text: str) -> str:
    """Text without characters that nobody sees: controls, and marks that turn the reading order."""
    if not text.isprintable() and (hidden := _HIDDEN.search(text)):
        raise HiddenCharacter(hidden[0])
    return text


def _parse_date(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError
    day = date.fromisoformat(text)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError
    return day


def _parse_instant(text: str) -> datetime:
    """An instant written with its zone, as the same instant in UTC without one."""
    if not _DATE.match(text):
        raise ValueError
    _require_ascii(text)
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None or not FIRST_YEAR < instant.year < LAST_YEAR:
        raise ValueError
    return instant.astimezone(UTC).replace(tzinfo=None)


def _require_plain_number(text: str) -> None:
    # Python reads 1_000 as a number; no file format does.
    if "_" in text:
        raise ValueError
    _require_ascii(text)


def _parse_integer(text: str) -> int:
    _require_plain_number(text)
    try:
        number = int(text)
    except ValueError:
        # "1200.0" is what spreadsheets write for a whole number.
        real = float(text)
        if not real.is_integer():
            raise
        number = int(real)
    if abs(number) > LARGEST_INTEGER:
        raise ValueError
    return number


def _parse_number(text: str) -> float:
    _require_plain_number(text)
    number = float(text)
    if number != number:
        raise ValueError
    return number


def _parse_boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError


_PARSERS: dict[Kind, tuple[Callable[[str], Any], str]] = {
    Kind.TEXT: (_parse_text, "text"),
    Kind.DATE: (_parse_date, f"a date written YYYY-MM-DD, from {FIRST_YEAR} to {LAST_YEAR}"),
    Kind.INSTANT: (_parse_instant, "an instant with its zone, like 2025-03-26T13:30:00Z"),
    Kind.INTEGER: (_parse_integer, "a whole number"),
    Kind.NUMBER: (_parse_number, "a number (leave the field empty where the value is missing)"),
    Kind.BOOLEAN: (_parse_boolean, "yes or no (1 or 0)"),
}


def _decode(path: Path, shown: str) -> str:
    try:
        # A pipe or a device would be read for ever.
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise SourceError(
                "The file is no regular file but a pipe, socket or device.",
                where=shown,
                mend="put the CSV file itself there",
            )
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise SourceError(
            "The link leads nowhere." if path.is_symlink() else "The file is gone.",
            where=f"{shown} -> {path.readlink()}" if path.is_symlink() else shown,
            mend="restore the file that it leads to, or remove the link",
        ) from error
    except OSError as error:
        raise SourceError(
            f"The file cannot be read: {error.strerror or error}.",
            where=shown,
            mend="check that it is a file and that this user may read it",
        ) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"The file is not UTF-8: byte 0x{raw[error.start]:02x} cannot be read.",
            where=f"{shown}, {_place(raw, error.start)}",
            mend="save the file as UTF-8",
        ) from error
    if b"\0" in raw:
        # The csv module lets it pass, and it would sit unseen in a stored text.
        raise SourceError(
            "The file holds a NUL byte, which no text has.",
            where=f"{shown}, {_place(raw, raw.index(0))}",
            mend="the file is damaged or not a text file: restore it, or save it as UTF-8",
        )
    return text


def _place(raw: bytes, position: int) -> str:
    line = raw.count(b"\n", 0, position) + 1
    column = position - raw.rfind(b"\n", 0, position)
    return f"line {line}, byte {column} of the line"


def _check_header(header: list[str], table: Table, shown: str) -> None:
    known = {c.name for c in table.stored_columns} - {"retrieved_at", "batch_id"}
    required = [c.name for c in table.columns if c.in_file]
    missing = [name for name in required if name not in header]
    unknown = [name for name in header if name not in known]
    repeated = sorted({name for name in header if header.count(name) > 1})
    if not (missing or unknown or repeated):
        return
    parts = []
    if missing:
        parts.append(f"missing: {', '.join(missing)}")
    if unknown:
        parts.append(f"not known: {', '.join(map(repr, unknown))}")
    if repeated:
        parts.append(f"repeated: {', '.join(repeated)}")
    optional = [c.name for c in table.stored_columns if not c.in_file and c.name in known]
    raise SourceError(
        f"The header does not fit table {table.name} ({'; '.join(parts)}).",
        where=f"{shown}, line 1",
        mend=f"required columns: {', '.join(required)}; optional: {', '.join(optional)}",
    )


@dataclass(frozen=True)
class ValueProblem:
    """One field that cannot be read, or is empty where a value is required."""

    line: int
    column: str
    what: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.what}"


def _read_rows(
    text: str, table: Table, shown: str, torn: list[ValueProblem] | None
) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows and the line each row starts on.

    Rows with too few or too many fields are put into ``torn`` and left out; without such a list
    the first of them refuses the file.
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    header: list[str] | None = None
    line = 1
    try:
        for row in reader:
            if header is None:
                header = [name.strip() for name in row]
                _check_header(header, table, shown)
            elif row:
                if len(row) != len(header):
                    said = f"The row has {len(row)} fields where the header has {len(header)}."
                    if torn is not None:
                        torn.append(ValueProblem(line, "", said.removesuffix(".")))
                        line = reader.line_num + 1
                        continue
                    raise SourceError(
                        said,
                        where=f"{shown}, line {line}",
                        mend="the file may be cut off, or a comma inside a text is not quoted; "
                        "restore the file or mend the line",
                    )
                rows.append(row)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise SourceError(
            f"The row cannot be read as CSV: {error}.",
            where=f"{shown}, line {line}",
            mend="look for a quote that is not closed, a cut-off file or binary content",
        ) from error
    if header is None:
        raise SourceError(
            "The file is empty: it has no header.",
            where=f"{shown}, line 1",
            mend="restore the file" + (", or delete it: it is optional" if table.optional else ""),
        )
    return header, rows, lines


def _parse_column(
    column: Column, texts: list[str], lines: list[int], problems: list[ValueProblem]
) -> list[Any]:
    """Values of one column; a field that cannot be read is None and a problem."""
    parse, expected = _PARSERS[column.kind]
    try:
        return [parse(text) if text else None for text in texts]
    except (ValueError, OverflowError):
        pass
    values: list[Any] = []
    for text, line in zip(texts, lines, strict=True):
        try:
            values.append(parse(text) if text else None)
        except HiddenCharacter as hidden:
            problems.append(
                ValueProblem(
                    line,
                    column.name,
                    f"holds the invisible character U+{ord(str(hidden)):04X}",
                )
            )
            values.append(None)
        except (ValueError, OverflowError):
            shown_text = text if len(text) <= 40 else text[:37] + "..."
            problems.append(ValueProblem(line, column.name, f"{shown_text!r} is not {expected}"))
            values.append(None)
    return values


def parse_csv(
    path: Path, table: Table, *, shown: str, collect_torn: bool = False
) -> tuple[dict[str, list[Any]], list[int], list[ValueProblem]]:
    """Typed columns of a CSV file, the line number of each row, and every field with a problem.

    Values are Python objects, None where the field is empty or cannot be read. Raises
    SourceError where the file as a whole cannot be read: header, encoding, torn rows.
    ``collect_torn`` leaves torn rows out and counts them among the problems instead.
    """
    problems: list[ValueProblem] = []
    header, rows, lines = _read_rows(
        _decode(path, shown), table, shown, problems if collect_torn else None
    )
    by_name = {c.name: c for c in table.stored_columns}
    columns: dict[str, list[Any]] = {}
    for position, name in enumerate(header):
        texts = [row[position].strip() for row in rows]
        column = by_name[name]
        columns[name] = _parse_column(column, texts, lines, problems)
        if column.required:
            problems.extend(
                ValueProblem(line, name, "empty, but a value is required")
                for text, line in zip(texts, lines, strict=True)
                if not text
            )
    return columns, lines, sorted(problems, key=lambda p: (p.line, str(p)))


def read_csv(path: Path, table: Table, *, shown: str) -> tuple[dict[str, list[Any]], list[int]]:
    """Typed columns of a CSV file and the line number of each row.

    Values are Python objects, None where the field is empty; a file without rows gives
    empty lists. ``shown`` is the file's name in messages. Raises SourceError listing
    the first problems with their lines; nothing is guessed or skipped.
    """
    columns, lines, problems = parse_csv(path, table, shown=shown)
    if problems:
        listed = [f"{shown}, {problem}" for problem in islice(problems, MAX_REPORTED_PROBLEMS)]
        if len(problems) > MAX_REPORTED_PROBLEMS:
            listed.append(f"and {len(problems) - MAX_REPORTED_PROBLEMS} more")
        raise SourceError(
            f"{len(problems)} value{'s' * (len(problems) > 1)} of table {table.name} "
            "cannot be read; nothing was loaded.",
            where="\n         ".join(listed),
            mend="correct the fields and run again",
        )
    return columns, lines
