"""Who is left alone for now, and why: one breaker for hosts and for vendors."""

from __future__ import annotations

import threading
from collections import Counter

from dagster_project.sources.live.clock import Clock, SystemClock

# Who failed this often in a row is down or has shut us out: asking on would only lengthen a ban.
FAILURES_IN_A_ROW = 3
# How long it is left alone then, in seconds: limits by address stay tripped for minutes.
COOL_DOWN_S = 900.0


class CircuitBreaker:
    """Remembers by name who may not be asked until when. Safe between threads.

    It opens at once for a time that a host asked for (``open``), and after FAILURES_IN_A_ROW
    failures without a success between them (``failed``, ``succeeded``).
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._until: dict[str, tuple[float, str]] = {}
        self._failures: Counter[str] = Counter()

    def open(self, name: str, seconds: float, why: str) -> None:
        """Leave ``name`` alone for so many seconds, if it is not for longer already."""
        until = self._clock.monotonic() + seconds
        with self._lock:
            if until > self._until.get(name, (float("-inf"), ""))[0]:
                self._until[name] = (until, why)

    def rest(self, name: str) -> tuple[float, str]:
        """Seconds for which ``name`` is still left alone (0: it may be asked), and why."""
        with self._lock:
            until, why = self._until.get(name, (float("-inf"), ""))
        return max(until - self._clock.monotonic(), 0.0), why

    def failed(self, name: str) -> None:
        """Count a failure of ``name``."""
        with self._lock:
            self._failures[name] += 1
            many = self._failures[name] >= FAILURES_IN_A_ROW
        if many:
            self.open(name, COOL_DOWN_S, f"it failed {FAILURES_IN_A_ROW} times in a row")

    def succeeded(self, name: str) -> None:
        """Forget the failures of ``name``."""
        with self._lock:
            self._failures.pop(name, None)
