"""The documentation as static pages that open from disk: what `make docs` does around the builder.

``python -m dagster_project.docs_site pages build/docs`` lays out the pages in the repository's own
shape, so that their links hold, and writes those that follow from the contracts and from dbt: the
measures, the published tables, and dbt's documentation. ``... finish build/docs`` removes what
would ask the internet and checks every link and anchor.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from dagster_project.dbt_manifest import ensure_manifest
from dagster_project.dbt_process import WAREHOUSE_TARGET, artifacts_dir, run_dbt
from dagster_project.errors import WarehouseProjectError
from dagster_project.settings import PROJECT_DIR, Settings, current_settings

PAGES = "pages"
SITE = "site"
SHIM = "iframe-worker-shim.js"
STYLE = "extra.css"
TITLE = "Bitcoin miners and the AI story"
# In this order; every other page of docs/ follows under "More", so that a new one is not lost.
NAVIGATION: tuple[tuple[str, str], ...] = (
    ("Start", "README.md"),
    ("The event study", "docs/event-study.md"),
    ("AI exposure and economics", "docs/ai-exposure.md"),
)
REFERENCE: tuple[tuple[str, str], ...] = (
    ("Headline measures", "docs/measures.md"),
    ("Published tables", "docs/tables.md"),
    ("Input files and raw tables", "data/README.md"),
)
PROJECT: tuple[tuple[str, str], ...] = (
    ("Contributing", "CONTRIBUTING.md"),
    ("Faults and recovery", "docs/faults.md"),
    ("Decisions", "docs/decisions.md"),
    ("Benchmarks", "docs/benchmarks/README.md"),
    ("Changes", "CHANGELOG.md"),
)
_MARKDOWN_LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]+)(?:#[^)\s]*)?\)")
_METRIC = re.compile(
    r"(?P<what>.+) Formula: (?P<formula>.+)\. Unit: (?P<unit>.+)\. Computed in (?P<where>.+)\."
)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _marts(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    nodes = [n for n in manifest["nodes"].values() if n["resource_type"] == "model"]
    return sorted((n for n in nodes if n["schema"] == "marts"), key=lambda n: str(n["name"]))


def _key(mart: Mapping[str, Any]) -> list[str]:
    keys = [c["columns"] for c in mart["constraints"] if c["type"] == "primary_key"]
    return list(keys[0]) if keys else []


def measures_page(manifest: Mapping[str, Any]) -> str:
    """Every headline measure: meaning, formula, unit, where it is computed, where it stands."""
    lines = [
        "# Headline measures",
        "",
        "Written from `dbt/models/metrics.md`. Every column that carries a measure says the same",
        "in its comment, in the dashboard and here.",
        "",
    ]
    carriers: dict[str, list[str]] = {}
    for mart in _marts(manifest):
        for column in mart["columns"].values():
            for block in column.get("doc_blocks") or []:
                place = f"[`{mart['name']}.{column['name']}`](tables.md#{mart['name']})"
                carriers.setdefault(block, []).append(place)
    for unique_id, block in manifest["docs"].items():
        form = _METRIC.fullmatch(" ".join(block["block_contents"].split()))
        if form is None or unique_id not in carriers:
            continue
        lines += [
            f"## {block['name']}",
            "",
            form["what"],
            "",
            f"- Formula: {form['formula']}",
            f"- Unit: {form['unit']}",
            f"- Computed in `{form['where']}`",
            f"- Stands in {', '.join(carriers[unique_id])}",
            "",
        ]
    return "\n".join(lines)


def tables_page(manifest: Mapping[str, Any]) -> str:
    """Dictionary of the published tables, from dbt's own descriptions."""
    lines = [
        "# Published tables",
        "",
        "Written from the descriptions of the dbt models, which the published file carries as",
        "comments. [dbt's own documentation](dbt.html) adds the SQL, the tests and the graph.",
        "",
    ]
    for mart in _marts(manifest):
        lines += [
            f"## {mart['name']}",
            "",
            " ".join(mart["description"].split()),
            "",
            f"Key: {', '.join(f'`{name}`' for name in _key(mart))}.",
            "",
            "| column | type | meaning |",
            "| --- | --- | --- |",
        ]
        lines += [
            f"| `{c['name']}` | {str(c['data_type']).lower()} | {_cell(c['description'])} |"
            for c in mart["columns"].values()
        ]
        lines.append("")
    return "\n".join(lines)


