"""Where the system refuses links, or to replace an open file, readers still see whole publications.

Both refusals are those of Windows (and of FAT folders and many network shares), made here by
standing in for the two calls that the system would refuse.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import duckdb
import pytest

from dagster_project.errors import PublicationRefused
from dagster_project.warehouse import publish_files
from dagster_project.warehouse.publish import list_publications, rollback
from dagster_project.warehouse.publish_targets import compare_targets
from dagster_project.warehouse.reader import published_files, published_row_counts


class Refusals:
    """Names whose replacement is refused, as if a program had them open."""

    def __init__(self) -> None:
        self.open_names: set[str] = set()
        self.asked: list[str] = []


@pytest.fixture
def refusals(monkeypatch) -> Refusals:
    """No links at all; files in ``open_names`` cannot be replaced."""
    state = Refusals()
    replace = Path.replace

    def no_link(self: Path, *_arguments, **_options):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(self))

    def refusing(self: Path, target: Path):
        state.asked.append(Path(target).name)
        if Path(target).name in state.open_names:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "symlink_to", no_link)
    monkeypatch.setattr(Path, "replace", refusing)
    monkeypatch.setattr(publish_files, "POINTER_WAIT_SECONDS", 0.0)
    return state


def _versions(path: Path) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(
            "SELECT DISTINCT version FROM marts.fct_daily "
            "UNION SELECT DISTINCT version FROM marts.dim_firm"
        ).fetchall()


def test_a_pointer_leads_readers_and_copies_stand_under_the_stable_names(publishing, refusals):
    first = publishing.run()
    publishing.next_version(2)
    second = publishing.run()

    published = publishing.published
    assert not [path for path in published.rglob("*") if path.is_symlink()]
    assert json.loads((published / "current.json").read_text(encoding="utf-8")) == {
        "publication_id": second.publication_id,
        "database": f"releases/{second.publication_id}/miner_marts.duckdb",
        "parquet": f"releases/{second.publication_id}/parquet",
        "manifest": f"releases/{second.publication_id}/manifest.json",
    }
    assert _versions(publishing.database) == [(2,)]
    manifest = json.loads((published / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["publication_id"] == second.publication_id
    assert second.held == ()
    assert second.replaced == first.publication_id
    assert [p.is_current for p in list_publications(published)] == [True, False]
    assert compare_targets(published).differences == []

    database, parquet = published_files(published)
    assert database == published / "releases" / second.publication_id / "miner_marts.duckdb"
    assert published_row_counts(database) == {"dim_firm": 3, "fct_daily": 300}
    assert (parquet / "dim_firm.parquet").is_file()


def test_a_file_that_a_program_has_open_keeps_its_publication_until_it_is_free(
    publishing, refusals
):
    first = publishing.run()
    publishing.next_version(2)
    refusals.open_names = {"miner_marts.duckdb"}
    second = publishing.run()

    # Who asks the pointer sees the new one, who has the file open the old one; each is whole.
    assert _versions(published_files(publishing.published)[0]) == [(2,)]
    assert _versions(publishing.database) == [(1,)]
    manifest = json.loads((publishing.published / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["publication_id"] == first.publication_id
    assert second.held == ("miner_marts.duckdb", "manifest.json")
    assert "a program has it open: miner_marts.duckdb" in second.summary()
    assert not list(publishing.published.glob(".new-*"))

    refusals.open_names = set()
    again = publishing.run()
    assert again.unchanged
    assert again.held == ()
    assert _versions(publishing.database) == [(2,)]


def test_a_pointer_that_is_being_read_is_waited_for(publishing, refusals, monkeypatch):
    publishing.run()
    publishing.next_version(2)
    refusals.open_names = {"current.json"}
    refusals.asked.clear()

    def let_go(_seconds: float) -> None:
        if refusals.asked.count("current.json") == 3:
            refusals.open_names = set()

    monkeypatch.setattr(publish_files.time, "sleep", let_go)
    publishing.run()
    assert refusals.asked.count("current.json") == 4
    assert _versions(publishing.database) == [(2,)]


def test_a_pointer_that_is_never_free_is_said_and_readers_keep_what_they_had(publishing, refusals):
    first = publishing.run()
    publishing.next_version(2)
    refusals.open_names = {"current.json"}
    with pytest.raises(PublicationRefused, match="A program holds the file that says") as refused:
        publishing.run()
    assert refused.value.where.endswith("current.json")
    assert _versions(published_files(publishing.published)[0]) == [(1,)]
    assert [p.publication_id for p in list_publications(publishing.published)] == [
        first.publication_id
    ]
    refusals.open_names = set()
    assert not publishing.run().unchanged


def test_one_command_goes_back_there_too(publishing, refusals):
    first = publishing.run()
    publishing.next_version(2)
    publishing.run()
    assert rollback(publishing.published) == first.publication_id
    assert _versions(publishing.database) == [(1,)]
    assert _versions(published_files(publishing.published)[0]) == [(1,)]


def test_a_folder_that_can_hold_links_again_gets_them(publishing, refusals, monkeypatch):
    publishing.run()
    monkeypatch.undo()
    publishing.next_version(2)
    publishing.run()
    assert publishing.versions() == {2}
    assert (publishing.published / "current").is_symlink()
    assert not (publishing.published / "current.json").exists()
    assert publishing.database.is_symlink()


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOTSUP, "no links"), NotImplementedError("no links"), "winerror"],
    ids=["share", "platform", "windows"],
)
def test_every_way_of_refusing_a_link_is_understood(tmp_path, monkeypatch, error):
    if error == "winerror":
        error = OSError(errno.EINVAL, "A required privilege is not held by the client")
        error.winerror = 1314

    def no_link(*_arguments, **_options):
        raise error

    monkeypatch.setattr(Path, "symlink_to", no_link)
    assert not publish_files.links_work(tmp_path)


def test_a_full_disk_is_no_refusal_of_links(tmp_path, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "symlink_to", full)
    with pytest.raises(OSError, match="No space left"):
        publish_files.links_work(tmp_path)


@pytest.mark.parametrize(
    "name", ["../../../etc", "20250327T130000Z-0a1b2c3d/../..", "", 7, None, ["x"]]
)
def test_a_pointer_leads_nowhere_but_to_a_publication(publishing, refusals, name):
    publishing.run()
    (publishing.published / "current.json").write_text(json.dumps({"publication_id": name}))
    assert publish_files.current_id(publishing.published) is None


def test_a_manifest_leads_nowhere_but_to_its_own_files(publishing, tmp_path):
    publishing.run()
    publishing.next_version(2)
    second = publishing.run()
    outside = tmp_path / "outside"
    outside.mkdir()
    path = second.release_dir / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["replaced"] = "../../outside"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(PublicationRefused, match="no earlier publication"):
        rollback(publishing.published)
    manifest["tables"][0]["parquet"]["file"] = "../../../../outside"
    assert not publish_files.is_intact(second.release_dir, manifest)
    publishing.next_version(3)
    publishing.run()
    assert outside.is_dir()
