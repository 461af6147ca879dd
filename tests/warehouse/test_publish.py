"""A publication holds what the marts hold, is described, and changes only when they do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from dagster_project.errors import PublicationRefused, WarehouseLocked
from dagster_project.warehouse import publish_files
from dagster_project.warehouse.publish import (
    code_revision,
    list_publications,
    publish,
    rollback,
)
from dagster_project.warehouse.publish_macros import TableMacro
from dagster_project.warehouse.publish_targets import compare_targets


def test_readers_find_the_marts_under_stable_paths(publishing):
    report = publishing.run()

    assert not report.unchanged
    assert report.publication_id.startswith("20250327T130000Z-")
    assert report.summary().startswith(f"published {report.publication_id} (2 tables, 303 rows")
    assert publishing.query("SELECT count(*), count(daily_return) FROM marts.fct_daily") == [
        (300, 297)
    ]
    assert (
        publishing.query(
            f"SELECT * FROM marts.fct_daily EXCEPT SELECT * FROM "
            f"'{publishing.published}/parquet/fct_daily.parquet'"
        )
        == []
    )
    assert publishing.query(
        "SELECT listed_at, share FROM marts.dim_firm WHERE ticker = 'CORZ'"
    ) == (duckdb.sql("SELECT TIMESTAMPTZ '2024-01-24 14:30:00+00', 0.25::DECIMAL(9, 4)").fetchall())
    assert sorted(path.name for path in publishing.published.iterdir()) == [
        ".publish.lock",
        "current",
        "manifest.json",
        "miner_marts.duckdb",
        "parquet",
        "releases",
    ]


def test_links_are_relative_so_that_the_folder_can_be_moved(publishing, tmp_path):
    publishing.run()
    moved = tmp_path / "elsewhere"
    publishing.published.rename(moved)
    with duckdb.connect(str(moved / "miner_marts.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM marts.dim_firm").fetchall() == [(3,)]


def test_only_marts_are_published(publishing):
    publishing.run()
    assert publishing.query("SELECT DISTINCT schema_name FROM duckdb_tables()") == [("marts",)]


def test_comments_and_not_null_are_in_the_published_file_and_keys_beside_them(publishing):
    publishing.run()
    assert publishing.query(
        "SELECT comment FROM duckdb_tables() WHERE table_name = 'fct_daily'"
    ) == [("One row per ticker and session; the firm's return.",)]
    assert publishing.query(
        "SELECT column_name, comment, is_nullable FROM duckdb_columns() "
        "WHERE table_name = 'fct_daily' ORDER BY column_index"
    ) == [
        ("ticker", None, False),
        ("session_date", None, False),
        ("daily_return", "Close over previous close, minus 1.", True),
        ("version", None, False),
    ]
    # DuckDB 1.0 cannot open a file that holds an index, and a key is one.
    assert publishing.query(
        "SELECT count(*) FROM duckdb_constraints() WHERE constraint_type <> 'NOT NULL'"
    ) == [(0,)]
    assert publishing.query(
        "SELECT table_name, primary_key, row_count FROM marts.publication_tables ORDER BY 1"
    ) == [("dim_firm", "ticker", 3), ("fct_daily", "ticker, session_date", 300)]


def test_the_file_says_which_publication_it_is(publishing):
    first = publishing.run()
    publishing.next_version(2)
    second = publishing.run(revision="0a1b2c")
    assert publishing.query("SELECT * FROM marts.publication") == [
        (second.publication_id, datetime(2025, 3, 27, 14), "0a1b2c", first.publication_id)
    ]
    assert publishing.query("SELECT DISTINCT publication_id FROM marts.publication_tables") == [
        (second.publication_id,)
    ]
    checksums = {t["name"]: t["content_checksum"] for t in second.manifest["tables"]}
    assert (
        dict(publishing.query("SELECT table_name, content_checksum FROM marts.publication_tables"))
        == checksums
    )
    assert publishing.query(
        "SELECT count(*) FROM duckdb_columns() WHERE table_name LIKE 'publication%' "
        "AND coalesce(comment, '') = ''"
    ) == [(0,)]


def test_references_are_stated_where_every_value_is_found(publishing):
    manifest = publishing.run().manifest
    references = {table["name"]: table["foreign_keys"] for table in manifest["tables"]}
    assert references == {
        "dim_firm": [],
        "fct_daily": [{"column": "ticker", "table": "dim_firm", "refers_to": "ticker"}],
    }
    publishing.change("UPDATE marts.fct_daily SET ticker = 'XYZ' WHERE ticker = 'RIOT'")
    manifest = publishing.run(allow_smaller=True).manifest
    assert [table["foreign_keys"] for table in manifest["tables"]] == [[], []]


# What connectors of BI tools bundle, and the oldest whose files every later one reads.
OLD_VERSIONS = ("1.0.0", "1.1.3", "1.2.2", "1.3.2", "1.4.4")
OLD_READER = """
import duckdb, sys
database, parquet = sys.argv[1:]
with duckdb.connect(database, read_only=True) as connection:
    tables = [name for (name,) in connection.execute(
        "SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]
    rows = [len(connection.execute(f"SELECT * FROM marts.{name}").fetchall()) for name in tables]
    described = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE comment <> ''").fetchall()
    asked = connection.execute("FROM marts.firm('RIOT')").fetchall()
    in_parquet = connection.execute(f"SELECT count(*) FROM '{parquet}'").fetchall()
print(duckdb.__version__, tables, rows, described, len(asked), in_parquet)
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_old_drivers_open_the_published_file(publishing, tmp_path, version):
    packages = tmp_path / "packages"
    installed = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--target",
            packages,
            f"duckdb=={version}",
        ],
        capture_output=True,
        check=False,
        text=True,
    )
    if installed.returncode and not os.environ.get("CI"):
        pytest.skip(f"DuckDB {version} cannot be fetched: {installed.stderr.strip()[-200:]}")
    assert installed.returncode == 0, installed.stderr
    macro = TableMacro(
        "firm",
        "One firm.",
        "from marts.firm('RIOT')",
        "create macro marts.firm(symbol) as table from marts.dim_firm where ticker = symbol",
    )
    publishing.run(macros=(macro,))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            OLD_READER,
            publishing.database,
            publishing.published / "parquet" / "fct_daily.parquet",
        ],
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (
        f"{version} ['dim_firm', 'fct_daily', 'publication', 'publication_tables'] "
        "[3, 300, 1, 2] [(4,)] 1 [(300,)]"
    )


