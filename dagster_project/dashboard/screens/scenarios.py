"""Scenarios: what turning power over to AI hosting would be worth, under assumptions of yours."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from dagster_project.dashboard import charts, words
from dagster_project.dashboard.published import Publication
from dagster_project.dashboard.selection import choose, choose_number
from dagster_project.dashboard.view import Figures, answer, exhibit, figures, section


@dataclass(frozen=True)
class Lever:
    """One assumption a reader may change, within bounds that the formula bears."""

    label: str
    low: float
    high: float
    step: float
    written: str = "%g"


LEVERS = {
    "share_converted_pct": Lever("Share of power converted, %", 0.0, 100.0, 5.0),
    "discount_rate_pct": Lever("Discount rate, % a year", 0.0, 30.0, 0.5),
    "revenue_per_mw_year_usd": Lever("Revenue per MW and year, USD", 0.0, 15e6, 10e3, "%,.0f"),
    "margin_pct": Lever("Margin, %", 0.0, 100.0, 1.0),
    "utilisation_pct": Lever("Utilisation, %", 0.0, 100.0, 1.0),
    "capex_per_mw_usd": Lever("Capex per MW, USD", 0.0, 30e6, 250e3, "%,.0f"),
    "pue": Lever("PUE, MW of grid per MW of IT", 1.0, 2.0, 0.05),
    "horizon_years": Lever("Horizon, years", 1.0, 30.0, 1.0),
    "ramp_years": Lever("Years until all runs", 1.0, 10.0, 1.0),
    "mining_efficiency_j_th": Lever("Machines given up, J/TH", 10.0, 60.0, 0.5),
    "power_price_usd_mwh": Lever("Power price, USD per MWh", 0.0, 150.0, 1.0),
}


def _levers(publication: Publication, scenario: str) -> dict[str, float | None]:
    """What the reader changed; None leaves the published value."""
    assumed = answer(publication, "scenario_assumptions", scenario=scenario).frame
    published = dict(zip(assumed["assumption"], assumed["value"], strict=True))
    notes = dict(zip(assumed["assumption"], assumed["note"], strict=True))
    origins = dict(zip(assumed["assumption"], assumed["origin"], strict=True))
    changed: dict[str, float | None] = dict.fromkeys(LEVERS)
    columns = st.columns(2)
    for place, (name, lever) in enumerate(LEVERS.items()):
        base = float(published[name])
        with columns[place % 2]:
            value = choose_number(
                lever.label,
                f"{scenario}.{name}",
                lever.low,
                lever.high,
                lever.step,
                base,
                written=lever.written,
                help_text=words.plain(f"{origins[name]}: {base:,g}. {notes[name]}"),
            )
        changed[name] = None if value == base else value
    return changed


def _hashprice(scenario: str) -> float | None:
    kind = choose(
        "Hashprice of the mining given up",
        f"{scenario}.hashprice",
        ["network", "own"],
        words={"network": "mean of the network (published)", "own": "my own"},
    )
    if kind == "network":
        return None
    name = f"{scenario}.hashprice_usd_ph"
    return choose_number("Hashprice, USD per PH/s and day", name, 0.0, 200.0, 1.0, 50.0)


def _result(publication: Publication, asked: dict[str, object]) -> None:
    answered = answer(publication, "scenario_values", **asked)
    frame = answered.frame
    known = frame[frame["status"] == "ok"]
    if known.empty:
        st.info(
            "No miner's power is known on that day, so there is no value.", icon=":material/info:"
        )
    else:
        row = next(row for row in answered.rows if row["status"] == "ok")
        figures(
            Figures(
                answered,
                {
                    "npv_per_mw_usd": "Value per converted MW, yours",
                    "published_npv_per_mw_usd": "as published",
                    "hashprice_usd_ph": "Hashprice used, USD per PH/s and day",
                },
                row,
            )
        )
    changed = [name for name in LEVERS if asked[name] is not None]
    series = {"published_npv_usd": "As published", "npv_usd": "With your assumptions"}
    exhibit(
        "scenario_values",
        answered,
        caption=f"Net present value by miner, {asked['scenario']}, {asked['day']}",
        chart=charts.value_bars(
            known, series, "Net present value, USD", known["ticker"].tolist()
        ) if len(known) else None,
        alt=f"Bars of {len(known)} miners with known power; changed: "
        f"{', '.join(changed) or 'nothing'}.",
        columns=["ticker", "name", "gross_power_mw", "converted_gross_mw", "npv_usd",
                 "published_npv_usd", "capex_usd", "market_cap_usd", "npv_share_of_market_cap",
                 "status"],
        headings={"npv_usd": "Value, yours", "published_npv_usd": "Value, as published",
                  "npv_share_of_market_cap": "Value of market value"},
    )  # fmt: skip
    st.caption(
        f"{len(frame) - len(known)} of {len(frame)} miners have no value, because their power is "
        "not known. A computation of what the assumptions imply, not a forecast."
    )


def _compared(publication: Publication, scenario: str, day: str) -> None:
    answered = answer(publication, "scenario_universe", scenario=scenario, day=day)
    figures(
        Figures(
            answered,
            {
                "npv_per_miner_usd": "Value per miner with known power, published",
                "anchor_npv_per_miner_usd": "the same by the scenario's author",
                "npv_to_yearly_profit": "Years of profit, published",
                "anchor_npv_to_yearly_profit": "the same by the author",
            },
        )
    )
    exhibit(
        "scenario_universe",
        answered,
        caption="All miners with known power, beside what others published",
        columns=["as_of_date", "n_miners", "n_capacity_known", "gross_power_mw", "npv_usd",
                 "npv_per_mw_usd", "anchor_npv_usd", "anchor_n_miners"],
    )  # fmt: skip


def show(publication: Publication) -> None:
    """Draw the page."""
    st.title("What a conversion to AI would be worth")
    choices = answer(publication, "scenario_choices").frame
    if choices.empty:
        st.info("The published file holds no scenario.", icon=":material/info:")
        return
    titles = dict(zip(choices["scenario_id"], choices["scenario_title"], strict=True))
    left, right = st.columns(2)
    with left:
        scenario = choose("Scenario", "scenario", list(titles), words=titles)
    days = [
        str(pd.Timestamp(day).date())
        for day in choices.loc[choices["scenario_id"] == scenario, "as_of_date"]
    ]
    with right:
        day = choose("Power and hashprice as of", "as_of", days, default="2025-03-25")
    with section("Your assumptions", "Each slider starts at the published value."):
        changed = _levers(publication, scenario)
        hashprice = _hashprice(scenario)
    with section("Miner by miner"):
        _result(
            publication,
            {"scenario": scenario, "day": day, "hashprice_usd_ph": hashprice, **changed},
        )
    with section(
        "Beside what others published",
        "Other companies and megawatts: compare per miner and per year.",
    ):
        _compared(publication, scenario, day)
    with section("Which assumption decides?", "One assumption changed, all others as published."):
        answered = answer(publication, "scenario_sensitivity", scenario=scenario, day=day)
        exhibit(
            "scenario_sensitivity",
            answered,
            caption="Change of the value per converted MW",
            chart=charts.ranges(answered.frame, "Change of value per MW, USD")
            if len(answered.frame)
            else None,
            alt="Ranges by assumption, the widest first; the table holds every value.",
            columns=["assumption", "value", "base_value", "npv_per_mw_usd",
                     "npv_per_mw_change_usd", "npv_usd", "npv_to_yearly_profit"],
        )  # fmt: skip
    with section("What is assumed, and by whom"):
        exhibit(
            "scenario_assumptions",
            answer(publication, "scenario_assumptions", scenario=scenario),
            caption="Published figures first; “ours” have a reason instead of a source",
            columns=["assumption", "value", "unit", "origin", "source_url", "note"],
        )
