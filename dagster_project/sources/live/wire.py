"""One HTTP exchange: bounded in time and size, decompressed, with no opinion of its content."""

from __future__ import annotations

import logging
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import httpcore2

from dagster_project.secret import Secret

# The library writes headers into its debug log, and a host may put a key into one.
logging.getLogger("httpcore2").setLevel(logging.WARNING)

# A decompressor is fed and drained in pieces of this size, so that what it may not exceed is
# exceeded by no more than this.
PIECE_BYTES = 65_536


class WireError(Exception):
    """The exchange broke; the message says how, in words fit for a log."""


class ConnectFailed(WireError):
    """Nobody answered at that address, or not securely."""


class TooLarge(WireError):
    """The body is larger than what was allowed."""


class UnknownEncoding(WireError):
    """The body is compressed in a way that was not asked for."""


@dataclass(frozen=True)
class Exchange:
    """What came back. ``headers`` have lower-case names; of repeated ones the first counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Deadline(threading.local):
    """When the exchange of this thread must be over, by ``time.monotonic``."""

    at: float = float("inf")

    def cap(self, timeout: float | None, error: type[Exception]) -> float:
        left = self.at - time.monotonic()
        if left <= 0:
            raise error("the whole answer took too long")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore2.NetworkStream):
    """A connection whose every read and write also obeys the deadline of the exchange.

    Without it a host that sends one byte now and then is never silent for long enough to
    run into a time-out.
    """

    def __init__(self, inner: httpcore2.NetworkStream, deadline: _Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.cap(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.cap(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        capped = self._deadline.cap(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, capped), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore2.SyncBackend):
    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        capped = self._deadline.cap(timeout, httpcore2.ConnectTimeout)
        inner = super().connect_tcp(host, port, capped, local_address, socket_options)
        return _Stream(inner, self._deadline)


class Wire:
    """Connections to vendors, kept open between exchanges, safe between threads.

    TLS certificates are always verified against the system's authorities. ``proxy`` is the
    address of an HTTP proxy, or empty; this machine itself is always reached directly.
    """

    def __init__(self, proxy: Secret | None = None) -> None:
        self._proxy = proxy
        self._deadline = _Deadline()
        self._lock = threading.Lock()
        self._pools: dict[tuple[bool, bool], httpcore2.ConnectionPool] = {}

    def _pool(self, *, secure: bool, proxied: bool) -> httpcore2.ConnectionPool:
        with self._lock:
            key = (secure, proxied)
            if key not in self._pools:
                self._pools[key] = self._new_pool(secure, self._proxy if proxied else None)
            return self._pools[key]

    def _new_pool(self, secure: bool, proxy: Secret | None) -> httpcore2.ConnectionPool:
        options: dict[str, Any] = {
            # Reading the system's authorities takes a twentieth of a second.
            "ssl_context": httpcore2.default_ssl_context() if secure else None,
            "keepalive_expiry": 15.0,
            "network_backend": _Backend(self._deadline),
        }
        if proxy is None:
            return httpcore2.ConnectionPool(**options)
        parts = urlsplit(proxy.reveal())
        login = None
        if parts.username is not None:
            login = (unquote(parts.username), unquote(parts.password or ""))
        address = f"{parts.scheme}://{parts.hostname}:{parts.port or 80}"
        return httpcore2.HTTPProxy(address, proxy_auth=login, **options)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def get(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
        deadline_s: float,
        max_bytes: int,
        direct: bool,
    ) -> Exchange:
        """GET ``url``; every silence is limited by ``timeout_s``, the whole by ``deadline_s``.

        Follows no redirect. Raises WireError.
        """
        limits = {"connect": timeout_s, "read": timeout_s, "write": timeout_s, "pool": timeout_s}
        pool = self._pool(
            secure=url.startswith("https:"), proxied=self._proxy is not None and not direct
        )
        self._deadline.at = time.monotonic() + deadline_s
        try:
            with pool.stream(
                "GET", url, headers=list(headers.items()), extensions={"timeout": limits}
            ) as answer:
                names: dict[str, str] = {}
                for name, value in answer.headers:
                    names.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
                assert isinstance(answer.stream, Iterable)
                body = b"".join(_decoded(answer.stream, names, max_bytes))
                return Exchange(answer.status, names, body)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.ProxyError) as error:
            # The library's message may be empty; its class says what happened.
            raise ConnectFailed(_words("no connection", error)) from None
        except httpcore2.TimeoutException as error:
            raise WireError(_words("time-out", error)) from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            raise WireError(_words("the connection broke", error)) from None
        finally:
            self._deadline.at = float("inf")


def _words(what: str, error: Exception) -> str:
    detail = str(error).strip()
    return f"{what}: {detail}" if detail else what


def _decoded(
    stream: Iterable[bytes], headers: Mapping[str, str], max_bytes: int
) -> Iterator[bytes]:
    """The body in pieces, decompressed as it comes and never past ``max_bytes``."""
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise TooLarge(f"the body is announced with {announced} bytes")
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"gzip", "x-gzip"}:
        pieces = _gunzipped(stream)
    elif encoding == "identity":
        pieces = iter(stream)
    else:
        raise UnknownEncoding(f"the body has the encoding {encoding!r}, which was not asked for")
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > max_bytes:
            raise TooLarge(f"the body is larger than {max_bytes} bytes")
        yield piece


def _gunzipped(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Gzip members one after the other. Raises WireError for what is none or ends early."""
    member = zlib.decompressobj(wbits=31)
    begun = False
    try:
        for chunk in stream:
            waiting = chunk
            while waiting:
                if member.eof:
                    member = zlib.decompressobj(wbits=31)
                begun = True
                piece = member.decompress(waiting, PIECE_BYTES)
                if piece:
                    yield piece
                waiting = member.unused_data if member.eof else member.unconsumed_tail
        if begun and not member.eof and (last := member.flush()):
            yield last
    except zlib.error:
        raise WireError("the body is damaged: it is not valid gzip") from None
    if begun and not member.eof:
        raise WireError("the body ends in the middle of its compression")
