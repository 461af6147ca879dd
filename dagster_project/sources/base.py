"""What every source looks like: a date window in, answers out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Protocol

from dagster_project.contracts import Extract, Gap, Table, Window

# Of a table that is not asked for by symbol, the one symbol there is.
WHOLE_TABLE = ""


class Source(Protocol):
    """One way to reach the outside world for some raw tables."""

    @property
    def name(self) -> str:
        """Short name stored in the rows it answers with."""

    def answers(
        self,
        table: Table,
        window: Window | None = None,
        stored_until: Mapping[str, date] | None = None,
    ) -> Iterator[Extract | Gap]:
        """Rows of ``table``, within ``window`` for a series, in one part or several.

        ``stored_until`` is the last date stored per symbol (``WHOLE_TABLE`` where the table
        has none): a source that is dear to ask may answer from there on, less an overlap
        that catches corrections. None asks for the window as it is. A part that could not
        be had is a Gap; SourceError is raised where nothing can be.
        """

    def span(self) -> Window:
        """Dates its series reach: months before the first have no partition."""


class OnePart(ABC):
    """A source that reads a table whole, whatever is stored already."""

    @abstractmethod
    def extract(self, table: Table, window: Window | None = None) -> Extract:
        """Rows of ``table``, within ``window`` for a series. Raises SourceError."""

    def answers(
        self,
        table: Table,
        window: Window | None = None,
        stored_until: Mapping[str, date] | None = None,
    ) -> Iterator[Extract]:
        """The one part there is."""
        yield self.extract(table, window)
