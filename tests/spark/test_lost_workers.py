"""All workers killed in the middle of a run, no master, no Java: what stays and what is said.

One lost worker: the run of test_parity.py goes on without it.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Study, make_study
from tests.spark.conftest import wait_for_tables, workers_of

pytestmark = pytest.mark.spark


def _small_study(folder: Path, **settings: str) -> Study:
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


def _manifest(study: Study) -> str:
    return (study.published.parent / "manifest.json").read_text()


@pytest.fixture(scope="module")
def published(with_spark: None, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A small study with a publication that DuckDB made."""
    study = _small_study(tmp_path_factory.mktemp("lost_workers"))
    status, printed = study.call("run")
    assert status == 0, printed
    study.environment["MINER_TARGET"] = "spark"
    return study


def test_a_run_that_loses_all_workers_says_so_and_what_is_published_stays(
    published: Study,
) -> None:
    before = _manifest(published)
    published.forget_the_last_build()
    run = published.start("run")
    try:
        wait_for_tables(published, run, 5)
        for worker in workers_of(published):
            os.killpg(worker, signal.SIGKILL)
        printed, _ = run.communicate(timeout=600)
    finally:
        run.kill()
    assert run.returncode == 1, printed
    assert "no worker has been left" in printed
    assert "at org.apache.spark" not in printed
    assert _manifest(published) == before


def test_a_master_that_is_not_there_is_told_at_once(published: Study) -> None:
    before = _manifest(published)
    published.forget_the_last_build()
    other = Study(
        published.output_dir, {**published.environment, "SPARK_MASTER": "spark://127.0.0.1:9"}
    )
    began = time.monotonic()
    status, printed = other.call("run")
    assert status == 1
    assert "The Spark master does not answer" in printed
    assert "SPARK_MASTER=spark://127.0.0.1:9" in printed
    assert time.monotonic() - began < 120
    assert _manifest(published) == before


def test_without_java_the_run_says_what_to_install(published: Study) -> None:
    published.forget_the_last_build()
    other = Study(published.output_dir, {**published.environment, "JAVA_HOME": "/nowhere/java"})
    status, printed = other.call("run")
    assert status == 1
    assert "Spark needs Java" in printed
    assert "openjdk-17-jre-headless" in printed
