"""`make dashboard` in a browser: every page at two widths, every filter, and nobody else asked."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb
import pandas as pd
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Route, sync_playwright

from tests.test_origin_guard import UPGRADE, ask

from .conftest import FirstRun, Study, make_study
from .test_ui import CHROMIUM, _free_port, _wait

pytestmark = pytest.mark.browser

PAGES = {
    "Event": "What the event did",
    "Exposure": "Who was exposed to AI, and did it matter?",
    "Mining": "What mining earns",
    "Scenarios": "What a conversion to AI would be worth",
    "Claims": "The story, checked",
    "Data": "The data",
}
WIDTHS = (1280, 390)
LOCAL = re.compile(r"(https?|wss?)://127\.0\.0\.1[:/]|(data|blob):")
# Opened deep inside, Streamlit first asks for its own address below the page's: two answers of
# "not found", then it asks at the root.
PROBES = ("/_stcore/health", "/_stcore/host-config")


@dataclass
class Watched:
    """A page in the browser, and whatever it asked or complained of."""

    page: Page
    url: str
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, name: str, **address: str) -> None:
        """A page by its address, drawn to its end."""
        path = "" if name == "Event" else name.lower()
        query = "&".join(f"{key}={value}" for key, value in address.items())
        self.page.goto(f"{self.url}/{path}?{query}")
        self.drawn(name)

    def drawn(self, name: str) -> None:
        self.page.get_by_role("heading", name=PAGES[name], exact=True).wait_for()
        self.settled()

    def settled(self) -> None:
        """Until the script has run: the last line stands and nothing is being drawn."""
        self.page.get_by_text("Every figure is read from it").wait_for()
        self.page.wait_for_function(
            "document.querySelector('[data-testid=stApp]').dataset.testScriptState "
            "!== 'running' && !document.querySelector('[data-stale=true]') "
            # A placeholder stands where the code of a widget is still being loaded.
            "&& !document.querySelector('[data-testid=stSkeleton]')"
        )

    def text(self) -> str:
        """The words of the page, once they stand still: parts of it are loaded when needed."""
        main = self.page.get_by_test_id("stMain")
        before, still = "", 0
        while still < 2:
            self.page.wait_for_timeout(500)
            self.settled()
            now = main.inner_text()
            still, before = (still + 1 if now == before else 0), now
        return before

    @property
    def address(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}


def _complaint(message: ConsoleMessage) -> str:
    if message.type not in {"error", "warning"}:
        return ""
    if message.location.get("url", "").endswith(PROBES):
        return ""
    return f"{message.type}: {message.text} {message.location}"


def _alive(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def study(first_run: FirstRun, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A copy of what was published: a test publishes anew in it."""
    output = tmp_path_factory.mktemp("shown")
    shutil.copytree(
        first_run.study.published.parent, output / "published", symlinks=True, dirs_exist_ok=True
    )
    return make_study(output)


