"""Publication: marts of the working file become the files readers open, all or nothing.

The steps are: gate, write into a building folder, verify, sync, rename, switch one link,
prune. Until the switch readers have the previous publication; a run that dies anywhere
leaves them there, and the next run clears what it left.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.errors import PublicationRefused
from dagster_project.warehouse import publish_files as files
from dagster_project.warehouse.connection import attach_read_only
from dagster_project.warehouse.publish_gate import check_counts, check_gate
from dagster_project.warehouse.publish_macros import TableMacro
from dagster_project.warehouse.publish_marts import (
    Content,
    Mart,
    describe_marts,
    foreign_keys,
    measure,
    source_coverage,
)
from dagster_project.warehouse.revision import code_revision

__all__ = [
    "Publication",
    "PublicationReport",
    "code_revision",
    "list_publications",
    "publish",
    "rollback",
]

_LOG = logging.getLogger(__name__)

WORKING_CATALOG = "working"


@dataclass(frozen=True)
class PublicationReport:
    """What a publication did. ``unchanged``: the published files already said all this."""

    publication_id: str
    unchanged: bool
    release_dir: Path
    tables: int
    rows: int
    bytes: int
    replaced: str | None
    pruned: tuple[str, ...]
    # Copies of stable name that another program holds open (only where links are refused).
    held: tuple[str, ...]
    manifest: dict[str, Any]

    def summary(self) -> str:
        """One line for a log."""
        size = f"{self.tables} tables, {self.rows:,} rows, {self.bytes / 1e6:.1f} MB"
        done = "unchanged since" if self.unchanged else "published"
        held = f"; still the previous one, for a program has it open: {', '.join(self.held)}"
        return f"{done} {self.publication_id} ({size}){held if self.held else ''}"


@dataclass(frozen=True)
class Publication:
    """One publication on disk."""

    publication_id: str
    published_at: str
    code_revision: str
    replaced: str | None
    is_current: bool
    release_dir: Path


@contextmanager
def _clear_failures(published_dir: Path) -> Iterator[None]:
    """Turn a full disk, a missing permission or a broken file into one readable refusal."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise PublicationRefused(
            f"The publication could not be written: {reason}.",
            where=str(getattr(error, "filename", None) or published_dir),
            mend="free disk space or mend what is named above and run again; the previous "
            "publication is untouched",
        ) from error


def _content_hash(tables: list[dict[str, Any]]) -> str:
    parts = [f"{table['name']} {table['content_checksum']}" for table in tables]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _is_published(published_dir: Path, previous: dict[str, Any], manifest: dict[str, Any]) -> bool:
    """Whether readers already have this code's tables, rows, words and macros, in sound files."""

    def essence(of: dict[str, Any]) -> list[Any]:
        tables = [{k: v for k, v in table.items() if k != "parquet"} for table in of["tables"]]
        return [of["manifest_version"], of["code_revision"], tables, of.get("table_macros")]

    release = published_dir / files.RELEASES / previous["publication_id"]
    return essence(manifest) == essence(previous) and files.is_intact(release, previous)


def _add_file_facts(manifest: dict[str, Any], marts: tuple[Mart, ...], folder: Path) -> None:
    database = folder / files.DATABASE
    manifest["database"] = {
        "file": files.DATABASE,
        "sha256": files.sha256_of(database),
        "bytes": database.stat().st_size,
        "duckdb_version": duckdb.__version__,
        "storage_version": files.STORAGE_VERSION,
    }
    for table, mart in zip(manifest["tables"], marts, strict=True):
        path = folder / files.PARQUET / mart.parquet_name
        table["parquet"] = {
            "file": mart.parquet_name,
            "sha256": files.sha256_of(path),
            "bytes": path.stat().st_size,
        }


def _lead_to_complete(published_dir: Path) -> None:
    """Where what readers see is damaged or gone, lead them to the newest complete release."""
    current = files.current_id(published_dir)
    if current and _has_release(published_dir, current):
        files.ensure_reader_links(published_dir)
        return
    whole = [
        p.publication_id
        for p in list_publications(published_dir)
        if not p.is_current and _has_release(published_dir, p.publication_id)
    ]
    if not whole:
        return
    files.point_current(published_dir, whole[0])
    files.ensure_reader_links(published_dir)
    files.refresh_copies(published_dir)
    _LOG.warning(
        "%s is damaged or gone; readers see %s, the newest complete publication.",
        f"Publication {current}" if current else "The link to the publication",
        whole[0],
    )


def _has_release(published_dir: Path, publication_id: str) -> bool:
    release = published_dir / files.RELEASES / publication_id
    manifest = files.read_manifest(release)
    return manifest is not None and files.has_all_files(release, manifest)


