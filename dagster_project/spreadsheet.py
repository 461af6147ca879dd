"""CSV for people who open it in a spreadsheet: text from outside never becomes a formula."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# What Excel, LibreOffice and Google Sheets take for the beginning of a formula, wherever leading
# spaces and line breaks end.
_BEGINS_FORMULA = re.compile(r"^\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")
_IS_NUMBER = re.compile(r"[+-]?(\d[\d,]*\.?\d*|\.\d+)([eE][+-]?\d+)?%?")


def without_formula(value: Any) -> Any:
    """``value`` with an apostrophe before text that a spreadsheet would compute.

    Spreadsheets show the text behind the apostrophe. Numbers stay, also those that are text.
    """
    if (
        isinstance(value, str)
        and _BEGINS_FORMULA.match(value)
        and not _IS_NUMBER.fullmatch(value.strip(" "))
    ):
        return f"'{value}"
    return value


def for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every text made safe."""
    # Imported here: single texts are made safe without pandas.
    from pandas.api import types as pd_types

    safe = frame.copy()
    for name, column in frame.items():
        if not pd_types.is_numeric_dtype(column) and not pd_types.is_datetime64_any_dtype(column):
            safe[name] = column.map(without_formula)
    return safe


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """The frame as CSV for download (RFC 4180: a line break within a text is quoted)."""
    return for_spreadsheets(frame).to_csv(index=False, lineterminator="\r\n").encode()
