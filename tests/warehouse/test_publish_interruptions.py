"""Whatever kills or starves a publication, readers keep a whole one under the same paths."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import duckdb
import pytest

from dagster_project.errors import PublicationRefused, WarehouseLocked
from dagster_project.warehouse import connection as warehouse_connection
from dagster_project.warehouse import publish_files

# Every step of a publication that touches the disk, in order.
STEPS = [
    "write_database",
    "write_parquet",
    "verify",
    "write_manifest",
    "sync_tree",
    "move_into_place",
    "ensure_reader_links",
    "point_current",
]

KILLED_PUBLICATION = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from dagster_project.warehouse import publish, publish_files

working, published, step, moment = sys.argv[1:]
owner = publish if step == "_prune" else publish_files
real = getattr(owner, step)

def killed(*arguments, **options):
    if moment == "after":
        real(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, step, killed)
publish.publish(Path(working), Path(published), code_revision="abc", keep=2,
                allow_smaller=False, now=datetime(2025, 4, 1, tzinfo=UTC))
"""


# Before a step is after the one before it, but for the first step and around the switch.
KILLS = [(step, "after") for step in [*STEPS, "_replace_link", "_prune"]] + [
    (step, "before") for step in ("write_database", "_replace_link", "_prune")
]


@pytest.mark.parametrize(("step", "moment"), KILLS)
def test_a_kill_at_any_step_leaves_a_whole_publication(publishing, run_script, step, moment):
    publishing.run(keep=2)
    publishing.next_version(2)

    done = run_script(KILLED_PUBLICATION, publishing.warehouse, publishing.published, step, moment)
    assert done.returncode == -9, done.stderr

    switched = step == "_prune" or (
        moment == "after" and step in ("point_current", "_replace_link")
    )
    assert publishing.versions() == ({2} if switched else {1})

    report = publishing.run(keep=2)
    assert report.unchanged == switched
    assert publishing.versions() == {2}
    assert publishing.building_folders() == []
    assert not list(publishing.published.glob(".new-*"))
    assert len(list((publishing.published / "releases").iterdir())) == 2


@pytest.mark.parametrize("step", ["write_database", "move_into_place", "ensure_reader_links"])
def test_a_kill_during_the_first_publication_leaves_nothing_in_the_way(
    publishing, run_script, step
):
    done = run_script(KILLED_PUBLICATION, publishing.warehouse, publishing.published, step, "after")
    assert done.returncode == -9, done.stderr
    assert not publishing.database.exists()
    # A release that is complete is found and shown; one that is not is written again.
    assert publishing.run().unchanged == (step != "write_database")
    assert publishing.versions() == {1}
    assert len(list((publishing.published / "releases").iterdir())) == 1


@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk_at_any_step_is_said_and_leaves_no_trace(publishing, monkeypatch, step):
    before = publishing.run()
    publishing.next_version(2)

    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/disk/file")

    monkeypatch.setattr(publish_files, step, full)
    with pytest.raises(PublicationRefused, match="No space left on device") as refused:
        publishing.run()
    assert refused.value.where == "/disk/file"
    assert "previous publication is untouched" in refused.value.mend
    assert publishing.versions() == {1}
    assert [p.name for p in (publishing.published / "releases").iterdir()] == [
        before.publication_id
    ]

    monkeypatch.undo()
    publishing.run()
    assert publishing.versions() == {2}


def test_an_error_after_the_switch_does_not_take_the_new_publication_away(publishing, monkeypatch):
    publishing.run()
    publishing.next_version(2)
    real = publish_files.point_current

    def fails_late(*arguments):
        real(*arguments)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(publish_files, "point_current", fails_late)
    with pytest.raises(PublicationRefused, match="Input/output error"):
        publishing.run()
    assert publishing.versions() == {2}


def test_an_error_of_duckdb_while_writing_is_said(publishing, monkeypatch):
    publishing.run()
    publishing.next_version(2)

    def breaks(*_arguments):
        raise duckdb.IOException("IO Error: Could not write file: No space left on device")

    monkeypatch.setattr(publish_files, "write_parquet", breaks)
    with pytest.raises(PublicationRefused, match="No space left on device"):
        publishing.run()
    assert publishing.versions() == {1}
    assert publishing.building_folders() == []


LIMITED_PUBLICATION = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from dagster_project.errors import PublicationRefused
from dagster_project.warehouse.publish import publish

working, published, limit = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    publish(Path(working), Path(published), code_revision="abc", keep=3,
            allow_smaller=False, now=datetime(2025, 4, 1, tzinfo=UTC))
except PublicationRefused as error:
    print(error)
    sys.exit(3)
