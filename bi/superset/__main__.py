"""Commands behind the Makefile: ``python -m bi.superset --help``."""

from __future__ import annotations

import argparse
import getpass
import os
import signal
import sys
from types import FrameType

from bi.superset import build, send, trial
from dagster_project.errors import WarehouseProjectError
from dagster_project.settings import current_settings

FAILED = 1


def _bundle(arguments: argparse.Namespace) -> int:
    texts = build.bundle(build.read_marts(current_settings().published_path))
    changed = build.stale_files(texts)
    build.write_bundle(texts)
    print(f"{len(texts)} files in {build.BUNDLE_DIR.name}/, {len(changed)} of them new or changed.")
    return 0


def _target(arguments: argparse.Namespace) -> send.Target:
    """PostgreSQL where its address is set, else the DuckDB file."""
    postgres = os.environ.get("SUPERSET_POSTGRES_URL", "")
    if postgres and not arguments.database:
        return send.postgres_target(postgres)
    path = arguments.database or str(current_settings().published_path)
    return send.duckdb_target(path)


def _import(arguments: argparse.Namespace) -> int:
    password = os.environ.get("SUPERSET_PASSWORD") or getpass.getpass(
        f"Password of {arguments.user} in {arguments.url}: "
    )
    target = _target(arguments)
    session = send.Superset(arguments.url, arguments.user, password)
    address = send.send(session, target)
    print(f"Imported for {target.kind}. The dashboard: {address}")
    return 0


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _trial(arguments: argparse.Namespace) -> int:
    settings = current_settings()
    target = _target(arguments)
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, _interrupt)
    print("Superset starts; the first time takes about a minute.", flush=True)
    home = settings.output_dir / "superset_home"
    with trial.running(trial.superset_python(), home, arguments.port) as superset:
        session = send.Superset(superset.url, superset.user, superset.password)
        print(f"The dashboard: {send.send(session, target)}")
        print(f"Log in as {superset.user} with {superset.password}; Ctrl-C stops it.", flush=True)
        try:
            superset.process.wait()
        except KeyboardInterrupt:
            return 0
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bi.superset", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("bundle", help="write the bundle from definition and marts")
    command.set_defaults(action=_bundle)
    words = "path of the DuckDB file on Superset's machine (default: this project's publication)"
    command = commands.add_parser("import", help="give the bundle to a running Superset")
    command.add_argument("--url", default="http://127.0.0.1:8088")
    command.add_argument("--user", default=os.environ.get("SUPERSET_USER", "admin"))
    command.add_argument("--database", help=words)
    command.set_defaults(action=_import)
    command = commands.add_parser("trial", help="start a Superset with the dashboard in it")
    command.add_argument("--port", type=int, default=8088)
    command.add_argument("--database", help=words)
    command.set_defaults(action=_trial)
    return parser


def main() -> int:
    arguments = _parser().parse_args()
    try:
        return int(arguments.action(arguments))
    except WarehouseProjectError as error:
        print(error, file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
