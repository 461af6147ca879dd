"""How an exchange with a vendor ends when it does not end well."""

from __future__ import annotations

from dataclasses import dataclass

from dagster_project.errors import SourceError


@dataclass(frozen=True)
class Later:
    """What a body with status 200 says that means "ask again later", and the HTTP status that
    other hosts say it with (429: too many requests). ``wait_s`` is how long to leave the host
    alone, in seconds; None where it does not say."""

    what: str
    status: int
    wait_s: float | None = None


class _Ended(SourceError):
    """An end without an answer: ``attempts`` requests and ``waited_s`` seconds went into it."""

    attempts = 0
    waited_s = 0.0


class HttpRefused(_Ended):
    """The host answered, and the answer is no: asking again would change nothing.

    ``status`` is its HTTP status (200 when the body is not what was asked for), ``body`` its
    body as far as it was read, ``content_type`` what it claims to be. Keys are blanked out.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int,
        body: bytes = b"",
        content_type: str = "",
        where: str = "",
        mend: str = "",
    ) -> None:
        self.status, self.body, self.content_type = status, body, content_type
        super().__init__(what, where=where, mend=mend)


class HttpUnavailable(_Ended):
    """No usable answer came, after every attempt: later it may.

    ``status`` is the last HTTP status (None: no answer at all), ``retry_after_s`` how long the
    host asked to be left alone, in seconds.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        where: str = "",
        mend: str = "",
    ) -> None:
        self.status, self.retry_after_s = status, retry_after_s
        super().__init__(what, where=where, mend=mend)


class NotRecorded(HttpUnavailable):
    """Replay was asked for something that was never recorded."""
