"""A Dagster instance shared by a team: its database, who makes its runs, what is refused."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from dagster_project import team
from dagster_project.errors import InstanceUnavailable, SettingsError
from dagster_project.instance import (
    MACHINE_TAG,
    PROCESS_TAG,
    end_dead_runs,
    prepare_instance,
    process_tags,
)
from dagster_project.secret import Secret
from dagster_project.settings import BUNDLED_DATA_DIR, Settings, prepare_output_folders
from tests.postgres_server import PostgresServer, running_server
from tests.warehouse_builder import command_environment

NEWER = "ffffffffffff"


def _settings(folder: Path, url: str) -> Settings:
    made = Settings(data_dir=BUNDLED_DATA_DIR, output_dir=folder, dagster_postgres_url=Secret(url))
    prepare_output_folders(made)
    return made


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``prepare_instance`` sets is put back afterwards."""
    for name in ("DAGSTER_HOME", "MINER_DAGSTER_POSTGRES_URL", "MINER_WAREHOUSE_PATH"):
        monkeypatch.setenv(name, "")


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.url(postgres_server.new_database())


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("postgresql://db/dagster", "postgresql+psycopg2://db/dagster?connect_timeout=10"),
        (
            "postgres://me:Geheim%40@[::1]:5433/dagster?sslmode=verify-full",
            "postgresql+psycopg2://me:Geheim%40@[::1]:5433/dagster"
            "?sslmode=verify-full&connect_timeout=10",
        ),
        (
            "postgresql:///dagster?host=/run/postgresql&connect_timeout=3",
            "postgresql+psycopg2:///dagster?host=/run/postgresql&connect_timeout=3",
        ),
    ],
)
def test_an_address_names_the_driver_that_dagsters_storage_is_written_for(given, address):
    assert team.storage_address(Secret(given)) == address
    assert team.storage_address(Secret(address)) == address
    dialect = sa.create_engine(address).dialect
    words = dialect.create_connect_args(sa.make_url(address))[1]
    assert dialect.driver == "psycopg2"
    assert words.get("sslmode") == ("verify-full" if "sslmode" in given else None)


@pytest.mark.parametrize("missing", ["dagster_postgres", "psycopg2"])
def test_a_missing_driver_is_said_and_how_to_get_it(tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SettingsError, match="is not installed") as refused:
        prepare_instance(_settings(tmp_path, "postgresql://miner@127.0.0.1/dagster"))
    assert "make team" in refused.value.mend
    assert "'.[team]'" in refused.value.mend


def test_without_an_address_nothing_is_shared(tmp_path):
    settings = Settings(data_dir=BUNDLED_DATA_DIR, output_dir=tmp_path)
    team.require_ours(settings)
    with pytest.raises(SettingsError, match="No shared instance is named"):
        team.describe(settings)


def test_a_server_that_is_down_is_one_message_before_anything_starts(tmp_path):
    settings = _settings(tmp_path, "postgresql://miner:Geheimwort@127.0.0.1:1/dagster")
    with pytest.raises(InstanceUnavailable, match="Connection refused") as refused:
        prepare_instance(settings)
    assert "Geheimwort" not in str(refused.value)
    assert refused.value.where == "postgresql://127.0.0.1:1/dagster"
    assert refused.value.__cause__ is None
    assert not (settings.dagster_home / "dagster.yaml").exists()


@pytest.mark.slow
@pytest.mark.postgres
def test_a_wrong_password_is_not_repeated(tmp_path, postgres_server):
    url = postgres_server.url().replace(postgres_server.password, "Geheim%40wort")
    with pytest.raises(InstanceUnavailable, match="password authentication failed") as refused:
        prepare_instance(_settings(tmp_path, url))
    assert "Geheim" not in str(refused.value)


def _previous_revision() -> str:
    from alembic.script import ScriptDirectory
    from dagster_postgres import run_storage
    from dagster_postgres.utils import pg_alembic_config

    scripts = ScriptDirectory.from_config(pg_alembic_config(run_storage.__file__))
    return str(scripts.get_revision("head").down_revision)


def _set_revision(url: str, revision: str) -> None:
    with sa.create_engine(team.storage_address(Secret(url))).begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :r"), {"r": revision})


