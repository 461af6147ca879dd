"""`make dashboard`: the pages in the browser, on this machine alone, telling nobody."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

from dagster_project.errors import SettingsError
from dagster_project.origin_guard import OriginGuard
from dagster_project.settings import HOST, Settings, require_free_port

_APP = Path(__file__).resolve().parent / "app.py"


def options(port: int) -> list[str]:
    """Streamlit's switches: this machine only, no statistics, no watching of files, no editor."""
    chosen = {
        "server.address": HOST,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": HOST,
        "client.toolbarMode": "minimal",
        "theme.primaryColor": "#0072B2",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
    }
    return [f"--{name}={value}" for name, value in chosen.items()]


def _require(port: int) -> None:
    if importlib.util.find_spec("streamlit") is None:
        raise SettingsError(
            "The dashboard's packages are not installed.", mend="start it with 'make dashboard'"
        )
    require_free_port(port, "make dashboard")


def _guard_pages() -> None:
    """Put the guard before all that Streamlit answers; it looks at WebSockets' origins alone."""
    from starlette.middleware import Middleware
    from streamlit.web.server.starlette import starlette_app

    make = starlette_app.create_streamlit_middleware
    starlette_app.create_streamlit_middleware = lambda: [Middleware(OriginGuard), *make()]


def serve(settings: Settings, *, port: int) -> int:
    """Serve the pages until interrupted. Raises SettingsError where that is impossible."""
    _require(port)
    # What a page needs is read now, so that the first visitor does not wait for it.
    for module in ("altair", "pyarrow.parquet", "dagster_project.dashboard.app"):
        importlib.import_module(module)
    from streamlit.web import cli

    _guard_pages()
    print(f"The dashboard of {settings.published_path}", flush=True)
    print(f"opens at http://{HOST}:{port} in a moment; Ctrl-C stops it.", flush=True)
    sys.argv[0] = "streamlit"
    cli.main(["run", str(_APP), *options(port)], standalone_mode=False)
    return 0
