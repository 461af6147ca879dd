"""A damaged working file: its copy of the last publication takes its place, loudly."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from dagster_project.errors import WarehouseLocked, WarehouseProjectError
from dagster_project.warehouse.connection import open_duckdb, warehouse
from dagster_project.warehouse.safe_copy import bring_back, copy_of, keep_copy

BLOCK = 262_144
HEADERS = 3 * 4_096
WHEN_OPENED, WHEN_READ = "opened", "read"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A working file of many blocks as it was published; four more rows came afterwards."""
    path = tmp_path / "working.duckdb"
    with warehouse(path) as connection:
        connection.execute("CREATE TABLE figures AS SELECT range AS n FROM range(3)")
        connection.execute("CREATE TABLE long AS SELECT random() AS x FROM range(500_000)")
    assert keep_copy(path)
    with warehouse(path) as connection:
        connection.execute("INSERT INTO figures SELECT range FROM range(4)")
    assert rows(path) == 7
    return path


def rows(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return len(connection.execute("SELECT n FROM figures").fetchall())


def found_when(path: Path) -> str:
    """When DuckDB finds what is wrong with the file; empty where nothing is."""
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error:
        return WHEN_OPENED
    with connection:
        try:
            connection.execute("SELECT sum(x) FROM long").fetchall()
        except duckdb.Error:
            return WHEN_READ
    return ""


def damage(path: Path, wanted: str = WHEN_OPENED) -> bytes:
    """Flip a byte of one block, as a write that ended half way would; returns the file now."""
    sound = path.read_bytes()
    for start in range(HEADERS, len(sound), BLOCK):
        at = start + BLOCK // 2
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 0xFF]) + sound[at + 1 :])
        if found_when(path) == wanted:
            return path.read_bytes()
    raise AssertionError(f"no block is looked at when the file is {wanted}")


def set_aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.damaged.duckdb"))


def test_a_writer_finds_the_copy_in_the_place_of_a_damaged_file(path, caplog):
    damaged = damage(path)
    with caplog.at_level(logging.WARNING), warehouse(path) as connection:
        assert connection.execute("SELECT count(*) FROM figures").fetchall() == [(3,)]
        connection.execute("INSERT INTO figures VALUES (9)")
    assert rows(path) == 4
    assert rows(copy_of(path)) == 3, "the copy is still there"
    (aside,) = set_aside(path)
    assert aside.read_bytes() == damaged
    assert "copy of the last publication" in caplog.text
    assert str(aside) in caplog.text


def test_damage_that_only_a_query_finds_fails_once_and_is_mended(path):
    damaged = damage(path, WHEN_READ)
    with pytest.raises(WarehouseProjectError, match="was damaged") as told:  # noqa: SIM117
        with warehouse(path) as connection:
            connection.execute("SELECT sum(x) FROM long").fetchall()
    assert "run again" in told.value.mend
    (aside,) = set_aside(path)
    assert told.value.where == str(aside)
    assert aside.read_bytes() == damaged
    assert found_when(path) == ""
    assert rows(path) == 3


def test_a_log_of_the_damaged_file_goes_aside_with_it(path):
    """Written back into the copy it would repeat rows or break it."""
    wal = path.with_name(path.name + ".wal")
    damage(path)
    wal.write_bytes(b"what a killed writer left")
    assert open_duckdb(path).execute("SELECT count(*) FROM figures").fetchall() == [(3,)]
    (aside,) = set_aside(path)
    assert aside.with_name(aside.name + ".wal").read_bytes() == b"what a killed writer left"


def test_without_a_copy_the_damaged_file_stays_and_the_message_says_what_to_do(path):
    copy_of(path).unlink()
    damaged = damage(path)
    with pytest.raises(WarehouseProjectError, match="cannot be opened") as told:
        open_duckdb(path)
    assert "make rebuild" in told.value.mend
    assert path.read_bytes() == damaged
    assert set_aside(path) == []


def test_a_reader_changes_nothing_and_is_told_who_does(path):
    damaged = damage(path)
    with pytest.raises(WarehouseProjectError, match="checksum") as told:
        open_duckdb(path, read_only=True)
    assert told.value.mend.startswith("'make run' puts its copy")
    assert path.read_bytes() == damaged


def test_a_file_that_never_was_a_database_is_not_replaced(path):
    path.write_bytes(b"figures of mine, not a database " * 200)
    with pytest.raises(WarehouseProjectError, match="cannot be opened"):
        open_duckdb(path)
    assert path.read_bytes().startswith(b"figures of mine")


def test_a_sound_file_is_never_set_aside(path):
    """Two processes found the damage; this one comes when the other has mended it."""
    assert bring_back(path) == path
    assert rows(path) == 7
    assert set_aside(path) == []


def test_the_copy_is_made_once_for_one_state(path):
    assert rows(copy_of(path)) == 3
    assert keep_copy(path)
    assert rows(copy_of(path)) == 7
    assert not keep_copy(path)
    assert found_when(copy_of(path)) == ""


def test_a_copy_that_is_brought_back_counts_as_the_state_it_was_made_of(path):
    damage(path)
    open_duckdb(path, read_only=False).close()
    assert not keep_copy(path)


def test_no_copy_is_made_while_a_writer_is_at_work(path):
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); "
            "sys.stdin.read()",
            str(path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert writer.stdout
        assert writer.stdout.readline() == "open\n"
        assert not keep_copy(path)
        with pytest.raises(WarehouseLocked):
            open_duckdb(path, attempts=1)
    finally:
        writer.communicate("")
    assert rows(copy_of(path)) == 3


def test_no_copy_is_made_of_a_file_whose_log_is_not_written_back(path):
    """What stands in the log is not in the file yet."""
    killed = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]); "
        "c.execute('INSERT INTO figures VALUES (8)'); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", killed, str(path)], check=False)
    assert path.with_name(path.name + ".wal").exists()
    assert not keep_copy(path)
    assert rows(copy_of(path)) == 3
    assert rows(path) == 8


def test_a_full_disk_keeps_the_copy_before(path, monkeypatch, caplog):
    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dagster_project.warehouse.safe_copy.shutil.copyfile", full)
    assert not keep_copy(path)
    assert "No space left on device" in caplog.text
    assert rows(copy_of(path)) == 3
    assert sorted(path.parent.iterdir()) == sorted([path, copy_of(path)])
