"""Bad CSV files are refused whole, with what, file, line and column in the message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from dagster_project.contracts import BY_NAME
from dagster_project.errors import SourceError
from dagster_project.sources.csv_file import MAX_FIELD_CHARACTERS, read_csv

PRICES = BY_NAME["equity_prices"]
EVENTS = BY_NAME["market_events"]
FILINGS = BY_NAME["filing_candidates"]
SHOWN = "snapshot/equity_daily.csv"
HEADER = "ticker,session_date,close,volume\n"

Read = Callable[..., tuple[dict[str, list], list[int]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a CSV file of this content."""

    def reading(content: str | bytes, table=PRICES):
        path = tmp_path / "file.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_csv(path, table, shown=SHOWN)

    return reading


def refusal(read: Read, content: str | bytes, table=PRICES) -> SourceError:
    with pytest.raises(SourceError) as refused:
        read(content, table)
    assert refused.value.mend
    return refused.value


def test_values_are_typed_and_lines_counted(read):
    columns, lines = read(
        HEADER + 'RIOT,2025-03-25,8.5,"1200"\n\nRIOT,2025-03-26,7.9,1300.0\nRIOT,2025-03-27,8,\n'
    )
    assert columns == {
        "ticker": ["RIOT"] * 3,
        "session_date": [date(2025, 3, 25), date(2025, 3, 26), date(2025, 3, 27)],
        "close": [8.5, 7.9, 8.0],
        "volume": [1200, 1300, None],
    }
    assert lines == [2, 4, 5]


def test_instants_are_read_into_utc_and_need_a_zone(read):
    header = "ticker,filed_date,accession,cik,form,items,report_date,matched_terms,"
    header += "amount_usd_candidates,power_mw_candidates,power_basis_candidates,excerpt,"
    header += "document_url,status,accepted_at\n"
    row = "A,2025-03-05,0000000001-25-000001,0000000001,8-K,,,,,,,,https://x.org,listed,{}\n"
    texts = ("2025-03-05T21:05:11Z", "2025-03-05T16:05:11-05:00", "2025-03-05T21:05:11.000Z", "")
    columns, _ = read(header + "".join(row.format(text) for text in texts), FILINGS)
    assert columns["accepted_at"] == [datetime(2025, 3, 5, 21, 5, 11)] * 3 + [None]
    for text in ("2025-03-05T21:05:11", "2025-03-05", "noon", "0001-01-01T00:00:00Z"):
        error = refusal(read, header + row.format(text), FILINGS)
        assert f"column accepted_at: {text!r} is not an instant with its zone" in error.where


def test_byte_order_mark_and_windows_line_ends_are_fine(read):
    columns, _ = read(
        b"\xef\xbb\xbf" + HEADER.replace("\n", "\r\n").encode() + b"A,2025-03-25,1,\r\n"
    )
    assert columns["close"] == [1.0]


def test_a_line_break_inside_quotes_keeps_later_line_numbers_right(read):
    error = refusal(
        read,
        "event_id,title,event_type,news_date,news_timing,source_url\n"
        'a,"two\nlines",macro,2025-03-25,unknown,\n'
        "b,title,macro,yesterday,unknown,\n",
        EVENTS,
    )
    assert (
        error.where
        == f"{SHOWN}, line 4, column news_date: 'yesterday' is not a date written "
        + ("YYYY-MM-DD, from 1900 to 2199")
    )


def test_a_file_cut_off_within_a_line(read):
    error = refusal(read, HEADER + "RIOT,2025-03-25,8.5,1200\nRIOT,2025-03-2")
    assert error.what == "The row has 2 fields where the header has 4."
    assert error.where == f"{SHOWN}, line 3"
    assert "may be cut off" in error.mend


