"""The archive keeps what it said it kept, whatever happens in between."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.errors import SourceError
from dagster_project.sources.live.archive import Archive, Record, digest

AT = datetime(2026, 1, 5, 12, 30, 0, 123456, tzinfo=UTC)


def keep(
    archive: Archive, body: bytes, *, target: str = "/x", at: datetime = AT, status: int = 200
):
    return archive.write(
        "coinbase",
        target,
        status=status,
        headers={"etag": '"v1"', "content-type": "application/json"},
        body=body,
        retrieved_at=at,
    )


@contextmanager
def without_syncing() -> Iterator[None]:
    """For tests that write often and pull no plug."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _handle: None)
        yield


def test_half_written_bodies_of_dead_writers_are_removed_and_nothing_else(tmp_path):
    kept = keep(Archive(tmp_path), b"[1]")
    folder = tmp_path / "bodies" / kept.sha256[:2]
    name = f".{kept.sha256}."
    # Process 1 always lives; no process has a number above the largest there may be.
    dead, alive, own = (folder / f"{name}{writer}-7" for writer in (2**22 + 1, 1, os.getpid()))
    other = folder / ".keep"
    for path in (dead, alive, own, other):
        path.write_bytes(b"half")
    archive = Archive(tmp_path)
    keep(archive, b"[2]")
    assert [path.exists() for path in (dead, alive, own, other)] == [False, True, True, True]
    assert archive.body(kept) == b"[1]"
    dead.write_bytes(b"half")
    keep(archive, b"[3]")
    assert dead.exists(), "once per process is enough"


def test_what_was_kept_is_found_by_another_process(tmp_path):
    body = b'{"a": [1.10, "\xc3\xbc"]}\n'
    record = keep(Archive(tmp_path), body)
    found = Archive(tmp_path).find("coinbase", "/x")
    assert found == record
    assert found.retrieved_at == AT
    assert found.sha256 == digest(body)
    assert found.size == len(body)
    assert Archive(tmp_path).body(found) == body
    assert Archive(tmp_path).find("coinbase", "/y") is None
    assert Archive(tmp_path).find("kraken", "/x") is None


@given(bodies=st.lists(st.binary(max_size=300), max_size=8))
@settings(max_examples=40)
def test_any_body_comes_back_bit_for_bit(tmp_path_factory, bodies):
    archive = Archive(tmp_path_factory.mktemp("archive"))
    with without_syncing():
        records = [keep(archive, body, target=f"/{number}") for number, body in enumerate(bodies)]
    assert [archive.body(record) for record in records] == bodies
    assert list(Archive(archive.directory).records()) == sorted(
        records, key=lambda record: record.target
    )


def test_the_files_are_readable_without_this_project(tmp_path):
    keep(Archive(tmp_path), b"[1, 2]")
    (index,) = (tmp_path / "index").iterdir()
    assert index.name == "2026-01.jsonl"
    line = json.loads(index.read_text())
    path = tmp_path / "bodies" / line["sha256"][:2] / f"{line['sha256']}.gz"
    assert gzip.decompress(path.read_bytes()) == b"[1, 2]"
    assert (line["host"], line["target"], line["status"]) == ("coinbase", "/x", 200)
    assert line["retrieved_at"] == "2026-01-05T12:30:00.123456+00:00"


def test_one_body_is_stored_once_and_its_bytes_are_always_the_same(tmp_path):
    archive = Archive(tmp_path / "a")
    keep(archive, b"[1]")
    keep(archive, b"[1]", target="/y", at=AT + timedelta(days=40))
    (path,) = (tmp_path / "a" / "bodies").glob("*/*")
    keep(Archive(tmp_path / "b"), b"[1]")
    (other,) = (tmp_path / "b" / "bodies").glob("*/*")
    assert path.read_bytes() == other.read_bytes()
    assert len(list((tmp_path / "a" / "index").iterdir())) == 2
    assert len(list(archive.records())) == 2


def test_the_last_good_answer_is_found_as_of_any_time(tmp_path):
    archive = Archive(tmp_path)
    for day, (status, body) in enumerate([(200, b"[1]"), (403, b"no"), (200, b"[2]"), (404, b"?")]):
        keep(archive, body, at=AT + timedelta(days=day), status=status)

    def found(day: float) -> bytes | None:
        record = archive.find("coinbase", "/x", not_after=AT + timedelta(days=day))
        return archive.body(record) if record else None

    assert [found(day) for day in (-1, 0, 1, 1.5, 2, 9)] == [None] + [b"[1]"] * 3 + [b"[2]"] * 2
    keep(archive, b"denied", target="/y", status=403)
    keep(archive, b"gone", target="/y", status=404, at=AT + timedelta(days=1))
    assert archive.body(archive.find("coinbase", "/y")) == b"gone"


def test_two_open_archives_see_each_others_answers(tmp_path):
    first, second = Archive(tmp_path), Archive(tmp_path)
    keep(first, b"[1]")
    assert second.find("coinbase", "/x") is not None
    keep(second, b"[2]", at=AT + timedelta(seconds=1))
    assert first.body(first.find("coinbase", "/x")) == b"[2]"
    assert list(first.records()) == list(second.records())


