"""`make check-ledger`: every mistake in the ledger's CSV files, one line each, in words.

The rules are those of the contracts, so a row that passes here is one that the load takes.
Beside the rules of the load, the contracts have some that only a check can hold: dates in the
future, grades that do not fit their address, contracts that exceed the power behind them, and
conflicts that are kept side by side on purpose (warnings).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.contracts import SOURCE_REF, TABLES, Extract, Level, Table, typed_frame
from dagster_project.errors import SourceError
from dagster_project.settings import BUNDLED_DATA_DIR, Settings
from dagster_project.sources.csv_file import ValueProblem, parse_csv
from dagster_project.warehouse.ddl import ensure_schema
from dagster_project.warehouse.load import all_breaches, stage_for_check
from dagster_project.warehouse.session import connect

LEDGER = tuple(table for table in TABLES if table.file.startswith("ledger/"))
# Lists that the ledger's rules look things up in.
LISTS = tuple(
    table
    for table in TABLES
    if table.name
    in {
        *("source_domains", "capex_definitions", "deal_parties"),
        *("study_parameters", "study_windows"),
    }
)


@dataclass(frozen=True)
class Finding:
    """One problem: where it is, what is wrong, how to mend it, and whether it is an error."""

    file: str
    line: int
    column: str
    what: str
    mend: str
    is_error: bool

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" + (f", column {self.column}" * bool(self.column))
        return (
            f"{'error' if self.is_error else 'warning'}: {place}: {self.what} (mend: {self.mend})"
        )


@dataclass(frozen=True)
class ReadFile:
    table: Table
    extract: Extract
    problems: tuple[ValueProblem, ...]


def locate(table: Table, folder: Path) -> Path | None:
    """The table's file, or the project's own where that stands in; None where there is none."""
    path = folder / table.file
    # A link that leads nowhere is no missing file.
    if path.exists() or path.is_symlink():
        return path
    return BUNDLED_DATA_DIR / table.file if table.default_from_bundled else None


def read_file(table: Table, path: Path | None, file: str) -> ReadFile:
    """The file as far as it can be read. Raises SourceError where it cannot be read at all."""
    if path is None:
        if not table.optional:
            raise SourceError("the file is missing, and nothing works without it")
        columns: dict[str, list[Any]] = {}
        lines: list[int] = []
        problems: list[ValueProblem] = []
    else:
        columns, lines, problems = parse_csv(path, table, shown=file, collect_torn=True)
    columns[SOURCE_REF] = [f"{table.file}, line {line}" for line in lines]
    extract = Extract(
        table=table.name,
        frame=typed_frame(table, columns),
        source="ledger",
        origin=file,
        retrieved_at=datetime.now(UTC).replace(tzinfo=None),
    )
    return ReadFile(table, extract, tuple(problems))


def whole_file(table: Table, file: str, error: SourceError) -> Finding:
    line = re.search(r"line (\d+)", error.where)
    return Finding(
        file,
        int(line[1]) if line else 1,
        "",
        error.what.removesuffix("."),
        error.mend or f"restore {table.file} (data/README.md describes it)",
        is_error=True,
    )


def findings_in(connection: duckdb.DuckDBPyConnection, file: ReadFile) -> Iterator[Finding]:
    shown = file.extract.origin
    unreadable = {(problem.line, problem.column) for problem in file.problems}
    for problem in file.problems:
        column = (
            file.table.column(problem.column) if problem.column in file.table.column_names else None
        )
        meaning = f": {column.description}" if column else ""
        yield Finding(
            shown,
            problem.line,
            problem.column,
            problem.what,
            f"correct the field{meaning}"
            if problem.column
            else "mend the line: it may be cut off, or a comma inside a text is not quoted",
            True,
        )
    for breach in all_breaches(connection, file.extract):
        line = int(breach.place.rpartition(" ")[2])
        # A key that cannot be read is nobody's twin.
        if breach.repeats_key and any((line, name) in unreadable for name in file.table.key):
            continue
        if (line, breach.column) not in unreadable:
            yield Finding(
                shown,
                line,
                breach.column,
                # The message of a broken reference says already how to mend it.
                breach.reason.removesuffix(breach.mend).rstrip(":; "),
                breach.mend,
                breach.level is not Level.WARN,
            )


def check_ledger(folder: Path, *, today: date) -> list[Finding]:
    """Every problem of the ledger in ``folder``, file by file and line by line.

    ``today`` is the day after which a date lies in the future.
    """
    findings: list[Finding] = []
    with connect() as connection:
        ensure_schema(connection, (*LISTS, *LEDGER))
        connection.execute("SET VARIABLE today = CAST(? AS DATE)", [today])
        files = []
        for table in (*LISTS, *LEDGER):
            path = locate(table, folder)
            shown = str(path or folder / table.file)
            try:
                file = read_file(table, path, shown)
            except SourceError as error:
                findings.append(whole_file(table, shown, error))
                continue
            # First all files, then their rules: a row may refer to any other file.
            stage_for_check(connection, file.extract)
            files.append(file)
        for file in files:
            findings.extend(findings_in(connection, file))
    return sorted(findings, key=lambda f: (f.file, f.line, not f.is_error, f.column, f.what))


def run_check(settings: Settings, *, today: date | None = None) -> int:
    """Print the findings and their counts. Returns 1 where there is an error, else 0."""
    findings = check_ledger(settings.data_dir, today=today or datetime.now(UTC).date())
    return report(findings, f"in the ledger of {settings.data_dir}")


def report(findings: list[Finding], where: str) -> int:
    """Print findings and their counts. Returns 1 where there is an error, else 0."""
    for finding in findings:
        print(finding)
    errors = sum(finding.is_error for finding in findings)
    warnings = len(findings) - errors
    print(
        f"{errors or 'no'} error{'s' * (errors != 1)}, {warnings or 'no'} "
        f"warning{'s' * (warnings != 1)} {where}"
    )
    return 1 if errors else 0