def _previous_manifest(published_dir: Path, *, allow_smaller: bool) -> dict[str, Any] | None:
    """Manifest of what is published now; None before the first publication."""
    previous_id = files.current_id(published_dir)
    if previous_id is None:
        return None
    manifest = files.read_manifest(published_dir / files.RELEASES / previous_id)
    if manifest is None and not allow_smaller:
        raise PublicationRefused(
            "The manifest of the present publication is missing or damaged, so nothing says "
            "what it covers.",
            where=str(published_dir / files.MANIFEST),
            mend="restore it, or run once with MINER_ALLOW_SMALLER=1 to publish anew",
        )
    return manifest


def _retained(published_dir: Path, keep: int) -> list[str]:
    """The current publication and those it replaced, newest first, at most ``keep``."""
    chain: list[str] = []
    name = files.current_id(published_dir)
    while name and name not in chain and len(chain) < keep:
        manifest = files.read_manifest(published_dir / files.RELEASES / name)
        chain.append(name)
        name = manifest["replaced"] if manifest else None
        if name and not files.PUBLICATION_ID.fullmatch(name):
            break
    return chain


def _prune(published_dir: Path, keep: int) -> tuple[str, ...]:
    # Two stay whatever was asked: a reader may be opening the one that was just replaced.
    retained = _retained(published_dir, max(keep, 2))
    pruned = []
    for path in sorted((published_dir / files.RELEASES).iterdir()):
        if path.name not in retained:
            files.remove(path)
            pruned.append(path.name)
    return tuple(pruned)


def _report(
    published_dir: Path,
    manifest: dict[str, Any],
    *,
    unchanged: bool,
    pruned: tuple[str, ...],
    held: tuple[str, ...],
) -> PublicationReport:
    return PublicationReport(
        publication_id=manifest["publication_id"],
        unchanged=unchanged,
        release_dir=published_dir / files.RELEASES / manifest["publication_id"],
        tables=len(manifest["tables"]),
        rows=sum(table["rows"] for table in manifest["tables"]),
        bytes=manifest["database"]["bytes"]
        + sum(table["parquet"]["bytes"] for table in manifest["tables"]),
        replaced=manifest["replaced"],
        pruned=pruned,
        held=held,
        manifest=manifest,
    )


@dataclass(frozen=True)
class _Draft:
    """Marts that passed the gate, with all that is known before files are written."""

    marts: tuple[Mart, ...]
    macros: tuple[TableMacro, ...]
    contents: dict[str, Content]
    manifest: dict[str, Any]


def _free_name(published_dir: Path, now: datetime, content_hash: str) -> str:
    first = f"{now:%Y%m%dT%H%M%SZ}-{content_hash[:8]}"
    name, number = first, 1
    while (published_dir / files.RELEASES / name).exists():
        number += 1
        name = f"{first}-{number}"
    return name


def _draft(
    connection: duckdb.DuckDBPyConnection,
    published_dir: Path,
    previous: dict[str, Any] | None,
    *,
    macros: tuple[TableMacro, ...],
    code_revision: str,
    allow_smaller: bool,
    now: datetime,
) -> _Draft:
    """Run the gate over the working file and describe what would be published."""
    marts = describe_marts(connection, WORKING_CATALOG)
    gate = check_gate(
        connection,
        WORKING_CATALOG,
        marts,
        macros=[macro.name for macro in macros],
        previous=previous,
        allow_smaller=allow_smaller,
    )
    contents = {
        mart.name: measure(connection, mart.relation(WORKING_CATALOG), mart) for mart in marts
    }
    references = foreign_keys(connection, WORKING_CATALOG, marts)
    tables = [
        {
            **mart.shape(),
            "rows": contents[mart.name].rows,
            "content_checksum": contents[mart.name].checksum,
            "foreign_keys": references[mart.name],
            **gate.coverage[mart.name],
        }
        for mart in marts
    ]
    manifest = {
        "manifest_version": files.MANIFEST_VERSION,
        "publication_id": _free_name(published_dir, now, _content_hash(tables)),
        "published_at": now.isoformat(timespec="seconds"),
        "replaced": files.current_id(published_dir),
        "code_revision": code_revision,
        "checks": check_counts(gate.results),
        "sources": source_coverage(connection, WORKING_CATALOG),
        "tables": tables,
        "table_macros": [macro.shape() for macro in macros],
    }
    return _Draft(marts, macros, contents, manifest)


def _write_release(
    connection: duckdb.DuckDBPyConnection, draft: _Draft, building: Path, release: Path
) -> None:
    """Write, verify and sync a whole publication, then give it its name; all or nothing."""
    try:
        building.mkdir()
        files.write_database(
            connection, WORKING_CATALOG, draft.marts, draft.macros, draft.manifest, building
        )
        files.write_parquet(draft.marts, building)
        files.verify(building, draft.marts, draft.macros, draft.contents, draft.manifest)
        _add_file_facts(draft.manifest, draft.marts, building)
        files.write_manifest(building, draft.manifest)
        files.sync_tree(building)
        files.move_into_place(building, release)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def _switch(published_dir: Path, release: Path) -> None:
    """Make ``release`` the publication readers see; an unseen one is removed on failure."""
    try:
        files.ensure_reader_links(published_dir)
        files.point_current(published_dir, release.name)
    except BaseException:
        if files.current_id(published_dir) != release.name:
            shutil.rmtree(release, ignore_errors=True)
        raise


