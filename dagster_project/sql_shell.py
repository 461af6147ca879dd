"""``make sql``: DuckDB's own shell on the published file, read-only, with a greeting.

Piped SQL gets answers alone: ``echo "from selloff('msft-2gw-mar')" | make sql FORMAT=csv``.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Any

from dagster_project.errors import SettingsError, WarehouseProjectError
from dagster_project.settings import Settings
from dagster_project.warehouse.reader import (
    MARTS_SCHEMA,
    READER_SETTINGS,
    published,
    require_published,
)

FORMATS = ("box", "csv", "json", "jsonlines", "line", "markdown", "table")

FIRST_QUERIES = (
    "select ticker, raw_return, abnormal_return, firm_verdict from selloff('msft-2gw-mar');",
    "select event_id, title, t0 from dim_event order by t0;",
    "from columns_about('hashprice');",
)

_TABLES = """
    select table_name, coalesce(comment, '')
    from duckdb_tables()
    where database_name = current_database() and schema_name = ?
    order by table_name
"""
_MACROS = """
    select function_name, parameters, coalesce(comment, '')
    from duckdb_functions()
    where database_name = current_database() and schema_name = ? and function_type = 'table_macro'
    order by function_name
"""


def _lines(rows: list[tuple[str, str]], width: int) -> list[str]:
    """Names in a column, beside each what it is, cut to one line."""
    longest = max((len(name) for name, _ in rows), default=0)
    room = max(width - longest - 4, 20)
    return [
        f"  {name:{longest}}  {textwrap.shorten(words, room, placeholder=' …')}"
        for name, words in rows
    ]


def greeting(path: Path, *, width: int = 100) -> str:
    """What there is to ask, from the file itself."""
    with published(path) as connection:
        tables: list[tuple[str, str]] = connection.execute(_TABLES, [MARTS_SCHEMA]).fetchall()
        macros: list[tuple[Any, ...]] = connection.execute(_MACROS, [MARTS_SCHEMA]).fetchall()
    questions = [(f"{name}({', '.join(names)})", words) for name, names, words in macros]
    return "\n".join(
        [
            f"Published marts, read-only: {path}",
            f"publication {path.resolve().parent.name}; open the shell again to see a newer one.",
            "",
            "Tables:",
            *_lines(tables, width),
            "",
            "One-line questions:",
            *_lines(questions, width),
            "",
            "To begin with:",
            *(f"  {query}" for query in FIRST_QUERIES),
            "",
            "More questions with their answers: docs/cookbook. Leave with .exit or Ctrl-D.",
            "",
        ]
    )


def shell_command(path: Path, *, output_format: str = "", piped: bool) -> list[str]:
    """The command that runs DuckDB's shell on the published file.

    Raises SettingsError for a format that the shell does not write, WarehouseProjectError where
    nothing is published or the shell is not installed.
    """
    if output_format and output_format not in FORMATS:
        raise SettingsError(
            f"FORMAT={output_format!r} is no format of the shell.",
            mend=f"choose one of: {', '.join(FORMATS)}",
        )
    program = Path(sys.executable).with_name("duckdb")
    if not program.is_file():
        raise WarehouseProjectError(
            "DuckDB's shell is not installed.",
            where=str(program),
            mend="type 'make sql', which installs it",
        )
    command = [str(program), "-readonly"]
    for setting in READER_SETTINGS:
        command += ["-cmd", f"{setting};"]
    if output_format:
        command.append(f"-{output_format}")
    if piped:
        # A script stops at its first mistake and says so in its exit code.
        command.append("-bail")
    return [*command, str(require_published(path))]


def open_shell(settings: Settings, *, output_format: str = "") -> int:
    """Become the shell; returns only by raising, as ``shell_command`` does."""
    piped = not sys.stdin.isatty()
    path = settings.published_path
    command = shell_command(path, output_format=output_format, piped=piped)
    if not piped:
        print(greeting(path, width=shutil.get_terminal_size((100, 24)).columns))
    sys.stdout.flush()
    # The shell takes this process's place, so Ctrl-C stops a query and not the shell.
    os.execv(command[0], command)  # noqa: S606 - no shell is meant: the words are this module's own
