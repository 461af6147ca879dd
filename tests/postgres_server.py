"""A throwaway PostgreSQL server on loopback, of the binaries that this machine has."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ADMIN = "admin"


def find_binaries() -> Path | None:
    """Folder with ``initdb`` and ``pg_ctl`` of the newest server here; None without one."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _unprivileged_user() -> str | None:
    """Whom the server runs as: it refuses to run as root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise AssertionError("no user to run PostgreSQL as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgresServer:
    """Address and passwords of a running server; ``stop`` and ``start`` let it go away."""

    def __init__(
        self, port: int, password: str, start: Callable[[], None], stop: Callable[[], None]
    ) -> None:
        self.port = port
        self.password = password
        self.start = start
        self.stop = stop

    def url(self, database: str = "postgres", user: str = ADMIN, password: str = "") -> str:
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Name of a new empty database."""
        import psycopg
        from psycopg import sql

        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return name


@contextmanager
def running_server(*options: str) -> Iterator[PostgresServer]:
    """A server of its own with password log-in, gone when the block ends."""
    binaries = find_binaries()
    assert binaries, "no PostgreSQL server on this machine"
    user = _unprivileged_user()
    # Not under pytest's folder: only root may enter that, and a socket's path must be short.
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    password = f"admin-{secrets.token_urlsafe(12)}"
    (home / "password").write_text(password, encoding="utf-8")
    if user:
        for path in (home, home / "password"):
            shutil.chown(path, user)
    data = home / "data"

    def run(*command: str | Path) -> None:
        subprocess.run(
            [str(part) for part in command],
            check=True,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    try:
        run(
            binaries / "initdb",
            *("-D", data, "-U", ADMIN, "--pwfile", home / "password", "-A", "scram-sha-256"),
            *("--no-sync", "-E", "UTF8", "--locale=C.UTF-8"),
        )
        port = _free_port()
        words = [f"-k {home} -p {port} -c listen_addresses=127.0.0.1 -c fsync=off", *options]
        control = (binaries / "pg_ctl", "-D", data, "-w")

        def start() -> None:
            run(*control, "-l", home / "log", "-o", " ".join(words), "start")

        def stop() -> None:
            run(*control, "-m", "immediate", "stop")

        start()
        try:
            yield PostgresServer(port, password, start, stop)
        finally:
            if (data / "postmaster.pid").exists():
                stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
