"""Files of a publication: layout, writing, checking, and the one atomic switch.

``published/``
    ``releases/<publication_id>/``  one whole publication: DuckDB file, ``parquet/``, manifest
    ``current``                     link to the release that is published; replacing this
                                    link is the one moment at which readers change over
    ``miner_marts.duckdb``, ``parquet``, ``manifest.json``
                                    links through ``current``, never changed after the first run

Where links are refused (Windows without the right, FAT, many network shares) a small file says
what is published, and the two files of stable name are copies:

``current.json``                    paths of the published release; replacing it is the switch
``miner_marts.duckdb``, ``manifest.json``
                                    copies of the release's, renewed as soon as no program
                                    holds them open
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import duckdb

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

from dagster_project.errors import PublicationRefused, WarehouseLocked
from dagster_project.warehouse.connection import LOCK_WAIT_SECONDS, attach_read_only
from dagster_project.warehouse.ddl import literal, quoted
from dagster_project.warehouse.key_order import in_key_order
from dagster_project.warehouse.publish_about import ABOUT, about_faults, about_rows
from dagster_project.warehouse.publish_macros import TableMacro, create_table_macros, macro_faults
from dagster_project.warehouse.publish_manifest import MANIFEST as MANIFEST
from dagster_project.warehouse.publish_manifest import read_manifest as read_manifest
from dagster_project.warehouse.publish_manifest import write_manifest as write_manifest
from dagster_project.warehouse.publish_marts import (
    ABOUT_NAMES,
    MARTS_SCHEMA,
    Content,
    Mart,
    describe_marts,
    mart_of,
    measure,
)
from dagster_project.warehouse.session import connect

DATABASE = "miner_marts.duckdb"
PARQUET = "parquet"
CURRENT = "current"
POINTER = "current.json"
RELEASES = "releases"
BUILDING_PREFIX = ".building-"
# Rows pass through a publication: blocks kept beyond this would only push others' out of memory.
_MEMORY = "2GB"
NEW_LINK_PREFIX = ".new-"
LOCK_FILE = ".publish.lock"
# Another run's publication ends by itself, at the latest when PostgreSQL's readers have been
# waited for; with LOCK_WAIT_SECONDS this is five minutes.
PUBLICATION_LOCK_ATTEMPTS = 600
PUBLICATION_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}(-\d+)?")
# A pointer is read in a moment; a program that holds it longer than this is named.
POINTER_ATTEMPTS = 50
POINTER_WAIT_SECONDS = 0.1
# What systems say where a folder cannot hold links, or this user may not make any.
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_NO_LINKS_WINDOWS = 1314  # ERROR_PRIVILEGE_NOT_HELD

# The oldest format that DuckDB 1.x and later read, so that analysts need not upgrade with us.
# It is not enough by itself: the index of a key is written in a way that 1.0 cannot read.
STORAGE_VERSION = "v1.0.0"
PUBLISHED_CATALOG = "published"

# 2: no key is declared in the DuckDB file; references to dimensions are stated.
# 3: checksums of content are sums of DuckDB's own hashes.
MANIFEST_VERSION = 3
CHECKSUMS_BY_HASH = 3


def _take_lock(handle: IO[str]) -> None:
    """Raises OSError at once where another process has it; the system drops it with its owner."""
    if sys.platform == "win32":
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def publication_lock(
    published_dir: Path,
    *,
    attempts: int = PUBLICATION_LOCK_ATTEMPTS,
    wait_seconds: float = LOCK_WAIT_SECONDS,
) -> Iterator[None]:
    """One publication at a time; the system drops the lock when its process dies.

    Raises WarehouseLocked after waiting, PublicationRefused where the lock cannot be made.
    """
    path = published_dir / LOCK_FILE
    try:
        opened = path.open("a")
    except OSError as error:
        raise PublicationRefused(
            f"The lock of the publication cannot be opened: {error.strerror or error}.",
            where=str(path),
            mend="build and publish with 'make run'"
            if isinstance(error, FileNotFoundError)
            else "remove what is in its place, or give this user write permission, and run again",
        ) from error
    with opened as handle:
        for attempt in range(attempts):
            try:
                _take_lock(handle)
                break
            except (BlockingIOError, PermissionError) as error:
                if attempt + 1 == attempts:
                    raise WarehouseLocked(
                        "Another run is publishing.",
                        where=str(published_dir),
                        mend="wait for that run to end, then run again",
                    ) from error
                time.sleep(wait_seconds)
        yield


def in_memory(scratch: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A connection that attaches files; UTC, so that instants read the same everywhere.

    ``scratch`` is a folder for what does not fit into memory (default: the system's).
    """
    connection = connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET memory_limit = '{_MEMORY}'")
    folder = scratch or Path(tempfile.gettempdir()) / f"miner_publication_{os.getpid()}"
    connection.execute(f"SET temp_directory = {literal(str(folder))}")
    return connection


