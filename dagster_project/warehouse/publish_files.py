"""Files of a publication: layout, writing, checking, and the one atomic switch.

``published/``
    ``releases/<publication_id>/``  one whole publication: DuckDB file, ``parquet/``, manifest
    ``current``                     link to the release that is published; replacing this
                                    link is the one moment at which readers change over
    ``miner_marts.duckdb``, ``parquet``, ``manifest.json``
                                    links through ``current``, never changed after the first run
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.errors import PublicationRefused, WarehouseLocked
from dagster_project.warehouse.connection import LOCK_ATTEMPTS, LOCK_WAIT_SECONDS, attach_read_only
from dagster_project.warehouse.ddl import literal, quoted
from dagster_project.warehouse.publish_macros import TableMacro, create_table_macros, macro_faults
from dagster_project.warehouse.publish_marts import (
    MARTS_SCHEMA,
    Content,
    Mart,
    describe_marts,
    measure,
)

DATABASE = "miner_marts.duckdb"
PARQUET = "parquet"
MANIFEST = "manifest.json"
CURRENT = "current"
RELEASES = "releases"
BUILDING_PREFIX = ".building-"
NEW_LINK_PREFIX = ".new-"
LOCK_FILE = ".publish.lock"

# The oldest format that DuckDB 1.x and later read, so that analysts need not upgrade with us.
STORAGE_VERSION = "v1.0.0"
PUBLISHED_CATALOG = "published"

_MANIFEST_KEYS = {
    "manifest_version",
    "publication_id",
    "published_at",
    "code_revision",
    "replaced",
    "database",
    "tables",
}


@contextmanager
def publication_lock(
    published_dir: Path,
    *,
    attempts: int = LOCK_ATTEMPTS,
    wait_seconds: float = LOCK_WAIT_SECONDS,
) -> Iterator[None]:
    """One publication at a time; the system drops the lock when its process dies."""
    with (published_dir / LOCK_FILE).open("a") as handle:
        for attempt in range(attempts):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if attempt + 1 == attempts:
                    raise WarehouseLocked(
                        "Another run is publishing.",
                        where=str(published_dir),
                        mend="wait for that run to end, then run again",
                    ) from error
                time.sleep(wait_seconds)
        yield


def in_memory() -> duckdb.DuckDBPyConnection:
    """A connection that attaches files; UTC, so that instants read the same everywhere."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


# --- writing -------------------------------------------------------------------------


def _create_mart(connection: duckdb.DuckDBPyConnection, working: str, mart: Mart) -> None:
    target = mart.relation(PUBLISHED_CATALOG)
    lines = [f"{quoted(c.name)} {c.type}{' NOT NULL' if c.required else ''}" for c in mart.columns]
    lines.append(f"PRIMARY KEY ({mart.order_sql})")
    connection.execute(f"CREATE TABLE {target} ({', '.join(lines)})")
    connection.execute(
        f"INSERT INTO {target} SELECT * FROM {mart.relation(working)} ORDER BY {mart.order_sql}"
    )
    if mart.description:
        connection.execute(f"COMMENT ON TABLE {target} IS {literal(mart.description)}")
    for column in mart.columns:
        if column.description:
            connection.execute(
                f"COMMENT ON COLUMN {target}.{quoted(column.name)} IS {literal(column.description)}"
            )


def write_database(
    connection: duckdb.DuckDBPyConnection,
    working: str,
    marts: tuple[Mart, ...],
    macros: tuple[TableMacro, ...],
    folder: Path,
) -> None:
    """Copy the marts with keys, NOT NULLs and comments into a new DuckDB file; add the macros."""
    connection.execute(
        f"ATTACH {literal(str(folder / DATABASE))} AS {PUBLISHED_CATALOG} "
        f"(STORAGE_VERSION {literal(STORAGE_VERSION)})"
    )
    connection.execute(f"CREATE SCHEMA {PUBLISHED_CATALOG}.{quoted(MARTS_SCHEMA)}")
    for mart in marts:
        _create_mart(connection, working, mart)
    connection.execute(f"CHECKPOINT {PUBLISHED_CATALOG}")
    connection.execute(f"DETACH {PUBLISHED_CATALOG}")
    create_table_macros(folder / DATABASE, macros)


