"""Damaged manifests, release folders and links: readers keep the last complete release."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.errors import PublicationRefused, WarehouseProjectError
from dagster_project.warehouse import publish_files
from dagster_project.warehouse.publish import list_publications, rollback
from dagster_project.warehouse.publish_manifest import read_manifest
from dagster_project.warehouse.publish_targets import compare_targets
from dagster_project.warehouse.reader import published
from tests.warehouse.conftest import Publishing

# Values that take the place of every member of a manifest, one after the other.
WRONG: tuple[Any, ...] = (None, 7, "../../etc", [1], {}, "x\0y")


@pytest.fixture
def two(publishing: Publishing) -> Publishing:
    """Two publications, the second one current, and a third version to publish."""
    publishing.run()
    publishing.next_version(2)
    publishing.run()
    publishing.next_version(3)
    return publishing


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of every member; of a list the first item stands for all."""
    found = [path] if path else []
    members = value.items() if isinstance(value, dict) else []
    if isinstance(value, list):
        members = list(enumerate(value[:1]))
    for name, member in members:
        found += _places(member, (*path, name))
    return found


def _with(manifest: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = json.loads(json.dumps(manifest))
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


def _ask_everything(publishing: Publishing) -> None:
    """Whatever reads manifests answers or says why not."""
    for question in (
        lambda: list_publications(publishing.published),
        lambda: compare_targets(publishing.published),
        lambda: rollback(publishing.published, publishing_id(publishing)),
    ):
        with suppress(WarehouseProjectError):
            question()


def publishing_id(publishing: Publishing) -> str:
    return publish_files.current_id(publishing.published) or ""


def test_no_value_in_a_manifest_ends_in_a_traceback(two):
    path = (two.published / "manifest.json").resolve()
    manifest = json.loads(path.read_text(encoding="utf-8"))
    places, taken = _places(manifest), 0
    for place in places:
        for wrong in WRONG:
            path.write_text(json.dumps(_with(manifest, place, wrong)), encoding="utf-8")
            list_publications(two.published)
            if read_manifest(path.parent) is not None:
                # Of the right type, or a member that nothing reads: compared with the files then.
                taken += 1
                _ask_everything(two)
    assert 0 < taken < len(places) * len(WRONG)


def test_a_manifest_of_another_shape_is_no_manifest(two):
    path = (two.published / "manifest.json").resolve()
    for text in ("", "{", "[]", "null", "7", "[" * 100_000, '{"tables": []}', "\x00" * 100):
        path.write_text(text, encoding="utf-8")
        assert read_manifest(path.parent) is None
    path.unlink()
    path.mkdir()
    assert read_manifest(path.parent) is None


def _current(published_dir: Path) -> Path:
    return (published_dir / "current").resolve()


def _file_in_place_of(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path)
    path.write_text("not what was here")


def _folder_in_place_of(path: Path) -> None:
    _file_in_place_of(path)
    path.unlink()
    path.mkdir()
    (path / "notes.txt").write_text("mine")


def _relink(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "manifest cut off": lambda p: (_current(p) / "manifest.json").write_text('{"manifest_version'),
    "manifest gone": lambda p: (_current(p) / "manifest.json").unlink(),
    "manifest a folder": lambda p: _folder_in_place_of(_current(p) / "manifest.json"),
    "database cut off": lambda p: os.truncate(_current(p) / "miner_marts.duckdb", 5_000),
    "database gone": lambda p: (_current(p) / "miner_marts.duckdb").unlink(),
    "a parquet file gone": lambda p: (_current(p) / "parquet" / "dim_firm.parquet").unlink(),
    "parquet folder gone": lambda p: shutil.rmtree(_current(p) / "parquet"),
    "release gone": lambda p: shutil.rmtree(_current(p)),
    "release a file": lambda p: _file_in_place_of(_current(p)),
    "link to nowhere": lambda p: _relink(p / "current", "releases/nowhere"),
    "link to itself": lambda p: _relink(p / "current", "current"),
    "link gone": lambda p: (p / "current").unlink(),
    "link a folder": lambda p: _folder_in_place_of(p / "current"),
    "link a file": lambda p: _file_in_place_of(p / "current"),
    "reader's link gone": lambda p: (p / "miner_marts.duckdb").unlink(),
    "reader's link a folder": lambda p: _folder_in_place_of(p / "miner_marts.duckdb"),
    "reader's folder no link": lambda p: _folder_in_place_of(p / "parquet"),
    "a file among the releases": lambda p: (p / "releases" / "notes.txt").write_text("mine"),
    "a link among the releases": lambda p: (p / "releases" / "other").symlink_to(p),
    "a folder in place of leftovers": lambda p: (p / ".new-current").mkdir(),
    "a file named like a building": lambda p: (p / "releases" / ".building-x").write_text(""),
}
# The current release itself is whole, so readers stay with it.
READERS_ALONE = {
    name for name in DAMAGES if name.startswith(("reader's", "a file", "a link among", "a folder"))
}


@pytest.mark.parametrize("name", DAMAGES)
def test_after_any_damage_the_next_run_publishes(two, name):
    DAMAGES[name](two.published)
    report = two.run()
    assert not report.unchanged
    assert two.versions() == {3}
    assert compare_targets(two.published).differences == []


@pytest.mark.parametrize("name", DAMAGES)
def test_after_any_damage_a_refused_run_leaves_readers_a_complete_release(two, name, caplog):
    DAMAGES[name](two.published)
    two.change("DELETE FROM marts.dim_firm WHERE ticker = 'RIOT'")
    with pytest.raises(PublicationRefused, match="not fit to publish"):
        two.run()
    release_is_whole = name in READERS_ALONE or name.startswith("link")
    assert two.versions() == ({2} if release_is_whole else {1})
    assert ("the newest complete publication" in caplog.text) == (name not in READERS_ALONE)


def test_coverage_is_held_to_the_last_complete_release(two):
    """A damaged manifest is no way around the gate."""
    (_current(two.published) / "manifest.json").write_text("{")
    two.change("DELETE FROM marts.fct_daily WHERE session_date > '2025-01-05'")
    with pytest.raises(PublicationRefused, match="not fit to publish") as refused:
        two.run()
    assert "published to 2025-04-10" in refused.value.where


def test_readers_of_a_damaged_file_are_told_what_to_do(two):
    os.truncate(_current(two.published) / "miner_marts.duckdb", 5_000)
    with (
        pytest.raises(WarehouseProjectError, match="cannot be read") as told,
        published(two.database) as connection,
    ):
        connection.execute("FROM marts.dim_firm")
    assert "make rollback" in told.value.mend


def test_a_lock_that_cannot_be_opened_is_refused_in_words(two):
    (two.published / ".publish.lock").unlink()
    (two.published / ".publish.lock").mkdir()
    for question in (two.run, lambda: compare_targets(two.published)):
        with pytest.raises(PublicationRefused, match="lock of the publication"):
            question()


def test_a_form_that_cannot_be_read_is_a_difference(two):
    release = _current(two.published)
    (release / "parquet" / "dim_firm.parquet").write_bytes(b"PAR1 and no more")
    differences = compare_targets(two.published).differences
    assert differences == ["parquet, table dim_firm: missing in parquet"]
    with duckdb.connect(str(release / "miner_marts.duckdb")) as connection:
        connection.execute("DROP TABLE marts.publication")
    assert any(
        "duckdb: publication None" in what for what in compare_targets(two.published).differences
    )
