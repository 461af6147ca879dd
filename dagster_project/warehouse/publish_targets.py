"""Every published form read back and held against the manifest: rows and checksum of each table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.errors import PublicationRefused
from dagster_project.secret import NO_SECRET, Secret
from dagster_project.warehouse import publish_files as files
from dagster_project.warehouse.connection import attach_read_only
from dagster_project.warehouse.ddl import literal
from dagster_project.warehouse.publish_marts import Content, Mart, mart_of, measure
from dagster_project.warehouse.reader import published_files

MANIFEST_TARGET = "manifest"
NOTHING = Content(-1, "")


@dataclass(frozen=True)
class Target:
    """What one published form holds; ``seconds``: how long reading all of it took."""

    name: str
    publication_id: str | None
    contents: dict[str, Content]
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """All forms of one publication side by side; the manifest stands first."""

    targets: tuple[Target, ...]

    @property
    def tables(self) -> list[str]:
        return sorted({name for target in self.targets for name in target.contents})

    @property
    def rows(self) -> int:
        return sum(content.rows for content in self.targets[0].contents.values())

    @property
    def differences(self) -> list[str]:
        """Every form or table that does not say what the manifest says."""
        stated = self.targets[0]
        found = []
        for target in self.targets[1:]:
            if target.publication_id != stated.publication_id:
                found.append(
                    f"{target.name}: publication {target.publication_id}, "
                    f"not {stated.publication_id}"
                )
            for name in self.tables:
                here, there = stated.contents.get(name), target.contents.get(name)
                if there is None or here is None:
                    where = target.name if there is None else "the manifest"
                    found.append(f"{target.name}, table {name}: missing in {where}")
                elif here.rows != there.rows:
                    found.append(
                        f"{target.name}, table {name}: {there.rows:,} rows, not {here.rows:,}"
                    )
                elif here != there:
                    found.append(f"{target.name}, table {name}: other content in equal rows")
        return found

    def figures(self) -> list[dict[str, Any]]:
        """One record per table: rows and the beginning of the checksum in each form."""
        records: list[dict[str, Any]] = []
        for name in self.tables:
            record: dict[str, Any] = {"table": name}
            for target in self.targets:
                content = target.contents.get(name, NOTHING)
                record[f"{target.name}_rows"] = content.rows
                record[f"{target.name}_checksum"] = content.checksum[:12]
            records.append(record)
        return records


def _contents(
    connection: duckdb.DuckDBPyConnection, relations: dict[Mart, str]
) -> dict[str, Content]:
    """Rows and checksum by table; one that cannot be read is left out, and reported as missing."""
    found = {}
    for mart, relation in relations.items():
        with suppress(duckdb.Error):
            found[mart.name] = measure(connection, relation, mart)
    return found


def _duckdb_target(path: Path, marts: tuple[Mart, ...]) -> tuple[str | None, dict[str, Content]]:
    with files.in_memory() as connection:
        attach_read_only(connection, path, files.PUBLISHED_CATALOG)
        row = None
        with suppress(duckdb.Error):
            row = connection.execute(
                f"SELECT publication_id FROM {files.PUBLISHED_CATALOG}.marts.publication"
            ).fetchone()
        return (row[0] if row else None), _contents(
            connection, {mart: mart.relation(files.PUBLISHED_CATALOG) for mart in marts}
        )


def _parquet_contents(folder: Path, marts: tuple[Mart, ...]) -> dict[str, Content]:
    with files.in_memory() as connection:
        return _contents(
            connection,
            {
                mart: f"read_parquet({literal(str(folder / mart.parquet_name))})"
                for mart in marts
                if (folder / mart.parquet_name).is_file()
            },
        )


def _targets(published_dir: Path, url: Secret) -> Iterator[Target]:
    release = published_dir / files.RELEASES / (files.current_id(published_dir) or "none")
    manifest = files.read_manifest(release)
    if manifest is None:
        raise PublicationRefused(
            "There is no publication to read back.",
            where=str(published_dir),
            mend="build and publish with 'make run'",
        )
    marts = tuple(mart_of(table) for table in manifest["tables"])
    name = manifest["publication_id"]
    stated = files.stated_contents(release, manifest)
    yield Target(MANIFEST_TARGET, name, stated, 0.0)
    database, parquet = published_files(published_dir)
    started = time.monotonic()
    duckdb_id, contents = _duckdb_target(database, marts)
    yield Target("duckdb", duckdb_id, contents, time.monotonic() - started)
    started = time.monotonic()
    contents = _parquet_contents(parquet, marts)
    yield Target("parquet", parquet.resolve().parent.name, contents, time.monotonic() - started)
    if url:
        from dagster_project.warehouse import publish_postgres as postgres

        started = time.monotonic()
        shown, contents = postgres.shown_contents(published_dir, url, marts)
        yield Target("postgres", shown, contents, time.monotonic() - started)


def compare_targets(published_dir: Path, url: Secret = NO_SECRET) -> Comparison:
    """Read the DuckDB file, the Parquet files and PostgreSQL (where ``url`` is set) as readers do.

    Raises PublicationRefused where nothing is published or PostgreSQL cannot be asked.
    """
    with files.publication_lock(published_dir):
        return Comparison(tuple(_targets(published_dir, url)))
