"""Tables on their way to Spark and back, as Parquet.

Where the folder is a plain path, DuckDB itself writes and reads the files: driver and workers must
see that path. Where it is a URI (an object store, HDFS), Spark's driver carries the rows, so that
DuckDB needs neither the store nor its keys.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.errors import SparkFailed
from dagster_project.spark.session import SparkRun, short_reason
from dagster_project.warehouse.connection import warehouse
from dagster_project.warehouse.ddl import literal, quoted

# Types that Parquet or Spark lack, and what they become on the way.
_CARRIED_AS = {"HUGEINT": "DECIMAL(38, 0)", "UHUGEINT": "DECIMAL(38, 0)", "UUID": "VARCHAR"}
_BATCH_ROWS = 200_000

Relation = tuple[str, str]


@dataclass(frozen=True)
class Place:
    """The folder of one study's exchange: what Spark calls it, and its path if it is one.

    ``local`` is the folder where DuckDB finds the tables that come back.
    """

    uri: str
    is_path: bool
    local: Path

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
        local = output_dir / "spark" / "returned"
        return Place(f"{spark_dir}/{name}", is_path=False, local=local)
    folder = Path(spark_dir) / name
    return Place(folder.as_uri(), is_path=True, local=folder / "warehouse")


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


def empty_place(place: Place, run: SparkRun) -> None:
    """Take away what the last run left in the study's folder."""
    if place.is_path:
        shutil.rmtree(place.local.parent, ignore_errors=True)
        place.local.parent.mkdir(parents=True, exist_ok=True)
        return
    shutil.rmtree(place.local, ignore_errors=True)
    jvm: Any = run.session._jvm
    path = jvm.org.apache.hadoop.fs.Path(place.uri)
    try:
        path.getFileSystem(run.session._jsc.hadoopConfiguration()).delete(path, True)
    except Exception as error:  # whatever the store's own driver raises
        raise _store_failed(place, error) from error


def _store_failed(place: Place, error: Exception) -> SparkFailed:
    return SparkFailed(
        f"The folder for Spark cannot be used: {short_reason(error)}",
        where=f"MINER_SPARK_DIR: {place.uri}",
        mend="check the address, that the store's driver is on Spark's class path, and the keys in "
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
    with warehouse(path, read_only=True) as connection:
        for relation in relations:
            schema, table = relation
            select = _select(connection, relation)
            uri = place.sent_uri(relation)
            if place.is_path:
                file = place.local.parent / "sent" / schema / table / "0.parquet"
                file.parent.mkdir(parents=True, exist_ok=True)
                written = connection.execute(
                    f"COPY ({select}) TO {literal(str(file))} (FORMAT parquet, COMPRESSION zstd)"
                ).fetchone()
                rows += written[0] if written else 0
            else:
                rows += _send_through_driver(connection, select, uri, place, run)
            run.session.sql(f"CREATE SCHEMA IF NOT EXISTS `{schema}`")
            run.session.sql(
                f"CREATE TABLE `{schema}`.`{table}` USING parquet LOCATION {literal(uri)}"
            )
    return rows


def _send_through_driver(
    connection: duckdb.DuckDBPyConnection, select: str, uri: str, place: Place, run: SparkRun
) -> int:
    import pyarrow as pa  # type: ignore[import-untyped]

    rows, mode = 0, "overwrite"
    reader = connection.execute(select).to_arrow_reader(_BATCH_ROWS)
    # An empty table still has to arrive with its columns.
    batches: Iterable[Any] = reader
    try:
        for batch in batches:
            frame = run.session.createDataFrame(pa.Table.from_batches([batch]))
            frame.write.mode(mode).parquet(uri)
            rows, mode = rows + batch.num_rows, "append"
        if mode == "overwrite":
            frame = run.session.createDataFrame(reader.schema.empty_table())
            frame.write.mode(mode).parquet(uri)
    except Exception as error:  # whatever the store's own driver raises
        raise _store_failed(place, error) from error
    return rows


def require_shared(place: Place, run: SparkRun) -> None:
    """Raises SparkFailed unless workers write where this machine then reads the same rows."""
    uri, expected = f"{place.uri}/probe", 4
    try:
        run.session.range(expected, numPartitions=expected).write.mode("overwrite").parquet(uri)
        if place.is_path:
            files = literal(f"{place.local.parent}/probe/*.parquet")
            with duckdb.connect() as connection:
                found = connection.execute(f"SELECT count(*) FROM read_parquet({files})").fetchone()
            seen = found[0] if found else 0
        else:
            seen = run.session.read.parquet(uri).count()
        problem = "" if seen == expected else f"{seen} of {expected} rows arrived"
    except Exception as error:
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
    for schema, table in relations:
        folder = place.local / f"{schema}.db" / table
        if not place.is_path:
            import pyarrow.parquet as pq  # type: ignore[import-untyped]

            folder.mkdir(parents=True, exist_ok=True)
            try:
                rows = run.session.table(f"`{schema}`.`{table}`").toArrow()
            except Exception as error:
                raise _store_failed(place, error) from error
            pq.write_table(rows, folder / "0.parquet", compression="zstd")
        if not any(folder.glob("*.parquet")):
            raise SparkFailed(
                f"The table {schema}.{table} did not come back from Spark.",
                where=str(folder),
                mend="give the command again; if it stays so, point MINER_SPARK_DIR elsewhere",
            )
