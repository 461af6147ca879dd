"""Outside world to typed frames. Knows no Dagster and no DuckDB."""

from dagster_project.sources.base import Source
from dagster_project.sources.registry import (
    open_calendar,
    open_folder,
    open_source,
    require_figures,
)

__all__ = ["Source", "open_calendar", "open_folder", "open_source", "require_figures"]
