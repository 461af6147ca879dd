"""The benchmarks' own arithmetic, and their code at the tiniest size, so that it cannot rot."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from benchmarks import scale
from benchmarks.comparison import (
    CHILDREN,
    market_model_beside,
    pandas_returns,
    require_equal,
)
from benchmarks.report import Line, lines_table, markdown_table, seconds, write_results
from benchmarks.scale import Appended, Staged, aims, append_tables, cost_table, parse_sizes
from benchmarks.scale_stage import PROJECT_THREADS, STAGES, Task, part_of, profile_with
from benchmarks.scaling import fit_exponent
from benchmarks.synthetic import Size
from benchmarks.timing import Measured, copy_to_disk, peak_mib, run_process
from dagster_project.settings import PROJECT_DIR

SELECTED = ("staging", "int_sessions", "int_equity_returns")
TINY = Size(tickers=8, years=1, events=2, studied=5)


# --- exponents ----------------------------------------------------------------------------


def test_an_exact_power_law_is_found() -> None:
    sizes = [1e3, 1e4, 1e5, 1e6]
    fit = fit_exponent(sizes, [2e-3 * size**1.25 for size in sizes])
    assert fit.exponent == pytest.approx(1.25)
    assert fit.factor == pytest.approx(2e-3)
    assert fit.r2 == pytest.approx(1)
    assert fit.last_exponent == pytest.approx(1.25)


def test_a_fixed_cost_flattens_the_fit_and_not_its_end() -> None:
    sizes = [1e2, 1e4, 1e6, 1e8]
    fit = fit_exponent(sizes, [5 + 1e-5 * size for size in sizes])
    assert fit.exponent < 0.6
    assert fit.last_exponent == pytest.approx(0.91, abs=0.02)
    assert fit.r2 < 0.99


def test_the_order_of_the_sizes_does_not_matter() -> None:
    assert fit_exponent([100, 1, 10], [200, 2, 20]) == fit_exponent([1, 10, 100], [2, 20, 200])


@pytest.mark.parametrize(
    ("sizes", "costs"),
    [([1, 2], [1, 2]), ([1, 1, 2], [1, 1, 2]), ([1, 2, 3], [1, 0, 1]), ([1, 2, 3], [1, 2])],
)
def test_too_little_for_an_exponent_is_refused(sizes: list[float], costs: list[float]) -> None:
    with pytest.raises(ValueError, match=r"three different sizes|above zero|costs"):
        fit_exponent(sizes, costs)


# --- tables -------------------------------------------------------------------------------


def test_figures_stand_to_the_right_and_bars_do_not_break_the_table() -> None:
    assert markdown_table(["what", "s >"], [["a|b", 1], ["c", None]]) == [
        "| what | s |",
        "| --- | ---: |",
        "| a\\|b | 1 |",
        "| c | - |",
    ]
    with pytest.raises(ValueError, match="1 cells under 2 headers"):
        markdown_table(["a", "b"], [["only one"]])


def test_seconds_have_the_digits_that_count() -> None:
    assert [seconds(v) for v in (0.034, 4.2, 12.34, 1234.5, None)] == [
        "0.03", "4.20", "12.3", "1,234", "-",
    ]  # fmt: skip


def test_a_line_has_median_spread_and_ratio() -> None:
    slow = Line.of("part", "slow", [4.0, 2.0, 30.0], 512.4)
    fast = Line.of("part", "fast", [2.0])
    assert (slow.median, slow.least, slow.most, slow.runs) == (4.0, 2.0, 30.0, 3)
    table = lines_table([slow.against(fast).noted("with a remark"), fast])
    assert table[2] == (
        "| part | slow | 4.00 | 2.00 - 30.0 | 3 | 512 | 2.00 | against: fast; with a remark |"
    )
    assert table[3] == "| part | fast | 2.00 | - | 1 | - | - |  |"
    with pytest.raises(ValueError, match="nothing was measured"):
        Line.of("part", "none", [])


def test_results_are_kept_in_both_forms(tmp_path: Path) -> None:
    write_results(tmp_path / "kept", "scale", "What scale costs", "a table\n", {"rows": [1]})
    (text,) = (tmp_path / "kept").glob("scale-2*.md")
    assert text.read_text() == "# What scale costs\n\na table\n"
    told = json.loads(text.with_suffix(".json").read_text())
    assert told["rows"] == [1]
    assert told["machine"]
    assert told["revision"]


def staged(tickers: int, stage: str, cost: float, **detail: Any) -> Staged:
    size = Size(tickers, 20, 100, 16)
    rows = tickers * 5000
    told = {"rows": rows, "bytes": 10**6, **detail}
    return Staged(size, PROJECT_THREADS, stage, cost, cost, 1000.0, told)


def results_of(per_row: float) -> list[Staged]:
    found = []
    for tickers in (20, 80, 320, 5000):
        rows = tickers * 5000
        found += [
            staged(tickers, "load", rows * 2e-6),
            staged(
                tickers, "build", rows * per_row,
                parts={"checks": 1.0, "rolling betas": rows * per_row - 1},
                slowest=[("fct_rolling_betas", rows * per_row - 1)],
            ),
            staged(tickers, "publish", rows * 1e-7),
        ]  # fmt: skip
    return found


def test_costs_are_shown_with_their_exponents() -> None:
    results = results_of(2e-4)
    work = {one.size: float(one.detail["rows"]) for one in results}
    lines = {line.split(" | ")[0].strip("| "): line for line in cost_table(results, work, "rows")}
    assert " 1.00 | 1.000 | 1.00 |" in lines["load"]
    assert "rebuild: load, build and publication" in lines
    assert "build: rolling betas" in lines


def test_aims_say_met_only_where_they_are() -> None:
    missed = "\n".join(aims(results_of(2e-4)))
    assert "measured on 25,000,000 rows" in missed
    assert "| load at 1,000,000 rows a second | 500,000 a second | missed |" in missed
    assert "| rebuild of 25,000,000 rows in 90 s | 5,052 seconds | missed |" in missed
    assert "| under 6 GiB | 1.0 GiB | met |" in missed
    assert "100% goes into rolling betas" in missed
    assert "rows in 90 s | 78 seconds | met |" in "\n".join(aims(results_of(1e-6)))
    smaller = "\n".join(aims([one for one in results_of(1e-6) if one.size.tickers < 5000]))
    assert "| 1.0 GiB | open: fewer rows than the aim's |" in smaller
    busy = "\n".join(aims(results_of(1e-6), busy=True))
    assert "500,000 a processor second" in busy


def test_what_a_day_costs_names_the_models_to_blame() -> None:
    def day(years: int, slow: float) -> Appended:
        stages = {"load": 1.0, "build": 10.0 + slow, "publish": 2.0}
        nodes = {"quick": 1.0, "slow": slow}
        half = {stage: spent / 2 for stage, spent in stages.items()}
        return Appended(Size(20, years), 1000 * years, 20, stages, half, nodes)

    lines = "\n".join(append_tables(day(1, 1.0), day(20, 15.0)))
    assert "costs 2.0 times the shorter by the wall and 2.0 times of the processors" in lines
    assert "| build | 11.0 | 25.0 | 2.3 | 5.50 | 12.5 | 2.3 |" in lines
    assert "| slow | 14.00 |" in lines
    assert lines.index("| slow |") < lines.index("| quick |")


def test_sizes_are_read_from_words() -> None:
    assert parse_sizes(["320x20"], 100, 16) == [Size(320, 20, 100, 16)]
    with pytest.raises(SystemExit, match="'many' is no size"):
        parse_sizes(["many"], 1, 3)


def test_every_model_belongs_to_a_part() -> None:
    models = [path.stem for path in (PROJECT_DIR / "dbt" / "models").rglob("*.sql")]
    assert len(models) > 100
    for name in models:
        assert part_of("model", name)
    assert part_of("model", "fct_rolling_betas") == "rolling betas"
    assert part_of("model", "fct_selloff_tests") == "event study"
    assert part_of("test", "fct_anything") == "checks"


def test_the_profile_is_the_projects_but_for_memory(tmp_path: Path) -> None:
    text = (profile_with("5GB", tmp_path / "p") / "profiles.yml").read_text()
    assert "threads: 1" in text
    assert "memory_limit: 5GB" in text
    assert "env_var(''MINER_WAREHOUSE_PATH''" in text
    assert "memory_limit" not in (profile_with("", tmp_path / "q") / "profiles.yml").read_text()


# --- processes ----------------------------------------------------------------------------


def test_a_process_is_timed_and_its_failure_shown() -> None:
    cost, printed = run_process([sys.executable, "-c", "print(sum(range(10**6)))"])
    assert printed.strip() == "499999500000"
    assert cost.seconds >= 0.01
    assert cost.processor_s > 0
    assert cost.peak_mib > 1
    with pytest.raises(SystemExit, match="went wrong"):
        run_process([sys.executable, "-c", "raise ValueError('it went wrong')"])


def test_memory_is_that_of_this_program_alone() -> None:
    held = np.ones(30_000_000)
    here = peak_mib()
    command = "from benchmarks.timing import peak_mib; print(peak_mib())"
    _, printed = run_process([sys.executable, "-c", command])
    assert held.nbytes / 1024**2 < here
    assert float(printed) < here


def test_medians_and_copies(tmp_path: Path) -> None:
    assert Measured("one", [1.0, 9.0, 2.0]).median == 2.0
    assert Measured("one", [1.0]).processor is None
    (tmp_path / "file").write_bytes(b"x" * 1000)
    assert copy_to_disk(tmp_path / "file", tmp_path / "copy") > 0
    assert not (tmp_path / "copy").exists()


# --- the stages ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """A tiny market, loaded, with the returns built."""
    task = Task(TINY, tmp_path_factory.mktemp("scale"), select=SELECTED)
    loaded = STAGES["load"](task)
    assert loaded["rows"] > 1500
    assert loaded["rows_stored"] == loaded["rows"]
    built = STAGES["build"](task)
    assert built["parts"]["returns and daily marts"] > 0
    return task


def test_a_task_crosses_to_another_process(market: Task) -> None:
    assert Task.from_json(market.as_json()) == market


def test_stages_tell_what_they_took(market: Task) -> None:
    drawn = STAGES["draw"](market)
    assert drawn["seconds"] > 0
    assert drawn["rows"] > 1500
    copied = STAGES["copy"](market)
    assert copied["bytes"] == market.settings.warehouse_path.stat().st_size


def test_pandas_gives_the_projects_returns(market: Task) -> None:
    assert CHILDREN["compile"](market)["seconds"] > 0
    assert CHILDREN["returns in pandas"](market)["seconds"] > 0
    assert CHILDREN["returns in DuckDB"](market)["seconds"] > 0


def test_pandas_gives_the_projects_market_model(built_warehouse: Path) -> None:
    with duckdb.connect(str(built_warehouse), read_only=True) as connection:
        assert market_model_beside(connection)["firm_events"] > 100


def test_another_answer_is_no_comparison() -> None:
    ours = pd.DataFrame({"a": [1.0, 2.0, np.nan]})
    require_equal(ours + 1e-12, ours, "figures")
    with pytest.raises(RuntimeError, match="differs in 2 rows"):
        require_equal(ours * 1.001, ours, "figures")
    with pytest.raises(RuntimeError, match="missing in other rows"):
        require_equal(ours.fillna(0), ours, "figures")
    with pytest.raises(RuntimeError, match="2 rows in pandas, 3 in the project"):
        require_equal(ours.head(2), ours, "figures")


def test_returns_in_pandas_stop_at_holes_and_old_listings() -> None:
    days = pd.to_datetime(["2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07"])
    prices = pd.DataFrame(
        {"ticker": "A", "session_date": days[[0, 1, 3]], "close": [10.0, 11.0, 12.0], "volume": 5}
    )
    prices["open"] = prices["high"] = prices["low"] = prices["close"]
    companies = pd.DataFrame({"ticker": ["A"], "first_session": [pd.NaT]})
    answer = pandas_returns(prices, companies, pd.DataFrame({"session_date": days}))
    assert answer["simple_return"].round(9).tolist()[1] == 0.1
    assert answer["simple_return"].isna().tolist() == [True, False, True]
    assert answer["is_gap"].tolist() == [False, False, True]
    companies["first_session"] = days[1]
    listed = pandas_returns(prices, companies, pd.DataFrame({"session_date": days}))
    assert len(listed) == 2


@pytest.mark.nightly
def test_the_whole_benchmark_of_scale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scale.main(
        ["--sizes", "8x1", "--events", "2", "--studied", "5", "--append", "8x1", "8x2",
         "--write", str(tmp_path)]
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert "rebuild: load, build and publication" in printed
    assert "One new day" in printed
    assert len(list(tmp_path.glob("scale-*"))) == 2
