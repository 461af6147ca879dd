"""A PostgreSQL of Debian's for one test: own folder, own port, schema `marts`, a reading role."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.warehouse.publish_marts import Mart, describe_marts

READER = "bi_reader"
DATABASE = "miner_marts"
_TYPES = {"VARCHAR": "text", "DOUBLE": "double precision", "TIMESTAMP": "timestamp"}


@dataclass(frozen=True)
class Postgres:
    """A running server: where it listens and the password of its reading role."""

    port: int
    password: str
    programs: Path
    socket_dir: Path
    user: str | None

    @property
    def url(self) -> str:
        return f"postgresql://{READER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    def sql(self, *statements: str, database: str = DATABASE) -> str:
        """Run statements as the owner, over a socket only the owner can reach."""
        done = subprocess.run(
            [
                *(str(self.programs / "psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1"),
                *("-h", str(self.socket_dir), "-p", str(self.port), "-d", database),
            ],
            input="\n".join(statements),
            capture_output=True,
            text=True,
            check=False,
            user=self.user,
            cwd=self.socket_dir,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def programs() -> Path | None:
    """Folder of the newest PostgreSQL server programs; None where there are none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return debian[-1].parent if debian else None


def _owner() -> str | None:
    """The server refuses to run as root: then it runs as the user of Debian's package."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path) -> Iterator[Postgres]:
    """A server with an empty database and a role that may only read schema ``marts``."""
    owner = _owner()
    data = folder / "data"
    if owner:
        shutil.chown(folder, owner)

    def call(*command: str) -> None:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, user=owner, cwd=folder
        )
        assert done.returncode == 0, done.stdout + done.stderr

    bin_dir = programs()
    assert bin_dir is not None
    call(
        *(str(bin_dir / "initdb"), "-D", str(data), "-E", "UTF8", "--no-sync", "--no-locale"),
        *("--auth-local=trust", "--auth-host=scram-sha-256"),
    )
    server = Postgres(_free_port(), secrets.token_urlsafe(16), bin_dir, folder, owner)
    # fsync: what is lost with the machine is thrown away anyway.
    options = f"-p {server.port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
    control = str(bin_dir / "pg_ctl")
    call(control, "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start")
    try:
        server.sql(
            f"CREATE ROLE {READER} LOGIN PASSWORD '{server.password}';",
            f"CREATE DATABASE {DATABASE};",
            database="postgres",
        )
        server.sql(
            "CREATE SCHEMA marts;",
            f"GRANT USAGE ON SCHEMA marts TO {READER};",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA marts GRANT SELECT ON TABLES TO {READER};",
        )
        yield server
    finally:
        call(control, "-D", str(data), "-m", "immediate", "-w", "stop")


def _definition(mart: Mart) -> str:
    columns = ", ".join(f'"{c.name}" {_TYPES.get(c.type, c.type.lower())}' for c in mart.columns)
    return f"CREATE TABLE marts.{mart.name} ({columns});"


def load_marts(server: Postgres, published: Path, only: tuple[str, ...] = ()) -> None:
    """Every mart of a published file, or those named, under its own name."""
    with (
        tempfile.TemporaryDirectory(prefix="marts-csv-") as exchange,
        duckdb.connect(str(published), read_only=True) as connection,
    ):
        folder = Path(exchange)
        folder.chmod(0o755)
        row = connection.execute("SELECT current_database()").fetchone()
        assert row is not None
        for mart in describe_marts(connection, row[0]):
            if only and mart.name not in only:
                continue
            path = folder / f"{mart.name}.csv"
            # Text in quotes, absence without: '' and NULL stay apart.
            connection.execute(
                f"COPY marts.{mart.name} TO '{path}' (HEADER, FORCE_QUOTE *, NULLSTR '\\N')"
            )
            server.sql(
                _definition(mart),
                f"\\copy marts.{mart.name} FROM '{path}' "
                "WITH (FORMAT csv, HEADER true, NULL '\\N')",
            )