def test_rows_stand_in_the_order_of_the_key_in_both_formats(publishing):
    publishing.run()
    parquet = f"'{publishing.published}/parquet/fct_daily.parquet'"
    for relation in ("marts.fct_daily", parquet):
        rows = publishing.query(f"SELECT ticker, session_date FROM {relation}")
        assert rows == sorted(rows)


def test_file_format_is_the_oldest_that_current_readers_share(publishing):
    publishing.run()
    header = (publishing.database).read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == 64  # the storage number of DuckDB 1.0


def test_manifest_describes_files_tables_sources_and_checks(publishing):
    report = publishing.run(revision="0a1b2c")
    manifest = json.loads((publishing.published / "manifest.json").read_text(encoding="utf-8"))

    assert manifest == report.manifest
    assert manifest["publication_id"] == report.publication_id
    assert manifest["published_at"] == "2025-03-27T13:00:00+00:00"
    assert manifest["code_revision"] == "0a1b2c"
    assert manifest["replaced"] is None
    assert manifest["database"]["duckdb_version"] == duckdb.__version__
    assert manifest["database"]["storage_version"] == "v1.0.0"
    assert manifest["database"]["sha256"] == publish_files.sha256_of(publishing.database)
    assert manifest["checks"] == {
        "models": {"success": 2},
        "checks": {"pass": 1, "warn": 1},
        "warned": ["sources_agree"],
    }
    assert manifest["sources"]["equity_prices"] == {
        "first_date": "2025-01-02",
        "last_date": "2025-01-03",
        "rows": 3,
        "tickers": {
            "CORZ": {"first_date": "2025-01-02", "last_date": "2025-01-03", "rows": 2},
            "MARA": {"first_date": "2025-01-03", "last_date": "2025-01-03", "rows": 1},
        },
    }
    firm, daily = manifest["tables"]
    assert (firm["name"], firm["rows"], daily["name"], daily["rows"]) == (
        "dim_firm",
        3,
        "fct_daily",
        300,
    )
    assert daily["primary_key"] == ["ticker", "session_date"]
    assert daily["columns"][2] == {
        "name": "daily_return",
        "type": "DOUBLE",
        "description": "Close over previous close, minus 1.",
        "required": False,
    }
    assert daily["tickers"] == ["CORZ", "MARA", "RIOT"]
    assert daily["key_dates"] == {"session_date": ["2025-01-01", "2025-04-10"]}
    parquet = publishing.published / "parquet" / daily["parquet"]["file"]
    assert daily["parquet"]["bytes"] == parquet.stat().st_size
    assert daily["parquet"]["sha256"] == publish_files.sha256_of(parquet)