@pytest.mark.slow
@pytest.mark.postgres
def test_tables_of_another_dagster_are_refused_with_what_to_do(tmp_path, url):
    settings = _settings(tmp_path, url)
    prepare_instance(settings)
    with dg.DagsterInstance.get():
        pass
    prepare_instance(settings)
    _set_revision(url, _previous_revision())
    with pytest.raises(InstanceUnavailable, match="those of an older Dagster") as refused:
        prepare_instance(settings)
    assert "make team MIGRATE=1" in refused.value.mend
    _set_revision(url, NEWER)
    for any_known_version in (False, True):
        with pytest.raises(InstanceUnavailable, match=f"revision {NEWER}") as refused:
            prepare_instance(settings, any_known_version=any_known_version)
    assert "up to date" in refused.value.mend


@pytest.mark.slow
@pytest.mark.postgres
def test_older_tables_are_brought_up_to_date(tmp_path, url):
    settings = _settings(tmp_path, url)
    prepare_instance(settings)
    with dg.DagsterInstance.get() as instance:
        kept = instance.add_run(dg.DagsterRun(job_name="kept")).run_id
    wanted, _ = team._revisions()
    _set_revision(url, _previous_revision())
    lines = team.describe(settings, migrate=True)
    assert any("brought to those of Dagster" in line for line in lines)
    prepare_instance(settings)
    with sa.create_engine(team.storage_address(Secret(url))).connect() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == wanted
    with dg.DagsterInstance.get() as instance:
        assert instance.has_run(kept)


@pytest.mark.slow
@pytest.mark.postgres
def test_a_database_of_another_program_is_left_as_it_is(tmp_path, url):
    with sa.create_engine(team.storage_address(Secret(url))).begin() as connection:
        connection.execute(sa.text("CREATE TABLE runs (distance_km integer)"))
    with pytest.raises(InstanceUnavailable, match="or another program, made them"):
        prepare_instance(_settings(tmp_path, url))
    with sa.create_engine(team.storage_address(Secret(url))).connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["runs"]


@pytest.mark.slow
@pytest.mark.postgres
def test_the_first_folder_makes_the_runs_until_another_takes_over(tmp_path, url):
    first, second = (_settings(tmp_path / name, url) for name in ("first", "second"))
    prepare_instance(first)
    assert "nobody yet" in "\n".join(team.describe(first))
    found: list[team.Owner] = []
    askers = [threading.Thread(target=lambda s=s: found.append(team.claim(s))) for s in [first] * 4]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [one.is_here for one in found] == [True] * 4
    team.require_ours(first)
    with pytest.raises(InstanceUnavailable, match="Runs of the shared instance are made on") as no:
        team.require_ours(second)
    assert str(first.output_dir) in no.value.what
    assert "make team HERE=1" in no.value.mend

    prepare_instance(second)
    with dg.DagsterInstance.get() as instance:
        left = instance.add_run(
            dg.DagsterRun(
                job_name="refresh_everything",
                status=dg.DagsterRunStatus.STARTED,
                tags={**process_tags(), MACHINE_TAG: "gone"},
            )
        )
        assert end_dead_runs(instance) == []
        assert any("1 unfinished run" in line for line in team.describe(second, take_over=True))
        ended = instance.get_run_by_id(left.run_id)
        assert ended is not None
        assert ended.status is dg.DagsterRunStatus.FAILURE
    team.require_ours(second)
    with pytest.raises(InstanceUnavailable):
        team.require_ours(first)


