"""Fixtures shared by all tests: one warehouse, loaded and built once from the bundled data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.warehouse_builder import build_warehouse


@pytest.fixture(scope="session")
def built_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a DuckDB file with every model built from the bundled figures. Read only."""
    output = tmp_path_factory.mktemp("bundled_warehouse")
    return build_warehouse(output)