def test_nothing_happens_when_nothing_changed(publishing):
    first = publishing.run()
    inode = publishing.database.stat().st_ino
    second = publishing.run()

    assert second.unchanged
    assert second.publication_id == first.publication_id
    assert second.summary().startswith(f"unchanged since {first.publication_id}")
    assert publishing.database.stat().st_ino == inode
    assert len(list_publications(publishing.published)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE marts.fct_daily SET daily_return = daily_return * 1.0000000000000002 "
        "WHERE ticker = 'RIOT' AND session_date = '2025-01-02'",
        "UPDATE marts.dim_firm SET name = 'NULL' WHERE ticker = 'RIOT'",
        "COMMENT ON COLUMN marts.dim_firm.name IS 'Legal name.'",
    ],
    ids=["last bit of a number", "NULL to the word NULL", "description"],
)
def test_the_smallest_change_is_published(publishing, change):
    publishing.run()
    publishing.change(change)
    assert not publishing.run().unchanged


def test_other_code_is_published_anew_with_equal_rows(publishing):
    first = publishing.run(revision="abc")
    second = publishing.run(revision="abd")
    assert not second.unchanged
    assert second.replaced == first.publication_id


def test_row_order_alone_is_no_change(publishing):
    publishing.run()
    publishing.change(
        "DROP TABLE marts.fct_daily; CREATE TABLE marts.fct_daily (ticker VARCHAR NOT NULL, "
        "session_date DATE NOT NULL, daily_return DOUBLE, version INTEGER NOT NULL, "
        "PRIMARY KEY (ticker, session_date));"
        "INSERT INTO marts.fct_daily SELECT ticker, CAST(DATE '2025-01-01' + CAST(day AS INTEGER)"
        " AS DATE), CASE WHEN day = 0 THEN NULL ELSE sin(day) END, 1 "
        "FROM (VALUES ('RIOT'), ('CORZ'), ('MARA')) AS firms (ticker), range(100) AS days (day) "
        "ORDER BY day DESC, ticker;"
        "COMMENT ON TABLE marts.fct_daily IS 'One row per ticker and session; the firm''s return.';"
        "COMMENT ON COLUMN marts.fct_daily.daily_return IS 'Close over previous close, minus 1.';"
    )
    assert publishing.run().unchanged


def test_a_damaged_publication_is_replaced_though_nothing_changed(publishing):
    first = publishing.run()
    (publishing.published / "parquet" / "dim_firm.parquet").write_bytes(b"")
    second = publishing.run()
    assert not second.unchanged
    assert second.publication_id != first.publication_id
    assert publishing.versions() == {1}


def test_a_removed_reader_link_is_restored(publishing):
    publishing.run()
    publishing.database.unlink()
    assert publishing.run().unchanged
    assert publishing.versions() == {1}


def test_a_plain_file_under_the_readers_path_is_replaced(publishing):
    publishing.published.mkdir(parents=True)
    publishing.database.write_bytes(b"from before publications were links")
    publishing.run()
    assert publishing.versions() == {1}


