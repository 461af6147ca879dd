"""The engines that the models' SQL runs on, for tests of single macros."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def local_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Spark in this process, set up as in a run: macros need no cluster."""
    sql = pytest.importorskip("pyspark.sql", reason="no Spark here (make .venv/spark.lock)")
    from dagster_project.spark.session import session_options

    builder = sql.SparkSession.builder.master("local[1]")
    folder = tmp_path_factory.mktemp("spark").as_uri()
    for name, value in session_options(folder, local=True).items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> str:
    """Name of the engine that a test runs on; Spark's half carries the marker of its tests."""
    return str(request.param)


@pytest.fixture
def spark(request: pytest.FixtureRequest, engine: str) -> Any:
    """Spark's session for that half, nothing for the other."""
    return request.getfixturevalue("local_spark") if engine == "spark" else None