# --- writing -------------------------------------------------------------------------


def _create_table(connection: duckdb.DuckDBPyConnection, mart: Mart) -> str:
    """An empty described table. Its key is not declared: DuckDB 1.0 cannot read an index."""
    target = mart.relation(PUBLISHED_CATALOG)
    lines = [f"{quoted(c.name)} {c.type}{' NOT NULL' if c.required else ''}" for c in mart.columns]
    connection.execute(f"CREATE TABLE {target} ({', '.join(lines)})")
    if mart.description:
        connection.execute(f"COMMENT ON TABLE {target} IS {literal(mart.description)}")
    for column in mart.columns:
        if column.description:
            connection.execute(
                f"COMMENT ON COLUMN {target}.{quoted(column.name)} IS {literal(column.description)}"
            )
    return target


def write_database(
    connection: duckdb.DuckDBPyConnection,
    working: str,
    marts: tuple[Mart, ...],
    macros: tuple[TableMacro, ...],
    manifest: dict[str, Any],
    folder: Path,
) -> None:
    """Copy the marts with NOT NULLs and comments into a new DuckDB file, in the order of their
    keys; add the macros, and the tables that say which publication the file is.
    """
    connection.execute(
        f"ATTACH {literal(str(folder / DATABASE))} AS {PUBLISHED_CATALOG} "
        f"(STORAGE_VERSION {literal(STORAGE_VERSION)})"
    )
    connection.execute(f"CREATE SCHEMA {PUBLISHED_CATALOG}.{quoted(MARTS_SCHEMA)}")
    for mart in marts:
        source = mart.relation(working)
        # To sort what is in order already would hold a large mart in memory for nothing.
        is_sorted = in_key_order(connection, source, mart.primary_key)
        connection.execute(
            f"INSERT INTO {_create_table(connection, mart)} "
            f"SELECT * FROM {source}{'' if is_sorted else f' ORDER BY {mart.order_sql}'}"
        )
    rows = about_rows(manifest)
    for mart in ABOUT:
        places = ", ".join("?" * len(mart.columns))
        connection.executemany(
            f"INSERT INTO {_create_table(connection, mart)} VALUES ({places})", rows[mart.name]
        )
    connection.execute(f"CHECKPOINT {PUBLISHED_CATALOG}")
    connection.execute(f"DETACH {PUBLISHED_CATALOG}")
    create_table_macros(folder / DATABASE, macros)


def write_parquet(marts: tuple[Mart, ...], folder: Path) -> None:
    """One Parquet file per mart, from the DuckDB file beside it and in its order: of the key."""
    (folder / PARQUET).mkdir()
    with in_memory() as connection:
        attach_read_only(connection, folder / DATABASE, PUBLISHED_CATALOG)
        for mart in marts:
            target = folder / PARQUET / mart.parquet_name
            connection.execute(
                f"COPY {mart.relation(PUBLISHED_CATALOG)} "
                f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
            )


def verify(
    folder: Path,
    marts: tuple[Mart, ...],
    macros: tuple[TableMacro, ...],
    contents: dict[str, Content],
    manifest: dict[str, Any],
) -> None:
    """Open what was written as a reader would and hold it against the working file."""
    faults = []
    with in_memory() as connection:
        attach_read_only(connection, folder / DATABASE, PUBLISHED_CATALOG)
        written = {mart.name: mart for mart in describe_marts(connection, PUBLISHED_CATALOG)}
        for mart in marts:
            if written.pop(mart.name, None) != mart.without_key:
                faults.append(f"table {mart.name}: columns or comments differ")
                continue
            if measure(connection, mart.relation(PUBLISHED_CATALOG), mart) != contents[mart.name]:
                faults.append(f"table {mart.name}: rows of the DuckDB file differ")
            parquet = f"read_parquet({literal(str(folder / PARQUET / mart.parquet_name))})"
            if measure(connection, parquet, mart) != contents[mart.name]:
                faults.append(f"table {mart.name}: rows of the Parquet file differ")
        faults.extend(about_faults(connection, PUBLISHED_CATALOG, manifest))
        faults.extend(
            f"table {name} was not in the working file"
            for name in written
            if name not in ABOUT_NAMES
        )
    faults.extend(macro_faults(folder / DATABASE, macros))
    if faults:
        raise PublicationRefused(
            "The written publication does not equal the marts it was made from; readers keep "
            "the previous one.",
            where="\n         ".join(faults),
            mend="run again; if it repeats, check the disk",
        )


