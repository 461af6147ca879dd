"""One build on Spark for all tests here: it takes minutes and four gigabytes."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.e2e.conftest import FirstRun, make_study
from tests.warehouse_builder import settings_for


@pytest.fixture(scope="session")
def with_spark() -> None:
    """Skips where Java or the extra is missing; continuous integration must have both."""
    if os.environ.get("CI"):
        return
    if find_spec("pyspark") is None or find_spec("dbt.adapters.spark") is None:
        pytest.skip("the extra for Spark is not installed: make test-spark installs it")
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        pytest.skip("no Java here (Debian: apt-get install openjdk-17-jre-headless)")


@pytest.fixture(scope="session")
def spark_run(
    with_spark: None, built_warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> FirstRun:
    """`make run TARGET=spark` over the raw tables that ``built_warehouse`` was built from."""
    study = make_study(tmp_path_factory.mktemp("spark_study"), MINER_TARGET="spark")
    settings_for(study.output_dir)  # makes the folders
    shutil.copyfile(built_warehouse, study.warehouse)
    status, printed = study.call("run", timeout_seconds=3600)
    return FirstRun(study, status, printed)
