"""A damaged working file is set aside and its history restored: no row of it is lost."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import BY_NAME
from dagster_project.errors import LoadRefused, WarehouseLocked, WarehouseProjectError
from dagster_project.warehouse.connection import (
    WorkingFileHealed,
    open_duckdb,
    require_sound,
    warehouse,
)
from dagster_project.warehouse.history import (
    RECORD,
    has_history,
    heal,
    history_of,
    keep_history,
    read_through,
    start_again,
)
from dagster_project.warehouse.load import load
from tests.warehouse.conftest import DAYS, load_parents, make_extract

HEADERS, BLOCK = 3 * 4_096, 262_144
# Parts of the length at which the file is cut off, and at which a byte is flipped.
CUTS = (0.0, 0.0001, 0.001, 0.002, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999999)
FLIPS = (0, 8, 12, 4_096, 8_192, HEADERS, HEADERS + 8)


def state(path: Path) -> dict[str, list[tuple]]:
    """Every row of raw and ingest, but when each contract was applied to this very file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
            "WHERE schema_name IN ('raw', 'ingest') ORDER BY ALL"
        ).fetchall()
        return {
            name: connection.execute(
                f"SELECT * {'EXCLUDE (applied_at) ' if name == 'ingest.contracts' else ''}"
                f"FROM {name} ORDER BY ALL"
            ).fetchall()
            for (name,) in names
        }


def prices(closes: dict[date, float], ticker: str = "AAA") -> list[dict]:
    return [{"ticker": ticker, "session_date": day, "close": c} for day, c in closes.items()]


def load_and_keep(path: Path, table: str, rows: list[dict], **how: object) -> None:
    with warehouse(path) as connection:
        with suppress(LoadRefused):
            load(connection, make_extract(table, rows, **how), allow_smaller=True)
        keep_history(connection, path, (BY_NAME[table],))


def fill(path: Path) -> None:
    with warehouse(path) as connection:
        load_parents(connection)
        keep_history(connection, path)
    load_and_keep(path, "equity_prices", prices(dict.fromkeys(DAYS, 10.0)))
    # A correction, a removal, and a refused load with a row that breaks the contract.
    load_and_keep(path, "equity_prices", prices(dict.fromkeys(DAYS[:-1], 10.0) | {DAYS[0]: 11.0}))
    load_and_keep(path, "equity_prices", prices({DAYS[0]: -1.0}))
    # As dbt leaves it: far more in other schemas than in the tables that are kept.
    with warehouse(path) as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute("CREATE TABLE marts.long AS SELECT random() AS x FROM range(300_000)")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "working.duckdb"
    fill(path)
    before = state(path)
    assert len(before["ingest.revisions"]) == 2
    assert len(before["ingest.rejected_rows"]) == 1
    assert [row[8] for row in before["ingest.batches"]].count("refused") == 1
    return path


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    made = tmp_path / template.name
    shutil.copyfile(template, made)
    shutil.copytree(history_of(template), history_of(made))
    return made


def set_aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.damaged.duckdb"))


def cut(part: float) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        os.truncate(path, int(part * path.stat().st_size))

    return damage


def flip(at: int | float) -> Callable[[Path], None]:
    """Flip the bits of a byte: at a place, or in the block in use after a part of the file.

    A block that no table uses any more is never read: whatever is in it harms nobody.
    """

    def damage(path: Path) -> None:
        sound = path.read_bytes()
        blocks = range(HEADERS, len(sound), BLOCK)
        places = [at] if isinstance(at, int) else blocks[int(at * len(blocks)) :]
        for start in places:
            place = start if isinstance(at, int) else start + BLOCK // 2
            path.write_bytes(sound[:place] + bytes([sound[place] ^ 0xFF]) + sound[place + 1 :])
            if not is_sound(path):
                return
        raise AssertionError("every block in that part of the file is unused")

    return damage


def is_sound(path: Path) -> bool:
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            read_through(connection)
    except duckdb.Error:
        return False
    return True


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def text(path: Path) -> None:
    path.write_text("figures of mine, not a database\n" * 400)


def sqlite_file(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE runs (id)")
    other.close()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "notes.txt").write_text("mine")


