"""A vendor on this machine that answers what a test scripts, failures included.

::

    with Loopback() as vendor:
        vendor.on("/products/BTC-USD/candles", status(502), as_json([[1, 2, 3, 4, 5, 6]]))
        client = vendor.client("coinbase")
        client.get("coinbase", "/products/BTC-USD/candles")
        assert [each.path for each in vendor.requests] == [...]

A step answers one request; the last of a path's steps answers every further one. A step is an
``Answer``, one of the faults below, or a function from the ``Asked`` request to a step.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dagster_project.sources.live.archive import Archive
from dagster_project.sources.live.hosts import HOSTS, HostPolicy
from dagster_project.sources.live.http_client import HttpClient

# A server must not outlive its test, whatever a client does.
LONGEST_HOLD_S = 10.0


class FakeClock:
    """Time that passes only when somebody waits. ``slept`` lists the waits, in seconds."""

    def __init__(self, start: datetime = datetime(2026, 1, 5, 12, tzinfo=UTC)) -> None:
        self.start = start
        self.passed_s = 0.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return 1_000.0 + self.passed_s

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.passed_s)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        with self._lock:
            self.slept.append(seconds)
            self.passed_s += seconds


@dataclass(frozen=True)
class Asked:
    """One request as it arrived. Header names are lower case."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    target: str


@dataclass(frozen=True)
class Answer:
    """A plain answer. ``content_type`` None sends none."""

    body: bytes = b""
    status: int = 200
    content_type: str | None = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(self, handler: _Handler) -> None:
        handler.begin(self)
        handler.header("Content-Length", str(len(self.body)))
        handler.end_headers()
        handler.wfile.write(self.body)


def as_json(value: Any, **headers: str) -> Answer:
    """Status 200 with ``value``; ``retry_after="3"`` becomes the header Retry-After."""
    return _with(Answer(json.dumps(value).encode()), headers)


def status(
    code: int, body: bytes = b"", content_type: str = "text/plain", **headers: str
) -> Answer:
    return _with(Answer(body, code, content_type), headers)


def html(code: int = 200, title: str = "Just a moment...") -> Answer:
    """A page for people, as block pages are."""
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>wait</body></html>"
    return Answer(page.encode(), code, "text/html; charset=UTF-8")


def redirect(to: str, code: int = 302) -> Answer:
    return Answer(b"", code, None, {"Location": to})


def _with(answer: Answer, headers: Mapping[str, str]) -> Answer:
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return replace(answer, headers={**answer.headers, **named})


Step = Callable[["_Handler"], None]


def reset_mid_body(body: bytes = b'{"rows": [1, 2, 3]}') -> Step:
    """Half of the body, then the connection is reset."""

    def send(handler: _Handler) -> None:
        handler.begin(Answer(body))
        handler.header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])
        handler.wfile.flush()
        handler.reset()

    return send


def truncated(body: bytes = b'{"rows": [1, 2, 3]}') -> Step:
    """Half of the body that was announced, then a tidy end."""

    def send(handler: _Handler) -> None:
        handler.begin(Answer(body))
        handler.header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])
        handler.close_connection = True

    return send


def unframed(body: bytes, content_type: str = "application/json") -> Step:
    """A body whose length nobody announced: it ends where the connection does."""

    def send(handler: _Handler) -> None:
        handler.begin(Answer(body, 200, content_type))
        handler.header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return send


def silence() -> Step:
    """Accepts the request and says nothing."""

    def send(handler: _Handler) -> None:
        handler.hold(LONGEST_HOLD_S)
        handler.close_connection = True

    return send


def drip(body: bytes = b"[" + b" " * 500 + b"]", pause_s: float = 0.05) -> Step:
    """One byte of the body now and then: never silent, never done."""

    def send(handler: _Handler) -> None:
        handler.begin(Answer(body))
        handler.header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.drip(body, pause_s)

    return send


def drip_headers(pause_s: float = 0.05) -> Step:
    """One byte of the headers now and then."""

    def send(handler: _Handler) -> None:
        handler.drip(b"HTTP/1.1 200 OK\r\nX-Padding: " + b"a" * 500, pause_s)

    return send


