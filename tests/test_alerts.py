"""An alert reaches the address it is meant for, and its failure harms nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dagster_project.alerts import post_alert
from dagster_project.secret import Secret
from dagster_project.settings import BUNDLED_DATA_DIR, Settings


class Webhook(BaseHTTPRequestHandler):
    received: list[object]
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).received.append(json.loads(body))
        self.send_response(type(self).status)
        if type(self).status == 302:
            self.send_header("Location", f"http://localhost:{self.server.server_port}/other")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - the name is the library's

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def webhook() -> Iterator[tuple[type[Webhook], str]]:
    handler = type("Handler", (Webhook,), {"received": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield handler, f"http://127.0.0.1:{server.server_port}/hooks/a-secret-token"
    finally:
        server.shutdown()
        server.server_close()


def _settings(tmp_path: Path, address: str = "") -> Settings:
    base = Settings(data_dir=BUNDLED_DATA_DIR, output_dir=tmp_path)
    return replace(base, alert_webhook=Secret(address))


def test_an_alert_is_a_text_that_chat_services_read(
    tmp_path: Path, webhook: tuple[type[Webhook], str]
) -> None:
    handler, address = webhook
    warnings: list[str] = []
    assert post_alert(_settings(tmp_path, address), "equity_prices: 2 missing", warnings.append)
    assert handler.received == [{"text": "equity_prices: 2 missing"}]
    assert warnings == []


@pytest.mark.parametrize("status", [302, 403, 500])
def test_an_undelivered_alert_is_a_warning_without_the_address(
    tmp_path: Path, webhook: tuple[type[Webhook], str], status: int
) -> None:
    handler, address = webhook
    handler.status = status
    warnings: list[str] = []
    assert not post_alert(_settings(tmp_path, address), "text", warnings.append)
    assert warnings == [f"the alert was not delivered: the webhook answered {status}"]
    assert len(handler.received) == 1, "a redirect is not followed"


def test_nobody_listening_is_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    address = "http://127.0.0.1:9/a-secret-token"
    assert not post_alert(_settings(tmp_path, address), "text", warnings.append)
    assert len(warnings) == 1
    assert "secret" not in warnings[0]


def test_without_an_address_nobody_is_told(tmp_path: Path) -> None:
    warnings: list[str] = []
    assert not post_alert(_settings(tmp_path), "text", warnings.append)
    assert warnings == []
