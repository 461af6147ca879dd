"""How results are shown and kept: one table in Markdown, the same in JSON, with the machine."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, revision


def heading(runs: int | None = None) -> str:
    """The line that says when, on what and of which code."""
    times = "" if runs is None else f", {runs} run{'s' * (runs != 1)} each"
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, revision {revision()}{times}."


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of a table; a header that ends with ``>`` stands over figures, to the right.

    Raises ValueError for a row of another length than the headers.
    """
    for row in rows:
        if len(row) != len(headers):
            raise ValueError(f"{len(row)} cells under {len(headers)} headers: {row}")
    names = [name.removesuffix(">").strip() for name in headers]
    ruler = ["---:" if name.endswith(">") else "---" for name in headers]
    return [
        "| " + " | ".join(names) + " |",
        "| " + " | ".join(ruler) + " |",
        *("| " + " | ".join(_cell(value) for value in row) + " |" for row in rows),
    ]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return str(value).replace("|", "\\|")


def seconds(value: float | None) -> str:
    """Seconds as a person reads them: three digits that count, no more."""
    if value is None:
        return "-"
    if value >= 99.5:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"


@dataclass(frozen=True)
class Line:
    """One line of the table of all benchmarks.

    ``ratio`` is of this line's median to that of the line named in ``ratio_to``: above 1 this one
    is slower. ``peak_mib`` is 0 where it was not taken.
    """

    group: str
    name: str
    median: float
    least: float
    most: float
    runs: int
    peak_mib: float = 0.0
    ratio: float | None = None
    ratio_to: str = ""
    note: str = ""

    @classmethod
    def of(cls, group: str, name: str, times: Sequence[float], peak_mib: float = 0.0) -> Line:
        """A line from the seconds of every run. Raises ValueError without any."""
        if not times:
            raise ValueError(f"nothing was measured for {name}")
        return cls(
            group, name, statistics.median(times), min(times), max(times), len(times), peak_mib
        )

    def against(self, other: Line) -> Line:
        """The same line with its ratio to another one."""
        return replace(self, ratio=self.median / other.median, ratio_to=other.name)

    def noted(self, note: str) -> Line:
        """The same line with a remark."""
        return replace(self, note=note)


def lines_table(lines: Sequence[Line]) -> list[str]:
    """The one table: every line with median, spread, runs, memory and what it is held against."""
    rows = [
        [
            line.group,
            line.name,
            seconds(line.median),
            f"{seconds(line.least)} - {seconds(line.most)}" if line.runs > 1 else None,
            line.runs,
            f"{line.peak_mib:,.0f}" if line.peak_mib else None,
            f"{line.ratio:.2f}" if line.ratio is not None else None,
            "; ".join(filter(None, (line.ratio_to and f"against: {line.ratio_to}", line.note))),
        ]
        for line in lines
    ]
    return markdown_table(
        ["part", "what", "median s >", "spread >", "runs >", "peak MiB >", "ratio >", ""], rows
    )


def write_results(folder: Path, stem: str, title: str, text: str, results: dict[str, Any]) -> None:
    """``<stem>-<date>.md`` and ``.json`` in ``folder``; an empty stem leaves the date alone."""
    folder.mkdir(parents=True, exist_ok=True)
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    path = folder / (f"{stem}-{day}" if stem else day)
    path.with_suffix(".md").write_text(f"# {title}\n\n{text.strip()}\n", encoding="utf-8")
    told = {"date": day, "machine": machine(), "revision": revision(), **results}
    path.with_suffix(".json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