"""


# Less than the header of a DuckDB file, and less than the whole of it.
@pytest.mark.parametrize("limit", [4096, 300_000])
def test_the_system_refusing_to_write_is_said(publishing, run_script, limit):
    publishing.run()
    publishing.next_version(2)
    done = run_script(LIMITED_PUBLICATION, publishing.warehouse, publishing.published, str(limit))
    assert done.returncode == 3, done.stderr
    assert "could not be written" in done.stdout
    assert "previous publication is untouched" in done.stdout
    assert publishing.versions() == {1}
    assert publishing.building_folders() == []
    publishing.run()
    assert publishing.versions() == {2}


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("DELETE FROM marts.dim_firm WHERE ticker = 'RIOT'", "rows of the DuckDB file differ"),
        ("UPDATE marts.dim_firm SET name = 'x' WHERE ticker = 'RIOT'", "rows of the DuckDB file"),
        ("COMMENT ON TABLE marts.dim_firm IS NULL", "columns or comments differ"),
        ("CREATE TABLE marts.other (x INTEGER)", "table other was not in the working file"),
        ("DELETE FROM marts.publication", "table publication: does not say what the manifest"),
        (
            "UPDATE marts.publication_tables SET row_count = 4 WHERE table_name = 'dim_firm'",
            "table publication_tables: does not say",
        ),
    ],
)
def test_what_was_written_is_held_against_the_working_file(
    publishing, monkeypatch, damage, expected
):
    publishing.run()
    publishing.next_version(2)
    real = publish_files.write_parquet

    def damaging(marts, folder):
        real(marts, folder)
        with duckdb.connect(str(folder / publish_files.DATABASE)) as written:
            written.execute(damage)

    monkeypatch.setattr(publish_files, "write_parquet", damaging)
    with pytest.raises(PublicationRefused, match="does not equal") as refused:
        publishing.run()
    assert expected in refused.value.where
    assert publishing.versions() == {1}


def test_parquet_is_verified_too(publishing, monkeypatch):
    real = publish_files.write_parquet

    def truncating(marts, folder):
        real(marts, folder)
        path = folder / "parquet" / "dim_firm.parquet"
        duckdb.execute(f"COPY (FROM '{path}' LIMIT 1) TO '{path}.short' (FORMAT parquet)")
        os.replace(f"{path}.short", path)  # noqa: PTH105 - the short name is a text

    monkeypatch.setattr(publish_files, "write_parquet", truncating)
    with pytest.raises(PublicationRefused) as refused:
        publishing.run()
    assert "table dim_firm: rows of the Parquet file differ" in refused.value.where


def test_a_writer_on_the_working_file_is_named(publishing, monkeypatch, held_open):
    publishing.run()
    monkeypatch.setattr(warehouse_connection.time, "sleep", lambda _seconds: None)
    with (
        held_open(publishing.warehouse, "write") as holder,
        pytest.raises(WarehouseLocked, match="holds the working file") as locked,
    ):
        publishing.run()
    assert str(publishing.warehouse) in locked.value.where
    assert f"PID {holder.pid}" in locked.value.where
    assert publishing.versions() == {1}


def test_a_writing_connection_of_this_process_is_said_too(publishing, monkeypatch):
    monkeypatch.setattr(warehouse_connection.time, "sleep", lambda _seconds: None)
    with (
        duckdb.connect(str(publishing.warehouse)),
        pytest.raises(WarehouseLocked, match="another connection of this one"),
    ):
        publishing.run()


# Reads both formats over and over; every answer must be whole, of one version, and no older
# than the one before. Ends after a read of the last version.
READER = """
import sys
import time
import duckdb

database, parquet, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
newest = reads = 0
while newest < last:
    with duckdb.connect(database, read_only=True) as connection:
        seen = connection.execute(
            "SELECT version, count(*) FROM (SELECT version FROM marts.fct_daily "
            "UNION ALL SELECT version FROM marts.dim_firm) GROUP BY version"
        ).fetchall()
        rows = connection.execute(
            f"SELECT count(*), count(DISTINCT version) FROM '{parquet}'"
        ).fetchall()
    assert len(seen) == 1 and seen[0][1] == 303 and seen[0][0] >= newest, (seen, newest)
    assert rows == [(300, 1)], rows
    newest = seen[0][0]
    reads += 1
    time.sleep(0.01)  # leave the processor to the publisher now and then
    if reads == 1:
        print("reading", flush=True)
print(reads)
"""


def test_readers_never_see_an_error_or_a_torn_publication(publishing):
    publishing.run()
    parquet = publishing.published / "parquet" / "fct_daily.parquet"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(publishing.database), str(parquet), "11"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    try:
        assert [reader.stdout.readline() for reader in readers] == ["reading\n"] * 3
        for version in range(2, 12):
            publishing.next_version(version)
            publishing.run(keep=2)
        outcomes = [(reader.communicate(timeout=30), reader.returncode) for reader in readers]
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()
    for (reads, error), code in outcomes:
        assert code == 0, error
        assert int(reads) > 1