DAMAGES = {
    **{f"cut at {part:.4%}": cut(part) for part in CUTS},
    **{f"byte {at} flipped": flip(at) for at in FLIPS},
    **{f"byte at {part:.0%} flipped": flip(part) for part in (0.1, 0.3, 0.5, 0.7, 0.9)},
    "zeros": zeros,
    "a text file": text,
    "an SQLite file": sqlite_file,
    "a folder": folder,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_whatever_damages_the_file_the_next_run_goes_on_with_every_row(path, damage, caplog):
    before = state(path)
    damage(path)
    with caplog.at_level(logging.WARNING):
        require_sound(path)
    assert state(path) == before
    (aside,) = set_aside(path)
    assert str(aside) in caplog.text


def test_a_healed_file_takes_the_next_load(path):
    before = state(path)
    cut(0.5)(path)
    load_and_keep(path, "equity_prices", prices({DAYS[0]: 12.0}), complete=False)
    assert len(state(path)["ingest.revisions"]) == len(before["ingest.revisions"]) + 1


def test_what_was_in_the_place_of_the_file_is_kept(path):
    text(path)
    content = path.read_bytes()
    open_duckdb(path).close()
    assert [aside.read_bytes() for aside in set_aside(path)] == [content]


def test_a_damaged_log_goes_aside_with_the_file(path):
    wal = path.with_name(path.name + ".wal")
    cut(0.5)(path)
    wal.write_bytes(b"what a killed writer left")
    open_duckdb(path).close()
    (aside,) = set_aside(path)
    assert aside.with_name(aside.name + ".wal").read_bytes() == b"what a killed writer left"
    assert not wal.exists()


def test_damage_that_only_a_query_finds_fails_once_and_is_healed(path):
    before = state(path)
    flip(0.1)(path)
    duckdb.connect(str(path), read_only=True).close()
    with pytest.raises(WorkingFileHealed, match="was damaged") as told:  # noqa: SIM117
        with warehouse(path) as connection:
            read_through(connection)
    assert "run again" in told.value.mend
    assert state(path) == before


def test_a_missing_file_is_restored(path, caplog):
    before = state(path)
    path.unlink()
    with caplog.at_level(logging.WARNING):
        open_duckdb(path).close()
    assert state(path) == before
    assert "no working file" in caplog.text


def test_without_history_a_damaged_file_still_makes_room_for_a_new_one(path):
    shutil.rmtree(history_of(path))
    cut(0.5)(path)
    with warehouse(path) as connection:
        load_parents(connection)
    assert len(set_aside(path)) == 1


def test_a_reader_changes_nothing_and_is_told_who_does(path):
    cut(0.5)(path)
    damaged = path.read_bytes()
    with pytest.raises(WarehouseProjectError, match="cannot be opened") as told:
        open_duckdb(path, read_only=True)
    assert "'make run'" in told.value.mend
    assert path.read_bytes() == damaged


def test_a_sound_file_is_never_set_aside(path):
    """Two processes found the damage; this one comes when the other has healed it."""
    before = state(path)
    assert heal(path, "found by two") is None
    assert state(path) == before
    assert set_aside(path) == []


HOLD = (
    "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); "
    "sys.stdin.read()"
)


def test_a_locked_file_is_waited_for_and_stays(path):
    before = state(path)
    writer = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert writer.stdout
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(WarehouseLocked):
            open_duckdb(path, attempts=1)
    finally:
        writer.communicate(b"")
    assert set_aside(path) == []
    assert state(path) == before


@pytest.mark.parametrize(
    "said",
    [
        "IO Error: Trying to read a database file with version number 99, but we can only read "
        "versions between 64 and 67.",
        'IO Error: Cannot open file "x": Permission denied',
        'IO Error: Could not write file "x": No space left on device',
        "IO Error: Cannot open file: Too many open files",
    ],
    ids=["another version", "no permission", "disk full", "too many open files"],
)
def test_a_sound_file_that_cannot_be_opened_stays(path, monkeypatch, said):
    def refuse(*_arguments: object, **_options: object) -> None:
        raise duckdb.IOException(said)

    monkeypatch.setattr("dagster_project.warehouse.connection.connect", refuse)
    with pytest.raises(WarehouseProjectError, match="cannot be opened") as told:
        open_duckdb(path)
    assert "make run" not in told.value.mend
    assert set_aside(path) == []


def test_a_link_still_leads_to_the_other_disk(path, tmp_path):
    before = state(path)
    other = tmp_path / "other disk" / "big.duckdb"
    other.parent.mkdir()
    path.rename(other)
    path.symlink_to(other)
    cut(0.5)(other)
    open_duckdb(path).close()
    assert path.is_symlink()
    assert other.is_file()
    assert state(path) == before


def test_a_link_whose_disk_is_away_is_no_missing_file(path, tmp_path):
    path.unlink()
    path.symlink_to(tmp_path / "not mounted" / "big.duckdb")
    with pytest.raises(WarehouseProjectError, match="cannot be opened"):
        open_duckdb(path)
    assert path.is_symlink()


def test_a_rebuild_starts_with_the_history_and_without_rows(path):
    before = state(path)
    path.unlink()
    start_again(path)
    after = state(path)
    for log in ("batches", "revisions", "rejected_rows"):
        assert after[f"ingest.{log}"] == before[f"ingest.{log}"]
    assert after["raw.equity_prices"] == []
    # A rebuild that fails before it loads anything leaves the history as it was.
    with warehouse(path) as connection:
        assert keep_history(connection, path) == []
    path.unlink()
    open_duckdb(path).close()
    assert state(path) == before


def test_a_history_is_written_when_something_changed(path):
    with warehouse(path) as connection:
        assert keep_history(connection, path) == []
    records = {file.parent.name: file.read_text() for file in history_of(path).glob(f"*/{RECORD}")}
    load_and_keep(path, "equity_prices", prices({DAYS[0]: 11.0}), complete=False)
    for name, text_before in records.items():
        changed = (history_of(path) / name / RECORD).read_text() != text_before
        assert changed == (name == "equity_prices")
    files = json.loads((history_of(path) / "equity_prices" / RECORD).read_text())["files"]
    before = json.loads(records["equity_prices"])["files"]
    # The load changed no row: what is written again is the log of loads.
    assert [part for part in files if files[part] != before[part]] == ["batches"]
    on_disk = {file.name for file in (history_of(path) / "equity_prices").iterdir()}
    assert on_disk == {RECORD, *(file["name"] for file in files.values())}


def test_a_history_with_more_loads_is_never_overwritten(path, template, tmp_path, caplog):
    """An older copy of the working file is put back by hand."""
    older = tmp_path / "older.duckdb"
    shutil.copyfile(path, older)
    load_and_keep(path, "equity_prices", prices({DAYS[0]: 13.0}), complete=False)
    load_and_keep(path, "equity_prices", prices({DAYS[1]: -5.0}), complete=False)
    more = state(path)
    shutil.copyfile(older, path)
    with caplog.at_level(logging.WARNING):
        load_and_keep(path, "equity_prices", prices({DAYS[0]: 14.0}), complete=False)
    after = state(path)
    for log in ("ingest.revisions", "ingest.rejected_rows", "ingest.batches"):
        assert set(map(str, more[log])) <= set(map(str, after[log])), log
    assert "did not know" in caplog.text
    (kept,) = history_of(path).glob("equity_prices.*.replaced")
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT close FROM '{kept}/rows.*.parquet' ORDER BY 1"
        ).fetchall()
    assert (13.0,) in rows
    path.unlink()
    open_duckdb(path).close()
    assert state(path) == after


