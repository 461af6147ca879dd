"""Every question the dashboard asks: one SQL file each, with an example of its parameters.

A file begins with comment lines: what it answers, then ``-- Example: {...}`` (JSON: a value for
each ``$parameter``), then a line ``-- column: definition`` for each column that is no column of
a mart. Benchmarks and tests take them from ``all_queries``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent
_EXAMPLE = "Example:"
_DEFINITION = re.compile(r"([a-z0-9_]+): (.+)")


@dataclass(frozen=True)
class Query:
    """One question.

    ``question`` says in words what is asked; ``example`` holds a value for each parameter of
    ``sql``; ``definitions`` explains the columns that the query makes itself.
    """

    name: str
    question: str
    sql: str
    example: dict[str, object]
    definitions: dict[str, str]

    @property
    def tables(self) -> tuple[str, ...]:
        """Marts and table macros it reads, in the order of their first mention."""
        return tuple(dict.fromkeys(re.findall(r"\bmarts\.([a-z0-9_]+)", self.sql)))


def _read(path: Path) -> Query:
    lines = path.read_text(encoding="utf-8").splitlines()
    words: list[str] = []
    example: dict[str, object] = {}
    definitions: dict[str, str] = {}
    while lines and lines[0].startswith("--"):
        line = lines.pop(0).removeprefix("--").strip()
        if line.startswith(_EXAMPLE):
            example = json.loads(line.removeprefix(_EXAMPLE))
        elif found := _DEFINITION.fullmatch(line):
            definitions[found[1]] = found[2]
        else:
            words.append(line)
    return Query(path.stem, " ".join(words), "\n".join(lines).strip(), example, definitions)


@cache
def all_queries() -> dict[str, Query]:
    """Every query by its name."""
    return {path.stem: _read(path) for path in sorted(_FOLDER.glob("*.sql"))}