def test_an_unquoted_comma_in_a_text(read):
    error = refusal(read, HEADER + "RIOT,2025-03-25,8,5,1200\n")
    assert error.what == "The row has 5 fields where the header has 4."


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("ticker,session_date,volume", "(missing: close)"),
        ("ticker,session_date,close,Volume", "(not known: 'Volume')"),
        ("ticker,session_date,close,close", "(repeated: close)"),
        ("ticker;session_date;close", "missing: ticker, session_date, close; not known: "),
        ("ticker,session_date,close,batch_id", "(not known: 'batch_id')"),
        ("RIOT,2025-03-25,8.5,1200", "(missing: ticker, session_date, close; not known: 'RIOT'"),
    ],
    ids=["missing", "unknown", "repeated", "semicolons", "the loader's own column", "none"],
)
def test_a_wrong_header(read, header, expected):
    error = refusal(read, header + "\nRIOT,2025-03-25,8.5,1200\n")
    assert expected in error.what
    assert "table equity_prices" in error.what
    assert error.where == f"{SHOWN}, line 1"
    assert "required columns: ticker, session_date, close; optional: open," in error.mend


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("RIOT,2025-03-25,eight,", "column close: 'eight' is not a number"),
        ("RIOT,2025-03-25,nan,", "column close: 'nan' is not a number"),
        ("RIOT,2025-03-25,1_000,", "column close: '1_000' is not a number"),
        ('RIOT,2025-03-25,"8,5",', "column close: '8,5' is not a number"),
        ("RIOT,2025-03-25,,", "column close: empty, but a value is required"),
        ("RIOT,2025-03-25,8,12.5", "column volume: '12.5' is not a whole number"),
        ("RIOT,2025-03-25,8,1_200", "column volume: '1_200' is not a whole number"),
        ("RIOT,2025-03-25,8,inf", "column volume: 'inf' is not a whole number"),
        ("RIOT,2025-03-25,8,1e30", "column volume: '1e30' is not a whole number"),
        (f"RIOT,2025-03-25,8,{'9' * 30}", f"column volume: '{'9' * 30}' is not a whole number"),
        (
            f"RIOT,2025-03-25,8,{'9' * 5000}",
            f"column volume: '{'9' * 37}...' is not a whole number",
        ),
        ("RIOT,25/03/2025,8,", "column session_date: '25/03/2025' is not a date"),
        ("RIOT,20250325,8,", "column session_date: '20250325' is not a date"),
        ("RIOT,2025-02-30,8,", "column session_date: '2025-02-30' is not a date"),
        ("RIOT,0025-03-25,8,", "column session_date: '0025-03-25' is not a date"),
        (",2025-03-25,8,", "column ticker: empty, but a value is required"),
    ],
)
def test_a_value_that_is_not_of_its_type(read, row, expected):
    error = refusal(read, f"{HEADER}RIOT,2025-03-24,9,1\n{row}\n")
    assert error.what == "1 value of table equity_prices cannot be read; nothing was loaded."
    assert error.where.startswith(f"{SHOWN}, line 3, {expected}")


def test_all_bad_values_are_counted_and_the_first_listed_in_order(read):
    rows = "".join(f"RIOT,2025-03-{day:02},x,y\n" for day in range(1, 11))
    error = refusal(read, HEADER + rows)
    listed = [line.strip() for line in error.where.splitlines()]
    assert error.what.startswith("20 values of table equity_prices")
    assert len(listed) == 11
    assert listed[0].startswith(f"{SHOWN}, line 2, column close: 'x'")
    assert listed[1].startswith(f"{SHOWN}, line 2, column volume: 'y'")
    assert listed[-1] == "and 10 more"


def test_an_empty_file(read):
    error = refusal(read, b"")
    assert error.what == "The file is empty: it has no header."
    assert error.mend == "restore the file"
    assert "delete it: it is optional" in refusal(read, b"", BY_NAME["btc_prices"]).mend


def test_a_header_without_rows_is_an_empty_table(read):
    columns, lines = read(HEADER)
    assert columns == {"ticker": [], "session_date": [], "close": [], "volume": []}
    assert lines == []


def test_bytes_that_are_not_utf8(read):
    error = refusal(read, HEADER.encode() + b"RIOT,2025-03-25,8,1\nRI\xe9T,2025-03-26,8,1\n")
    assert error.what == "The file is not UTF-8: byte 0xe9 cannot be read."
    assert error.where == f"{SHOWN}, line 3, byte 3 of the line"
    assert error.mend == "save the file as UTF-8"


def test_utf16_as_spreadsheets_save_it(read):
    assert "not UTF-8" in refusal(read, (HEADER + "RIOT,2025-03-25,8,1\n").encode("utf-16")).what


def test_a_nul_byte(read):
    error = refusal(read, HEADER.encode() + b"RIOT,2025-03-25,8,1\nRIOT\0,2025-03-26,8,1\n")
    assert "NUL byte" in error.what
    assert error.where == f"{SHOWN}, line 3, byte 5 of the line"


def test_a_huge_field(read):
    error = refusal(read, HEADER + "RIOT,2025-03-25,8,1\n" + "R" * (MAX_FIELD_CHARACTERS + 1))
    assert "field larger than field limit" in error.what
    assert error.where == f"{SHOWN}, line 3"


def test_a_quote_that_is_never_closed(read):
    error = refusal(read, HEADER + 'RIOT,2025-03-25,8,1\n"RIOT,2025-03-26,8,1\n')
    assert "cannot be read as CSV" in error.what
    assert error.where == f"{SHOWN}, line 3"
    assert "quote that is not closed" in error.mend


def test_text_after_a_closing_quote(read):
    error = refusal(read, HEADER + '"RIOT"x,2025-03-25,8,1\n')
    assert "cannot be read as CSV" in error.what
    assert error.where == f"{SHOWN}, line 2"
