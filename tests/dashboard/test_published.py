"""The published file is read and nothing else: no writing, no other file, no stale answer."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dagster_project.dashboard.published import (
    NothingPublished,
    Publication,
    QuestionFailed,
    ask,
    find_publication,
)


def _publish(folder: Path, name: str, words: str) -> None:
    release = folder / "releases" / name
    release.mkdir(parents=True)
    with duckdb.connect(str(release / "miner_marts.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute(f"create table marts.said as select '{words}' as words")
    (release / "manifest.json").write_text(f'{{"publication_id": "{name}"}}')
    link = folder / "current.new"
    link.symlink_to(f"releases/{name}")
    link.rename(folder / "current")
    reader = folder / "miner_marts.duckdb"
    if not reader.is_symlink():
        reader.symlink_to("current/miner_marts.duckdb")


def test_a_publication_is_followed_to_its_folder_once(tmp_path: Path) -> None:
    _publish(tmp_path, "first", "one")
    shown = find_publication(tmp_path / "miner_marts.duckdb")
    _publish(tmp_path, "second", "two")
    newer = find_publication(tmp_path / "miner_marts.duckdb")
    assert (shown.publication_id, newer.publication_id) == ("first", "second")
    assert ask(shown, "from marts.said")["words"].tolist() == ["one"]
    assert ask(newer, "from marts.said")["words"].tolist() == ["two"]


def test_nothing_published_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NothingPublished, match="make run") as refused:
        find_publication(tmp_path / "miner_marts.duckdb")
    assert str(tmp_path) in refused.value.where


def test_a_file_that_is_no_database_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "miner_marts.duckdb").write_text("not a database, and long enough to be read")
    with pytest.raises(NothingPublished, match="cannot be opened"):
        ask(find_publication(tmp_path / "miner_marts.duckdb"), "select 1")


def test_a_copy_without_its_manifest_is_known_by_its_time_and_size(
    tmp_path: Path, publication: Publication
) -> None:
    copy = tmp_path / "miner_marts.duckdb"
    copy.symlink_to(publication.database)
    assert find_publication(copy) == publication
    _publish(tmp_path / "other", "first", "one")
    (tmp_path / "other/releases/first/manifest.json").unlink()
    found = find_publication(tmp_path / "other/miner_marts.duckdb")
    assert found.publication_id.startswith("file-")
    assert (found.manifest, found.published_at) == ({}, "")


@pytest.mark.parametrize(
    "statement",
    [
        "create table marts.mine as select 1",
        "delete from marts.selloff_summary",
        "from read_csv('/etc/passwd')",
        "from read_text('/etc/hostname')",
        "copy marts.dim_event to '/nowhere/never.csv'",
        "attach '/nowhere/never.duckdb'",
        "install httpfs",
        "set enable_external_access = true",
    ],
)
def test_a_question_can_neither_write_nor_read_elsewhere(
    publication: Publication, statement: str
) -> None:
    with pytest.raises(QuestionFailed):
        ask(publication, statement)


def test_a_parameter_is_a_value_and_never_sql(publication: Publication) -> None:
    hostile = "msft-2gw-mar' or 1=1; drop table marts.dim_event; --"
    frame = ask(publication, "from marts.dim_event where event_id = $event", {"event": hostile})
    assert frame.empty
