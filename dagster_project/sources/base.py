"""What every source looks like: a date window in, an extract out."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from dagster_project.contracts import Extract, Table, Window


class Source(Protocol):
    """One way to reach the outside world for some raw tables."""

    @property
    def name(self) -> str:
        """Short name stored in the rows it answers with."""

    def extract(self, table: Table, window: Window | None = None) -> Extract:
        """Rows of ``table``, within ``window`` for a series. Raises SourceError."""

    def first_date(self) -> date:
        """First date of any series it has; the first partition starts with its month."""