def sha256_of(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


# --- making it durable and visible -----------------------------------------------------


def _sync(path: Path) -> None:
    if sys.platform == "win32" and path.is_dir():
        return  # Windows opens no folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Force every file and folder to disk before anything points at them."""
    for path in sorted(folder.rglob("*"), reverse=True):
        _sync(path)
    _sync(folder)


def move_into_place(building: Path, release: Path) -> None:
    """Give a finished building folder its release name."""
    building.rename(release)
    _sync(release.parent)


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _make_room(path: Path) -> None:
    """Rename a folder that is in the place of a link or a file; nothing of it is lost."""
    if path.is_dir() and not path.is_symlink():
        path.rename(path.with_name(f"{path.name}.{time.time_ns()}.damaged"))


def make_folder(path: Path) -> None:
    """A folder with its parents; what is in its place and is none is renamed."""
    if (path.exists() or path.is_symlink()) and not path.is_dir():
        path.rename(path.with_name(f"{path.name}.{time.time_ns()}.damaged"))
    path.mkdir(parents=True, exist_ok=True)


def _replace_link(link: Path, target: str) -> None:
    _make_room(link)
    new = link.with_name(f"{NEW_LINK_PREFIX}{link.name}")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def links_work(published_dir: Path) -> bool:
    """Whether readers can be led by links here."""
    if sys.platform == "win32":
        # Even with the right to make them: a link that a reader goes through is not replaced.
        return False
    probe = published_dir / f"{NEW_LINK_PREFIX}probe"
    try:
        probe.unlink(missing_ok=True)
        probe.symlink_to(RELEASES)
        probe.unlink()
    except NotImplementedError:
        return False
    except OSError as error:
        if error.errno in _NO_LINKS or getattr(error, "winerror", None) == _NO_LINKS_WINDOWS:
            return False
        raise
    return True


def ensure_reader_links(published_dir: Path) -> None:
    """The stable paths readers use; each leads through ``current``."""
    if not links_work(published_dir):
        return
    for name in (DATABASE, PARQUET, MANIFEST):
        link = published_dir / name
        target = f"{CURRENT}/{name}"
        if not (link.is_symlink() and os.readlink(link) == target):  # noqa: PTH115 - text wanted
            _replace_link(link, target)


def _replace_file(new: Path, target: Path, attempts: int) -> bool:
    """Put ``new`` in the place of ``target``; False where a program has that open (Windows)."""
    for attempt in range(attempts):
        try:
            new.replace(target)
        except PermissionError:
            if attempt + 1 < attempts:
                time.sleep(POINTER_WAIT_SECONDS)
        else:
            return True
    new.unlink()
    return False


def _write_pointer(published_dir: Path, publication_id: str) -> None:
    release = f"{RELEASES}/{publication_id}"
    text = json.dumps(
        {
            "publication_id": publication_id,
            "database": f"{release}/{DATABASE}",
            "parquet": f"{release}/{PARQUET}",
            "manifest": f"{release}/{MANIFEST}",
        },
        indent=2,
    )
    _make_room(published_dir / POINTER)
    new = published_dir / f"{NEW_LINK_PREFIX}{POINTER}"
    new.write_text(text + "\n", encoding="utf-8")
    _sync(new)
    if not _replace_file(new, published_dir / POINTER, POINTER_ATTEMPTS):
        raise PublicationRefused(
            "A program holds the file that says what is published; readers keep the previous "
            "publication.",
            where=str(published_dir / POINTER),
            mend="close that program and run again",
        )


def point_current(published_dir: Path, publication_id: str) -> None:
    """The switch: readers see the old publication before it and the new one after it."""
    if links_work(published_dir):
        _replace_link(published_dir / CURRENT, f"{RELEASES}/{publication_id}")
        (published_dir / POINTER).unlink(missing_ok=True)
    else:
        _write_pointer(published_dir, publication_id)
    _sync(published_dir)


def refresh_copies(published_dir: Path) -> tuple[str, ...]:
    """Where readers are not led by links: renew the copies under the stable names.

    Returns the names that another program holds open; they stay at an earlier publication, whole,
    until a later run. The DuckDB file goes first: where it stays, so does its manifest.
    """
    if not (published_dir / POINTER).is_file():
        return ()
    release = published_dir / RELEASES / (current_id(published_dir) or "")
    for name in (DATABASE, MANIFEST):
        target = published_dir / name
        if target.is_file() and sha256_of(target) == sha256_of(release / name):
            continue
        _make_room(target)
        new = published_dir / f"{NEW_LINK_PREFIX}{name}"
        shutil.copyfile(release / name, new)
        _sync(new)
        if not _replace_file(new, target, attempts=1):
            return (name,) if name == MANIFEST else (DATABASE, MANIFEST)
    return ()


def clear_leftovers(published_dir: Path) -> None:
    """Remove what a killed run left; the lock is held, so nothing of it is in use."""
    for path in published_dir.glob(f"{NEW_LINK_PREFIX}*"):
        remove(path)
    for path in (published_dir / RELEASES).glob(f"{BUILDING_PREFIX}*"):
        remove(path)


# --- reading back ------------------------------------------------------------------------


def _pointed_id(published_dir: Path) -> str | None:
    try:
        return str(json.loads((published_dir / POINTER).read_text("utf-8"))["publication_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def current_id(published_dir: Path) -> str | None:
    """Name of the published release, None before the first publication."""
    link = published_dir / CURRENT
    if link.is_symlink():
        name: str | None = Path(os.readlink(link)).name  # noqa: PTH115 - text wanted
    else:
        name = _pointed_id(published_dir)
    # It becomes a path: what is no publication's name leads nowhere.
    return name if name and PUBLICATION_ID.fullmatch(name) else None


def _is_file_of(path: Path, digest: str) -> bool:
    try:
        return sha256_of(path) == digest
    except (OSError, ValueError):
        return False


def _expected_files(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the manifest states of each file, by its path in the release."""
    stated = {DATABASE: manifest["database"]}
    for table in manifest["tables"]:
        stated[f"{PARQUET}/{table['parquet']['file']}"] = table["parquet"]
    return stated


def has_all_files(release: Path, manifest: dict[str, Any]) -> bool:
    """Whether every file of the release is there in its full length; `is_intact` reads them."""
    try:
        return all(
            (release / name).is_file() and (release / name).stat().st_size == stated["bytes"]
            for name, stated in _expected_files(manifest).items()
        )
    except (OSError, ValueError):  # a name with a zero byte is no path
        return False


def leads_readers(published_dir: Path, publication_id: str) -> bool:
    """Whether the stable names lead to this release."""
    release = (published_dir / RELEASES / publication_id).resolve()
    if (published_dir / POINTER).is_file():
        return (published_dir / DATABASE).is_file() and (published_dir / MANIFEST).is_file()
    return all(
        (published_dir / name).resolve() == release / name for name in (DATABASE, PARQUET, MANIFEST)
    )


def is_intact(release: Path, manifest: dict[str, Any]) -> bool:
    """Whether every file of the release is there and as it was written."""
    if any(Path(t["parquet"]["file"]).name != t["parquet"]["file"] for t in manifest["tables"]):
        return False  # a name that leads out of the release
    return has_all_files(release, manifest) and all(
        _is_file_of(release / name, stated["sha256"])
        for name, stated in _expected_files(manifest).items()
    )


def stated_contents(release: Path, manifest: dict[str, Any]) -> dict[str, Content]:
    """Rows and checksum of each table of a release, comparable with what `measure` finds here.

    They stand in the manifest, but a checksum of another version of DuckDB compares with nothing:
    then they are taken from the DuckDB file, if that is to the byte the one that was stated.
    """
    stated = {t["name"]: Content(t["rows"], t["content_checksum"]) for t in manifest["tables"]}
    database = release / DATABASE
    if (
        manifest["manifest_version"] >= CHECKSUMS_BY_HASH
        and manifest["database"]["duckdb_version"] == duckdb.__version__
    ) or not _is_file_of(database, manifest["database"]["sha256"]):
        return stated
    with in_memory() as connection:
        attach_read_only(connection, database, PUBLISHED_CATALOG)
        return {
            mart.name: measure(connection, mart.relation(PUBLISHED_CATALOG), mart)
            for mart in map(mart_of, manifest["tables"])
        }