@pytest.mark.parametrize(
    "spoil",
    [
        lambda table: (table / RECORD).write_text("{"),
        lambda table: (table / RECORD).write_text('{"state": 1, "files": {}}'),
        lambda table: next(table.glob("revisions.*")).write_bytes(b"PAR1"),
        lambda table: next(table.glob("rows.*")).unlink(),
    ],
    ids=["record cut off", "record of another shape", "part damaged", "part missing"],
)
def test_a_damaged_history_of_one_table_costs_no_other(path, spoil, caplog):
    before = state(path)
    spoil(history_of(path) / "equity_prices")
    cut(0.5)(path)
    with caplog.at_level(logging.WARNING):
        open_duckdb(path).close()
    after = state(path)
    assert after["raw.companies"] == before["raw.companies"]
    assert after["raw.equity_prices"] == []
    assert "history of equity_prices is damaged" in caplog.text
    assert len(list(history_of(path).glob("equity_prices.*.damaged"))) == 1
    load_and_keep(path, "equity_prices", prices({DAYS[0]: 12.0}))
    assert has_history(path)


def test_a_damaged_history_is_written_again_while_the_file_is_sound(path):
    before = state(path)
    table = history_of(path) / "equity_prices"
    (table / RECORD).write_text("{")
    with warehouse(path) as connection:
        assert keep_history(connection, path) == ["equity_prices"]
    next(table.glob("revisions.*")).write_bytes(b"PAR1")
    load_and_keep(path, "equity_prices", prices({DAYS[0]: 11.0}), complete=False)
    after = state(path)
    path.unlink()
    open_duckdb(path).close()
    assert state(path) == after
    assert after["ingest.revisions"] == before["ingest.revisions"]


def test_a_full_disk_keeps_the_history_before(path, monkeypatch, caplog):
    before = {file: file.read_bytes() for file in history_of(path).rglob("*") if file.is_file()}

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr("dagster_project.warehouse.history._sync", full)
        load_and_keep(path, "equity_prices", prices({DAYS[0]: 12.0}), complete=False)
    assert "No space left on device" in caplog.text
    for file, content in before.items():
        assert file.read_bytes() == content
    after = state(path)
    with warehouse(path) as connection:
        assert keep_history(connection, path) == ["equity_prices"]
    path.unlink()
    open_duckdb(path).close()
    assert state(path) == after
