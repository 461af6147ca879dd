"""A team on one instance: one folder makes the runs, a second page sees them and asks for more."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.postgres_server import PostgresServer, find_binaries, running_server

from .conftest import Study, make_study
from .own_panel import COMPANIES, draw_closes, write_own_panel

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

HEADER = {"content-type": "application/json"}
LAUNCH = """
mutation($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}
"""
RUNS = "{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"
ROWS = """
{ assetNodes(assetKeys: [{path: ["raw", "companies"]}]) {
    assetMaterializations(limit: 1) { runId metadataEntries { label } } } }
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if find_binaries() is None:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    with running_server() as running:
        yield running


@pytest.fixture(scope="module")
def url(server: PostgresServer) -> str:
    return server.url(server.new_database())


@pytest.fixture(scope="module")
def owner(url: str, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The folder that makes the runs, after its first whole one; of few figures, to be short."""
    study = make_study(
        tmp_path_factory.mktemp("owner"),
        MINER_DAGSTER_POSTGRES_URL=url,
        MINER_DATA_DIR=str(write_own_panel(tmp_path_factory.mktemp("own"), draw_closes())),
    )
    status, printed = study.call("run")
    assert status == 0, printed
    assert "Checked: " in printed
    return study


@pytest.fixture(scope="module")
def looker(owner: Study, url: str, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("looker"), MINER_DAGSTER_POSTGRES_URL=url)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ask(page: str, query: str, **variables: Any) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - a server of this test on this machine
        f"{page}/graphql",
        data=json.dumps({"query": query, "variables": variables}).encode(),
        headers=HEADER,
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        answer: dict[str, Any] = json.load(response)
    assert "errors" not in answer, answer
    return answer["data"]


def _wait(for_what: str, done: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if done():
                return
        except OSError:
            pass
        time.sleep(1)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {for_what}")


def _words(folder: Path) -> str:
    return (folder / "server.log").read_text(encoding="utf-8")


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Not SIGINT: a shell that puts the tests into the background lets them ignore that.
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)


def test_another_folder_is_told_who_makes_the_runs(owner: Study, looker: Study) -> None:
    for command in ("run", "rebuild"):
        status, printed = looker.call(command)
        assert status == 1
        assert f"in {owner.output_dir}" in printed
        assert "Traceback" not in printed
    status, printed = looker.call("team")
    assert status == 0, printed
    assert str(owner.output_dir) in printed
    assert "recorded  1 runs" in printed
    assert not looker.warehouse.exists()


def test_a_second_page_sees_the_runs_and_the_folder_with_the_daemon_makes_those_it_asks_for(
    owner: Study, looker: Study, server: PostgresServer
) -> None:
    before = owner.warehouse.stat().st_mtime_ns
    ports = [_free_port(), _free_port()]
    here, there = (f"http://127.0.0.1:{port}" for port in ports)
    processes = [
        study.serve("ui", "--port", str(port))
        for study, port in zip((owner, looker), ports, strict=True)
    ]
    try:
        for page in (here, there):
            _wait(f"the page {page}", lambda page=page: bool(_ask(page, RUNS)))
        (first,) = _ask(there, RUNS)["runsOrError"]["results"]
        assert first["status"] == "SUCCESS"
        assert f"are made on {socket.gethostname()}, in {owner.output_dir}" in _words(
            looker.output_dir
        )
        assert "are made on" not in _words(owner.output_dir)
        asked = _ask(
            there,
            LAUNCH,
            params={
                "selector": {
                    "repositoryLocationName": "miner_warehouse",
                    "repositoryName": "__repository__",
                    "pipelineName": "__ASSET_JOB",
                    "assetSelection": [{"path": ["raw", "companies"]}],
                },
                "runConfigData": {},
                "mode": "default",
            },
        )["launchPipelineExecution"]
        assert asked["__typename"] == "LaunchRunSuccess", asked
        run_id = asked["run"]["runId"]

        def done() -> bool:
            runs = {
                run["runId"]: run["status"] for run in _ask(there, RUNS)["runsOrError"]["results"]
            }
            assert runs[run_id] != "FAILURE", _words(owner.output_dir)[-4000:]
            return bool(runs[run_id] == "SUCCESS")

        _wait("the run that was asked for", done)
        (node,) = _ask(there, ROWS)["assetNodes"]
        assert node["assetMaterializations"][0]["runId"] == run_id
    finally:
        for process in processes:
            _stop(process)
    assert owner.warehouse.stat().st_mtime_ns > before
    assert not looker.warehouse.exists()
    for study in (owner, looker):
        assert server.password not in _words(study.output_dir)
        kept = [path for path in study.output_dir.rglob("*") if path.is_file()]
        assert [path for path in kept if server.password.encode() in path.read_bytes()] == []


def _recorded_runs(study: Study) -> int:
    status, printed = study.call("team")
    found = re.search(r"recorded  ([\d,]+) runs?", printed)
    assert status == 0, printed
    assert found is not None, printed
    return int(found[1].replace(",", ""))


# Three minutes of whole runs. What a run says, and the next one does, tests/test_team.py holds too.
@pytest.mark.nightly
def test_a_server_that_goes_away_leaves_working_file_and_publication_whole(
    owner: Study, server: PostgresServer
) -> None:
    manifest = (owner.published.parent / "manifest.json").read_bytes()
    runs_before = _recorded_runs(owner)
    owner.forget_the_last_build()
    process = owner.start("run")
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith("  ok     raw/"):
            server.stop()
            break
    printed.extend(process.stdout)
    said = "".join(printed)
    assert process.wait(timeout=240) == 1, said
    assert "Dagster's shared database does not answer any more" in said
    assert "Traceback" not in said
    assert server.password not in said
    assert (owner.published.parent / "manifest.json").read_bytes() == manifest
    with duckdb.connect(str(owner.warehouse), read_only=True) as connection:
        (firms,) = connection.execute("select count(*) from marts.dim_company").fetchone() or (0,)
    assert firms == COMPANIES

    status, printed_down = owner.call("run")
    assert status == 1
    assert "Dagster's shared database cannot be used" in printed_down
    server.start()
    status, printed_after = owner.call("run")
    assert status == 0, printed_after
    # The one that was given up and the one after it; the refused one never began.
    assert _recorded_runs(owner) == runs_before + 2