def test_a_folder_under_the_readers_path_is_renamed(publishing):
    (publishing.published / "parquet" / "mine").mkdir(parents=True)
    publishing.run()
    assert publishing.versions() == {1}
    (aside,) = publishing.published.glob("parquet.*.damaged")
    assert (aside / "mine").is_dir()


def test_old_publications_are_pruned_beyond_keep(publishing):
    names = []
    for version in range(1, 6):
        publishing.next_version(version)
        names.append(publishing.run(keep=3).publication_id)
    kept = list_publications(publishing.published)
    assert [p.publication_id for p in kept] == names[:1:-1]
    assert [p.is_current for p in kept] == [True, False, False]
    assert kept[0].replaced == names[3]


def test_the_replaced_publication_stays_for_readers_who_are_opening_it(publishing):
    for version in (1, 2, 3):
        publishing.next_version(version)
        publishing.run(keep=1)
    assert len(list_publications(publishing.published)) == 2


def test_rollback_returns_to_the_replaced_publication(publishing):
    first = publishing.run()
    publishing.next_version(2)
    second = publishing.run()

    assert rollback(publishing.published) == first.publication_id
    assert publishing.versions() == {1}
    listed = list_publications(publishing.published)
    assert [(p.publication_id, p.is_current) for p in listed] == [
        (first.publication_id, True),
        (second.publication_id, False),
    ]

    publishing.next_version(3)
    third = publishing.run()
    assert third.replaced == first.publication_id
    # The publication that was rolled back is never offered again.
    assert rollback(publishing.published) == first.publication_id


def test_rollback_without_an_earlier_publication_is_refused(publishing):
    publishing.run()
    with pytest.raises(PublicationRefused, match="no earlier publication"):
        rollback(publishing.published)
    assert publishing.versions() == {1}


def test_rollback_to_damaged_files_is_refused(publishing):
    first = publishing.run()
    publishing.next_version(2)
    publishing.run()
    (first.release_dir / "miner_marts.duckdb").write_bytes(b"")
    with pytest.raises(PublicationRefused, match="damaged"):
        rollback(publishing.published)
    assert publishing.versions() == {2}


def test_hostile_names_are_quoted_everywhere(tmp_path, make_publishing):
    publishing = make_publishing(tmp_path / "it's [a] *folder*; --")
    publishing.change(
        """
        CREATE TABLE marts."we""ird; DROP SCHEMA marts; --/../x" (
            "se""lect" INTEGER NOT NULL, "a'b" DOUBLE, "x := 1" DOUBLE[], PRIMARY KEY ("se""lect")
        );
        INSERT INTO marts."we""ird; DROP SCHEMA marts; --/../x" VALUES (1, 0.5, [1.5, NULL]);
        COMMENT ON COLUMN marts."we""ird; DROP SCHEMA marts; --/../x"."a'b" IS 'it''s; --';
        INSERT INTO quality.node_results VALUES ('model.p.w', 'we"ird; DROP SCHEMA marts; --/../x',
            'model', 'success', NULL, NULL, NULL, '2025-03-27 10:00');
        """
    )
    report = publishing.run()
    assert publishing.query('FROM marts."we""ird; DROP SCHEMA marts; --/../x"') == [
        (1, 0.5, [1.5, None])
    ]
    entry = report.manifest["tables"][-1]
    path = publishing.published / "parquet" / entry["parquet"]["file"]
    assert path.parent.resolve() == (report.release_dir / "parquet").resolve()
    assert path.is_file()
    assert publishing.run().unchanged


def test_working_file_is_only_read(publishing):
    before = publishing.warehouse.stat().st_mtime_ns
    publishing.warehouse.chmod(0o444)
    publishing.run()
    assert publishing.warehouse.stat().st_mtime_ns == before


def test_readers_of_the_working_file_do_not_hinder_publication(publishing, held_open):
    with held_open(publishing.warehouse, "read"):
        assert not publishing.run().unchanged


