"""`make ui` in a browser: the graph, a check, Materialize all, and a clean stop."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from .conftest import FirstRun

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or "/usr/bin/chromium"
GROUPS = ("prices", "network", "ledger", "claims", "selloff", "publication")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(for_what: str, done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if done():
            return
        time.sleep(1)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {for_what}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _ask(url: str, query: str) -> dict[str, object]:
    request = urllib.request.Request(
        f"{url}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, object] = json.load(response)["data"]
    return answer


def _children(process_id: int) -> list[str]:
    """Command lines of processes that descend from one, by the kernel's own table."""
    found, parents = [], {process_id}
    for _ in range(4):
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (OSError, IndexError):
                continue
            if parent in parents and int(entry.name) not in parents:
                parents.add(int(entry.name))
                found.append(command)
    return found


@pytest.fixture(scope="module")
def server(first_run: FirstRun) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = _free_port()
    process = first_run.study.serve("ui", "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    try:
        _wait("the web page", lambda: _answers(url), 120)
        yield url, process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        made = browser.new_page(viewport={"width": 1600, "height": 1000})
        made.set_default_timeout(60_000)
        yield made
        browser.close()


def test_the_graph_shows_the_subjects(server: tuple[str, object], page: Page) -> None:
    page.goto(f"{server[0]}/asset-groups")
    for group in GROUPS:
        page.get_by_text(group, exact=True).first.wait_for()


def test_an_asset_shows_what_make_run_built(server: tuple[str, object], page: Page) -> None:
    page.goto(f"{server[0]}/assets/marts/selloff_summary")
    page.get_by_text("Latest materialization").wait_for()
    page.get_by_text("Row count").first.wait_for()
    page.get_by_text("data-engineering").first.wait_for()
    page.get_by_text("close_before_usd").first.wait_for()


def test_a_check_shows_what_it_found(server: tuple[str, object], page: Page) -> None:
    # The second price source is off on 23 December 2024: the check finds it by itself.
    page.goto(f"{server[0]}/assets/marts/fct_source_reconciliation?view=checks")
    page.get_by_text("price_sources_agree").first.click()
    page.get_by_text("2024-12-23").first.wait_for()


def test_materialize_all_runs_to_success(server: tuple[str, object], page: Page) -> None:
    url = server[0]
    page.goto(f"{url}/asset-groups")
    page.get_by_text("Materialize all").first.click()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("button", name="Launch backfill").click()
    page.get_by_text("Created backfill").wait_for()
    # A page that draws the run's progress, without a graphics card, takes a processor from the run.
    page.goto("about:blank")

    def status() -> str:
        answer = _ask(
            url,
            "{partitionBackfillsOrError(limit: 1){... on PartitionBackfills{results{status}}}}",
        )
        return str(answer["partitionBackfillsOrError"]["results"][0]["status"])  # type: ignore[index]

    _wait("the backfill", lambda: status().startswith("COMPLETED") or "FAIL" in status(), 900)
    assert status() == "COMPLETED_SUCCESS"


def test_a_stop_leaves_no_process_behind(
    server: tuple[str, subprocess.Popen[bytes]], first_run: FirstRun
) -> None:
    url, process = server
    started = _children(process.pid)
    assert any("guarded_webserver" in command for command in started)
    assert any("dagster._daemon" in command for command in started)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    assert process.returncode == 0
    assert not _answers(url)
    home = str(first_run.study.output_dir)

    def leftovers() -> list[str]:
        return [
            entry.name
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and _environment(entry).get("DAGSTER_HOME", "").startswith(home)
        ]

    # A killed process stays in the table until its parent, now init, has taken notice.
    _wait("the last process to end", lambda: not leftovers(), 30)


def _environment(entry: Path) -> dict[str, str]:
    try:
        pairs = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
