"""A scripted vendor on this machine for every test of the live sources."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sources.live.loopback import Loopback


@pytest.fixture
def vendor() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server