def test_every_torn_line_is_passed_over_and_the_next_is_whole(tmp_path):
    """A crash may leave any beginning of a line; nothing else of the index may suffer."""
    whole = tmp_path / "whole"
    keep(Archive(whole), b"[1]")
    first = (whole / "index" / "2026-01.jsonl").read_bytes()
    second = Record("coinbase", "/x", 200, {}, AT + timedelta(hours=1), "0" * 64, 3).line()
    cuts = {*range(0, len(second), 4), len(second) - 2, len(second) - 1}
    for cut in sorted(cuts):
        index = whole / "index" / "2026-01.jsonl"
        index.write_bytes(first + second[:cut])
        archive = Archive(whole)
        assert [record.retrieved_at for record in archive.records()] == [AT]
        with without_syncing():
            keep(archive, b"[3]", at=AT + timedelta(hours=2))
        for reader in (archive, Archive(whole)):
            assert reader.body(reader.find("coinbase", "/x")) == b"[3]"
            # A line that only lacks its line break is whole, and counts from then on.
            assert len(list(reader.records())) == (3 if cut == len(second) - 1 else 2)


def test_lines_that_are_no_records_are_passed_over(tmp_path):
    archive = Archive(tmp_path)
    keep(archive, b"[1]")
    strange = [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"format": 2}',
        b'{"format": 1, "host": 1}',
    ]
    with (tmp_path / "index" / "2026-01.jsonl").open("ab") as file:
        file.writelines(line + b"\n" for line in strange)
    keep(archive, b"[2]", at=AT + timedelta(days=1))
    assert [record.size for record in Archive(tmp_path).records()] == [3, 3]


@pytest.mark.parametrize("damage", ["cut", "other", "flipped", "empty", "missing"])
def test_a_damaged_body_is_never_taken_for_the_answer(tmp_path, damage):
    archive = Archive(tmp_path)
    body = b'{"rows": [1, 2, 3]}' * 20
    record = keep(archive, body)
    (path,) = (tmp_path / "bodies").glob("*/*")
    stored = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        flipped = bytes([*stored[:20], stored[20] ^ 1, *stored[21:]])
        path.write_bytes(
            {"cut": stored[:-9], "other": gzip.compress(b"[]"), "flipped": flipped, "empty": b""}[
                damage
            ]
        )
    with pytest.raises(SourceError, match="recorded body") as refused:
        archive.body(record)
    assert refused.value.where == str(path)
    keep(archive, body, at=AT + timedelta(days=1))
    assert archive.body(record) == body


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_an_answer_that_could_not_be_kept_leaves_nothing_behind(tmp_path, monkeypatch, step):
    archive = Archive(tmp_path)
    keep(archive, b"[1]")

    def fails(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    if step == "write":
        monkeypatch.setattr(gzip, "compress", fails)
    elif step == "fsync":
        monkeypatch.setattr(os, "fsync", fails)
    else:
        monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(SourceError, match="No space left"):
        keep(archive, b"[2]", at=AT + timedelta(days=1))
    monkeypatch.undo()
    assert len([path for path in (tmp_path / "bodies").rglob("*") if path.is_file()]) == 1
    assert archive.body(archive.find("coinbase", "/x")) == b"[1]"


def test_threads_write_without_mixing_their_lines(tmp_path):
    archive = Archive(tmp_path)
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda n: keep(archive, b"[%d]" % (n % 5), target=f"/{n}"), range(40)))
    fresh = Archive(tmp_path)
    assert {record.target for record in fresh.records()} == {f"/{n}" for n in range(40)}
    assert all(
        fresh.body(record) == b"[%d]" % (int(record.target[1:]) % 5) for record in fresh.records()
    )


def _write_for_ever(folder: Path, confirmed: Connection) -> None:
    archive = Archive(folder)
    for number in itertools.count():
        keep(archive, b"[%d]" % number * 2000, target=f"/{number}")
        confirmed.send(number)


def test_a_killed_writer_loses_nothing_that_it_confirmed(tmp_path):
    # Forked, so that no round waits for imports; the child only writes.
    forked = multiprocessing.get_context("fork")
    for round_ in range(5):
        folder = tmp_path / str(round_)
        receiving, sending = forked.Pipe(duplex=False)
        writer = forked.Process(target=_write_for_ever, args=(folder, sending), daemon=True)
        writer.start()
        sending.close()
        try:
            # Each time at another place within its work.
            confirmed = [receiving.recv() for _ in range(1 + 3 * round_)]
        finally:
            writer.kill()
            writer.join(timeout=10)
        with contextlib.suppress(EOFError, OSError):
            while receiving.poll():
                confirmed.append(receiving.recv())
        receiving.close()
        archive = Archive(folder)
        for number in confirmed:
            record = archive.find("coinbase", f"/{number}")
            assert record is not None
            assert archive.body(record) == b"[%d]" % number * 2000
        for record in archive.records():
            archive.body(record)
        keep(archive, b"[1]")
        assert Archive(folder).find("coinbase", "/x") is not None
