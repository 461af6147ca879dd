"""What is said of the two engines side by side, and one tiny market on both."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import spark
from benchmarks.scale import Staged
from benchmarks.spark import Beside, crossover, report
from benchmarks.synthetic import Size


def beside(tickers: int, on_spark: float, one_thread: float, two_threads: float) -> Beside:
    size = Size(tickers, 20, 10, 16)

    def staged(stage: str, threads: int, spent: float, **detail: object) -> Staged:
        nodes = {"fct_rolling_betas": spent / 2, "fct_equity_daily": spent / 4}
        return Staged(size, threads, stage, spent, spent, 100.0, {"nodes": nodes, **detail})

    told = {
        "seconds_to_start_and_send": 10.0,
        "seconds_of_models": on_spark - 15,
        "seconds_back": 5.0,
        "tasks": [40, 38],
    }
    return Beside(
        size,
        tickers * 5_000,
        staged("spark", 1, on_spark, **told),
        {1: staged("build", 1, one_thread), 2: staged("build", 2, two_threads)},
    )


def test_the_best_of_duckdb_is_what_spark_is_held_against() -> None:
    assert beside(20, 120.0, 30.0, 40.0).ratio == 4.0
    assert beside(20, 120.0, 40.0, 30.0).ratio == 4.0


def test_engines_that_part_never_meet() -> None:
    said = crossover([beside(20, 100.0, 10.0, 12.0), beside(220, 300.0, 60.0, 50.0)])
    # One million rows more: 200 s on Spark; on DuckDB from the best of each, 50 less 10.
    assert "cost DuckDB 40.0 s and Spark 200.0 s" in said
    assert "would never overtake" in said


def test_where_straight_lines_meet_is_told_with_its_reach() -> None:
    # Spark: 100 s and nothing more per row; DuckDB 10 s and 40 s more for a million rows.
    said = crossover([beside(20, 100.0, 10.0, 99.0), beside(220, 100.0, 50.0, 99.0)])
    # From 1.1 million rows, 50 s apart at 40 s a million: 1.25 million further on.
    assert "they would meet at 2.4 million rows, 2 times the largest market" in said
    already = crossover([beside(20, 100.0, 10.0, 99.0), beside(220, 40.0, 50.0, 99.0)])
    assert "Spark is the faster one there already" in already


def test_the_report_shows_both_engines_and_the_slowest_models() -> None:
    results = [
        beside(20, 100.0, 10.0, 12.0), beside(80, 110.0, 20.0, 15.0), beside(320, 150.0, 70.0, 50.0)
    ]  # fmt: skip
    text = report(list(reversed(results)), "Not managed: more. Spark ran out of memory")
    assert (
        "| 320 tickers (16 studied) x 20 years, 10 events | 1,600,000 | 70.0 | 50.0 | 150 | 10.0 "
        "| 135 | 5.00 | 3.0 | 40, 38 |" in text
    )
    assert text.index("| 20 tickers") < text.index("| 80 tickers") < text.index("| 320 tickers")
    assert "DuckDB, 1 thread: exponent" in text
    assert "| `fct_rolling_betas` | 75.0 | 35.0 |" in text
    assert "Not managed: more. Spark ran out of memory" in text


@pytest.mark.nightly
def test_a_tiny_market_on_both_engines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyspark", reason="make test-spark installs the extra for Spark")
    spark.main(["--sizes", "8x1", "--events", "2", "--studied", "5", "--write", str(tmp_path)])
    assert "| 8 tickers (5 studied) x 1 years" in capsys.readouterr().out
    assert len(list(tmp_path.glob("spark-*"))) == 2