@pytest.fixture(scope="module")
def server(study: Study) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = _free_port()
    process = study.serve("dashboard", "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    try:
        _wait("the dashboard", lambda: _alive(url), 120)
        yield url, process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield made
        made.close()


@pytest.fixture(params=WIDTHS)
def watched(
    request: pytest.FixtureRequest, browser: Browser, server: tuple[str, object]
) -> Iterator[Watched]:
    """A page that lets no request out; what it asked for is counted at the end of each test."""
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    page.set_default_timeout(60_000)
    seen = Watched(page, server[0])

    def let_through(route: Route) -> None:
        if LOCAL.match(route.request.url):
            route.continue_()
        else:
            seen.outside.append(route.request.url)
            route.abort()

    page.route("**/*", let_through)
    page.on("websocket", lambda socket: _note(seen.outside, socket.url))
    page.on("console", lambda message: _note(seen.complaints, _complaint(message)))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    yield seen
    page.close()
    assert seen.outside == []
    assert seen.complaints == []


def _note(where: list[str], what: str) -> None:
    if what and not LOCAL.match(what):
        where.append(what)


at_1280 = pytest.mark.parametrize("watched", [1280], indirect=True)


def _go(watched: Watched, name: str) -> None:
    """To a page by the menu, as a reader goes."""
    page = watched.page
    links = page.get_by_test_id("stTopNavLink").or_(page.get_by_test_id("stSidebarNavLink"))
    link = links.filter(has_text=re.compile(rf"{name}$"))
    opener = page.get_by_test_id("stExpandSidebarButton")
    link.first.wait_for(state="attached")
    if opener.is_visible():  # a phone: the menu is folded away
        opener.click()
    link.click()
    watched.drawn(name)


def _select(watched: Watched, label: str, place: int) -> None:
    """Choose by keyboard alone: the box, then ``place`` options down, then Enter."""
    box = watched.page.get_by_role("combobox", name=label)
    options = watched.page.get_by_role("option")

    def opened() -> bool:
        # A box that is drawn anew at this moment loses the key.
        box.focus()
        box.press("ArrowDown")
        watched.page.wait_for_timeout(500)
        return options.count() > 0

    _wait(f"the choices of {label}", opened, 60)
    for _ in range(place):
        box.press("ArrowDown")
    box.press("Enter")
    watched.page.wait_for_timeout(300)
    watched.settled()


@at_1280
def test_the_first_visit_may_be_to_any_address(watched: Watched) -> None:
    watched.open("Claims", verdict="fails")
    assert watched.page.get_by_text("4 claims, those that fail first").count() == 1


def test_every_page_stands_whole_at_both_widths(watched: Watched) -> None:
    page = watched.page
    watched.open("Event")
    for name in PAGES:
        _go(watched, name)
        assert page.get_by_test_id("stException").count() == 0
        assert page.get_by_test_id("stAlertContentError").count() == 0
        wide = page.evaluate(
            "[document.documentElement.scrollWidth, "
            "document.querySelector('[data-testid=stMain]').scrollWidth, window.innerWidth]"
        )
        assert max(wide) == wide[-1], f"{name} is wider than the window: {wide}"
        # What a screen reader is told.
        charts = page.get_by_test_id("stVegaLiteChart")
        for number in range(charts.count()):
            charts.nth(number).locator("svg, canvas").first.wait_for()
            assert len(charts.nth(number).get_attribute("aria-label") or "") > 20
        assert charts.count() == page.get_by_text("The same as a table").count()
        for table in page.locator("table.mw").all():
            assert table.locator("caption").inner_text() if table.is_visible() else True
            assert table.locator("thead th[scope=col]").count() > 1
        unnamed = page.evaluate(
            "[...document.querySelectorAll('input, button, a[href]')].filter("
            "e => e.tabIndex >= 0 && e.offsetParent && !e.innerText.trim() "
            "&& !e.getAttribute('aria-label') "
            "&& !e.getAttribute('aria-labelledby') && !e.labels?.length "
            "&& !e.querySelector('svg,img,[data-testid=stIconMaterial]')).map(e => e.outerHTML)"
        )
        assert unnamed == []


@pytest.mark.parametrize(
    ("name", "label", "parameter"),
    [
        ("Event", "Event", "event"),
        ("Event", "Firms", "group"),
        ("Event", "Days", "window"),
        ("Event", "Expected by", "model"),
        ("Exposure", "Event", "event"),
        ("Exposure", "Firms", "group"),
        ("Exposure", "Exposure", "metric"),
        ("Exposure", "Days", "window"),
        ("Exposure", "Kind", "kind"),
        ("Exposure", "Company", "ticker"),
        ("Mining", "Measure", "measure"),
        ("Mining", "Days before and after", "span"),
        ("Mining", "Miner", "miner"),
        ("Scenarios", "Scenario", "scenario"),
        ("Scenarios", "Power and hashprice as of", "as_of"),
        ("Scenarios", "Hashprice of the mining given up", "vaneck_2024.hashprice"),
        ("Claims", "Verdict", "verdict"),
        ("Claims", "Claim", "claim"),
        ("Data", "Table", "table"),
    ],
)
@at_1280
def test_each_filter_changes_the_page_and_its_address(
    watched: Watched, name: str, label: str, parameter: str
) -> None:
    watched.open(name)
    before = watched.text()
    assert parameter not in watched.address
    _select(watched, label, place=2)
    if parameter not in watched.address:  # two down was where it stood
        _select(watched, label, place=1)
    chosen = watched.address[parameter]
    assert watched.page.get_by_test_id("stException").count() == 0
    changed = watched.text()
    assert changed != before
    # Whoever gets the address sees the same.
    watched.open(name, **{parameter: chosen})
    assert watched.page.get_by_test_id("stAlertContentWarning").count() == 0
    assert watched.text() == changed


@at_1280
def test_a_day_and_a_slider_by_keyboard(watched: Watched) -> None:
    watched.open("Scenarios")
    figure = watched.page.get_by_test_id("stMetric").filter(has_text="yours")
    before = figure.inner_text()
    slider = watched.page.get_by_role("slider", name="Discount rate")
    slider.focus()
    for _ in range(4):
        slider.press("ArrowRight")
    watched.page.wait_for_function("location.search.includes('discount_rate_pct=14')")
    watched.settled()
    assert figure.inner_text() != before

    watched.open("Exposure", day="2024-07-01")
    watched.page.get_by_text("AI contracts as known on 2024-07-01").wait_for()
    watched.open("Mining", since="2025-01-01")
    # From 1 January to 31 August 2025, the last day of the bundled figures.
    watched.page.locator("[aria-label^='Line of 243 days']").first.wait_for()


@at_1280
def test_a_hostile_address_shows_a_polite_word(watched: Watched) -> None:
    picture = "![x](https://example.org/x.png)<img src=https://example.org/y.png>"
    watched.open("Event", event=picture.replace("<", "%3C").replace(">", "%3E"), group="%00")
    assert watched.page.get_by_text("which is not to be had here").count() == 2
    assert watched.page.locator("img[src*=example]").count() == 0
    assert watched.address == {}


def _save(watched: Watched, within: Locator, label: str) -> Path:
    within.get_by_text("Download", exact=True).first.click()
    with watched.page.expect_download() as saved:
        watched.page.get_by_role("button", name=label).first.click()
    watched.page.keyboard.press("Escape")
    return Path(saved.value.path())


@at_1280
def test_downloads_hold_what_the_marts_hold(watched: Watched, study: Study) -> None:
    watched.open("Event")
    main = watched.page.get_by_test_id("stMain")
    csv = pd.read_csv(_save(watched, main, "Data as CSV"))
    parquet = pd.read_parquet(_save(watched, main, "Data as Parquet"))
    with duckdb.connect(str(study.published), read_only=True) as connection:
        kept = dict(
            connection.execute(
                "select ticker, raw_return from marts.selloff_summary "
                "where event_id = 'msft-2gw-mar' and is_focal"
            ).fetchall()
        )
    assert dict(zip(csv["ticker"], csv["raw_return"], strict=True)) == pytest.approx(kept)
    assert dict(zip(parquet["ticker"], parquet["raw_return"], strict=True)) == kept
    chart = _save(watched, main, "Chart with its data").read_text()
    assert '"$schema"' in chart
    assert "CORZ" in chart

    watched.open("Data", table="dim_event")
    with watched.page.expect_download() as saved:
        watched.page.get_by_role("button", name="Whole table as Parquet").click()
    assert len(pd.read_parquet(saved.value.path())) == 33


def test_definitions_are_a_click_away(watched: Watched) -> None:
    watched.open("Event")
    watched.page.get_by_role("button", name="Definitions and SQL").first.click()
    body = watched.page.get_by_test_id("stPopoverBody")
    body.get_by_text("Simple return over the window").or_(
        body.get_by_text("marts.fct_selloff_firm", exact=True)
    ).first.wait_for()
    assert "select" in body.locator("pre").inner_text()


@at_1280
def test_the_keyboard_reaches_the_content(watched: Watched) -> None:
    watched.open("Event")
    reached = []
    for _ in range(14):
        watched.page.keyboard.press("Tab")
        reached.append(
            watched.page.evaluate(
                "(document.activeElement.innerText || document.activeElement.ariaLabel || '')"
                ".trim()"
            )
        )
    assert reached[0] == "Skip to main content"
    assert any("Exposure" in words for words in reached)
    assert watched.page.get_by_role("combobox", name="Event").count() == 1


@at_1280
def test_a_new_publication_shows_by_itself(watched: Watched, study: Study) -> None:
    watched.open("Claims")
    failing = watched.page.get_by_test_id("stMetric").filter(has_text="fails")
    assert failing.inner_text().split()[-1] == "4"
    published = study.published.parent
    current = (published / "current").resolve()
    newer = current.with_name(f"{current.name}-newer")
    shutil.copytree(current, newer)
    manifest = (newer / "manifest.json").read_text().replace(current.name, newer.name)
    (newer / "manifest.json").write_text(manifest)
    (newer / "miner_marts.duckdb").chmod(0o644)
    with duckdb.connect(str(newer / "miner_marts.duckdb")) as connection:
        connection.execute(
            "delete from marts.fct_claim_checks where claim_id = 'halving-this-year'"
        )
    link = published / "current.new"
    link.symlink_to(f"releases/{newer.name}")
    link.rename(published / "current")
    watched.page.get_by_text("A new publication appeared").wait_for()
    watched.settled()
    assert failing.inner_text().split()[-1] == "3"


def test_pages_of_other_sites_are_refused(server: tuple[str, object]) -> None:
    port = int(server[0].rpartition(":")[2])
    evil = "http://evil.example"
    assert ask(port, "GET", "/")[0] == 200
    for status, said in (
        ask(port, "GET", "/", host="evil.example"),
        ask(port, "GET", "/_stcore/stream", **UPGRADE, origin=evil),
        ask(port, "GET", "/_stcore/stream", **UPGRADE, origin="null"),
    ):
        assert status == 403, said
    assert ask(port, "GET", "/_stcore/stream", **UPGRADE, origin=server[0])[0] == 101


def test_a_stop_is_clean(server: tuple[str, subprocess.Popen[bytes]], study: Study) -> None:
    url, process = server
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert process.returncode == 0
    assert not _alive(url)
    log = (study.output_dir / "server.log").read_text()
    assert "Traceback" not in log
    assert "127.0.0.1" in log
    assert "External URL" not in log
