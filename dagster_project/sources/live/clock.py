"""Time as the live sources see it, so that a test can wait without waiting."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where waiting and time stamps come from."""

    def monotonic(self) -> float:
        """Seconds that never run backward."""

    def now(self) -> datetime:
        """The present instant, with its zone (UTC)."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
