"""Contracts of the raw tables, and the extract that fills them.

Imported by sources and warehouse; imports neither.
"""

from dagster_project.contracts.extract import (
    SOURCE_REF,
    Cost,
    Extract,
    Gap,
    Window,
    typed_frame,
)
from dagster_project.contracts.schema import (
    Column,
    Kind,
    Level,
    Reference,
    RowRule,
    Table,
    TableRule,
)
from dagster_project.contracts.tables import (
    BY_NAME,
    CALENDAR_PARAMETER,
    DEFAULT_CALENDAR,
    LATE_AFTER_DAYS,
    LIVE_TABLES,
    TABLES,
    VENDORS,
)

__all__ = [
    "BY_NAME",
    "CALENDAR_PARAMETER",
    "DEFAULT_CALENDAR",
    "LATE_AFTER_DAYS",
    "LIVE_TABLES",
    "SOURCE_REF",
    "TABLES",
    "VENDORS",
    "Column",
    "Cost",
    "Extract",
    "Gap",
    "Kind",
    "Level",
    "Reference",
    "RowRule",
    "Table",
    "TableRule",
    "Window",
    "typed_frame",
]
