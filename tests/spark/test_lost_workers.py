"""All workers killed in the middle of a run, no master, no Java: what stays and what is said.

One lost worker: the run of test_parity.py goes on without it.
"""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.e2e.conftest import Study
from tests.spark.conftest import manifest_of, wait_for_tables, workers_of

pytestmark = pytest.mark.spark


def test_a_run_that_loses_all_workers_says_so_and_what_is_published_stays(
    published: Study,
) -> None:
    before = manifest_of(published)
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
    assert manifest_of(published) == before


def test_a_master_that_is_not_there_is_told_at_once(published: Study) -> None:
    before = manifest_of(published)
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
    assert manifest_of(published) == before


def test_without_java_the_run_says_what_to_install(published: Study) -> None:
    published.forget_the_last_build()
    other = Study(published.output_dir, {**published.environment, "JAVA_HOME": "/nowhere/java"})
    status, printed = other.call("run")
    assert status == 1
    assert "Spark needs Java" in printed
    assert "openjdk-17-jre-headless" in printed
