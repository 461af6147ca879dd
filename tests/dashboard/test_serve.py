"""How the pages are served: this machine alone, and nobody is told."""

from __future__ import annotations

import socket

import pytest
from streamlit import config

from dagster_project.dashboard import serve
from dagster_project.errors import SettingsError
from dagster_project.settings import current_settings


def test_every_switch_is_one_that_streamlit_knows() -> None:
    known = config.get_config_options()
    given = dict(option.removeprefix("--").split("=", 1) for option in serve.options(8501))
    assert set(given) <= set(known)
    assert given["server.address"] == "127.0.0.1"
    assert given["browser.gatherUsageStats"] == "false"
    assert given["server.headless"] == "true"


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match="make dashboard PORT="):
            serve.serve(current_settings(), port=port)


def test_without_its_packages_it_says_how_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="make dashboard"):
        serve.serve(current_settings(), port=0)


def test_no_folder_is_taken_for_pages() -> None:
    """On a fresh server Streamlit runs files of ``pages/`` for an address below the root."""
    assert not (serve._APP.parent / "pages").exists()