def publish(
    warehouse_path: Path,
    published_dir: Path,
    *,
    code_revision: str,
    keep: int,
    allow_smaller: bool,
    now: datetime,
    macros: tuple[TableMacro, ...] = (),
) -> PublicationReport:
    """Publish schema ``marts`` of the working file, or say that nothing has changed.

    ``macros`` go into the published DuckDB file beside the tables; ``now`` carries its time
    zone. Raises PublicationRefused with every reason where the marts are not fit, where they
    cover less than what is published (``allow_smaller`` permits that), or where writing fails;
    WarehouseLocked where the working file or the publication is in use. In each case readers
    keep the previous publication.
    """
    if not warehouse_path.is_file():
        raise PublicationRefused(
            "There is no working file to publish from.",
            where=str(warehouse_path),
            mend="run 'make run', which builds it",
        )
    asked = time.monotonic()
    with _clear_failures(published_dir):
        files.make_folder(published_dir / files.RELEASES)
        scratch = published_dir / files.RELEASES / f"{files.BUILDING_PREFIX}scratch"
        with files.publication_lock(published_dir), files.in_memory(scratch) as connection:
            # Who waited for another publication comes after it, in its time and name too.
            now += timedelta(seconds=int(time.monotonic() - asked))
            files.clear_leftovers(published_dir)
            _lead_to_complete(published_dir)
            attach_read_only(connection, warehouse_path, WORKING_CATALOG)
            previous = _previous_manifest(published_dir, allow_smaller=allow_smaller)
            draft = _draft(
                connection,
                published_dir,
                previous,
                macros=macros,
                code_revision=code_revision,
                allow_smaller=allow_smaller,
                now=now.astimezone(UTC),
            )
            if previous and _is_published(published_dir, previous, draft.manifest):
                files.ensure_reader_links(published_dir)
                held = files.refresh_copies(published_dir)
                pruned = _prune(published_dir, keep)
                return _report(published_dir, previous, unchanged=True, pruned=pruned, held=held)
            releases = published_dir / files.RELEASES
            name = draft.manifest["publication_id"]
            _write_release(
                connection, draft, releases / f"{files.BUILDING_PREFIX}{name}", releases / name
            )
            _switch(published_dir, releases / name)
            held = files.refresh_copies(published_dir)
            pruned = _prune(published_dir, keep)
            return _report(published_dir, draft.manifest, unchanged=False, pruned=pruned, held=held)


def list_publications(published_dir: Path) -> list[Publication]:
    """Publications on disk, the current one first, then by when they were made."""
    current = files.current_id(published_dir)
    found = []
    releases = published_dir / files.RELEASES
    for path in releases.iterdir() if releases.is_dir() else ():
        manifest = files.read_manifest(path)
        # A folder that was renamed by hand is no release: rollback would not find it.
        if manifest is None or path.name != manifest["publication_id"]:
            continue
        found.append(
            Publication(
                publication_id=path.name,
                published_at=manifest["published_at"],
                code_revision=manifest["code_revision"],
                replaced=manifest["replaced"],
                is_current=path.name == current,
                release_dir=path,
            )
        )
    found.sort(key=lambda p: (p.is_current, p.published_at, p.publication_id), reverse=True)
    return found


def rollback(published_dir: Path, to: str = "") -> str:
    """Point readers at the publication the current one replaced, or at ``to``; returns its id.

    ``to`` is any publication on disk, a newer one too, so that a way back can be taken back.
    Raises PublicationRefused where there is none, or its files are damaged.
    """
    if to and not files.PUBLICATION_ID.fullmatch(to):
        raise PublicationRefused(
            f"{to!r} is not the name of a publication.",
            where=str(published_dir / files.RELEASES),
            mend="choose a folder there, like 20250327T130000Z-0a1b2c3d",
        )
    with _clear_failures(published_dir), files.publication_lock(published_dir):
        chain = _retained(published_dir, keep=2)
        name = to or (chain[1] if len(chain) > 1 else "")
        target = published_dir / files.RELEASES / name if name else None
        manifest = files.read_manifest(target) if target else None
        if target is None or manifest is None or not files.is_intact(target, manifest):
            on_disk = [p.publication_id for p in list_publications(published_dir)]
            raise PublicationRefused(
                "There is no earlier publication to go back to, or its files are damaged."
                if not to
                else "There is no such publication, or its files are damaged.",
                where=str(target or published_dir),
                mend=f"choose one on disk ({', '.join(on_disk) or 'there is none'}), or build and "
                "publish again with 'make run'",
            )
        files.point_current(published_dir, target.name)
        files.refresh_copies(published_dir)
        return target.name
