"""Whatever kills, starves or locks out a load, the rows loaded before stay as they were."""

from __future__ import annotations

import sys

import duckdb
import pytest

from dagster_project.contracts import BY_NAME, TABLES
from dagster_project.errors import WarehouseLocked
from dagster_project.settings import BUNDLED_DATA_DIR, prepare_output_folders, read_settings
from dagster_project.sources import open_calendar, open_source
from dagster_project.warehouse import connection as warehouse_connection
from dagster_project.warehouse.connection import warehouse
from dagster_project.warehouse.load import load

# Loads the rows of a CSV file after putting a trap into one step of the loader.
LOAD = """
import os, resource, signal, sys
from datetime import datetime
from pathlib import Path
import pandas as pd
from dagster_project.contracts import BY_NAME, SOURCE_REF, Extract, typed_frame
from dagster_project.errors import WarehouseProjectError
from dagster_project.warehouse import ddl, load as loader
from dagster_project.warehouse.connection import warehouse

path, rows, step, limit = sys.argv[1:]
frame = pd.read_csv(rows, parse_dates=["session_date"], float_precision="round_trip")
columns = {
    "ticker": frame["ticker"].tolist(),
    "session_date": [stamp.date() for stamp in frame["session_date"]],
    "close": frame["close"].tolist(),
    SOURCE_REF: ["row"] * len(frame),
}
extract = Extract("equity_prices", typed_frame(BY_NAME["equity_prices"], columns), "test", "file",
                  datetime(2025, 3, 27, 12))
if step:
    owner = loader if hasattr(loader, step) else ddl
    real = getattr(owner, step)

    def killed(*arguments, **options):
        real(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, step, killed)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    with warehouse(Path(path)) as connection:
        loader.load(connection, extract)
except WarehouseProjectError as error:
    print(error)
    sys.exit(3)
"""


@pytest.fixture
def csv_of(tmp_path):
    def write(rows: list[dict]):
        path = tmp_path / "rows.csv"
        lines = [f"{row['ticker']},{row['session_date']},{row['close']!r}" for row in rows]
        path.write_text("\n".join(["ticker,session_date,close", *lines]) + "\n")
        return path

    return write


@pytest.mark.parametrize(
    "step",
    [
        "_stage",
        "_find_breaches",
        "_set_rejected_aside",
        "_leave_rejected_out",
        "in_key_order",
        "_merge",
        "_log_batch",
    ],
)
def test_a_kill_inside_the_transaction_leaves_the_stored_rows(
    loading, prices, csv_of, run_script, step
):
    loading.load("equity_prices", prices())
    before = loading.rows()
    changed = [*prices(close=9.0)[:-1], *prices("BBB", 20)]

    done = run_script(LOAD, loading.path, csv_of(changed), step, "")
    assert done.returncode == -9, done.stderr

    assert loading.rows() == before
    assert loading.query("SELECT count(*) FROM ingest.revisions") == [(0,)]
    assert loading.query("SELECT count(*) FROM ingest.rejected_rows") == [(0,)]
    report = loading.load("equity_prices", changed)
    assert (report.updated, report.inserted, report.removed) == (1, 20, 1)


def test_a_reload_after_a_kill_equals_an_undisturbed_load(
    loading, prices, csv_of, run_script, tmp_path, loading_template
):
    done = run_script(LOAD, loading.path, csv_of(prices()), "_merge", "")
    assert done.returncode == -9, done.stderr
    done = run_script(LOAD, loading.path, csv_of(prices()), "", "")
    assert done.returncode == 0, done.stderr

    undisturbed = type(loading)(tmp_path / "undisturbed.duckdb")
    undisturbed.path.write_bytes(loading_template.read_bytes())
    undisturbed.load("equity_prices", prices())
    assert loading.values() == undisturbed.values()


