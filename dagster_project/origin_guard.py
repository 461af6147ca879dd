"""Keeps other web pages away from the pages served here.

A page that listens on this machine is open to every page that the same browser shows: a form or an
image of a foreign site reaches it, and a name that leads to this machine (DNS rebinding) even lets
the foreign site read. Dagster's own server answers both: `/graphql` runs mutations sent by GET, and
neither Host nor Origin is looked at. So a request must name this machine as its host, come from the
page itself where a browser says where it comes from, and change something only by JSON, which a
browser sends to another site only after asking.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_THIS_MACHINE = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# What a browser says of its page's own requests, and of an address that was typed.
_OWN_SITES = frozenset({"", "same-origin", "none"})
_POLICY_VIOLATION = 1008


def refusal(
    method: str, path: str, headers: dict[str, str], *, json_paths: frozenset[str] = frozenset()
) -> str:
    """Why a request is refused; empty for one that may pass.

    ``method`` is ``WEBSOCKET`` for the opening of a WebSocket; ``headers`` have names in small
    letters; ``json_paths`` answer nothing but POST with a JSON body (WebSockets apart).
    """
    host, origin = headers.get("host", ""), headers.get("origin", "")
    if not _THIS_MACHINE.fullmatch(host):
        return f"the page is served as 127.0.0.1 or localhost, not as {host or 'nothing'}"
    if origin and origin not in {f"http://{host}", f"https://{host}"}:
        return f"a page of {origin} asks"
    is_navigation = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
    if headers.get("sec-fetch-site", "") not in _OWN_SITES and not is_navigation:
        return "a page of another site asks"
    if method == "WEBSOCKET":
        return ""
    if path in json_paths and method != "POST":
        return f"{path} answers POST alone"
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if json_paths and method not in _SAFE_METHODS and kind != "application/json":
        return "what changes something is sent as application/json"
    return ""


class OriginGuard:
    """ASGI middleware that answers 403, or closes a WebSocket, where ``refusal`` has a reason."""

    def __init__(self, app: Application, json_paths: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._json_paths = json_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        is_websocket = scope["type"] == "websocket"
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            # Of a header that stands twice both count: no list is an allowed host or origin.
            key = name.decode("latin-1").lower()
            text = value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        why = refusal(
            "WEBSOCKET" if is_websocket else scope["method"],
            scope["path"].rstrip("/"),
            headers,
            json_paths=self._json_paths,
        )
        if not why:
            await self._app(scope, receive, send)
        elif is_websocket:
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": why[:120]})
        else:
            body = f"Refused: {why}.\n".encode()
            lines = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": lines})
            await send({"type": "http.response.body", "body": body})
