"""Text from ledgers and vendors never leaves as a formula."""

from __future__ import annotations

import csv
import io
from datetime import date

import pandas as pd
import pytest

from dagster_project.candidates import Candidate, csv_lines
from dagster_project.spreadsheet import csv_bytes, without_formula

FORMULAS = [
    '=HYPERLINK("http://evil.example", "click")',
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(A1:A2)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "＝1+1",
    "-",
    "-1-1",
    "+1.2.3",
]
HARMLESS = [
    "",
    "CoreWeave = Core Scientific?",
    "a@b.example",
    "-5.2",
    "+3%",
    "-1,200.50",
    "1e-5",
    "'=1",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text):
    assert without_formula(text) == f"'{text}"


@pytest.mark.parametrize("value", [*HARMLESS, None, -1.5, 7, date(2025, 3, 27)])
def test_everything_else_stays(value):
    assert without_formula(value) is value


def test_a_download_holds_no_formula():
    frame = pd.DataFrame(
        {
            "title": FORMULAS,
            "kind": pd.Series(FORMULAS, dtype="category"),
            "note": pd.Series(FORMULAS, dtype="string"),
            "change": [-1.5] * len(FORMULAS),
            "day": [date(2025, 3, 27)] * len(FORMULAS),
        }
    )
    read = list(csv.reader(io.StringIO(csv_bytes(frame).decode(), newline="")))
    assert read[0] == list(frame.columns)
    for text, (title, kind, note, change, day) in zip(FORMULAS, read[1:], strict=True):
        assert title == kind == note == f"'{text}"
        assert (change, day) == ("-1.5", "2025-03-27")
    # The frame on the page is not touched.
    assert frame["title"].tolist() == FORMULAS


def test_rows_for_the_ledger_hold_no_formula():
    row = {"announcement_id": "a-1", "company": "=1+1", "ticker": "AAA"}
    assert csv_lines([Candidate(row, ())], list(row)) == "a-1,'=1+1,AAA\n"