@pytest.mark.parametrize("step", ["create_table_sql", "comment_sql"])
def test_a_kill_while_the_tables_are_made_leaves_none_half_made(
    tmp_path, prices, csv_of, run_script, step, loading
):
    fresh = type(loading)(tmp_path / "fresh.duckdb")
    done = run_script(LOAD, fresh.path, csv_of(prices()), step, "")
    assert done.returncode == -9, done.stderr
    assert fresh.query("SELECT count(*) FROM duckdb_tables()") == [(0,)]
    fresh.load("study_windows", [{"window_id": "[0,0]", "first_day": 0, "last_day": 0}])
    assert fresh.query("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'raw'") == [
        (len(TABLES),)
    ]


def test_a_full_disk_is_said_and_the_stored_rows_stay(loading, prices, csv_of, run_script):
    loading.load("equity_prices", prices(count=50))
    before = loading.rows()
    many = [row for ticker in ("AAA", "BBB", "CCC") for row in prices(ticker)]
    limit = str(loading.path.stat().st_size // 1000)

    done = run_script(LOAD, loading.path, csv_of(many), "", limit)

    assert done.returncode == 3, done.stderr
    assert "The working file cannot be read or written" in done.stdout
    assert str(loading.path) in done.stdout
    assert "what was loaded before is untouched" in done.stdout
    assert loading.rows() == before
    assert loading.load("equity_prices", many).total == 600


def test_another_process_that_writes_is_named(loading, monkeypatch, held_open):
    waits: list[float] = []
    monkeypatch.setattr(warehouse_connection.time, "sleep", waits.append)
    with (
        held_open(loading.path, "write") as holder,
        pytest.raises(WarehouseLocked, match="holds the working file") as locked,
        warehouse(loading.path, attempts=3),
    ):
        pytest.fail("two writers at once")
    assert str(loading.path) in locked.value.where
    assert f"PID {holder.pid}" in locked.value.where
    assert "published file, which is never locked" in locked.value.mend
    assert len(waits) == 2


def test_the_lock_is_waited_for(loading, monkeypatch, held_open):
    holder = held_open(loading.path, "read")
    holder.__enter__()
    monkeypatch.setattr(warehouse_connection.time, "sleep", lambda _: holder.__exit__())
    with warehouse(loading.path) as connection:
        assert connection.execute("SELECT count(*) FROM raw.companies").fetchall() == [(3,)]


def test_the_file_is_free_after_the_block_even_when_it_fails(loading, run_script):
    with pytest.raises(RuntimeError), warehouse(loading.path):
        raise RuntimeError
    done = run_script(
        "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('CREATE TABLE t (x INT)')",
        loading.path,
    )
    assert done.returncode == 0, done.stderr


def test_a_read_only_data_folder_loads_into_an_output_folder_elsewhere(tmp_path):
    """Nothing is ever opened for writing under the data folder."""
    output = tmp_path / "out"
    settings = read_settings({"MINER_OUTPUT_DIR": str(output)})
    stamps = {path: path.stat().st_mtime_ns for path in sorted(BUNDLED_DATA_DIR.rglob("*"))}
    opened: list[str] = []

    def watch(event: str, arguments: tuple) -> None:
        writes = event == "open" and arguments[1] and set(arguments[1]) & set("wax+")
        if (writes or event in ("os.mkdir", "os.rename")) and watching:
            opened.append(str(arguments[0]))

    # Root ignores permissions, so the interpreter itself reports what is opened how.
    watching = True
    sys.addaudithook(watch)
    try:
        prepare_output_folders(settings)
        with warehouse(settings.warehouse_path) as connection:
            for name in ("companies", "exchange_sessions", "equity_prices"):
                table = BY_NAME[name]
                source = open_source(settings) if table.file else open_calendar(settings)
                load(connection, source.extract(table))
    finally:
        watching = False
    assert [path for path in opened if path.startswith(str(BUNDLED_DATA_DIR))] == []
    assert {path: path.stat().st_mtime_ns for path in sorted(BUNDLED_DATA_DIR.rglob("*"))} == stamps
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        (count,) = connection.execute("SELECT count(*) FROM raw.equity_prices").fetchone()
    assert count > 9_000
