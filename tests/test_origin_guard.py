"""Other pages in the same browser can neither drive nor read the pages served here."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dagster_project.origin_guard import OriginGuard, refusal

GRAPHQL = frozenset({"/graphql"})
OWN = {"host": "127.0.0.1:3000", "origin": "http://127.0.0.1:3000", "sec-fetch-site": "same-origin"}
JSON = {"content-type": "application/json; charset=utf-8"}
MUTATION = (
    'mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["a"]}}]) { __typename } }'
)


def _why(method: str, path: str, headers: dict[str, str]) -> str:
    return refusal(method, path, headers, json_paths=GRAPHQL)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/runs", {"host": "localhost:3000", "sec-fetch-site": "none"}),
        ("GET", "/runs", {"host": "[::1]:3000"}),
        # A link in a mail or on a page of another site opens the page, and does no more.
        (
            "GET",
            "/runs",
            {
                "host": "localhost:3000",
                "sec-fetch-site": "cross-site",
                "sec-fetch-mode": "navigate",
            },
        ),
        ("POST", "/graphql", {**OWN, **JSON}),
        # A program of this machine: no browser, no origin.
        ("POST", "/graphql", {"host": "127.0.0.1:3000", **JSON}),
        ("WEBSOCKET", "/graphql", OWN),
        # Behind a tunnel or proxy of this machine.
        ("POST", "/graphql", {"host": "localhost:9", "origin": "https://localhost:9", **JSON}),
    ],
)
def test_the_page_itself_and_programs_here_pass(
    method: str, path: str, headers: dict[str, str]
) -> None:
    assert _why(method, path, headers) == ""


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        # A name that leads here, of a site that wants to read the answer.
        ("GET", "/runs", {"host": "evil.example:3000"}),
        ("GET", "/runs", {"host": "127.0.0.1.evil.example"}),
        ("GET", "/runs", {"host": "127.0.0.1@evil.example"}),
        ("GET", "/runs", {"host": "127.0.0.1, evil.example"}),
        ("GET", "/runs", {"host": "[bad"}),
        ("GET", "/runs", {}),
        (
            "WEBSOCKET",
            "/graphql",
            {"host": "evil.example:3000", "origin": "http://evil.example:3000"},
        ),
        # An image, a form, a script of another site.
        ("GET", "/graphql", {**OWN, "origin": ""}),
        ("GET", "/graphql", {"host": "127.0.0.1:3000", "sec-fetch-mode": "navigate"}),
        ("HEAD", "/graphql", OWN),
        ("GET", "/runs", {**OWN, "origin": "", "sec-fetch-site": "cross-site"}),
        ("POST", "/graphql", {**OWN, "content-type": "text/plain"}),
        ("POST", "/graphql", {**OWN, "content-type": "application/x-www-form-urlencoded"}),
        ("POST", "/graphql", {**OWN}),
        ("POST", "/report_asset_materialization/a", {**OWN, "content-type": "text/plain"}),
        ("POST", "/graphql", {**OWN, **JSON, "origin": "http://evil.example"}),
        ("POST", "/graphql", {**OWN, **JSON, "origin": "null"}),
        # Another program's page on this machine.
        ("POST", "/graphql", {**OWN, **JSON, "origin": "http://127.0.0.1:8888"}),
        ("POST", "/graphql", {**OWN, **JSON, "sec-fetch-site": "same-site"}),
        ("WEBSOCKET", "/graphql", {**OWN, "origin": "http://evil.example"}),
    ],
)
def test_other_pages_are_refused(method: str, path: str, headers: dict[str, str]) -> None:
    assert _why(method, path, headers)


def _through_the_guard(kind: str, *headers: tuple[bytes, bytes]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "passed"})

    async def receive() -> dict[str, Any]:
        return {}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {"type": kind, "method": "GET", "path": "/a", "headers": headers}
    asyncio.run(OriginGuard(app)(scope, receive, send))
    return sent


def test_what_passes_reaches_the_page_and_what_does_not_is_told_why() -> None:
    own = (b"Host", b"localhost:1")
    assert _through_the_guard("http", own) == [{"type": "passed"}]
    assert _through_the_guard("websocket", own) == [{"type": "passed"}]
    assert _through_the_guard("lifespan") == [{"type": "passed"}]
    start, body = _through_the_guard("http", (b"host", b"evil.example"))
    assert start["status"] == 403
    assert b"not as evil.example" in body["body"]
    (closed,) = _through_the_guard("websocket", own, (b"origin", b"http://evil.example"))
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
    # Two hosts are no host, whichever of them a server would take.
    assert _through_the_guard("http", own, (b"host", b"evil.example"))[0]["status"] == 403


@pytest.fixture(scope="module")
def webserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of Dagster's server behind the guard, over a code location with nothing in it."""
    folder = tmp_path_factory.mktemp("guarded")
    definitions = folder / "empty.py"
    definitions.write_text("import dagster as dg\n\ndefs = dg.Definitions()\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "dagster_project.guarded_webserver"),
            *("-f", str(definitions), "-h", "127.0.0.1", "-p", str(port)),
        ],
        env={**os.environ, "DAGSTER_HOME": str(folder)},
        cwd=folder,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 180
        while not _listens(port):
            assert process.poll() is None, Path(log.name).read_text()
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
        log.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(
    port: int, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, str]:
    """Status and body of an answer of 127.0.0.1; a header's name has ``_`` for its dashes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers=named)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


UPGRADE = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec_websocket_version": "13",
    "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec_websocket_protocol": "graphql-ws",
}


@pytest.mark.slow
def test_dagsters_server_answers_its_own_page_alone(webserver: int) -> None:
    asked = json.dumps({"query": "{ version }"})
    status, said = ask(webserver, "POST", "/graphql", asked, content_type="application/json")
    assert status == 200
    assert "version" in said
    assert ask(webserver, "GET", "/server_info")[0] == 200
    get = f"/graphql?query={MUTATION.replace(' ', '%20').replace(chr(34), '%22')}"
    evil = "http://evil.example"
    own = f"http://127.0.0.1:{webserver}"
    for status, said in (
        ask(webserver, "GET", get),
        ask(webserver, "POST", "/graphql", asked, content_type="text/plain"),
        ask(webserver, "POST", "/graphql", asked, content_type="application/json", origin=evil),
        ask(
            webserver,
            "POST",
            "/graphql",
            asked,
            content_type="application/json",
            host="evil.example",
        ),
        ask(webserver, "GET", "/server_info", host="evil.example"),
        ask(webserver, "GET", "/graphql", **UPGRADE, origin=evil),
    ):
        assert status == 403, said
    assert ask(webserver, "GET", "/graphql", **UPGRADE, origin=own)[0] == 101
