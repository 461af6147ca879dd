"""Contracts of the raw tables, and the extract that fills them.

Imported by sources and warehouse; imports neither.
"""

from dagster_project.contracts.extract import SOURCE_REF, Extract, Window, typed_frame
from dagster_project.contracts.schema import (
    Column,
    Kind,
    Level,
    Reference,
    RowRule,
    Table,
    TableRule,
)
from dagster_project.contracts.tables import BY_NAME, TABLES

__all__ = [
    "BY_NAME",
    "SOURCE_REF",
    "TABLES",
    "Column",
    "Extract",
    "Kind",
    "Level",
    "Reference",
    "RowRule",
    "Table",
    "TableRule",
    "Window",
    "typed_frame",
]
