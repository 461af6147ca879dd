"""How an exchange with a vendor ends when it does not end well."""

from __future__ import annotations

from dagster_project.errors import SourceError


class HttpRefused(SourceError):
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
        self.status = status
        self.body = body
        self.content_type = content_type
        super().__init__(what, where=where, mend=mend)


class HttpUnavailable(SourceError):
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
        self.status = status
        self.retry_after_s = retry_after_s
        super().__init__(what, where=where, mend=mend)


class NotRecorded(HttpUnavailable):
    """Replay was asked for something that was never recorded."""
