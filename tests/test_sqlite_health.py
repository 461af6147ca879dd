"""Damaged SQLite files of Dagster: set aside with a notice, and the run goes on."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.instance import end_dead_runs, prepare_instance
from dagster_project.settings import BUNDLED_DATA_DIR, Settings
from dagster_project.sqlite_health import set_damaged_aside
from dagster_project.sqlite_storage import engine_of


@dg.asset
def figures() -> None:
    """An asset without any work."""


def run_once(settings: Settings) -> None:
    """What `make run` and `make ui` do with Dagster's records."""
    prepare_instance(settings)
    with dg.DagsterInstance.get() as instance:
        end_dead_runs(instance)
        assert dg.materialize([figures], instance=instance).success
        assert instance.get_latest_materialization_event(figures.key)
        assert instance.all_instigator_state() == []
        assert instance.get_runs()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("DAGSTER_HOME", "MINER_WAREHOUSE_PATH", "MINER_THREADS", "DBT_PROFILES_DIR"):
        monkeypatch.setenv(name, "")
    yield
    engine_of.cache_clear()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two runs were recorded."""
    output = tmp_path_factory.mktemp("dagster")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DAGSTER_HOME", "MINER_WAREHOUSE_PATH", "MINER_THREADS", "DBT_PROFILES_DIR"):
            patch.setenv(name, "")
        settings = Settings(data_dir=BUNDLED_DATA_DIR, output_dir=output)
        run_once(settings)
        run_once(settings)
    engine_of.cache_clear()
    return output


@pytest.fixture
def settings(template: Path, tmp_path: Path) -> Settings:
    output = tmp_path / "output"
    shutil.copytree(template, output)
    return Settings(data_dir=BUNDLED_DATA_DIR, output_dir=output)


def _flip_pages(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(4_096, len(content), 4_096):
        content[place] ^= 0xFF
    path.write_bytes(content)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut to 100 bytes": lambda path: os.truncate(path, 100),
    "header flipped": lambda path: path.write_bytes(b"\xff" * 16 + path.read_bytes()[16:]),
    "pages flipped": _flip_pages,
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a text file": lambda path: path.write_text("notes of mine\n" * 100),
    "a folder": _folder,
}
FILES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_set_aside_and_the_run_goes_on(settings, name, damage, caplog):
    damage(settings.dagster_home / name)
    with caplog.at_level(logging.WARNING):
        run_once(settings)
    asides = list((settings.dagster_home / name).parent.glob("*.damaged"))
    assert len(asides) == 1
    assert asides[0].name in caplog.text


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_events_of_one_run_cost_no_other(settings, damage):
    runs = settings.dagster_home / "history" / "runs"
    shard, *others = [path for path in sorted(runs.glob("*.db")) if path.name != "index.db"]
    kept = {path.name for path in others}
    damage(shard)
    run_once(settings)
    assert [path.name.split(".")[0] for path in runs.glob("*.damaged")] == [shard.stem]
    assert kept <= {path.name for path in runs.glob("*.db")}


def test_an_empty_file_begins_again(settings):
    for name in FILES:
        (settings.dagster_home / name).write_bytes(b"")
    run_once(settings)


def test_a_file_in_place_of_a_folder_is_set_aside(settings):
    shutil.rmtree(settings.dagster_home / "history")
    (settings.dagster_home / "history").write_text("notes of mine")
    run_once(settings)
    (aside,) = settings.dagster_home.glob("history.*.damaged")
    assert aside.read_text() == "notes of mine"


def test_sound_files_stay_and_a_locked_one_too(settings):
    assert set_damaged_aside(settings.dagster_home) == []
    path = settings.dagster_home / FILES[0]
    holder = sqlite3.connect(path)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        assert set_damaged_aside(settings.dagster_home) == []
    finally:
        holder.rollback()
        holder.close()
    assert path.is_file()


def test_a_damaged_log_beside_a_file_costs_nothing_of_it(settings):
    path = settings.dagster_home / FILES[0]
    path.with_name(path.name + "-wal").write_bytes(b"what a killed writer left" * 100)
    path.with_name(path.name + "-shm").write_bytes(b"\xff" * 32_768)
    run_once(settings)
    with dg.DagsterInstance.get() as instance:
        assert len(instance.get_runs()) == 3
