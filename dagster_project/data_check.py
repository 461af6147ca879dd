"""`make check-data`: everything that is wrong in a data folder, at once, before a run.

The rules are those of the contracts, of ``make check-ledger`` and of the load: what passes here is
what ``make run`` loads. Nothing is stored.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from dagster_project.contracts import BY_NAME, DEFAULT_CALENDAR, TABLES
from dagster_project.errors import LoadRefused, SourceError
from dagster_project.ledger_check import (
    Finding,
    ReadFile,
    findings_in,
    locate,
    read_file,
    report,
    whole_file,
)
from dagster_project.settings import BUNDLED_DATA_DIR, Settings
from dagster_project.sources.data_folder import DataFolder, misspelt, unread_files
from dagster_project.sources.exchange_calendar import ExchangeCalendar
from dagster_project.sources.registry import study_calendar
from dagster_project.warehouse.ddl import ensure_schema
from dagster_project.warehouse.load import check_whole, stage_for_check
from dagster_project.warehouse.session import connect

_SESSIONS = BY_NAME["exchange_sessions"]
_FIRST_PRICES = date(2000, 1, 1)


def _misnamed(folder: Path) -> list[Finding]:
    """Files that no table reads: whoever wrote one expects it to be read."""
    nearest = {
        meant: Path(table.file).name
        for table in TABLES
        if table.file and not (folder / table.file).exists() and (meant := misspelt(folder, table))
    }
    return [
        Finding(
            str(path),
            1,
            "",
            "no table reads this file",
            f"rename it to {nearest[path]}"
            if path in nearest
            else "remove it, or give it the name of a file in data/README.md",
            is_error=True,
        )
        for path in unread_files(folder)
    ]


def _stage_sessions(
    connection: duckdb.DuckDBPyConnection, folder: Path, files: list[ReadFile], today: date
) -> list[Finding]:
    """Put the study's sessions where references find them; XNYS where its calendar is unknown."""
    dates = [
        day.date()
        for file in files
        if file.table.time_column
        for day in file.extract.frame[file.table.time_column].dropna()
    ]
    first = min(dates, default=_FIRST_PRICES)
    try:
        code = study_calendar(DataFolder(folder, BUNDLED_DATA_DIR))
    except SourceError:
        # What is wrong with the parameters is said of their file.
        code = DEFAULT_CALENDAR
    try:
        extract = ExchangeCalendar(first, today, code).extract(_SESSIONS)
    except SourceError as error:
        extract = ExchangeCalendar(first, today).extract(_SESSIONS)
        stage_for_check(connection, extract)
        parameters = BY_NAME["study_parameters"]
        return [
            Finding(
                str(locate(parameters, folder) or folder / parameters.file),
                1,
                "value_name",
                error.what.removesuffix("."),
                error.mend,
                is_error=True,
            )
        ]
    stage_for_check(connection, extract)
    return []


def _refused_as_a_whole(connection: duckdb.DuckDBPyConnection, file: ReadFile) -> list[Finding]:
    try:
        check_whole(connection, file.extract)
    except LoadRefused as refused:
        what = refused.what.replace("; nothing was loaded, the stored rows stay.", "")
        return [Finding(file.extract.origin, 1, "", what, refused.mend, is_error=True)]
    return []


def _read_all(folder: Path) -> tuple[list[ReadFile], list[Finding]]:
    files, findings = [], []
    for table in (table for table in TABLES if table.file):
        path = locate(table, folder)
        shown = str(path or folder / table.file)
        try:
            file = read_file(table, path, shown)
            if path and file.extract.frame.empty and not file.problems and not table.optional:
                raise SourceError("The file holds a header but no rows, and nothing works so.")
        except SourceError as error:
            findings.append(whole_file(table, shown, error))
        else:
            files.append(file)
    return files, findings


def check_data(folder: Path, *, today: date) -> list[Finding]:
    """Every problem of a data folder, file by file and line by line.

    ``today`` is the day after which a date lies in the future.
    """
    files, findings = _read_all(folder)
    findings += _misnamed(folder)
    with connect() as connection:
        ensure_schema(connection)
        connection.execute("SET VARIABLE today = CAST(? AS DATE)", [today])
        findings += _stage_sessions(connection, folder, files, today)
        # First all files, then their rules: a row may refer to any other file.
        for file in files:
            stage_for_check(connection, file.extract)
        for file in files:
            found = list(findings_in(connection, file))
            findings += found
            # Rules over all rows would say again what a row has said.
            if not any(finding.is_error for finding in found):
                findings += _refused_as_a_whole(connection, file)
    return sorted(set(findings), key=lambda f: (f.file, f.line, not f.is_error, f.column, f.what))


def run_check(settings: Settings) -> int:
    """Print every finding of the settings' data folder. Returns 1 where there is an error."""
    findings = check_data(settings.data_dir, today=datetime.now(UTC).date())
    return report(findings, f"in the data folder {settings.data_dir}")
