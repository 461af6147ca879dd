"""The Superset bundle: as it would be written now, whole in itself, and without secrets."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from bi.superset import build, definition, send
from dagster_project.settings import PROJECT_DIR
from dagster_project.warehouse.publish_marts import Mart

DASHBOARD_UUID = "cac4a279-19bc-59bb-9331-72ae771136b2"
DATABASE_UUID = "98d2ece9-f9b1-56d1-a40c-ea48adfd24c6"


@pytest.fixture(scope="module")
def marts(built_warehouse: Path) -> tuple[Mart, ...]:
    return build.read_marts(built_warehouse)


@pytest.fixture(scope="module")
def assets() -> dict[str, dict[str, Any]]:
    return {
        path.relative_to(build.BUNDLE_DIR).as_posix(): yaml.safe_load(
            path.read_text(encoding="utf-8")
        )
        for path in build.BUNDLE_DIR.glob("**/*.yaml")
    }


def _of(assets: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [content for name, content in assets.items() if name.startswith(f"{kind}/")]


def test_the_bundle_is_as_it_would_be_written_now(marts: tuple[Mart, ...]) -> None:
    stale = build.stale_files(build.bundle(marts))
    assert stale == [], "mend: make run && make superset-bundle"


def test_writing_twice_changes_nothing_and_removes_what_is_no_more(
    marts: tuple[Mart, ...], tmp_path: Path
) -> None:
    texts = build.bundle(marts)
    build.write_bundle(texts, tmp_path)
    (tmp_path / "charts" / "gone.yaml").write_text("uuid: x\n")
    assert build.stale_files(texts, tmp_path) == ["charts/gone.yaml"]
    build.write_bundle(texts, tmp_path)
    assert build.stale_files(texts, tmp_path) == []


def test_every_mart_is_a_dataset_with_its_published_words(
    marts: tuple[Mart, ...], assets: dict[str, dict[str, Any]]
) -> None:
    datasets = {one["table_name"]: one for one in _of(assets, "datasets")}
    assert set(datasets) == {mart.name for mart in marts}
    for mart in marts:
        written = {one["column_name"]: one for one in datasets[mart.name]["columns"]}
        assert datasets[mart.name]["schema"] == "marts"
        for column in mart.columns:
            assert column.description.strip()
            assert written[column.name]["description"] == column.description.strip()
            assert written[column.name]["is_dttm"] == (column.type in {"DATE", "TIMESTAMP"})


def test_identifiers_are_unique_and_lead_to_each_other(assets: dict[str, dict[str, Any]]) -> None:
    databases = {one["uuid"] for one in _of(assets, "databases")}
    # Two ways to one database: sending the other moves all charts over.
    assert len(databases) == 1
    datasets = {one["uuid"]: one for one in _of(assets, "datasets")}
    charts = {one["uuid"]: one for one in _of(assets, "charts")}
    assert len(charts) == len(definition.CHARTS)
    assert {one["database_uuid"] for one in datasets.values()} == databases
    assert {one["dataset_uuid"] for one in charts.values()} <= set(datasets)
    (dashboard,) = _of(assets, "dashboards")
    placed = [
        place["meta"]["uuid"]
        for place in dashboard["position"].values()
        if isinstance(place, dict) and place["type"] == "CHART"
    ]
    assert sorted(placed) == sorted(charts)
    for one in dashboard["metadata"]["native_filter_configuration"]:
        (target,) = one["targets"]
        columns = {c["column_name"] for c in datasets[target["datasetUuid"]]["columns"]}
        assert target["column"]["name"] in columns


def test_dbt_knows_the_marts_that_the_dashboard_shows() -> None:
    path = PROJECT_DIR / "dbt" / "models" / "exposures.yml"
    exposures = yaml.safe_load(path.read_text(encoding="utf-8"))["exposures"]
    (dashboard,) = [one for one in exposures if one["name"] == "superset_dashboard"]
    shown = {one.table for one in (*definition.CHARTS, *definition.FILTERS)}
    assert dashboard["depends_on"] == [f"ref('{table}')" for table in sorted(shown)]


def test_places_name_their_parents(assets: dict[str, dict[str, Any]]) -> None:
    (dashboard,) = _of(assets, "dashboards")
    places = {k: v for k, v in dashboard["position"].items() if isinstance(v, dict)}
    for name, place in places.items():
        for child in place.get("children", []):
            assert places[child]["parents"][-1] == name
        if place["type"] == "ROW":
            assert sum(places[child]["meta"]["width"] for child in place["children"]) == 12


def test_identifiers_outlive_the_code_that_makes_them() -> None:
    # A change here would bring in everything a second time beside the first.
    assert build.identifier("dashboard", "bitcoin-miners") == DASHBOARD_UUID
    assert build.identifier("database", "marts") == DATABASE_UUID


def test_a_renamed_column_is_named_with_its_chart(marts: tuple[Mart, ...]) -> None:
    changed = tuple(
        replace(
            mart, columns=tuple(column for column in mart.columns if column.name != "raw_return")
        )
        if mart.name == "selloff_summary"
        else mart
        for mart in marts
    )
    with pytest.raises(build.BundleRefused) as refused:
        build.bundle(changed)
    assert "selloff_summary.raw_return (chart raw-returns)" in str(refused.value)


def test_a_derived_column_gives_way_to_one_of_the_mart(marts: tuple[Mart, ...]) -> None:
    changed = tuple(
        replace(
            mart,
            columns=(*mart.columns, replace(mart.columns[0], name="event_id")),
        )
        if mart.name == "selloff_verdicts"
        else mart
        for mart in marts
    )
    with pytest.raises(build.BundleRefused, match="DERIVED"):
        build.bundle(changed)


def test_without_a_publication_the_mend_is_make_run(tmp_path: Path) -> None:
    with pytest.raises(build.BundleRefused, match="make run"):
        build.read_marts(tmp_path / "none.duckdb")


def test_the_database_in_the_tree_has_no_password_and_takes_no_lock(
    assets: dict[str, dict[str, Any]],
) -> None:
    duck, postgres = assets["databases/duckdb.yaml"], assets["databases/postgresql.yaml"]
    for one in (duck, postgres):
        assert ":" not in one["sqlalchemy_uri"].partition("://")[2].partition("@")[0] or (
            one is duck
        )
        assert not any(one[key] for key in ("allow_dml", "allow_ctas", "allow_cvas"))
    arguments = duck["extra"]["engine_params"]["connect_args"]
    assert arguments["read_only"] is True
    assert arguments["config"]["enable_external_access"] is False
    options = postgres["extra"]["engine_params"]["connect_args"]["options"]
    assert "default_transaction_read_only=on" in options


@pytest.mark.parametrize(
    ("target", "address"),
    [
        (send.duckdb_target("/srv/marts file.duckdb"), "duckdb:////srv/marts%20file.duckdb"),
        (
            send.postgres_target("postgres://reader:s3cret@db:5432/miners?sslmode=require"),
            "postgresql+psycopg2://reader:s3cret@db:5432/miners?sslmode=require",
        ),
    ],
)
def test_what_is_sent_has_one_database_the_target_s(target: send.Target, address: str) -> None:
    with zipfile.ZipFile(io.BytesIO(send.zipped(target))) as archive:
        names = [name for name in archive.namelist() if name.startswith("bundle/databases/")]
        assert names == [f"bundle/databases/{target.kind}.yaml"]
        assert yaml.safe_load(archive.read(names[0]))["sqlalchemy_uri"] == address
        assert yaml.safe_load(archive.read("bundle/metadata.yaml"))["type"] == "assets"
    assert "s3cret" not in repr(target)


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (send.duckdb_target, "data/published/miner_marts.duckdb"),
        (send.postgres_target, "mysql://reader:s3cret@db/miners"),
        (send.postgres_target, "s3cret"),
    ],
)
def test_an_address_that_cannot_work_is_refused(make: Any, given: str) -> None:
    with pytest.raises(send.SupersetRefused, match="mend") as refused:
        make(given)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://superset.example.org", "ftp://127.0.0.1", "superset"])
def test_a_password_goes_to_no_address_that_others_can_read(url: str) -> None:
    with pytest.raises(send.SupersetRefused, match="mend") as refused:
        send.Superset(url, "admin", "s3cret")
    assert "s3cret" not in str(refused.value)


@pytest.fixture
def scripted() -> Iterator[tuple[str, dict[str, tuple[int, Any]]]]:
    """A server that answers by path what the test puts into the dictionary."""
    answers: dict[str, tuple[int, Any]] = {
        "/api/v1/security/login": (200, {"access_token": "token"}),
        "/api/v1/security/csrf_token/": (200, {"result": "csrf"}),
    }

    class Answer(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = answers.get(self.path, (404, {"message": "no such page"}))
            body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *words: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", answers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_superset_says_is_passed_on(scripted: tuple[str, Any]) -> None:
    url, answers = scripted
    answers["/api/v1/assets/import/"] = (422, {"errors": [{"message": "Error importing assets"}]})
    session = send.Superset(url, "admin", "s3cret")
    with pytest.raises(send.SupersetRefused, match=r"422: .*Error importing assets"):
        send.send(session, send.duckdb_target("/srv/marts.duckdb"))


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (401, {"message": "Not authorized"}, "SUPERSET_PASSWORD"),
        (500, "<html>trace</html>", "no words that a person could use"),
        (200, "<html>another program</html>", "No answer of a Superset"),
    ],
)
def test_a_login_that_fails_says_how_to_mend_it(
    scripted: tuple[str, Any], status: int, content: Any, words: str
) -> None:
    url, answers = scripted
    answers["/api/v1/security/login"] = (status, content)
    with pytest.raises(send.SupersetRefused, match=words) as refused:
        send.Superset(url, "admin", "s3cret")
    assert "s3cret" not in str(refused.value)


def test_a_superset_that_is_not_there(scripted: tuple[str, Any]) -> None:
    with pytest.raises(send.SupersetRefused, match="make superset"):
        send.Superset("http://127.0.0.1:9", "admin", "s3cret")
