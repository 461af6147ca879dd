"""How long each query of the dashboard takes on a published file."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from dagster_project.dashboard.published import ask, find_publication
from dagster_project.dashboard.queries import all_queries


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one query, its own connection included; ``rows`` it answered."""

    name: str
    rows: int
    p50_ms: float
    p95_ms: float


def time_queries(published_path: Path, repeats: int = 20) -> list[Timing]:
    """Ask every query ``repeats`` times (at least 2) with its example, as a page would."""
    publication = find_publication(published_path)
    found = []
    for query in all_queries().values():
        took, rows = [], 0
        for _ in range(repeats):
            started = time.perf_counter()
            rows = len(ask(publication, query.sql, dict(query.example)))
            took.append(1000 * (time.perf_counter() - started))
        p95 = statistics.quantiles(took, n=20, method="inclusive")[18]
        found.append(Timing(query.name, rows, statistics.median(took), p95))
    return found