def _dbt_page(settings: Settings, target: Path) -> None:
    """dbt's documentation as one file, compiled against an empty file of its own.

    The working file is neither read nor locked: types and rows stand in the published manifest.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = replace(settings, output_dir=Path(folder))
        own.warehouse_path.parent.mkdir(parents=True)
        result = run_dbt(
            own, ["docs", "generate", "--static", "--empty-catalog"], target_path=Path(folder)
        )
        made = Path(folder) / "static_index.html"
        if not result.success or not made.is_file():
            raise WarehouseProjectError(
                f"dbt could not write its documentation: {result.exception}",
                where=str(settings.dbt_project_dir),
                mend="mend the model or yml file that dbt names",
            )
        target.write_text(without_outside(made.read_text(encoding="utf-8")), encoding="utf-8")


def without_outside(page: str) -> str:
    """The page without tags that would ask the internet; links a person may click stay."""
    page = re.sub(r"""<script[^>]*\ssrc=["']?https?:[^>]*>\s*</script>""", "", page)
    page = re.sub(r"""<link[^>]*\shref=["']?https?:[^>]*>""", "", page)
    page = re.sub(r"""@import\s+url\(["']?https?:[^)]*\);?""", "", page)
    return re.sub(r"""<(?:img|iframe)[^>]*\ssrc=["']?https?:[^>]*>""", "", page)


def _linked_files(page: Path) -> Iterator[Path]:
    """Files of the project that a page links to."""
    for link in _MARKDOWN_LINK.findall(page.read_text(encoding="utf-8")):
        path = (page.parent / unquote(link)).resolve()
        if path.is_file() and path.is_relative_to(PROJECT_DIR):
            yield path


def _source_pages() -> list[Path]:
    """Every Markdown page a reader may want, in the repository."""
    found = [PROJECT_DIR / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    found.append(PROJECT_DIR / "data" / "README.md")
    return [*found, *sorted((PROJECT_DIR / "docs").rglob("*.md"))]


def _heading(page: Path) -> str:
    first = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return first[1] if first else page.stem


def _navigation() -> str:
    def entries(pairs: tuple[tuple[str, str], ...]) -> str:
        return ", ".join(f"{{{json.dumps(title)} = {json.dumps(path)}}}" for title, path in pairs)

    docs = PROJECT_DIR / "docs"
    named = {path for _, path in (*NAVIGATION, *REFERENCE, *PROJECT)}
    cookbook = tuple(
        (_heading(page), page.relative_to(PROJECT_DIR).as_posix())
        for page in [docs / "cookbook" / "README.md", *sorted(docs.glob("cookbook/[0-9]*.md"))]
    )
    more = tuple(
        (_heading(page), path)
        for page in sorted(docs.glob("*.md"))
        if (path := page.relative_to(PROJECT_DIR).as_posix()) not in named
    )
    groups = [("Cookbook", cookbook), ("More", more), ("Reference", REFERENCE)]
    groups.append(("Project", PROJECT))
    return ",\n  ".join(
        [entries(NAVIGATION)]
        + [f"{{{json.dumps(title)} = [{entries(pairs)}]}}" for title, pairs in groups if pairs]
    )


def _configuration() -> str:
    """What the builder is told: pages and assets from disk alone, names with their ending."""
    return f"""[project]
site_name = {json.dumps(TITLE)}
docs_dir = "{PAGES}"
site_dir = "{SITE}"
use_directory_urls = false
extra_css = [{json.dumps(STYLE)}]
nav = [
  {_navigation()}
]
[project.theme]
variant = "classic"
font = false
[project.plugins.search]
[project.plugins.offline]
"""


def write_pages(settings: Settings, folder: Path) -> None:
    """Lay out every page and the builder's configuration in ``folder``, made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for page in _source_pages():
        for path in (page, *_linked_files(page)):
            target = folder / PAGES / path.relative_to(PROJECT_DIR)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    ensure_manifest(settings)
    manifest = json.loads(
        (artifacts_dir(settings, WAREHOUSE_TARGET) / "manifest.json").read_text(encoding="utf-8")
    )
    docs = folder / PAGES / "docs"
    (docs / "measures.md").write_text(measures_page(manifest), encoding="utf-8")
    (docs / "tables.md").write_text(tables_page(manifest), encoding="utf-8")
    _dbt_page(settings, docs / "dbt.html")
    shutil.copyfile(PROJECT_DIR / "docs" / "site" / STYLE, folder / PAGES / STYLE)
    (folder / "zensical.toml").write_text(_configuration(), encoding="utf-8")


class _Page(HTMLParser):
    """Anchors of a page, where its links lead, and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := given.get(name))}
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        elif tag in {"script", "img", "iframe", "source"} and given.get("src"):
            self.loads.append(str(given["src"]))
        elif tag == "link" and given.get("href") and given.get("rel") != "canonical":
            self.loads.append(str(given["href"]))


