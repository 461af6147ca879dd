"""Commands behind the Makefile: ``python -m dagster_project --help``."""

from __future__ import annotations

import argparse
import sys
from datetime import date

from dagster_project import interrupts
from dagster_project.errors import WarehouseProjectError, disk_full
from dagster_project.settings import current_settings

# What a shell expects of a program that could not do what it was asked.
FAILED = 1


def _run(arguments: argparse.Namespace) -> int:
    from dagster_project.run import run_everything

    return run_everything(current_settings())


def _ui(arguments: argparse.Namespace) -> int:
    from dagster_project.ui import serve

    return serve(current_settings(), port=arguments.port)


def _dashboard(arguments: argparse.Namespace) -> int:
    from dagster_project.dashboard.serve import serve

    return serve(current_settings(), port=arguments.port)


def _rebuild(arguments: argparse.Namespace) -> int:
    from dagster_project.run import rebuild

    return rebuild(current_settings())


def _rollback(arguments: argparse.Namespace) -> int:
    from dagster_project.postgres import roll_back

    print("\n".join(roll_back(current_settings(), arguments.to)))
    return 0


def _postgres(arguments: argparse.Namespace) -> int:
    from dagster_project.postgres import show_in_postgres

    print(show_in_postgres(current_settings()).summary())
    return 0


def _team(arguments: argparse.Namespace) -> int:
    from dagster_project.team import describe

    lines = describe(current_settings(), take_over=arguments.here, migrate=arguments.migrate)
    print("\n".join(lines))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from dagster_project.sources.live.doctor import consult

    return consult(current_settings())


def _candidates(arguments: argparse.Namespace) -> int:
    from dagster_project.candidates import csv_lines, ledger_columns, open_candidates, remark_lines

    settings = current_settings()
    candidates = open_candidates(settings, since=arguments.since, ticker=arguments.ticker)
    columns = ledger_columns(settings)
    print("\n".join(remark_lines(candidates, columns)), file=sys.stderr)
    print(csv_lines(candidates, columns), end="")
    return 0


def _sql(arguments: argparse.Namespace) -> int:
    from dagster_project.sql_shell import open_shell

    return open_shell(current_settings(), output_format=arguments.format)


def _check_ledger(arguments: argparse.Namespace) -> int:
    from dagster_project.ledger_check import run_check

    return run_check(current_settings())


def _check_data(arguments: argparse.Namespace) -> int:
    from dagster_project.data_check import run_check

    return run_check(current_settings())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dagster_project", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, action, words in (
        ("run", _run, "build the whole warehouse, publish it and print the answer"),
        ("rebuild", _rebuild, "set the working file aside and build a new one"),
        ("rollback", _rollback, "let readers see the publication before the present one"),
        ("postgres", _postgres, "bring PostgreSQL to the publication on disk"),
        ("team", _team, "say who makes the runs of the shared Dagster instance"),
        ("doctor", _doctor, "ask every live source once and say what answers"),
        (
            "check-ledger",
            _check_ledger,
            "say what is wrong in the ledger's CSV files, line by line",
        ),
        ("check-data", _check_data, "say everything that is wrong in the data folder"),
        ("ui", _ui, "start Dagster's web page and daemon"),
        ("sql", _sql, "open DuckDB's shell on the published file, read-only"),
        ("dashboard", _dashboard, "show the published file in the browser"),
        ("candidates", _candidates, "print ledger rows for filings a person is to judge"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(action=action)
        if name == "ui":
            command.add_argument("--port", type=int, default=3000, help="port of the web page")
        if name == "sql":
            command.add_argument("--format", default="", help="how answers are written, e.g. csv")
        if name == "team":
            command.add_argument("--here", action="store_true", help="make its runs here from now")
            command.add_argument("--migrate", action="store_true", help="renew Dagster's tables")
        if name == "rollback":
            command.add_argument("--to", default="", help="a publication on disk, by its name")
        if name == "dashboard":
            command.add_argument("--port", type=int, default=8501, help="port of the page")
        if name == "candidates":
            command.add_argument(
                "--since", type=date.fromisoformat, help="first filing day, YYYY-MM-DD"
            )
            command.add_argument("--ticker", help="one company alone")
    return parser


def _failed(error: Exception) -> str:
    """What to print of an error; raised again where it is none that a person can act on."""
    if isinstance(error, WarehouseProjectError):
        return str(error)
    full = disk_full(error, current_settings().output_dir)
    if full is None:
        raise error
    return str(full)


def main() -> int:
    arguments = _parser().parse_args()
    interrupts.listen()
    try:
        return int(arguments.action(arguments))
    except (Exception, KeyboardInterrupt) as error:
        # A library may make its own error of Ctrl-C: DuckDB's is "Query interrupted".
        if isinstance(error, KeyboardInterrupt) or interrupts.received():
            print("\nStopped. What was loaded and published before is untouched.", file=sys.stderr)
            interrupts.leave()
        print(f"\n{_failed(error)}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
