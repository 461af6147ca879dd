"""Tables on their way to Spark and back, as Parquet.

Where the folder is a plain path, DuckDB itself writes and reads the files: driver and workers must
see that path. Where it is a URI (an object store, HDFS), Spark's driver carries the same files, so
that DuckDB needs neither the store nor its keys. It carries files and not rows: a table then passes
through nobody's memory, and its types are those of a plain path.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.errors import SparkFailed, WarehouseProjectError
from dagster_project.spark.session import SparkRun, short_reason
from dagster_project.warehouse.connection import warehouse
from dagster_project.warehouse.ddl import literal, quoted
from dagster_project.warehouse.session import connect

# Types that Parquet or Spark lack, and what they become on the way.
_CARRIED_AS = {"HUGEINT": "DECIMAL(38, 0)", "UHUGEINT": "DECIMAL(38, 0)", "UUID": "VARCHAR"}

Relation = tuple[str, str]


@dataclass(frozen=True)
class Place:
    """The folder of one study's exchange: what Spark calls it, and its path if it is one.

    ``local`` is the folder where DuckDB finds the tables that come back, ``written`` the one where
    it writes those that go out: where the folder is a URI, only until they are there.
    """

    uri: str
    is_path: bool
    local: Path
    written: Path

    @property
    def warehouse_uri(self) -> str:
        """Where Spark puts its tables: ``<schema>.db/<table>/*.parquet``."""
        return f"{self.uri}/warehouse"

    def sent_uri(self, relation: Relation) -> str:
        return f"{self.uri}/sent/{relation[0]}/{relation[1]}"


def place_of(spark_dir: str, output_dir: Path) -> Place:
    """The folder inside ``spark_dir`` that belongs to the study of ``output_dir`` alone.

    Only this folder is ever emptied, whatever else lies beside it.
    """
    name = f"study-{hashlib.sha256(str(output_dir).encode()).hexdigest()[:12]}"
    if "://" in spark_dir:
        home = output_dir / "spark"
        return Place(
            f"{spark_dir}/{name}", is_path=False, local=home / "returned", written=home / "sending"
        )
    folder = Path(spark_dir) / name
    return Place(folder.as_uri(), is_path=True, local=folder / "warehouse", written=folder / "sent")


def tables_in(path: Path, schemas: Sequence[str]) -> list[Relation]:
    """Schema and name of every table of some schemas of the working file."""
    with warehouse(path, read_only=True) as connection:
        return [
            (schema, table)
            for schema, table in connection.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() "
                "WHERE database_name = current_database() AND list_contains(?, schema_name) "
                "ORDER BY ALL",
                [list(schemas)],
            ).fetchall()
        ]


@contextlib.contextmanager
def _using(place: Place) -> Iterator[None]:
    """Turns whatever fails in the block into the one message about the folder."""
    try:
        yield
    except WarehouseProjectError:
        raise
    except Exception as error:  # the store's own driver raises whatever it likes
        raise _store_failed(place, error) from error


class _Store:
    """The file system of a URI, as Spark's driver sees it: with its libraries and its keys."""

    def __init__(self, place: Place, run: SparkRun) -> None:
        jvm: Any = run.session._jvm
        self._path = jvm.org.apache.hadoop.fs.Path
        configuration = run.session._jsc.hadoopConfiguration()
        self._files = self._path(place.uri).getFileSystem(configuration)

    def delete(self, uri: str) -> None:
        self._files.delete(self._path(uri), True)

    def put(self, file: Path, uri: str) -> None:
        self._files.copyFromLocalFile(False, True, self._path(file.as_uri()), self._path(uri))

    def get(self, uri: str, folder: Path) -> None:
        """Copy the Parquet files right below a folder of the store."""
        for status in self._files.listStatus(self._path(uri)):
            name = status.getPath().getName()
            if name.endswith(".parquet"):
                to = self._path((folder / name).as_uri())
                # True: without the checksum that Hadoop would lay beside a local file.
                self._files.copyToLocalFile(False, status.getPath(), to, True)


def empty_place(place: Place, run: SparkRun) -> None:
    """Take away what the last run left in the study's folder.

    Raises SparkFailed when the folder cannot be used.
    """
    with _using(place):
        if place.is_path:
            folder = place.local.parent
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            return
        for folder in (place.local, place.written):
            shutil.rmtree(folder, ignore_errors=True)
        _Store(place, run).delete(place.uri)


def _store_failed(place: Place, error: Exception) -> SparkFailed:
    return SparkFailed(
        f"The folder for Spark cannot be used: {short_reason(error)}",
        where=f"MINER_SPARK_DIR: {place.uri}",
        mend="point MINER_SPARK_DIR at a folder that this machine and all workers may write"
        if place.is_path
        else "check the address, that the store's driver is on Spark's class path, and the keys in "
        "Spark's configuration (docs/spark.md)",
    )


def _select(connection: duckdb.DuckDBPyConnection, relation: Relation) -> str:
    name = ".".join(map(quoted, relation))
    columns = connection.execute(f"DESCRIBE {name}").fetchall()
    chosen = (
        f"cast({quoted(column)} AS {_CARRIED_AS[kind]}) AS {quoted(column)}"
        if kind in _CARRIED_AS
        else quoted(column)
        for column, kind, *_ in columns
    )
    return f"SELECT {', '.join(chosen)} FROM {name}"


def send(path: Path, relations: Iterable[Relation], place: Place, run: SparkRun) -> int:
    """Bring relations of the working file to Spark under their own names; returns their rows.

    Raises SparkFailed when the folder cannot be written or the workers do not see it.
    """
    rows = 0
    with warehouse(path, read_only=True) as connection, _using(place):
        store = None if place.is_path else _Store(place, run)
        for relation in relations:
            schema, table = relation
            uri = place.sent_uri(relation)
            file = place.written / schema / table / "0.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            written = connection.execute(
                f"COPY ({_select(connection, relation)}) TO {literal(str(file))} "
                "(FORMAT parquet, COMPRESSION zstd)"
            ).fetchone()
            rows += written[0] if written else 0
            if store is not None:
                store.put(file, f"{uri}/{file.name}")
                file.unlink()
            run.session.sql(f"CREATE SCHEMA IF NOT EXISTS `{schema}`")
            run.session.sql(
                f"CREATE TABLE `{schema}`.`{table}` USING parquet LOCATION {literal(uri)}"
            )
    return rows


def require_shared(place: Place, run: SparkRun) -> None:
    """Raises SparkFailed unless workers write where this machine then reads the same rows."""
    uri, expected = f"{place.uri}/probe", 4
    try:
        run.session.range(expected, numPartitions=expected).write.mode("overwrite").parquet(uri)
        if place.is_path:
            files = literal(f"{place.local.parent}/probe/*.parquet")
            with connect() as connection:
                found = connection.execute(f"SELECT count(*) FROM read_parquet({files})").fetchone()
            seen = found[0] if found else 0
        else:
            seen = run.session.read.parquet(uri).count()
        problem = "" if seen == expected else f"{seen} of {expected} rows arrived"
    except Exception as error:
        if not place.is_path:
            raise _store_failed(place, error) from error
        problem = short_reason(error)
    if problem:
        raise SparkFailed(
            f"Spark's workers and this machine do not see the same folder: {problem}.",
            where=f"MINER_SPARK_DIR: {place.uri}",
            mend="point MINER_SPARK_DIR at a folder that all of them mount under one path, or at "
            "the URI of an object store",
        )


def fetch(relations: Sequence[Relation], place: Place, run: SparkRun) -> None:
    """Bring tables of Spark to ``place.local``; nothing to do where that is Spark's own folder.

    Raises SparkFailed where a table is missing there afterwards.
    """
    store = None
    for schema, table in relations:
        folder = place.local / f"{schema}.db" / table
        if not place.is_path:
            with _using(place):
                store = store or _Store(place, run)
                folder.mkdir(parents=True, exist_ok=True)
                store.get(f"{place.warehouse_uri}/{schema}.db/{table}", folder)
        if not any(folder.glob("*.parquet")):
            raise SparkFailed(
                f"The table {schema}.{table} did not come back from Spark.",
                where=str(folder),
                mend="give the command again; if it stays so, point MINER_SPARK_DIR elsewhere",
            )
