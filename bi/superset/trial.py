"""A Superset on this machine, to try the dashboard: started, filled, and stopped again.

It listens on 127.0.0.1 alone. Its key is made once per folder, its password at every start;
neither is in a file of the project.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bi.superset.send import SupersetRefused
from dagster_project.settings import HOST, PROJECT_DIR, require_free_port

USER = "admin"
_HERE = Path(__file__).resolve().parent
_START_SECONDS = 300
_STOP_SECONDS = 20


@dataclass(frozen=True)
class Trial:
    """A running Superset and how to log in."""

    url: str
    user: str
    password: str
    process: subprocess.Popen[bytes]

    def __repr__(self) -> str:
        return f"Trial({self.url})"


def _secret_key(home: Path) -> str:
    """Key that Superset encrypts database passwords with: made once, readable by its owner."""
    path = home / "secret_key"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    return path.read_text(encoding="utf-8")


def _environment(home: Path, password: str) -> dict[str, str]:
    # Settings of another Superset or Python in the shell must not reach this one.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SUPERSET", "FLASK", "PYTHON", "MINER_"))
    }
    return kept | {
        "MINER_SUPERSET_SECRET_KEY": _secret_key(home),
        "MINER_SUPERSET_USER": USER,
        "MINER_SUPERSET_PASSWORD": password,
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(_HERE / "superset_config.py"),
        "SCARF_ANALYTICS": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _require(ended: int, log: Path) -> None:
    if ended:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
        raise SupersetRefused(
            f"Superset could not be made ready: {' | '.join(last)}", where=str(log)
        )


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/health", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and its workers: first asked, then made to."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signal_number)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait(timeout=_STOP_SECONDS)


@contextmanager
def running(python: Path, home: Path, port: int) -> Iterator[Trial]:
    """A Superset of the environment ``python`` belongs to; its state and log are in ``home``.

    Raises SupersetRefused where the port is taken or Superset does not start.
    """
    if not python.exists():
        raise SupersetRefused(
            "Superset's environment is not there.", where=str(python), mend="make superset"
        )
    require_free_port(port, "make superset")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    log, password = home / "superset.log", secrets.token_urlsafe(16)
    environment = _environment(home, password)
    with log.open("wb") as words:
        done = subprocess.run(
            [str(python), str(_HERE / "prepare.py")],
            cwd=home,
            env=environment,
            stdout=words,
            stderr=subprocess.STDOUT,
            check=False,
        )
        _require(done.returncode, log)
        process = subprocess.Popen(
            [
                *(str(python), "-m", "gunicorn", "superset.app:create_app()"),
                *("--bind", f"{HOST}:{port}", "--workers", "1"),
                *("--worker-class", "gthread", "--threads", "8", "--timeout", "120"),
                "--no-control-socket",
            ],
            cwd=home,
            env=environment,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://{HOST}:{port}"
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                _require(process.poll() or 1, log)
            time.sleep(0.5)
        yield Trial(url, USER, password, process)
    finally:
        _stop(process)


def superset_python() -> Path:
    """Python of the environment that `make superset` installs."""
    return PROJECT_DIR / ".venv-superset" / "bin" / "python"
