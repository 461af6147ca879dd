"""SQL that DuckDB 1.5.5 answers with wrong rows and no error: ``make lint`` keeps it out.

``sum_over_ranges``: a sum over a window that is ordered and reaches back without bound in a RANGE
frame, which is also the frame where none is written; wrong beyond 1,041,748 rows. Write ROWS.

``list_reduce_captures``: ``list_reduce`` whose function uses columns beside its own arguments, over
lists that differ in length from row to row. Allowed over ``range(...)`` of plain numbers, which has
the same length in every row.

The rules read the files as they are written, Jinja included: a window whose definition is made by
Jinja is not seen.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*|\{#.*?#\}", re.DOTALL)
_SUM = re.compile(r"\bsum\s*\(", re.IGNORECASE)
_REDUCE = re.compile(r"\b(?:list_|array_)?reduce\s*\(", re.IGNORECASE)
_FILTER = re.compile(r"\s*filter\s*\(", re.IGNORECASE)
_OVER = re.compile(r"\s*over\s*(\(|[a-z_]\w*)", re.IGNORECASE)
_BOUNDED = re.compile(
    r"\b(rows|groups)\b|\brange\s+between\s+(?!unbounded)|\brange\s+(?!between|unbounded)",
    re.IGNORECASE,
)
_TO_THE_END = re.compile(r"unbounded\s+preceding\s+and\s+unbounded\s+following", re.IGNORECASE)
_PLAIN_RANGE = re.compile(r"\s*(range|generate_series)\s*\(\s*[-\d\s,]*\)\s*$", re.IGNORECASE)
_LAMBDA = re.compile(r"\blambda\s+([\w\s,]+?)\s*:(.*)", re.IGNORECASE | re.DOTALL)
_ARROW = re.compile(r"\(\s*([\w\s,]+)\s*\)\s*->(.*)", re.DOTALL)
_NAME = re.compile(r"(?<![\w.'])([a-z_]\w*)(?:\s*\.\s*\w+)*(?!\w*\s*\()", re.IGNORECASE)
_WORDS = {"case", "when", "then", "else", "end", "and", "or", "not", "is", "null", "as", "in", "e"}


@dataclass(frozen=True)
class Violation:
    """A place where a rule is broken."""

    file: str
    line: int
    rule: str
    advice: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.advice}"


def _inside(text: str, opened: int) -> str:
    """What is between the bracket at ``opened`` and the one that closes it."""
    depth = 0
    for place in range(opened, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth:
            return text[opened + 1 : place]
    return text[opened + 1 :]


def _is_unbounded_range(window: str) -> bool:
    return bool(
        re.search(r"\border\s+by\b", window, re.IGNORECASE)
        and not _BOUNDED.search(window)
        and not _TO_THE_END.search(window)
    )


def _named_windows(text: str) -> dict[str, str]:
    found = re.finditer(r"\b(\w+)\s+as\s+\((?=\s*(?:partition|order)\s+by\b)", text, re.IGNORECASE)
    return {match[1].lower(): _inside(text, match.end() - 1) for match in found}


def _sums(text: str) -> Iterator[int]:
    named = _named_windows(text)
    for match in _SUM.finditer(text):
        after = match.end() + len(_inside(text, match.end() - 1)) + 1
        if filtered := _FILTER.match(text, after):
            after = filtered.end() + len(_inside(text, filtered.end() - 1)) + 1
        over = _OVER.match(text, after)
        if over is None:
            continue
        window = _inside(text, over.end() - 1) if over[1] == "(" else named.get(over[1].lower(), "")
        # A window may build on another one: over (name rows ...).
        for name in re.findall(r"^\s*(\w+)", window):
            window += " " + named.get(name.lower(), "")
        if _is_unbounded_range(window):
            yield match.start()


def _parts(arguments: str) -> list[str]:
    """Arguments of a call, split at commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(arguments):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(letter, 0)
        if letter == "," and not depth:
            parts.append(arguments[start:place])
            start = place + 1
    return [*parts, arguments[start:]]


def _reduces(text: str) -> Iterator[int]:
    for match in _REDUCE.finditer(text):
        arguments = _inside(text, match.end() - 1)
        if _PLAIN_RANGE.match(_parts(arguments)[0]):
            continue
        function = _LAMBDA.search(arguments) or _ARROW.search(arguments)
        if function is None:
            continue
        own = {name.strip().lower() for name in function[1].split(",")}
        # The body ends at the first comma outside of brackets: what follows is the first value.
        body = re.sub(r"'[^']*'", "", _parts(function[2])[0])
        used = {name[1].lower() for name in _NAME.finditer(body)}
        if used - own - _WORDS:
            yield match.start()


def violations(sql: str, file: str = "") -> list[Violation]:
    """Every broken rule of a text, in the order of its lines."""
    # Comments become spaces, so that lines stay where they are.
    text = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), sql)
    found = [
        Violation(
            file,
            text.count("\n", 0, place) + 1,
            rule,
            advice,
        )
        for places, rule, advice in (
            (
                _sums(text),
                "sum_over_ranges",
                "write the frame as ROWS; DuckDB 1.5.5 sums an unbounded RANGE frame wrongly",
            ),
            (
                _reduces(text),
                "list_reduce_captures",
                "use list_transform or a join; DuckDB 1.5.5 mixes up captured values of rows",
            ),
        )
        for place in places
    ]
    return sorted(found, key=lambda violation: violation.line)


def main(folders: list[str]) -> int:
    """Print the violations of all SQL files; 1 where there are any."""
    found = [
        violation
        for folder in folders
        for path in sorted(Path(folder).rglob("*.sql"))
        if not {"target", "dbt_packages"} & set(path.parts)
        for violation in violations(path.read_text(encoding="utf-8"), str(path))
    ]
    for violation in found:
        print(violation)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
