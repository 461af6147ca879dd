"""The documentation site: the models' own words, links that lead somewhere, nothing outside."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from dagster_project.docs_site import (
    NAVIGATION,
    PROJECT,
    measures_page,
    site_faults,
    tables_page,
    without_outside,
)
from dagster_project.settings import PROJECT_DIR

BLOCK = "doc.miner_warehouse.hashprice_usd_ph"
MANIFEST = {
    "docs": {
        BLOCK: {
            "name": "hashprice_usd_ph",
            "block_contents": "Hashprice: what a PH/s earns.\nFormula: btc x price. "
            "Unit: USD per PH/s and day. Computed in fct_mining_economics.",
        },
        "doc.dbt.__overview__": {"name": "__overview__", "block_contents": "dbt's own"},
    },
    "nodes": {
        "model.miner_warehouse.fct_mining_economics": {
            "resource_type": "model",
            "schema": "marts",
            "name": "fct_mining_economics",
            "description": "One row per UTC day.\n",
            "constraints": [{"type": "primary_key", "columns": ["date_utc"]}],
            "columns": {
                "date_utc": {"name": "date_utc", "data_type": "DATE", "description": "Day | UTC."},
                "hashprice_usd_ph": {
                    "name": "hashprice_usd_ph",
                    "data_type": "double",
                    "description": "Hashprice: what a PH/s earns.",
                    "doc_blocks": [BLOCK],
                },
            },
        },
        "model.miner_warehouse.int_x": {
            "resource_type": "model",
            "schema": "intermediate",
            "name": "int_x",
        },
        "test.miner_warehouse.y": {"resource_type": "test", "name": "y"},
    },
}


def test_the_dictionary_follows_from_the_models_words() -> None:
    page = tables_page(MANIFEST)
    assert "## fct_mining_economics\n\nOne row per UTC day.\n\nKey: `date_utc`.\n" in page
    # A sign that would end the cell is escaped.
    assert "| `date_utc` | date | Day \\| UTC. |" in page
    assert "int_x" not in page


def test_a_measure_says_how_it_is_computed_and_where_it_stands() -> None:
    page = measures_page(MANIFEST)
    assert "## hashprice_usd_ph\n\nHashprice: what a PH/s earns.\n" in page
    assert "- Formula: btc x price\n- Unit: USD per PH/s and day\n" in page
    assert (
        "- Stands in [`fct_mining_economics.hashprice_usd_ph`](tables.md#fct_mining_economics)"
        in page
    )
    assert "overview" not in page


def test_what_would_ask_the_internet_is_taken_out() -> None:
    page = (
        '<link href="https://fonts.example/x.css" rel="stylesheet"><link href="own.css">'
        '<script async src="//own.js"></script><script src="https://cdn.example/a.js"></script>'
        "<style>@import url('https://fonts.example/x');p{}</style>"
        '<a href="https://example.org">a link to click</a><img src="https://x.example/i.png">'
    )
    assert without_outside(page) == (
        '<link href="own.css"><script async src="//own.js"></script><style>p{}</style>'
        '<a href="https://example.org">a link to click</a>'
    )


def test_links_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h2 id="here"></h2><a href="b.html#there">x</a><a href="#here">x</a>'
        '<a href="b.html#gone">x</a><a href="c.html">x</a><a href="https://example.org">x</a>'
        '<img src="missing.png"><script src="https://cdn.example/x.js"></script>'
        '<script src="//cdn.example/y.js"></script>'
    )
    (tmp_path / "b.html").write_text('<h2 id="there"></h2>')
    assert site_faults(tmp_path) == [
        "a.html loads https://cdn.example/x.js",
        "a.html loads //cdn.example/y.js",
        "a.html links to b.html#gone, which has no such heading",
        "a.html links to c.html, which is not there",
        "a.html links to missing.png, which is not there",
    ]


def test_navigation_names_pages_that_exist() -> None:
    pages = [path for _, path in (*NAVIGATION, *PROJECT)]
    assert [path for path in pages if not (PROJECT_DIR / path).is_file()] == []


def test_links_between_the_pages_of_the_repository_hold() -> None:
    """Files and headings, as a reader of the repository meets them before any site is built."""

    def slugs(page: Path) -> set[str]:
        text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    faults = []
    pages = [*PROJECT_DIR.glob("*.md"), PROJECT_DIR / "data" / "README.md"]
    for page in [*pages, *sorted((PROJECT_DIR / "docs").rglob("*.md"))]:
        text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        for link, anchor in re.findall(r"\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]+))?\)", text):
            target = (page.parent / link).resolve() if link else page
            if not target.exists() or (anchor and anchor not in slugs(target)):
                faults.append(f"{page.relative_to(PROJECT_DIR)}: {link}#{anchor}")
    assert faults == []


@pytest.fixture(scope="module")
def site() -> Path:
    """The site as `make docs` builds it."""
    done = subprocess.run(
        ["make", "docs"],  # noqa: S607 - the developer's own make
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Open file://" in done.stdout
    return PROJECT_DIR / "build" / "docs" / "site"


@pytest.mark.slow
def test_the_site_is_whole_and_its_links_hold(site: Path) -> None:
    names = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert {"index.html", "docs/event-study.html", "docs/tables.html", "docs/dbt.html"} <= names
    assert len([name for name in names if name.startswith("docs/cookbook/")]) >= 26
    assert site_faults(site) == []
    tables = (site / "docs" / "tables.html").read_text(encoding="utf-8")
    assert 'id="fct_ai_exposure"' in tables


@pytest.mark.slow
@pytest.mark.browser
def test_the_site_reads_from_disk_and_asks_nobody(site: Path) -> None:
    """Opened as files in a browser: text, search and dbt's page, without one request outside."""
    sync_api = pytest.importorskip("playwright.sync_api")
    asked: list[str] = []
    errors: list[str] = []
    model = "#!/model/model.miner_warehouse.selloff_summary"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((site / "index.html").as_uri())
        assert page.locator("h1").first.inner_text().startswith("Bitcoin miners")
        page.locator(".md-search__button").click()
        page.keyboard.type("hashprice")
        found = page.get_by_text(re.compile(r"^\d+ results$")).first
        found.wait_for(timeout=30_000)
        assert int(found.inner_text().split()[0]) >= 10
        page.goto((site / "docs" / "tables.html").as_uri() + "#fct_ai_exposure")
        assert page.locator("h2#fct_ai_exposure").is_visible()
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto((site / "docs" / "dbt.html").as_uri() + model)
        shown = page.get_by_text("which part of it the headline model leaves")
        shown.locator("visible=true").first.wait_for(timeout=60_000)
        browser.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))] == []
    assert errors == []
