"""The package on synthetic panels with every awkward series, held to statsmodels and SciPy.

Through the tables' edge, without dbt: the pipeline around it has a panel of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from tests.event_study.compare import compare_betas, compare_firms, compare_tests
from tests.event_study.drawn_panel import write_drawn_panel
from tests.event_study.in_memory import InMemory
from tests.event_study.oracle import Study
from tests.event_study.oracle_rolling import compare_rolling_betas

SEEDS = range(8)
EVENTS = ("one", "same-day", "close", "apart", "early", "last")


class Panel(NamedTuple):
    study: Study
    marts: duckdb.DuckDBPyConnection


@pytest.fixture(scope="module")
def panel_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Panel]:
    @cache
    def made(seed: int) -> Panel:
        folder: Path = tmp_path_factory.mktemp(f"drawn{seed}")
        write_drawn_panel(folder, seed)
        study = Study(folder)
        return Panel(study, InMemory(study).marts())

    return made


@pytest.mark.parametrize("seed", SEEDS)
def test_every_firm_agrees_with_statsmodels(panel_of, seed):
    study, marts = panel_of(seed)
    event_id = EVENTS[(5 * seed) % len(EVENTS)]
    met = compare_firms(marts, study, event_id)
    assert set(met) == {"adjusted", "drawn", "masked", "other"}
    compare_betas(marts, study, event_id)


@pytest.mark.parametrize("seed", SEEDS)
def test_tests_of_an_event_or_a_set_agree_with_scipy(panel_of, seed):
    study, marts = panel_of(seed)
    study_id = ("one", "some", "all", "last", "apart")[seed % 5]
    model_ids = ("drawn", ("masked", "adjusted", "other")[seed % 3])
    # The windows of the last event reach beyond the data, but for its day.
    window_ids = {"last": ("day",), "one": ("day", "long", "into")}.get(study_id, ("long",))
    chosen = study.only(model_ids, window_ids)
    assert compare_tests(marts, chosen, study_id) > 0


@pytest.mark.parametrize("seed", SEEDS[1::3])
def test_rolling_betas_agree_with_statsmodels(panel_of, seed):
    study, marts = panel_of(seed)
    compare_rolling_betas(marts, study, every=23, at_least=50)


def test_the_panels_meet_every_case(panel_of):
    """What is compared above holds every status, source and number of factors."""
    met: dict[str, set] = {"firm": set(), "tests": set(), "source": set(), "rolling": set()}
    n_factors, methods = set(), set()
    for seed in SEEDS:
        study, marts = panel_of(seed)
        n_factors |= {len(model.factors) for model in study.models}
        methods |= {(model.method, model.return_kind, model.leverage) for model in study.models}
        for name, query in (
            ("firm", "select distinct status from marts.fct_selloff_firm"),
            ("source", "select distinct factor_source from marts.fct_selloff_firm"),
            ("tests", "select distinct status from marts.fct_selloff_tests"),
            ("rolling", "select distinct status from marts.fct_rolling_betas"),
        ):
            met[name] |= {value for (value,) in marts.execute(query).fetchall()}
    assert n_factors == {0, 1, 2, 3, 4, 5}
    assert len(methods) >= 7
    assert met["firm"] == {
        "ok", "no_price", "no_return", "no_factor", "insufficient", "collinear", "no_variance",
        "overlaps_estimation", "incomplete_window",
    }  # fmt: skip
    assert met["source"] == {None, "spot_etf", "new_york_close", "utc_close"}
    assert met["tests"] >= {
        "ok", "no_firms", "too_few_firms", "no_spread", "no_correlation", "overlaps_estimation",
    }  # fmt: skip
    assert met["rolling"] >= {"ok", "short_window", "no_residual"}


@pytest.mark.parametrize(("factor", "status"), [("FLAT", "collinear"), ("NONE", "no_factor")])
def test_a_useless_market_factor_gives_a_status(tmp_path, factor, status):
    """A constant factor, and one without any price: a reason for every firm, and no statistic."""
    write_drawn_panel(tmp_path, 0)
    models = tmp_path / "study" / "models.csv"
    models.write_text(models.read_text(encoding="utf-8").replace("MKT", factor), encoding="utf-8")
    marts = InMemory(Study(tmp_path)).marts()
    rows = dict(
        marts.execute(
            "select ticker, (status, car) from marts.fct_selloff_firm "
            "where event_id = 'one' and window_id = 'day' and model_id = 'other'"
        ).fetchall()
    )
    assert rows["ALL"] == (status, None)
    assert rows["GHOST"] == ("no_price", None)
    assert marts.execute(
        "select count(statistic), count(*) > 0 from marts.fct_selloff_tests "
        "where model_id = 'other' and study_id = 'one'"
    ).fetchone() == (0, True)
