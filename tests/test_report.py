"""The printed screen, on marts made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.report import CheckCounts, _verdict, change_lines, check_lines, next_lines
from dagster_project.settings import read_settings


def _tests(**p_values: float) -> dict[str, tuple[object, ...]]:
    return {test: (-2.0, p, 0.12, 6, -0.03) for test, p in p_values.items()}


@pytest.mark.parametrize(
    ("p_values", "words"),
    [
        ((0.5, 0.6, 0.7), "do not tell it from an ordinary day"),
        ((0.01, 0.02, 0.03), "call it more than an ordinary day's move"),
        ((0.01, 0.6, 0.03), "disagree"),
    ],
)
def test_verdict_counts_the_honest_tests_only(
    p_values: tuple[float, float, float], words: str
) -> None:
    honest = dict(zip(("portfolio_t", "sample_quantile", "kolari_pynnonen"), p_values, strict=True))
    text = "\n".join(_verdict(_tests(**honest, cross_sectional_t=0.001), 0.05))
    assert words in text
    assert "wrongly takes the firms for independent says -2.00 (p 0.00)" in text
    assert "12.0% or more in 4 cases of 5" in text


def test_verdict_without_prices_says_so() -> None:
    assert _verdict({}, 0.05) == ["  Too few prices around this event to test the group."]


def _raw(new: int = 0, revised: int = 0, removed: int = 0, total: int = 10) -> dict[str, object]:
    return {
        "rows_new": new,
        "rows_revised": revised,
        "rows_removed": removed,
        "dagster/row_count": total,
        "summary": f"{total} rows, {revised} revised",
    }


def test_changes_name_what_changed_and_count_the_rest() -> None:
    lines = change_lines(
        {
            "raw/first": _raw(new=10),
            "raw/mended": _raw(revised=1),
            "raw/same": _raw(),
            "raw/empty": _raw(total=0),
            "publication/miner_marts": {"summary": "published X"},
        }
    )
    assert lines == [
        "  mended: 10 rows, 1 revised",
        "  1 raw tables loaded for the first time, 10 rows",
        "  the other 2 raw tables are as they were",
        "  published X",
    ]


def test_checks_show_what_a_warning_found_within_the_screen() -> None:
    counts = CheckCounts(passed=3, warned=1, remarks=[("warned: a_check", "found " + "word " * 99)])
    lines = check_lines(counts)
    assert lines[:2] == ["Checked: 3 passed, 1 warned, 0 failed", "  warned: a_check"]
    assert len(lines) == 4
    assert max(map(len, lines)) <= 100
    assert lines[-1].endswith("…")


def test_next_steps_name_the_published_file(tmp_path: Path) -> None:
    assert any(
        "data/published/miner_marts.duckdb" in line for line in next_lines(read_settings({}))
    )
    own = read_settings({"MINER_OUTPUT_DIR": str(tmp_path)})
    assert any(str(tmp_path / "published") in line for line in next_lines(own))