def gzipped(body: bytes, content_type: str = "application/json") -> Answer:
    return Answer(gzip.compress(body), 200, content_type, {"Content-Encoding": "gzip"})


def truncated_gzip(body: bytes) -> Answer:
    """Compressed data that lost its end, announced with the length it has."""
    whole = gzip.compress(body)
    return Answer(whole[: len(whole) // 2], 200, headers={"Content-Encoding": "gzip"})


def gzip_bomb(mebibytes: int = 64) -> Answer:
    """Spaces that compress to a thousandth."""
    packer = zlib.compressobj(9, wbits=31)
    block = b" " * 1024 * 1024
    packed = b"".join(packer.compress(block) for _ in range(mebibytes)) + packer.flush()
    return Answer(packed, 200, headers={"Content-Encoding": "gzip"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Or the body waits for the confirmation of the headers, a twenty-fifth of a second.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = Asked(
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            target=self.path,
        )
        step = self.server.next_step(asked)
        with contextlib.suppress(ConnectionError):  # a client may give up at any time
            (step.send if isinstance(step, Answer) else step)(self)

    def begin(self, answer: Answer) -> None:
        self.send_response(answer.status)
        if answer.content_type is not None:
            self.header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.header(name, value)

    def header(self, name: str, value: str) -> None:
        self.send_header(name, value)

    def hold(self, seconds: float) -> bool:
        """Wait; True when the server is being stopped."""
        return self.server.stopping.wait(seconds)

    def drip(self, body: bytes, pause_s: float) -> None:
        self.wfile.flush()
        for position in range(len(body)):
            if self.hold(pause_s):
                break
            self.wfile.write(body[position : position + 1])
            self.wfile.flush()
        self.close_connection = True

    def reset(self) -> None:
        # Closing with unsent data thrown away is what sends a reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_arguments: object) -> None:
        """Tests read ``Loopback.requests`` instead."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stopping = threading.Event()
        self.steps: dict[str, list[Any]] = {}
        self.requests: list[Asked] = []
        self.lock = threading.Lock()

    def next_step(self, asked: Asked) -> Answer | Step:
        with self.lock:
            self.requests.append(asked)
            steps = self.steps.get(asked.path)
            if not steps:
                return status(404, b'{"message": "no such route"}', "application/json")
            step = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(step, Answer) or getattr(step, "__qualname__", "").endswith(".send"):
            return step
        made: Answer | Step = step(asked)
        return made

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are the point here."""


class Loopback:
    """The server. Use it as a context manager. With ``tls`` it speaks HTTPS."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server()
        self._scheme = "http"
        if tls is not None:
            self._scheme = "https"
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._clients: list[HttpClient] = []

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        for client in self._clients:
            client.close()
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Asked]:
        """Every request so far, in the order of arrival."""
        with self._server.lock:
            return list(self._server.requests)

    def on(self, path: str, *steps: Answer | Callable[..., Any]) -> None:
        """What ``path`` answers from now on."""
        with self._server.lock:
            self._server.steps[path] = list(steps)

    def policy(self, host: str, **changes: Any) -> HostPolicy:
        """The project's policy of ``host``, asked here and in a hurry."""
        quick: dict[str, Any] = {"base_url": self.url, "timeout_s": 0.25, "deadline_s": 0.5}
        return replace(HOSTS[host], **{**quick, **changes})

    def client(
        self,
        *hosts: str,
        archive: Archive | None = None,
        clock: FakeClock | None = None,
        changes: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> HttpClient:
        """A client of the project whose ``hosts`` are all this server, on a clock that does not
        tick. ``changes`` are fields of HostPolicy."""
        client = HttpClient(
            {host: self.policy(host, **(changes or {})) for host in hosts},
            contact=options.pop("contact", "tests@example.org"),
            archive=archive,
            clock=clock or FakeClock(),
            **options,
        )
        self._clients.append(client)
        return client
