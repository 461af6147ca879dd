"""The printed screen, on marts made by hand."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dagster_project.report import (
    CheckCounts,
    _verdict,
    answer_lines,
    change_lines,
    check_lines,
    next_lines,
)
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
    text = "\n".join(_verdict(_tests(**honest, cross_sectional_t=0.001), 0.05, "focal"))
    assert words in text
    assert "wrongly takes the firms for independent says -2.00 (p 0.00)" in text
    assert "12.0% or more in 4 cases of 5" in text


def test_verdict_without_prices_says_so() -> None:
    assert _verdict({}, 0.05, "focal") == ["  Too few prices around this event to test the group."]


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


FOREIGN = """
    create schema marts;
    create table marts.dim_company (ticker varchar, name varchar, is_focal boolean);
    create table marts.dim_event (event_id varchar, title varchar, t0 date, is_headline boolean);
    create table marts.dim_session (session_date date, previous_session date);
    create table marts.selloff_summary (
        event_id varchar, ticker varchar, close_before_usd double, close_usd double,
        raw_return double, intraday_low_return double, abnormal_return double, p_two_sided double,
        hpc_contracted_mw double, hpc_contracted_basis varchar, hpc_status varchar, status varchar,
        btc_return double, btc_factor_source varchar, market_return double, model_id varchar,
        market_ticker varchar
    );
    create table marts.fct_selloff_tests (
        study_id varchar, group_id varchar, window_id varchar, model_id varchar, test_id varchar,
        statistic double, p_two_sided double, mde_80pct double, n_firms integer, caar double
    );
    create table marts.selloff_verdicts (significance_level double);
    create table marts.fct_mining_economics (date_utc date, network_eh_s double);
    insert into marts.selloff_verdicts values (0.05);
    insert into marts.dim_event values ('mine', 'My event', '2025-03-27', true);
    insert into marts.dim_session values ('2025-03-27', '2025-03-26');
"""


def _foreign(
    folder: Path, *, firms: int, groups: dict[str, float | str], market: str = "null"
) -> str:
    """The printed answer of a panel without focal firms, from marts made by hand."""
    path = folder / "miner_marts.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(FOREIGN)
        for number in range(firms):
            connection.execute(
                f"insert into marts.dim_company values ('F{number}', 'Firm {number}', false);"
                f"insert into marts.selloff_summary values ('mine', 'F{number}', 100, 90, -0.1, "
                f"-0.12, -0.1, 0.01, null, null, null, 'ok', null, null, {market}, 'mean', null)"
            )
        for group, p in groups.items():
            for test in ("portfolio_t", "sample_quantile", "kolari_pynnonen"):
                connection.execute(
                    "insert into marts.fct_selloff_tests values "
                    f"('mine', '{group}', '[0,1]', 'mean', '{test}', -3, {p}, 0.05, {firms}, -0.1)"
                )
    return "\n".join(answer_lines(path))


def test_a_study_without_a_focal_group_shows_the_group_that_was_tested(tmp_path: Path) -> None:
    text = _foreign(tmp_path, firms=3, groups={"mine_alone": 0.004, "untested": "null"})
    assert "Together the 3 firms of group mine_alone moved -10.0%" in text
    assert "more than an ordinary day's move" in text
    assert "Too few prices" not in text
    assert "Firm 0" in text


def test_one_firm_is_not_together_and_no_market_is_not_none(tmp_path: Path) -> None:
    text = _foreign(tmp_path, firms=1, groups={"all": 0.3})
    assert "The one firm of group all moved -10.0%" in text
    assert "None" not in text
    assert "Together" not in text


def test_a_market_without_a_name_is_called_market(tmp_path: Path) -> None:
    assert "  market +1.0%" in _foreign(tmp_path, firms=2, groups={"all": 0.3}, market="0.01")


def test_a_long_list_of_firms_is_cut(tmp_path: Path) -> None:
    text = _foreign(tmp_path, firms=25, groups={"all": 0.3})
    assert "  and 5 more" in text
    assert "Firm 9 " not in text
