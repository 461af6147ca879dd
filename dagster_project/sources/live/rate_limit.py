"""At most so many requests in any stretch of so many seconds, whoever asks."""

from __future__ import annotations

import threading

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from dagster_project.sources.live.clock import Clock

# The bucket counts whole milliseconds; this covers what that rounding loses.
MARGIN_MS = 2


class RateLimiter:
    """A sliding window over the requests of one host, safe between threads.

    ``requests`` may start in any ``per_seconds``; further ones wait their turn. The window is
    pyrate-limiter's; its own waiting is not used, because that sleeps by the machine's clock.
    """

    def __init__(self, requests: int, per_seconds: float, clock: Clock) -> None:
        self._bucket = InMemoryBucket([Rate(requests, round(per_seconds * 1000) + MARGIN_MS)])
        self._clock = clock
        self._lock = threading.Lock()

    def acquire(self) -> float:
        """Wait until one more request may start. Returns the seconds that took."""
        waited_s = 0.0
        while (pause_s := self._claim()) > 0:
            self._clock.sleep(pause_s)
            waited_s += pause_s
        return waited_s

    def _claim(self) -> float:
        """Seconds until the next try; 0 when this one was counted."""
        with self._lock:
            item = RateItem("request", int(self._clock.monotonic() * 1000))
            self._bucket.leak(item.timestamp)
            if self._bucket.put(item):
                return 0.0
            wait_ms = self._bucket.waiting(item)
            assert isinstance(wait_ms, int)  # an in-memory bucket answers at once
            return max(wait_ms, 1) / 1000
