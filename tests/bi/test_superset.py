"""The bundle in a real Apache Superset: imported, asked, looked at, on DuckDB and PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from playwright.sync_api import Page, Response, sync_playwright

from bi.superset import build, definition, send, trial
from dagster_project.settings import PROJECT_DIR
from dagster_project.warehouse.publish_files import current_id, point_current
from tests.bi import throwaway_postgres
from tests.bi.chart_oracle import FIRST, OTHER, Choice, queries
from tests.bi.conftest import NOON, publish_at

pytestmark = pytest.mark.superset

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or "/usr/bin/chromium"
DASHBOARD = f"/superset/dashboard/{definition.DASHBOARD_SLUG}/"
IMAGES = PROJECT_DIR / "docs" / "images"
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def superset_python() -> Path:
    """Python of Superset's environment; make installs it only where it is not there yet."""
    done = subprocess.run(
        ["make", "--silent", ".venv-superset/superset.lock"],  # noqa: S607 - make
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return trial.superset_python()


@pytest.fixture(scope="module")
def server(
    superset_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[trial.Trial]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with trial.running(superset_python, tmp_path_factory.mktemp("superset"), port) as running:
        yield running


@pytest.fixture(scope="module")
def superset(server: trial.Trial) -> send.Superset:
    return send.Superset(server.url, server.user, server.password)


def _import(server: trial.Trial, **targets: str) -> str:
    """The one command, as a user types it; returns what it prints."""
    arguments = ["--database", targets["database"]] if "database" in targets else []
    settings = {"SUPERSET_PASSWORD": server.password}
    if "postgres" in targets:
        settings["SUPERSET_POSTGRES_URL"] = targets["postgres"]
    done = subprocess.run(
        [sys.executable, "-m", "bi.superset", "import", "--url", server.url, *arguments],
        cwd=PROJECT_DIR,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _list(superset: send.Superset, kind: str) -> Rows:
    found: Rows = superset.get(f"/api/v1/{kind}/?q=(page_size:200)")["result"]
    return found


def _dashboard(superset: send.Superset) -> dict[str, Any]:
    answer = superset.get(f"/api/v1/dashboard/{definition.DASHBOARD_SLUG}")["result"]
    return {**answer, "metadata": json.loads(answer["json_metadata"])}


def _chosen(choice: Choice) -> dict[str, list[str]]:
    chosen = {"event_id": [choice.event]}
    if choice.roles:
        chosen["role"] = list(choice.roles)
    if choice.tickers:
        chosen["ticker"] = list(choice.tickers)
    return chosen


def _ask_chart(superset: send.Superset, number: int, choice: Choice) -> Rows:
    """The chart's saved query with the dashboard's filters, in the scope Superset keeps."""
    chart = superset.get(f"/api/v1/chart/{number}")["result"]
    context = json.loads(chart["query_context"])
    (query,) = context["queries"]
    for one in _dashboard(superset)["metadata"]["native_filter_configuration"]:
        column = one["targets"][0]["column"]["name"]
        if column in _chosen(choice) and number not in one["scope"]["excluded"]:
            query["filters"].append({"col": column, "op": "IN", "val": _chosen(choice)[column]})
    (result,) = superset.post("/api/v1/chart/data", context)["result"]
    assert result["error"] is None
    assert result["status"] == "success"
    rows: Rows = result["data"]
    return rows


def _plain(value: Any) -> Any:
    """A value as JSON has it: days as milliseconds since 1970 in UTC, figures rounded."""
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() * 1000
    if isinstance(value, int | float) and not isinstance(value, bool):
        # 12 digits: PostgreSQL and DuckDB may differ in the last of a sum.
        return float(f"{value:.12g}")
    return value


def _sorted(rows: Rows) -> Rows:
    plain = [{name: _plain(value) for name, value in row.items()} for row in rows]
    return sorted(plain, key=lambda row: json.dumps(row, sort_keys=True))


def _expected(published: Path, sql: str) -> Rows:
    with duckdb.connect(str(published), read_only=True) as connection:
        answer = connection.execute(sql)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _compare_all(superset: send.Superset, published: Path, choice: Choice) -> dict[str, int]:
    numbers = {one["slice_name"]: one["id"] for one in _list(superset, "chart")}
    oracle = queries(choice)
    assert set(oracle) == {chart.slug for chart in definition.CHARTS}
    rows = {}
    for chart in definition.CHARTS:
        shown = _ask_chart(superset, numbers[chart.title], choice)
        expected = _expected(published, oracle[chart.slug])
        assert _sorted(shown) == _sorted(expected), chart.slug
        rows[chart.slug] = len(shown)
    return rows


@pytest.fixture(scope="module")
def on_duckdb(server: trial.Trial, superset: send.Superset, published: Path) -> send.Superset:
    printed = _import(server, database=str(published))
    assert DASHBOARD in printed
    return superset


def test_every_chart_shows_what_sql_says_on_duckdb(
    on_duckdb: send.Superset, published: Path
) -> None:
    rows = _compare_all(on_duckdb, published, FIRST)
    assert min(rows.values()) > 0, rows


def test_filters_reach_the_charts_they_are_for(on_duckdb: send.Superset, published: Path) -> None:
    rows = _compare_all(on_duckdb, published, OTHER)
    assert rows["raw-returns"] == rows["firms"] == 3
    assert rows["exposure-ranking"] == 2


def test_the_published_words_are_there_to_read(on_duckdb: send.Superset, published: Path) -> None:
    (found,) = [
        one for one in _list(on_duckdb, "dataset") if one["table_name"] == "selloff_summary"
    ]
    dataset = on_duckdb.get(f"/api/v1/dataset/{found['id']}")["result"]
    shown = {column["column_name"]: column["description"] for column in dataset["columns"]}
    (mart,) = [one for one in build.read_marts(published) if one.name == "selloff_summary"]
    assert shown == {column.name: column.description.strip() for column in mart.columns}


def test_importing_again_adds_nothing(server: trial.Trial, on_duckdb: send.Superset) -> None:
    before = {kind: len(_list(on_duckdb, kind)) for kind in ("chart", "dataset", "database")}
    numbers = sorted(one["id"] for one in _list(on_duckdb, "chart"))
    on_duckdb.import_bundle(send.zipped(_target_of(on_duckdb)))
    assert {kind: len(_list(on_duckdb, kind)) for kind in before} == before
    assert sorted(one["id"] for one in _list(on_duckdb, "chart")) == numbers


def _target_of(superset: send.Superset) -> send.Target:
    (database,) = _list(superset, "database")
    connection = superset.get(f"/api/v1/database/{database['id']}/connection")["result"]
    return send.Target("duckdb", connection["sqlalchemy_uri"])


def _sql_lab(superset: send.Superset, sql: str) -> str:
    """What SQL Lab answers to a statement: its data, or why it was refused."""
    (database,) = _list(superset, "database")
    try:
        answer = superset.post(
            "/api/v1/sqllab/execute/",
            {"database_id": database["id"], "sql": sql, "runAsync": False},
        )
    except send.SupersetRefused as refused:
        return str(refused)
    return json.dumps(answer["data"])


def test_sql_lab_reads_marts_and_nothing_else(on_duckdb: send.Superset) -> None:
    assert '"close_usd": 7.63' in _sql_lab(
        on_duckdb,
        "select close_usd from marts.selloff_summary "
        "where event_id = 'msft-2gw-mar' and ticker = 'CORZ'",
    )
    for statement, refusal in (
        ("select * from read_text('/etc/hostname')", "disabled"),
        ("select * from read_csv('/etc/passwd')", "disabled"),
        ("attach '/etc/hostname' as other", ""),
        ("set enable_external_access = true", ""),
        ("create table marts.mine as select 1", ""),
        ("delete from marts.dim_event", ""),
    ):
        said = _sql_lab(on_duckdb, statement)
        assert "Superset answered" in said, f"{statement}: {said}"
        assert refusal in said, f"{statement}: {said}"


def _open_files(group: int) -> list[str]:
    """Files that processes of a group hold open, by the kernel's own table."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or os.getpgid(int(entry.name)) != group:
                continue
            found += [str(link.readlink()) for link in (entry / "fd").iterdir()]
        except OSError:
            continue
    return found


def test_a_publication_is_seen_at_once_and_nothing_is_held(
    server: trial.Trial, on_duckdb: send.Superset, working: Path, published: Path
) -> None:
    (number,) = [
        one["id"]
        for one in _list(on_duckdb, "chart")
        if one["slice_name"] == "What happened, and on which session it is priced"
    ]
    folder = published.parent
    titles = {current_id(folder): _ask_chart(on_duckdb, number, FIRST)[0]["title"]}
    with duckdb.connect(str(working)) as connection:
        connection.execute(
            "update marts.dim_event set title = 'Next' where event_id = 'msft-2gw-mar'"
        )
    publish_at(working, folder, NOON + timedelta(hours=1))
    titles[current_id(folder)] = "Next"
    assert len(titles) == 2
    seen: list[str] = []
    problems: list[str] = []
    done = threading.Event()

    def read() -> None:
        reader = send.Superset(server.url, server.user, server.password)
        while not done.is_set():
            try:
                (row,) = _ask_chart(reader, number, FIRST)
                seen.append(row["title"])
            except Exception as error:
                problems.append(repr(error))

    # Others' queries are always under way, so the file is never closed by all of them.
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(10):
            for name, title in titles.items():
                assert name is not None
                point_current(folder, name)  # the switch that every publication ends with
                (row,) = _ask_chart(on_duckdb, number, FIRST)
                assert row["title"] == title
    finally:
        done.set()
        for reader in readers:
            reader.join()
        first, *_ = titles
        assert first is not None
        point_current(folder, first)
    assert problems == []
    assert set(seen) == set(titles.values())
    assert [name for name in _open_files(server.process.pid) if "miner_marts" in name] == []
    # No lock: the file opens for writing.
    with duckdb.connect(str(published)) as connection:
        connection.execute("select 1")


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        made = browser.new_page(viewport={"width": 1600, "height": 1000})
        made.set_default_timeout(120_000)
        yield made
        browser.close()


def _figures(content: Any) -> set[float]:
    if isinstance(content, dict):
        return set().union(*(_figures(value) for value in content.values()))
    if isinstance(content, list):
        return set().union(*(_figures(value) for value in content))
    if isinstance(content, int | float) and not isinstance(content, bool):
        return {_plain(content)}
    return set()


def _log_in(page: Page, server: trial.Trial) -> None:
    # The form is drawn by a script that may still be loading: what is typed before it is done is
    # lost, and an empty form leads back to itself. So the form is left to settle, and asked again.
    for _ in range(3):
        page.goto(f"{server.url}/login/", wait_until="networkidle")
        page.fill("#username", server.user)
        page.fill("#password", server.password)
        with page.expect_navigation(wait_until="load"):
            page.keyboard.press("Enter")
        if "login" not in page.url:
            return
    pytest.fail(f"Superset let nobody in: still at {page.url}")


def test_the_dashboard_draws_every_chart(
    server: trial.Trial,
    on_duckdb: send.Superset,
    published: Path,
    page: Page,
    tmp_path: Path,
) -> None:
    titles = {one["id"]: one["slice_name"] for one in _list(on_duckdb, "chart")}
    slugs = {chart.title: chart.slug for chart in definition.CHARTS}
    drawn: dict[str, dict[str, Any]] = {}
    errors: list[str] = []
    outside: list[str] = []

    def heard(response: Response) -> None:
        if "/api/v1/chart/data" not in response.url:
            return
        asked = response.request.post_data_json["form_data"].get("slice_id")
        if asked in titles:
            drawn[slugs[titles[asked]]] = {"status": response.status, **response.json()}

    page.on("response", heard)
    page.on("requestfinished", lambda r: outside.append(r.url) if _is_outside(r.url) else None)
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)

    def _is_outside(url: str) -> bool:
        return not url.startswith((server.url, "data:", "blob:"))

    _log_in(page, server)
    page.goto(f"{server.url}{DASHBOARD}")
    pictures = []
    for number, (tab, rows) in enumerate(definition.TABS, start=1):
        expected = {slug for _, cells in rows for slug, _ in cells}
        page.get_by_role("tab", name=tab).click()
        deadline = time.monotonic() + 180
        while not expected <= set(drawn) and time.monotonic() < deadline:
            page.wait_for_timeout(250)
        assert expected <= set(drawn), f"{tab}: {sorted(expected - set(drawn))}"
        page.wait_for_load_state("networkidle")
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": 1600, "height": max(1000, min(height, 3500))})
        page.wait_for_timeout(2000)
        assert page.get_by_text("Unexpected error").count() == 0
        assert page.get_by_text("No results were returned").count() == 0
        picture = tmp_path / f"superset-{number}.png"
        page.screenshot(path=picture, full_page=True)
        pictures.append(picture)
        page.set_viewport_size({"width": 1600, "height": 1000})
    oracle = queries(FIRST)
    for slug, answer in drawn.items():
        assert answer["status"] == 200, answer
        (result,) = answer["result"]
        assert result["error"] is None
        assert result["rowcount"] > 0
        expected_figures = _figures(_sorted(_expected(published, oracle[slug])))
        assert expected_figures <= _figures(result["data"]), slug
    assert outside == []
    # Superset's counter of page views is the one thing the page asks for elsewhere; its
    # refusal by the trial's own policy is the one error there may be.
    assert [error for error in errors if "scarf.sh" not in error] == []
    # Letters, bars and lines: a page without them is a few kilobytes.
    assert all(picture.stat().st_size > 60_000 for picture in pictures)
    if os.environ.get("UPDATE_DOCS"):
        shutil.copy(pictures[0], IMAGES / "superset.png")


@pytest.fixture
def postgres() -> Iterator[throwaway_postgres.Postgres]:
    if throwaway_postgres.programs() is None:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="miner-postgres-"))
    try:
        with throwaway_postgres.running(folder) as server:
            yield server
    finally:
        shutil.rmtree(folder)


def test_the_same_charts_show_the_same_on_postgresql(
    server: trial.Trial,
    on_duckdb: send.Superset,
    published: Path,
    postgres: throwaway_postgres.Postgres,
) -> None:
    throwaway_postgres.load_marts(postgres, published)
    printed = _import(server, postgres=postgres.url)
    assert "postgresql" in printed
    assert postgres.password not in printed
    (database,) = _list(on_duckdb, "database")
    assert database["backend"] == "postgresql"
    connection = on_duckdb.get(f"/api/v1/database/{database['id']}/connection")["result"]
    assert postgres.password not in json.dumps(connection)
    rows = _compare_all(on_duckdb, published, FIRST)
    assert min(rows.values()) > 0, rows
    _compare_all(on_duckdb, published, OTHER)
    said = _sql_lab(on_duckdb, "delete from marts.dim_event")
    assert "Superset answered" in said
    assert quote(postgres.password) not in said
