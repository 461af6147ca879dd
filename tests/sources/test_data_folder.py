"""A folder of CSV files as a source: what may lack, what may not, and what a window means."""

from __future__ import annotations

import errno
import os
from datetime import date
from pathlib import Path

import pytest

from dagster_project.contracts import BY_NAME, SOURCE_REF, TABLES, Window
from dagster_project.contracts.extract import PANDAS_TYPES
from dagster_project.errors import SourceError
from dagster_project.settings import BUNDLED_DATA_DIR
from dagster_project.sources.data_folder import DataFolder

PRICES = BY_NAME["equity_prices"]


@pytest.fixture
def source(data_folder: Path) -> DataFolder:
    return DataFolder(data_folder, BUNDLED_DATA_DIR)


def test_rows_carry_types_source_and_line(source):
    extract = source.extract(PRICES)
    assert extract.source == "data_folder"
    assert extract.complete
    assert extract.window is None
    assert extract.origin.endswith("snapshot/equity_daily.csv")
    assert extract.frame[SOURCE_REF].tolist()[:2] == [
        "snapshot/equity_daily.csv, line 2",
        "snapshot/equity_daily.csv, line 3",
    ]
    for column in PRICES.columns:
        assert str(extract.frame[column.name].dtype) == PANDAS_TYPES[column.kind]
    assert extract.frame["open"].isna().all()
    assert extract.frame["volume"].isna().all()


def test_the_projects_own_folder_is_named_bundled():
    assert DataFolder(BUNDLED_DATA_DIR, BUNDLED_DATA_DIR).name == "bundled"


def test_a_window_keeps_both_its_ends(source):
    window = Window(date(2025, 3, 26), date(2025, 3, 27))
    extract = source.extract(PRICES, window)
    assert extract.window == window
    assert sorted(set(extract.frame["session_date"].dt.date)) == [window.start, window.end]
    assert extract.frame[SOURCE_REF].iloc[0] == "snapshot/equity_daily.csv, line 3"


def test_a_window_says_nothing_of_a_table_that_is_no_series(source):
    extract = source.extract(BY_NAME["companies"], Window(date(2025, 3, 26), date(2025, 3, 26)))
    assert extract.window is None
    assert len(extract.frame) == 2


def test_a_window_cannot_end_before_it_starts():
    with pytest.raises(ValueError, match="ends before it starts"):
        Window(date(2025, 3, 27), date(2025, 3, 26))


@pytest.mark.parametrize(
    "table", [t for t in TABLES if t.optional and t.file], ids=lambda t: t.name
)
def test_an_optional_file_may_lack_and_the_log_says_so(source, table):
    extract = source.extract(table)
    (note,) = extract.notes
    assert note.startswith(f"{table.file} is not in ")
    if table.default_from_bundled:
        assert len(extract.frame) > 0
        assert note.endswith("the project's own file stands in")
        assert extract.origin.startswith(str(BUNDLED_DATA_DIR))
    else:
        assert len(extract.frame) == 0
        assert note.endswith(f"{table.name} stays empty")


@pytest.mark.parametrize("table", [t for t in TABLES if not t.optional], ids=lambda t: t.name)
def test_a_required_file_must_be_there(source, data_folder, table):
    (data_folder / table.file).unlink()
    with pytest.raises(SourceError, match=f"lacks {table.file}") as refused:
        source.extract(table)
    assert refused.value.where == str(data_folder)
    assert table.columns[0].name in refused.value.mend


def test_a_required_file_must_hold_rows(source, data_folder):
    (data_folder / PRICES.file).write_text("ticker,session_date,close\n")
    with pytest.raises(SourceError, match="a header but no rows"):
        source.extract(PRICES)


def test_an_optional_file_may_hold_only_a_header(source, data_folder):
    (data_folder / "snapshot" / "btc_daily.csv").write_text("date_utc,close\n")
    assert len(source.extract(BY_NAME["btc_prices"]).frame) == 0


def test_a_folder_in_place_of_a_file(source, data_folder):
    path = data_folder / PRICES.file
    path.unlink()
    path.mkdir()
    with pytest.raises(SourceError, match="cannot be read: Is a directory") as refused:
        source.extract(PRICES)
    assert refused.value.where == str(path)
    assert "check that it is a file" in refused.value.mend


def _deny(*_arguments, **_options):
    # Root reads everything, so that taking the permission away would test nothing there.
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_a_file_this_user_may_not_read(source, monkeypatch):
    monkeypatch.setattr(Path, "stat", _deny)
    with pytest.raises(SourceError, match="cannot be read: Permission denied"):
        source.extract(PRICES)


def test_a_folder_that_may_not_be_searched_is_not_taken_for_missing_files(source, monkeypatch):
    monkeypatch.setattr(Path, "exists", _deny)
    monkeypatch.setattr(Path, "stat", _deny)
    with pytest.raises(SourceError, match="Permission denied"):
        source.extract(BY_NAME["btc_prices"])


def test_span_starts_with_the_earliest_of_all_series(source, data_folder):
    assert source.span().start == date(2025, 3, 25)
    (data_folder / "snapshot" / "btc_daily.csv").write_text("date_utc,close\n2025-01-02,1\n")
    assert source.span().start == date(2025, 1, 2)


def test_span_without_any_row_says_what_to_add(source, data_folder):
    (data_folder / PRICES.file).write_text("ticker,session_date,close\n")
    with pytest.raises(SourceError, match="No series in the data folder has a row"):
        source.span()


def test_a_table_without_a_file_is_not_asked_of_a_folder(source):
    with pytest.raises(SourceError, match="exchange_sessions has no file"):
        source.extract(BY_NAME["exchange_sessions"])