def test_a_missing_working_file_says_what_to_run(tmp_path):
    with pytest.raises(PublicationRefused, match="no working file") as refused:
        publish(
            tmp_path / "absent.duckdb",
            tmp_path / "published",
            code_revision="abc",
            keep=3,
            allow_smaller=False,
            now=datetime(2025, 3, 27, tzinfo=UTC),
        )
    assert "make run" in refused.value.mend
    assert not (tmp_path / "published").exists()


def test_two_publications_never_run_at_once(publishing):
    publishing.run()
    with (
        publish_files.publication_lock(publishing.published),
        pytest.raises(WarehouseLocked, match="Another run is publishing"),
        publish_files.publication_lock(publishing.published, attempts=2, wait_seconds=0.01),
    ):
        pytest.fail("the lock was given twice")
    with publish_files.publication_lock(publishing.published, attempts=1):
        pass


def _git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_code_revision_names_the_commit_and_whether_files_differ(tmp_path):
    assert code_revision(tmp_path) == "unknown"
    _git(tmp_path, "init", "--quiet")
    assert code_revision(tmp_path) == "unknown"
    (tmp_path / "a.sql").write_text("select 1")
    _git(tmp_path, "add", "a.sql")
    _git(tmp_path, "commit", "--quiet", "--message", "first")
    commit = _git(tmp_path, "rev-parse", "HEAD")
    assert code_revision(tmp_path) == commit
    (tmp_path / "b.sql").write_text("select 2")
    assert code_revision(tmp_path) == f"{commit}-dirty"
    (tmp_path / "sub").mkdir()
    assert code_revision(tmp_path / "sub") == "unknown"


def test_code_revision_is_unknown_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_revision(tmp_path) == "unknown"


def test_who_waited_for_another_publication_comes_after_it_in_its_name_too(publishing):
    publishing.published.mkdir(exist_ok=True)
    held = threading.Event()

    def hold() -> None:
        with publish_files.publication_lock(publishing.published):
            held.set()
            time.sleep(1.3)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    report = publishing.run()
    holder.join()

    # Asked for at 13:00:00; the lock was free more than a second later.
    at = report.publication_id.partition("-")[0]
    assert "20250327T130001Z" <= at < "20250327T130100Z"
    assert report.manifest["published_at"] > "2025-03-27T13:00:00"


def _as_another_version_left_it(publishing) -> Path:
    """Make the manifest say what a publication by another DuckDB would: its own checksums."""
    path = (publishing.published / "manifest.json").resolve()
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["database"]["duckdb_version"] = "1.4.9"
    for table in manifest["tables"]:
        table["content_checksum"] = "0" * 64
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return path.parent


def test_a_publication_of_another_duckdb_is_held_to_its_own_file(publishing):
    publishing.run()
    _as_another_version_left_it(publishing)
    assert compare_targets(publishing.published).differences == []
    # Its checksums compare with nothing of this version, so it is published anew.
    assert not publishing.run().unchanged


def test_a_file_that_changed_is_no_standard_for_the_others(publishing):
    publishing.run()
    release = _as_another_version_left_it(publishing)
    with duckdb.connect(str(release / "miner_marts.duckdb")) as connection:
        connection.execute("UPDATE marts.dim_firm SET name = 'x' WHERE ticker = 'RIOT'")
    found = compare_targets(publishing.published).differences
    assert "duckdb, table dim_firm: other content in equal rows" in found


def test_values_that_change_places_change_the_checksum(publishing):
    publishing.run()
    swapped = (
        "UPDATE marts.dim_firm SET name = (SELECT any_value(other.name) FROM marts.dim_firm other"
        " WHERE other.ticker = CASE dim_firm.ticker WHEN 'RIOT' THEN 'CORZ' ELSE 'RIOT' END)"
        " WHERE ticker IN ('RIOT', 'CORZ')"
    )
    database = (publishing.published / "miner_marts.duckdb").resolve()
    with duckdb.connect(str(database)) as connection:
        connection.execute(swapped)
    assert compare_targets(publishing.published).differences == [
        "duckdb, table dim_firm: other content in equal rows"
    ]
