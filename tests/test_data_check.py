"""`make check-data` finds every mistake of a data folder in one go, and none in a sound one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from dagster_project.contracts import BY_NAME, TABLES
from dagster_project.data_check import check_data, run_check
from dagster_project.errors import SourceError
from dagster_project.ledger_check import Finding, check_ledger
from dagster_project.settings import BUNDLED_DATA_DIR, Settings
from dagster_project.sources.data_folder import DataFolder
from dagster_project.sources.registry import study_calendar
from tests.e2e.own_panel import draw_closes, write_own_panel

TODAY = date(2026, 11, 30)


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    return write_own_panel(tmp_path / "panel", draw_closes())


def errors(panel: Path) -> list[Finding]:
    return [finding for finding in check_data(panel, today=TODAY) if finding.is_error]


def append(path: Path, *lines: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_a_sound_folder_has_no_error(panel: Path) -> None:
    assert errors(panel) == []


def test_the_bundled_folder_has_no_error() -> None:
    assert errors(BUNDLED_DATA_DIR) == []


# What is planted, and what the finding says: file, line (0: of the whole file), words.
PRICES, COMPANIES, EVENTS = (
    "snapshot/equity_daily.csv",
    "ledger/companies.csv",
    "ledger/events.csv",
)
MISTAKES: list[tuple[Callable[[Path], object], str, str]] = [
    (lambda p: append(p / PRICES, "AAA,2021-W13-4,1.5"), PRICES, "is not a date written"),
    (lambda p: append(p / PRICES, "AAA,20210325,1.5"), PRICES, "is not a date written"),
    (lambda p: append(p / PRICES, "AAA,2022-05-03,١٢٣"), PRICES, "is not a number"),
    (lambda p: append(p / PRICES, "AAA,٢٠٢١-03-25,1.5"), PRICES, "is not a date written"),
    (lambda p: append(p / PRICES, "AAA,2022-05-04"), PRICES, "2 fields where the header has 3"),
    (lambda p: append(p / PRICES, "AAA,2022-05-07,1.5"), PRICES, "calendar XNYS has no session"),
    (lambda p: append(p / PRICES, "AAA,2022-05-05,-4"), PRICES, "not above 0"),
    (lambda p: append(p / PRICES, "ZZZ,2022-05-05,4"), PRICES, "is not in companies"),
    (lambda p: append(p / COMPANIES, "f f,Name,miner,0"), COMPANIES, "a ticker in capital letters"),
    (lambda p: append(p / COMPANIES, "EEE,Na\x07me,miner,0"), COMPANIES, "character U+0007"),
    (lambda p: append(p / COMPANIES, "FFF,Na\u202eme,miner,0"), COMPANIES, "character U+202E"),
    (lambda p: append(p / COMPANIES, "GGG,Name,minor,0"), COMPANIES, "is none of miner"),
    (lambda p: append(p / COMPANIES, "AAA,Twice,miner,0"), COMPANIES, "same key"),
    (lambda p: append(p / EVENTS, "e,T,k,2021-13-01,after_close,AAA,,"), EVENTS, "is not a date"),
    (
        lambda p: (p / "snapshot/btc_dialy.csv").write_text("date,close\n"),
        "snapshot/btc_dialy.csv",
        "no table reads this file",
    ),
    (
        lambda p: (p / "study/windows.csv").write_text("window_id;start\n"),
        "study/windows.csv",
        "header does not fit",
    ),
    (
        lambda p: (p / "study/event_sets.csv").symlink_to(p / "gone.csv"),
        "study/event_sets.csv",
        "leads nowhere",
    ),
    (lambda p: os.mkfifo(p / "snapshot/equity_splits.csv"), "snapshot/equity_splits.csv", "pipe"),
]


def test_all_mistakes_are_found_at_once_and_nothing_else(panel, capsys):
    for plant, _, _ in MISTAKES:
        plant(panel)
    assert run_check(Settings(data_dir=panel, output_dir=panel)) == 1
    printed = capsys.readouterr().out.splitlines()
    found = [line for line in printed if line.startswith("error: ")]
    planted = [(str(panel / file), words) for _, file, words in MISTAKES]
    missed = [
        (file, words)
        for file, words in planted
        if not any(f"error: {file}, line" in line and words in line for line in found)
    ]
    assert missed == []
    others = [
        line for line in found if not any(file in line and words in line for file, words in planted)
    ]
    assert others == []
    assert all("(mend: " in line for line in found)
    assert printed[-1].startswith(f"{len(found)} errors, ")


def test_no_message_shows_a_regular_expression(panel):
    for table in TABLES:
        for column in table.stored_columns:
            if column.pattern:
                assert column.accepted_form, column.name
                assert not re.search(
                    r"[\\$^]|\[a-z|\)\?", column.accepted_form.replace("[-1,1]", "")
                )


@pytest.mark.parametrize(
    ("days", "column", "words"),
    [
        ("-11,-260", "estimation_last_day", "ends before it starts"),
        (
            "-39,",
            "estimation_first_day",
            "fewer sessions than min_estimation_sessions of study/parameters.csv: -39 to -11",
        ),
        (
            "-49,-21",
            "estimation_first_day",
            "fewer sessions than min_estimation_sessions of study/parameters.csv: -49 to -21",
        ),
        (",-5", "estimation_last_day", "of study/windows.csv, which begins at -5"),
        ("-260,0", "estimation_last_day", "value 0 is above the largest accepted value -1"),
    ],
)
def test_an_estimation_window_that_no_study_can_use(panel, days, column, words):
    append(panel / EVENTS, f"e,T,k,2021-03-01,after_close,AAA,{days}")
    (found,) = [error for error in errors(panel) if words in error.what]
    assert (found.file, found.column) == (str(panel / EVENTS), column)
    assert found.mend
    assert check_ledger(panel, today=TODAY).count(found) == 1


@pytest.mark.parametrize("days", ["-40,", "-50,-21", ",-6", ","])
def test_an_estimation_window_at_the_bounds(panel, days):
    append(panel / EVENTS, f"e,T,k,2021-03-01,after_close,AAA,{days}")
    assert errors(panel) == []


def _name_calendar(panel: Path, row: str) -> None:
    bundled = (BUNDLED_DATA_DIR / "study/parameters.csv").read_text(encoding="utf-8").splitlines()
    lines = ["parameter,value,value_name,unit,reason,decided_date"]
    for line in bundled[1:]:
        name, value, rest = line.split(",", 2)
        lines.append(f"{name},{value},,{rest}")
    (panel / "study/parameters.csv").write_text("\n".join([*lines, row]) + "\n")


def test_another_calendar_decides_which_days_are_sessions(panel):
    _name_calendar(panel, "calendar,,24/7,name,every day is a session,2026-11-30")
    append(panel / PRICES, "AAA,2021-03-27,1.5")
    assert study_calendar(DataFolder(panel, BUNDLED_DATA_DIR)) == "24/7"
    assert errors(panel) == []
    _name_calendar(panel, "calendar,,XLON,name,London,2026-11-30")
    # Easter Monday, a holiday in London alone, is among the panel's days.
    assert {f.what.split(": ", 1)[1] for f in errors(panel) if "2021-04-05" in f.what} == {
        "the calendar XLON has no session that day"
    }


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("calendar,,XNYC,name,a slip,2026-11-30", "no exchange calendar 'XNYC'"),
        ("calendar,5,,name,a number,2026-11-30", "the calendar is a name"),
        ("pue,,XNYS,name,unknown,2026-11-30", "is none of"),
    ],
)
def test_a_calendar_that_cannot_be_meant_is_said(panel, row, words):
    _name_calendar(panel, row)
    found = errors(panel)
    assert found
    assert all(f.file == str(panel / "study/parameters.csv") for f in found)
    assert any(words in f.what for f in found)


def test_a_run_refuses_what_it_would_leave_out_in_silence(panel):
    folder = DataFolder(panel, BUNDLED_DATA_DIR)
    (panel / "snapshot/btc_dialy.csv").write_text("date,close\n")
    with pytest.raises(SourceError, match=r"no table reads: btc_dialy\.csv") as refused:
        folder.extract(BY_NAME["btc_prices"])
    assert f"rename it to {Path(BY_NAME['btc_prices'].file).name}" in refused.value.mend
    (panel / BY_NAME["equity_splits"].file).symlink_to("gone.csv")
    with pytest.raises(SourceError, match="leads nowhere"):
        folder.extract(BY_NAME["equity_splits"])
