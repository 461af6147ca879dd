"""One build on Spark for all tests here: it takes minutes and four gigabytes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.e2e.conftest import FirstRun, Study, make_study
from tests.warehouse_builder import settings_for

# About a third of them: both workers have had their part by then, and much is left.
TABLES_BEFORE_THE_KILL = 18


@pytest.fixture(scope="session")
def with_spark() -> None:
    """Skips where Java or the extra is missing; continuous integration must have both."""
    if os.environ.get("CI"):
        return
    if find_spec("pyspark") is None or find_spec("dbt.adapters.spark") is None:
        pytest.skip("the extra for Spark is not installed: make test-spark installs it")
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        pytest.skip("no Java here (Debian: apt-get install openjdk-17-jre-headless)")


def wait_for_tables(study: Study, run: subprocess.Popen[str], count: int) -> None:
    """Return once Spark has written so many tables; fails where the run ends before."""
    deadline = time.monotonic() + 1200
    folder = study.output_dir / "spark"
    while len(list(folder.glob("study-*/warehouse/*.db/*/_SUCCESS"))) < count:
        assert run.poll() is None, run.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.3)


def workers_of(study: Study) -> list[int]:
    """Process ids of the local cluster's workers, each the leader of a group with its executor."""
    said = json.loads((study.output_dir / "spark" / "cluster.json").read_text())
    return [int(one["pid"]) for one in said["processes"][1:]]


def small_study(folder: Path, **settings: str) -> Study:
    """One firm and one benchmark: every model runs, over few rows."""
    data = folder / "data"
    for name, text in {
        "ledger/companies.csv": "ticker,name,role,is_focal\nAAA,Firm A,miner,1\n"
        "QQQ,Index,benchmark,0\n",
        "ledger/events.csv": "event_id,title,event_type,news_date,news_timing,source_url\n"
        "news,Something happened,demand_shock_negative,2024-03-05,in_session,\n",
        "snapshot/equity_daily.csv": "ticker,session_date,close\nAAA,2024-03-04,10\n"
        "AAA,2024-03-05,9\nQQQ,2024-03-04,400\nQQQ,2024-03-05,399\n",
    }.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text)
    output = folder / "out"
    output.mkdir()
    return make_study(output, MINER_DATA_DIR=str(data), **settings)


def manifest_of(study: Study) -> str:
    """What stands in the publication that readers see now."""
    return (study.published.parent / "manifest.json").read_text()


def published_study(folder: Path) -> Study:
    """A small study with a publication that DuckDB made; its next run is to be one on Spark."""
    study = small_study(folder)
    status, printed = study.call("run")
    assert status == 0, printed
    study.environment["MINER_TARGET"] = "spark"
    return study


@pytest.fixture(scope="session")
def published(with_spark: None, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """One such study for all runs that are to fail: what is published must stay."""
    return published_study(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="session")
def spark_run(
    with_spark: None, built_warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> FirstRun:
    """`make run TARGET=spark` over the raw tables that ``built_warehouse`` was built from.

    One of the two workers is killed on the way: what the run gives in the end must be whole.
    """
    study = make_study(tmp_path_factory.mktemp("spark_study"), MINER_TARGET="spark")
    settings_for(study.output_dir)  # makes the folders
    shutil.copyfile(built_warehouse, study.warehouse)
    run = study.start("run")
    try:
        wait_for_tables(study, run, TABLES_BEFORE_THE_KILL)
        os.killpg(workers_of(study)[0], signal.SIGKILL)
        printed, _ = run.communicate(timeout=3600)
    finally:
        run.kill()
    return FirstRun(study, run.returncode, printed)