@pytest.mark.slow
@pytest.mark.postgres
def test_of_two_folders_that_ask_at_once_one_gets_it(tmp_path, url):
    askers = [_settings(tmp_path / str(number), url) for number in range(8)]
    found: list[team.Owner] = []
    threads = [threading.Thread(target=lambda s=s: found.append(team.claim(s))) for s in askers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert sum(one.is_here for one in found) == 1
    assert len({one.folder for one in found}) == 1


CHILD = """
import sys, time
from pathlib import Path
import dagster as dg
from dagster_project.instance import end_dead_runs, prepare_instance, process_tags
from dagster_project.settings import current_settings
from dagster_project.team import readable_storage_failures

def slow(name):
    @dg.asset(name=name, pool="duckdb")
    def made(context):
        context.log.info("begun")
        print("begun " + name, flush=True)
        for _ in range(int(sys.argv[2])):
            time.sleep(0.1)
            context.log.info("still at it")
        return dg.MaterializeResult(metadata={"rows": 3})
    return made

settings = current_settings()
prepare_instance(settings)
try:
    with readable_storage_failures(settings), dg.DagsterInstance.get() as instance:
        end_dead_runs(instance)
        done = dg.materialize([slow(sys.argv[1])], instance=instance, tags=process_tags())
        print("done", done.run_id, flush=True)
except Exception as error:
    print(type(error).__name__, str(error), flush=True)
    sys.exit(1)
"""


def _child(settings: Settings, name: str, tenths: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, name, str(tenths)],
        env=command_environment(
            MINER_OUTPUT_DIR=str(settings.output_dir),
            MINER_DAGSTER_POSTGRES_URL=settings.dagster_postgres_url.reveal(),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _until_begun(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith("begun"):
            return seen
    raise AssertionError("".join(seen))


@pytest.mark.slow
@pytest.mark.postgres
def test_two_processes_at_once_are_seen_by_a_third_and_no_file_holds_the_password(
    tmp_path, url, postgres_server
):
    settings = _settings(tmp_path / "here", url)
    processes = [_child(settings, name, 5) for name in ("left", "right")]
    said = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)

    looker = _settings(tmp_path / "looker", url)
    prepare_instance(looker)
    with dg.DagsterInstance.get() as instance:
        for name in ("left", "right"):
            event = instance.get_latest_materialization_event(dg.AssetKey(name))
            assert event is not None
            assert event.asset_materialization.metadata["rows"].value == 3
        runs = instance.get_runs()
        assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
        assert len(runs) == 2
        spans = sorted(
            (stats.start_time, stats.end_time)
            for run in runs
            for stats in instance.get_run_step_stats(run.run_id)
        )
        assert spans[0][1] <= spans[1][0], "one writer at a time, across processes"

    password = postgres_server.password
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "dagster.yaml" for path in kept)
    assert [path for path in kept if password.encode() in path.read_bytes()] == []
    assert password not in "".join(said)
    with sa.create_engine(team.storage_address(Secret(url))).connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            rows = connection.execute(sa.text(f'SELECT * FROM "{table}"')).all()
            assert password not in repr(rows), table


@pytest.mark.slow
@pytest.mark.postgres
def test_a_killed_run_is_ended_by_the_next_and_its_slot_is_free(tmp_path, url):
    settings = _settings(tmp_path, url)
    killed = _child(settings, "killed", 3000)
    _until_begun(killed)
    prepare_instance(settings)
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs()
        assert run.tags[PROCESS_TAG] == str(killed.pid)
        assert end_dead_runs(instance) == []
        killed.kill()
        killed.communicate()
        following = _child(settings, "following", 1)
        said, _ = following.communicate(timeout=240)
        assert following.returncode == 0, said
        ended = instance.get_run_by_id(run.run_id)
        assert ended is not None
        assert ended.status is dg.DagsterRunStatus.FAILURE


@pytest.mark.slow
@pytest.mark.postgres
def test_a_server_that_goes_away_in_the_middle_is_one_message_and_the_next_run_clears_up(tmp_path):
    with running_server() as server:
        settings = _settings(tmp_path, server.url(server.new_database()))
        process = _child(settings, "interrupted", 600)
        _until_begun(process)
        server.stop()
        said, _ = process.communicate(timeout=240)
        assert process.returncode == 1, said
        told = said[said.index("InstanceUnavailable") :]
        assert "does not answer any more" in told
        assert "the next run marks this one as failed" in told
        assert "Traceback" not in said, said[-3500:]
        assert server.password not in said

        server.start()
        following = _child(settings, "following", 1)
        said, _ = following.communicate(timeout=240)
        assert following.returncode == 0, said
        prepare_instance(settings)
        with dg.DagsterInstance.get() as instance:
            statuses = [run.status for run in instance.get_runs()]
        assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
