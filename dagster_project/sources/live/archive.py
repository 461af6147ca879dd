"""Everything that vendors ever answered, so that any load can be repeated without them.

A folder that only grows::

    bodies/3f/3fa1….gz       a body, named by the SHA-256 of its bytes before compression
    index/2026-11.jsonl      one line per answer: what was asked, status, when, which body

Bodies are gzip and the index is JSON lines, so that ``zcat`` and ``jq`` read them too. A body is
written under another name, synced and renamed, and only then named by a line; a line that was
cut off by a crash is passed over and the next one starts on a new line. No key is ever in it:
what is stored of a request is its address, and keys travel in headers.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import re
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dagster_project.errors import SourceError
from dagster_project.processes import is_alive

FORMAT = 1
# Level 6 against 9: a hundredth of the size for a third of the time.
LEVEL = 6
# The name under which a body is written before it gets its own: the writer's process is in it.
_HALF_DONE = re.compile(r"\.[0-9a-f]{64}\.([0-9]+)-[0-9]+")


@dataclass(frozen=True)
class Record:
    """One answer as the index knows it.

    ``host`` is the key of the host's policy and ``target`` the path and query asked for.
    ``sha256`` names the body. ``confirmed`` says that the host did not send the body again but
    answered that an earlier one still holds.
    """

    host: str
    target: str
    status: int
    headers: Mapping[str, str]
    retrieved_at: datetime
    sha256: str
    size: int
    confirmed: bool = False

    def line(self) -> bytes:
        """The line of the index, with its line break."""
        fields = {"format": FORMAT, **vars(self), "headers": dict(sorted(self.headers.items()))}
        fields["retrieved_at"] = self.retrieved_at.astimezone(UTC).isoformat()
        return json.dumps(fields, ensure_ascii=True).encode() + b"\n"


def _record(line: bytes) -> Record | None:
    """The record in a line; None when the line is not whole."""
    try:
        fields = json.loads(line)
        if fields.pop("format") != FORMAT:
            return None
        fields["headers"] = {str(name): str(said) for name, said in fields["headers"].items()}
        fields["retrieved_at"] = datetime.fromisoformat(fields["retrieved_at"])
        return Record(**fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def digest(body: bytes) -> str:
    """SHA-256 of a body, in hexadecimal digits."""
    return hashlib.sha256(body).hexdigest()


class Archive:
    """The folder ``directory``, made when something is first written. Safe between threads and
    between processes of one machine."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        # (host, target) -> records in the order of the index; files read so far by their size.
        self._known: dict[tuple[str, str], list[Record]] = {}
        self._read: dict[Path, int] = {}
        self._swept = False

    def write(
        self,
        host: str,
        target: str,
        *,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        retrieved_at: datetime,
        confirmed: bool = False,
    ) -> Record:
        """Keep one answer. When this returns, it survives the process and the machine.

        Raises SourceError when the folder cannot be written.
        """
        record = Record(
            host=host,
            target=target,
            status=status,
            headers=dict(headers),
            retrieved_at=retrieved_at,
            sha256=digest(body),
            size=len(body),
            confirmed=confirmed,
        )
        try:
            self._keep_body(record.sha256, body)
            self._append(record)
        except OSError as error:
            raise SourceError(
                f"The archive of answers cannot be written: {error.strerror or error}.",
                where=str(self.directory),
                mend="give this user write permission there, free disk space, or set "
                "MINER_ARCHIVE_DIR to a folder that can be written",
            ) from error
        return record

    def find(
        self,
        host: str,
        target: str,
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> Record | None:
        """The answer to repeat: the last good one (status 200), else the last one at all.

        A block page of one evening must not hide what the host said before it. ``not_before``
        and ``not_after`` leave out earlier and later answers.
        """
        with self._lock:
            self._refresh()
            records = list(self._known.get((host, target), ()))
        if not_before is not None:
            records = [record for record in records if record.retrieved_at >= not_before]
        if not_after is not None:
            records = [record for record in records if record.retrieved_at <= not_after]
        good = [record for record in records if record.status == 200]
        # Of several at one instant the one written last: sorting keeps their order.
        ordered = sorted(good or records, key=lambda record: record.retrieved_at)
        return ordered[-1] if ordered else None

    def body(self, record: Record) -> bytes:
        """The body of ``record``, checked against its name. Raises SourceError."""
        path = self._path(record.sha256)
        try:
            body = gzip.decompress(path.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(
                f"A recorded body cannot be read: {error}.",
                where=str(path),
                mend="restore the file from a copy, or ask the source again (MINER_SOURCE=live)",
            ) from error
        if digest(body) != record.sha256:
            raise SourceError(
                "A recorded body is not what its name says: the file was damaged or changed.",
                where=str(path),
                mend="restore the file from a copy, or ask the source again (MINER_SOURCE=live)",
            )
        return body

    def records(self) -> Iterator[Record]:
        """Every answer, by time."""
        with self._lock:
            self._refresh()
            known = [record for records in self._known.values() for record in records]
        yield from sorted(known, key=lambda each: (each.retrieved_at, each.host, each.target))

    def _path(self, sha256: str) -> Path:
        return self.directory / "bodies" / sha256[:2] / f"{sha256}.gz"

    def _keep_body(self, sha256: str, body: bytes) -> None:
        path = self._path(sha256)
        if path.exists() and self._holds(path, sha256):
            return
        self._sweep()
        path.parent.mkdir(parents=True, exist_ok=True)
        # Process and thread in the name: two writers of one body never share a file.
        fresh = path.with_name(f".{sha256}.{os.getpid()}-{threading.get_ident()}")
        try:
            with fresh.open("wb") as file:
                file.write(gzip.compress(body, compresslevel=LEVEL, mtime=0))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
        _sync_folder(path.parent)

    def _sweep(self) -> None:
        """Once per process, before its first body: remove what killed writers left half done."""
        with self._lock:
            swept, self._swept = self._swept, True
        if swept:
            return
        for path in self.directory.glob("bodies/*/.*"):
            writer = _HALF_DONE.fullmatch(path.name)
            if writer and not is_alive(int(writer[1])):
                path.unlink(missing_ok=True)

    @staticmethod
    def _holds(path: Path, sha256: str) -> bool:
        try:
            return digest(gzip.decompress(path.read_bytes())) == sha256
        except (OSError, EOFError, zlib.error):
            return False  # damaged: written again

    def _append(self, record: Record) -> None:
        with self._lock:
            month = f"{record.retrieved_at.astimezone(UTC):%Y-%m}.jsonl"
            append_line(self.directory / "index" / month, record.line())

    def _refresh(self) -> None:
        """Read what was appended since the last time, by whichever process."""
        for path in sorted((self.directory / "index").glob("*.jsonl")):
            done = self._read.get(path, 0)
            if path.stat().st_size == done:
                continue
            with path.open("rb") as file:
                file.seek(done)
                for line in file:
                    if not line.endswith(b"\n"):
                        break  # still being written, or cut off: read again next time
                    done += len(line)
                    if record := _record(line):
                        self._known.setdefault((record.host, record.target), []).append(record)
            self._read[path] = done


def append_line(path: Path, line: bytes) -> None:
    """Append a line that survives the process and the machine. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        length = file.seek(0, os.SEEK_END)
        if length:
            file.seek(length - 1)
            if file.read(1) != b"\n":
                line = b"\n" + line  # the writer before was killed within its line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A new name survives a power cut only when its folder was synced."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
