"""A URI in place of a folder: what goes there, what comes back, and a store that refuses."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest

from dagster_project.errors import SparkFailed
from dagster_project.spark.cluster import local_cluster
from dagster_project.spark.exchange import (
    Place,
    empty_place,
    fetch,
    place_of,
    require_shared,
    send,
)
from dagster_project.spark.session import SparkRun, spark_session
from tests.e2e.conftest import Study
from tests.spark.conftest import manifest_of
from tests.spark.webhdfs_server import (
    Asked,
    Refusal,
    WebHdfs,
    permission_denied,
    quota_exceeded,
)

pytestmark = pytest.mark.spark

# A value of each type that tables of the working file have, and of those cast on the way.
VALUES = {
    "text": "'Bitcoin, 10 € and ''quotes'''",
    "a_double": "0.1::DOUBLE",
    "a_bigint": "9223372036854775807::BIGINT",
    "an_integer": "-7::INTEGER",
    "a_day": "DATE '2024-02-29'",
    "a_time": "TIMESTAMP '2024-03-10 02:30:00.123456'",
    "a_flag": "true",
    "texts": "['a', NULL, '']",
    "bigints": "[1::BIGINT, NULL]",
    "integers": "[1::INTEGER]",
    "doubles": "[0.1::DOUBLE]",
    "unsigned": "255::UTINYINT",
    "large": "170141183460469231731687303715884105::HUGEINT",
    "an_id": "'6926a0c7-5065-4ced-9c3e-bb4920dd2300'::UUID",
    "a_word": "'up'::ENUM ('up', 'down')",
}


@dataclass(frozen=True)
class Exchange:
    store: WebHdfs
    place: Place
    run: SparkRun


@pytest.fixture(scope="module")
def _exchange(with_spark: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    folder = tmp_path_factory.mktemp("store")
    with WebHdfs(folder / "store") as store, local_cluster(folder / "spark") as cluster:
        place = place_of(f"{store.uri}/exchange", folder / "out")
        log = folder / "spark" / "driver.log"
        with spark_session(cluster.master_url, place.warehouse_uri, log, local=True) as run:
            yield Exchange(store, place, run)


@pytest.fixture
def exchange(_exchange: Exchange) -> Iterator[Exchange]:
    """A session and a store that answers, with an empty exchange."""
    empty_place(_exchange.place, _exchange.run)
    yield _exchange
    _exchange.store.refuse = lambda asked: None
    for schema in ("raw", "marts"):
        _exchange.run.session.sql(f"DROP SCHEMA IF EXISTS `{schema}` CASCADE")


@pytest.fixture
def working_file(tmp_path: Path) -> Path:
    path = tmp_path / "working.duckdb"
    chosen = ", ".join(f"{value} AS {name}" for name, value in VALUES.items())
    nothing = ", ".join(f"NULL::{_type(value)} AS {name}" for name, value in VALUES.items())
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA raw")
        connection.execute(f"CREATE TABLE raw.full AS SELECT {chosen} UNION ALL SELECT {nothing}")
        connection.execute("CREATE TABLE raw.empty AS FROM raw.full WHERE false")
        # More than one row group of a Parquet file.
        connection.execute(
            "CREATE TABLE raw.long AS "
            "SELECT range AS number, 'row ' || range AS name FROM range(300000)"
        )
    return path


def _type(value: str) -> str:
    with duckdb.connect() as connection:
        ((found,),) = connection.execute(f"SELECT typeof({value})").fetchall()
    return str(found)


def _rows(source: str, connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return connection.execute(f"SELECT * FROM {source} ORDER BY ALL").fetchall()


TABLES = ("full", "empty", "long")


def test_tables_go_to_the_store_and_come_back_as_they_were(
    exchange: Exchange, working_file: Path
) -> None:
    place, run = exchange.place, exchange.run
    require_shared(place, run)
    sent = send(working_file, [("raw", table) for table in TABLES], place, run)
    assert sent == 300_002
    run.session.sql("CREATE SCHEMA marts")
    for table in TABLES:
        run.session.sql(f"CREATE TABLE marts.{table} USING parquet AS SELECT * FROM raw.{table}")
    fetch([("marts", table) for table in TABLES], place, run)

    with duckdb.connect(str(working_file), read_only=True) as connection:
        for table in TABLES:
            back = f"read_parquet('{place.local}/marts.db/{table}/*.parquet')"
            # Types that Parquet lacks are those of the working file again once they are cast.
            cast = ", ".join(
                f"CAST({name} AS {kind}) AS {name}"
                for name, kind, *_ in connection.execute(f"DESCRIBE raw.{table}").fetchall()
            )
            assert _rows(f"(SELECT {cast} FROM {back})", connection) == _rows(
                f"raw.{table}", connection
            )
            (said,) = connection.execute(f"SELECT count(*) FROM (DESCRIBE FROM {back})").fetchone()
            assert said == (2 if table == "long" else len(VALUES))

    study = f"exchange/{place.uri.rpartition('/')[2]}"
    for table in TABLES:
        assert exchange.store.files(f"{study}/sent/raw/{table}/0.parquet")
        assert exchange.store.files(f"{study}/warehouse/marts.db/{table}/*.parquet")
    assert not list(place.written.rglob("*.parquet"))


def test_only_the_studys_own_folder_is_emptied(exchange: Exchange, working_file: Path) -> None:
    other = exchange.store.folder / "exchange" / "study-of-others" / "kept.parquet"
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_bytes(b"kept")
    send(working_file, [("raw", "full")], exchange.place, exchange.run)
    assert exchange.store.files("exchange/*/sent/raw/full/*")
    empty_place(exchange.place, exchange.run)
    assert not exchange.store.files("exchange/*/sent/raw/full/*")
    assert other.read_bytes() == b"kept"


def test_a_store_that_takes_no_file_is_told_with_its_own_words(
    exchange: Exchange, working_file: Path
) -> None:
    exchange.store.refuse = lambda asked: (
        permission_denied(asked) if asked.operation == "CREATE" else None
    )
    with pytest.raises(SparkFailed, match=r"cannot be used: .*Permission denied") as caught:
        send(working_file, [("raw", "full")], exchange.place, exchange.run)
    assert exchange.place.uri in str(caught.value)
    assert "\tat " not in str(caught.value)


def test_a_store_that_takes_nothing_from_workers_is_told_before_any_model(
    exchange: Exchange,
) -> None:
    exchange.store.refuse = lambda asked: (
        quota_exceeded(asked) if asked.operation == "CREATE" else None
    )
    with pytest.raises(SparkFailed, match="cannot be used: ") as caught:
        require_shared(exchange.place, exchange.run)
    assert "quota" in str(caught.value)


def test_a_table_that_cannot_be_read_back_is_told(exchange: Exchange) -> None:
    exchange.run.session.sql("CREATE SCHEMA marts")
    exchange.run.session.sql("CREATE TABLE marts.one USING parquet AS SELECT 1 AS number")
    exchange.store.refuse = lambda asked: (
        permission_denied(asked) if asked.operation == "OPEN" else None
    )
    with pytest.raises(SparkFailed, match=r"cannot be used: .*Permission denied"):
        fetch([("marts", "one")], exchange.place, exchange.run)


def test_a_store_that_does_not_answer_is_told(exchange: Exchange) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        uri = f"webhdfs://127.0.0.1:{taken.getsockname()[1]}/exchange"
        with pytest.raises(SparkFailed, match=r"cannot be used: .*Connection refused"):
            empty_place(replace(exchange.place, uri=uri), exchange.run)


def _run_with(study: Study, store: WebHdfs) -> tuple[int, str]:
    study.forget_the_last_build()
    settings = {"MINER_SPARK_DIR": f"{store.uri}/exchange"}
    return Study(study.output_dir, {**study.environment, **settings}).call("run")


def test_a_run_whose_store_refuses_says_so_and_what_is_published_stays(
    published: Study, tmp_path: Path
) -> None:
    before = manifest_of(published)
    with WebHdfs(tmp_path / "store") as store:
        store.refuse = permission_denied
        status, printed = _run_with(published, store)
    assert status == 1, printed
    assert "The folder for Spark cannot be used" in printed
    assert "Permission denied" in printed
    assert f"MINER_SPARK_DIR: {store.uri}/exchange" in printed
    assert "at org.apache" not in printed
    assert manifest_of(published) == before


@pytest.mark.nightly
def test_a_run_whose_store_is_full_half_way_says_so_and_what_is_published_stays(
    published: Study, tmp_path: Path
) -> None:
    def full(asked: Asked) -> Refusal | None:
        done = len(list(store.folder.glob("exchange/*/warehouse/*.db/*/_SUCCESS")))
        is_late = asked.operation == "CREATE" and "/warehouse/" in asked.path and done >= 5
        return quota_exceeded(asked) if is_late else None

    before = manifest_of(published)
    with WebHdfs(tmp_path / "store") as store:
        store.refuse = full
        status, printed = _run_with(published, store)
        assert store.files("exchange/*/warehouse/*.db/*/*.parquet")
    assert status == 1, printed
    assert "quota" in printed
    assert "at org.apache" not in printed
    assert manifest_of(published) == before
