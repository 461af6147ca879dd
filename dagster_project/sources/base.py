"""What every source looks like: a date window in, an extract out."""

from __future__ import annotations

from typing import Protocol

from dagster_project.contracts import Extract, Table, Window


class Source(Protocol):
    """One way to reach the outside world for some raw tables."""

    @property
    def name(self) -> str:
        """Short name stored in the rows it answers with."""

    def extract(self, table: Table, window: Window | None = None) -> Extract:
        """Rows of ``table``, within ``window`` for a series. Raises SourceError."""

    def span(self) -> Window:
        """Dates its series reach: months before the first have no partition."""
