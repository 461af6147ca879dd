"""A published file as the dashboard finds it, and a page of it drawn without a browser."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dagster_project.dashboard.published import Publication, find_publication
from dagster_project.settings import current_settings

MANIFEST = {
    "publication_id": "20250401T000000Z-00000000",
    "published_at": "2025-04-01T00:00:00+00:00",
    "replaced": None,
    "code_revision": "0123456789abcdef",
    "checks": {"checks": {"pass": 58, "warn": 1}, "warned": ["price_sources_agree"]},
    "sources": {
        "equity_prices": {
            "first_date": "2024-01-02",
            "last_date": "2025-08-29",
            "rows": 9158,
            "tickers": {"CORZ": {}},
        },
        "btc_hourly_prices": {"first_date": None, "last_date": None, "rows": 0},
    },
    "tables": [
        {
            "name": "selloff_summary",
            "description": "One row per event and ticker.",
            "columns": [{}, {}],
            "rows": 726,
            "key_dates": {},
        }
    ],
}


@pytest.fixture(scope="session")
def output_dir(marts_with_macros: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder with one publication. Read only."""
    made = tmp_path_factory.mktemp("dashboard")
    (made / "published").mkdir()
    os.link(marts_with_macros, made / "published" / "miner_marts.duckdb")
    (made / "published" / "manifest.json").write_text(json.dumps(MANIFEST))
    return made


@pytest.fixture(scope="session")
def publication(output_dir: Path) -> Publication:
    return find_publication(output_dir / "published" / "miner_marts.duckdb")


def _one_page() -> None:
    import streamlit

    from dagster_project.dashboard.app import ROOMS, show

    show(next(room for room in ROOMS if room.path == streamlit.session_state["room"]))


Draw = Callable[..., AppTest]


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch, output_dir: Path) -> Iterator[Draw]:
    """Draws a page: ``draw("event", group="miners")``; ``of`` is another output folder."""

    def drawn(page: str, *, of: Path = output_dir, **address: str) -> AppTest:
        monkeypatch.setenv("MINER_OUTPUT_DIR", str(of))
        current_settings.cache_clear()
        test = AppTest.from_function(_one_page, default_timeout=120)
        test.session_state["room"] = page
        for name, value in address.items():
            test.query_params[name] = value
        return test.run()

    yield drawn
    current_settings.cache_clear()