def write_parquet(
    connection: duckdb.DuckDBPyConnection, working: str, marts: tuple[Mart, ...], folder: Path
) -> None:
    """One Parquet file per mart, in the order of its key."""
    (folder / PARQUET).mkdir()
    for mart in marts:
        target = folder / PARQUET / mart.parquet_name
        connection.execute(
            f"COPY (SELECT * FROM {mart.relation(working)} ORDER BY {mart.order_sql}) "
            f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
        )


def verify(
    folder: Path,
    marts: tuple[Mart, ...],
    macros: tuple[TableMacro, ...],
    contents: dict[str, Content],
) -> None:
    """Open what was written as a reader would and hold it against the working file."""
    faults = []
    with in_memory() as connection:
        attach_read_only(connection, folder / DATABASE, PUBLISHED_CATALOG)
        written = {mart.name: mart for mart in describe_marts(connection, PUBLISHED_CATALOG)}
        for mart in marts:
            if written.pop(mart.name, None) != mart:
                faults.append(f"table {mart.name}: columns, key or comments differ")
                continue
            if measure(connection, mart.relation(PUBLISHED_CATALOG), mart) != contents[mart.name]:
                faults.append(f"table {mart.name}: rows of the DuckDB file differ")
            parquet = f"read_parquet({literal(str(folder / PARQUET / mart.parquet_name))})"
            if measure(connection, parquet, mart) != contents[mart.name]:
                faults.append(f"table {mart.name}: rows of the Parquet file differ")
        faults.extend(f"table {name} was not in the working file" for name in written)
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


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


# --- making it durable and visible -----------------------------------------------------


def _sync(path: Path) -> None:
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


def _replace_link(link: Path, target: str) -> None:
    new = link.with_name(f"{NEW_LINK_PREFIX}{link.name}")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def ensure_reader_links(published_dir: Path) -> None:
    """The stable paths readers use; each leads through ``current``."""
    for name in (DATABASE, PARQUET, MANIFEST):
        link = published_dir / name
        target = f"{CURRENT}/{name}"
        if not (link.is_symlink() and os.readlink(link) == target):  # noqa: PTH115 - text wanted
            _replace_link(link, target)


def point_current(published_dir: Path, publication_id: str) -> None:
    """The switch: readers see the old publication before it and the new one after it."""
    _replace_link(published_dir / CURRENT, f"{RELEASES}/{publication_id}")
    _sync(published_dir)


def clear_leftovers(published_dir: Path) -> None:
    """Remove what a killed run left; the lock is held, so nothing of it is in use."""
    for path in published_dir.glob(f"{NEW_LINK_PREFIX}*"):
        path.unlink()
    for path in (published_dir / RELEASES).glob(f"{BUILDING_PREFIX}*"):
        shutil.rmtree(path)


# --- reading back ------------------------------------------------------------------------


def current_id(published_dir: Path) -> str | None:
    """Name of the published release, None before the first publication."""
    link = published_dir / CURRENT
    return Path(os.readlink(link)).name if link.is_symlink() else None  # noqa: PTH115 - text wanted


def read_manifest(release: Path) -> dict[str, Any] | None:
    """A release's manifest, or None where it is missing or damaged."""
    try:
        manifest = json.loads((release / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(manifest, dict) or not manifest.keys() >= _MANIFEST_KEYS:
        return None
    return manifest


def is_intact(release: Path, manifest: dict[str, Any]) -> bool:
    """Whether every file of the release is there and as it was written."""
    expected = {DATABASE: manifest["database"]["sha256"]}
    for table in manifest["tables"]:
        expected[f"{PARQUET}/{table['parquet']['file']}"] = table["parquet"]["sha256"]
    try:
        return all(sha256_of(release / name) == digest for name, digest in expected.items())
    except OSError:
        return False
