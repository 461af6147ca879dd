"""A scenario that lacks an assumption, a source or a reason is refused with what to mend."""

from __future__ import annotations

import csv

import pytest

from dagster_project.contracts import BY_NAME
from dagster_project.contracts.tables import SCENARIO_ANCHORS, SCENARIO_INPUTS
from dagster_project.errors import LoadRefused
from dagster_project.settings import BUNDLED_DATA_DIR

SCENARIO = {"scenario_id": "one", "title": "One", "as_of_dates": "2024-08-16;latest"}


def _assumptions(scenario_id: str = "one", **changes: dict) -> list[dict]:
    rows = [
        {
            "scenario_id": scenario_id,
            "assumption": name,
            "value": max(low, 1),
            "unit": unit,
            "origin": "ours",
            "note": "a reason",
        }
        for name, (unit, low, _) in SCENARIO_INPUTS.items()
    ]
    return [row | changes.get(row["assumption"], {}) for row in rows]


def _refusal(loading, table: str, rows: list[dict]) -> LoadRefused:
    before = loading.rows(table)
    with pytest.raises(LoadRefused) as refused:
        loading.load(table, rows)
    assert loading.rows(table) == before, "a refused load touched the stored rows"
    assert refused.value.mend
    return refused.value


@pytest.mark.parametrize("dates", ["latest", "2024-08-16", "2024-02-29;2025-03-25;latest"])
def test_dates_of_every_kind_load(loading, dates):
    assert loading.load("study_scenarios", [SCENARIO | {"as_of_dates": dates}]).total == 1


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ("2025-02-29;latest", ": as_of_dates names a day that no calendar has"),
        ("yesterday", ", column as_of_dates: value yesterday does not look like "),
        ("latest;", ", column as_of_dates: value latest; does not look like "),
        (None, ", column as_of_dates: value is missing"),
    ],
)
def test_a_day_that_is_none_names_its_line(loading, dates, said):
    error = _refusal(loading, "study_scenarios", [SCENARIO | {"as_of_dates": dates}])
    assert error.where.startswith(f"study/scenarios.csv, line 2{said}")


def test_a_complete_scenario_loads(loading):
    loading.load("study_scenarios", [SCENARIO])
    published = {
        "origin": "published",
        "source_url": "https://example.org/report",
        "source_quality": "news",
    }
    anchor = {
        "scenario_id": "one",
        "assumption": "anchor_npv_usd",
        "value": -1.0,
        "unit": SCENARIO_ANCHORS["anchor_npv_usd"][0],
        "note": "an anchor",
        **published,
    }
    rows = [*_assumptions(margin_pct=published), anchor]
    report = loading.load("study_scenario_assumptions", rows)
    assert (report.rejected, report.total) == (0, len(SCENARIO_INPUTS) + 1)


@pytest.mark.parametrize("absent", [("pue",), ("margin_pct", "ramp_years")])
def test_a_missing_assumption_is_named_with_its_scenario(loading, absent):
    loading.load("study_scenarios", [SCENARIO, SCENARIO | {"scenario_id": "two"}])
    rows = _assumptions() + [r for r in _assumptions("two") if r["assumption"] not in absent]
    error = _refusal(loading, "study_scenario_assumptions", rows)
    lacking = sorted(absent, key=list(SCENARIO_INPUTS).index)
    assert ", but there is " + ", ".join(f"two lacks {name}" for name in lacking) in str(error)
    assert "data/study/scenario_assumptions.csv" in error.mend


def test_a_scenario_without_any_assumption_is_named(loading):
    loading.load("study_scenarios", [SCENARIO, SCENARIO | {"scenario_id": "two"}])
    error = _refusal(loading, "study_scenario_assumptions", _assumptions())
    assert all(f"two lacks {name}" in str(error) for name in SCENARIO_INPUTS)
    assert "one lacks" not in str(error)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (
            "pue",
            {"origin": "published"},
            ": a published figure needs source_url and source_quality; without them it is ours",
        ),
        (
            "pue",
            {"source_url": "https://example.org", "source_quality": "news"},
            ": a figure of ours has no source_url: give the reason in note, or call it published",
        ),
        ("pue", {"value": 0.9}, ": value lies outside what the assumption can mean (share"),
        ("margin_pct", {"value": 140}, ": value lies outside what the assumption can mean (share"),
        ("horizon_years", {"value": 12.5}, ": horizon_years and hashprice_mean_days are whole"),
        ("pue", {"unit": "percent"}, ": unit does not fit the assumption (share"),
        ("pue", {"note": None}, ", column note: value is missing"),
        ("pue", {"assumption": "power_usage"}, ", column assumption: value power_usage is none of"),
        (
            "pue",
            {"scenario_id": "three"},
            ", column scenario_id: value three is not in study_scenarios: add the scenario",
        ),
    ],
)
def test_an_assumption_nobody_can_mean_names_its_line(loading, name, change, said):
    loading.load("study_scenarios", [SCENARIO])
    rows = _assumptions(**{name: change})
    error = _refusal(loading, "study_scenario_assumptions", rows)
    line = 2 + list(SCENARIO_INPUTS).index(name)
    assert f"study/scenario_assumptions.csv, line {line}{said}" in error.where


def test_an_anchor_is_never_ours(loading):
    loading.load("study_scenarios", [SCENARIO])
    anchor = _assumptions()[0] | {
        "assumption": "anchor_npv_usd",
        "unit": "USD",
        "value": 1.0,
    }
    error = _refusal(loading, "study_scenario_assumptions", [*_assumptions(), anchor])
    assert ": an anchor is what others published: name its source" in error.where


def test_sensitivities_lie_where_their_assumption_can(loading):
    loading.load("study_scenarios", [SCENARIO])
    row = {"scenario_id": "one", "assumption": "hashprice_usd_ph", "value": 40}
    assert loading.load("study_scenario_sensitivities", [row]).total == 1
    error = _refusal(loading, "study_scenario_sensitivities", [row | {"value": -1}])
    assert ": value lies outside what the assumption can mean (share" in error.where
    anchor = row | {"assumption": "anchor_npv_usd"}
    error = _refusal(loading, "study_scenario_sensitivities", [anchor])
    assert ", column assumption: value anchor_npv_usd is none of" in error.where


def test_the_models_read_the_assumptions_of_the_contract():
    macro = (BUNDLED_DATA_DIR.parent / "dbt/macros/scenario_inputs.sql").read_text("utf-8")
    listed = [line.strip(" ',") for line in macro.splitlines() if line.startswith("        '")]
    assert listed == [*SCENARIO_INPUTS, "hashprice_usd_ph"]


def test_bundled_assumptions_say_why_and_from_where():
    table = BY_NAME["study_scenario_assumptions"]
    with (BUNDLED_DATA_DIR / table.file).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ours = [row for row in rows if row["origin"] == "ours"]
    assert len(ours) > 10
    assert all(len(row["note"]) > 40 for row in ours)
    # What was not published must not be called so.
    assert {"margin_pct", "discount_rate_pct", "utilisation_pct", "ramp_years"} <= {
        row["assumption"] for row in ours if row["scenario_id"] == "vaneck_2024"
    }