def _read_page(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def site_faults(site: Path) -> list[str]:
    """Links and anchors that lead nowhere, and everything a page would load from elsewhere."""
    # dbt's page is one program: its links are made as it runs.
    pages = {p: _read_page(p) for p in sorted(site.rglob("*.html")) if p.name != "dbt.html"}
    faults = []
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        for address in page.loads:
            if urlsplit(address).scheme not in {"", "data"} or address.startswith("//"):
                faults.append(f"{name} loads {address}")
        for link in [*page.links, *(a for a in page.loads if not urlsplit(a).scheme)]:
            parts = urlsplit(link)
            # The page for a missing address knows no place of its own.
            if parts.scheme or parts.netloc or link.startswith("/") or path.name == "404.html":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                faults.append(f"{name} links to {link}, which is not there")
            elif parts.fragment and target in pages:
                anchor = unquote(parts.fragment)
                if anchor not in pages[target].anchors:
                    faults.append(f"{name} links to {link}, which has no such heading")
    return faults


def finish(folder: Path) -> Path:
    """Make the built site ask nobody, check it, and return its first page.

    Raises WarehouseProjectError naming every link that leads nowhere.
    """
    site = folder / SITE
    shutil.copyfile(PROJECT_DIR / "docs" / "site" / SHIM, site / "assets" / "javascripts" / SHIM)
    for path in sorted(site.rglob("*.html")):
        if path.name == "dbt.html":
            continue
        page = path.read_text(encoding="utf-8")
        root = "/".join([".."] * (len(path.relative_to(site).parts) - 1)) or "."
        page = re.sub(
            r"https://unpkg\.com/iframe-worker/shim", f"{root}/assets/javascripts/{SHIM}", page
        )
        path.write_text(without_outside(page), encoding="utf-8")
    faults = site_faults(site)
    if faults:
        raise WarehouseProjectError(
            f"The documentation has {len(faults)} links that lead nowhere.",
            where="\n         ".join(faults),
            mend="mend the link in the page, or the page it names",
        )
    return site / "index.html"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dagster_project.docs_site")
    parser.add_argument("step", choices=("pages", "finish"))
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    try:
        if arguments.step == "pages":
            write_pages(current_settings(), arguments.folder)
        else:
            print(f"Open {finish(arguments.folder).resolve().as_uri()}")
    except WarehouseProjectError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
