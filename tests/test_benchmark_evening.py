"""The account of an evening's run: its parts are its whole time."""

from __future__ import annotations

import pytest

from benchmarks.evening import lines_of, measure, parts_of, report
from benchmarks.timing import Cost

TOLD = {
    "import_s": 4.0,
    "run_s": 40.0,
    "steps": {
        "raw__a": 5.0,
        "raw__b": 3.0,
        "dbt_models": 20.0,
        "publication__miner_marts": 4.0,
        "other": 1.0,
    },
    "waited_s": 2.0,
    "nodes_s": 9.0,
    "recording_s": 6.0,
    "events": 700,
    "rows_new": 12,
}


def test_parts_are_the_whole() -> None:
    parts = parts_of(TOLD)
    assert parts == {
        "imports and definitions": 4.0,
        "waiting for the vendors' limits": 2.0,
        "asking, checking and loading": 6.0,
        "models and checks": 9.0,
        "dbt and records around its nodes": 11.0,
        "publication": 4.0,
        "other steps": 1.0,
        "Dagster between the steps": 7.0,
    }
    assert sum(parts.values()) == TOLD["import_s"] + TOLD["run_s"]


def test_lines_of_two_evenings() -> None:
    slower = {**TOLD, "import_s": 6.0}
    whole, imports, *_, recording = lines_of(
        [(Cost(45.0, 30.0, 800.0), TOLD), (Cost(47.0, 31.0, 700.0), slower)]
    )
    assert (whole.median, whole.least, whole.most, whole.peak_mib) == (46.0, 45.0, 47.0, 800.0)
    assert "12 new rows, 700 events" in whole.note
    assert (imports.median, imports.ratio) == (5.0, 5 / 46)
    assert (recording.median, recording.ratio_to) == (6.0, whole.name)
    assert "| imports and definitions | 5.00 | 4.00 - 6.00 | 11% |" in report(
        [whole, imports], symbols=3, years=2
    )


@pytest.mark.nightly
def test_an_evening_is_measured() -> None:
    ((cost, told),) = measure(symbols=4, years=2, runs=1)
    # Its own process needs a little more, to start and to end.
    assert 0 < cost.seconds - sum(parts_of(told).values()) < 5
    assert all(took >= 0 for took in parts_of(told).values())
    assert 0 < told["recording_s"] < told["run_s"]
