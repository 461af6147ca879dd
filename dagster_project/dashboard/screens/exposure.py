"""AI exposure: who has contracted what with whom, as known on a day, and whether that mattered."""

from __future__ import annotations

from datetime import date

import pandas as pd
import streamlit as st

from dagster_project.dashboard import charts, words
from dagster_project.dashboard.published import Publication
from dagster_project.dashboard.screens.picks import pick, pick_event
from dagster_project.dashboard.selection import choose, choose_day
from dagster_project.dashboard.view import Figures, answer, exhibit, figures, section, verdict

FORMATS = {"ai_tilt": ".1f", "hpc_contracted_mw": ",.0f", "hpc_mw_share": ".0%"}
METRICS = {
    "ai_tilt": "Tilt to AI shares (beta)",
    "hpc_contracted_mw": "AI power under contract, MW",
    "hpc_mw_share": "AI share of power",
}


def _as_day(value: object, fallback: date) -> date:
    return fallback if words.is_unknown(value) else pd.Timestamp(str(value)).date()


def _known_words(row: pd.Series) -> str:
    if words.is_unknown(row["hpc_contracted_mw"]):
        return words.UNKNOWN
    said = words.megawatts(row["hpc_contracted_mw"])
    if row["hpc_status"] == "none_found":
        return f"{said} (none found)"
    part = "" if words.is_unknown(row["hpc_mw_share"]) else f" · {words.share(row['hpc_mw_share'])}"
    return said + part


def _firms(publication: Publication, day: str) -> None:
    answered = answer(publication, "exposure_firms", day=day)
    frame = answered.frame
    if not frame.empty:
        frame = frame.assign(known_words=frame.apply(_known_words, axis=1))
    known = int(frame["hpc_contracted_mw"].notna().sum()) if len(frame) else 0
    chart = (
        charts.bars_or_words(
            frame, "ticker", "hpc_contracted_mw", "known_words",
            title="AI power under contract, MW", order=frame["ticker"].tolist(),
        )
        if len(frame)
        else None
    )  # fmt: skip
    exhibit(
        "exposure_firms",
        answered,
        caption=f"AI power under contract as known at the end of {day}, New York",
        chart=chart,
        alt=f"Bars of {len(frame)} miners; known for {known}, not known for {len(frame) - known}.",
        columns=[
            "ticker", "name", "hpc_status", "hpc_contracted_mw", "hpc_contracted_basis",
            "gross_power_mw", "hpc_mw_share", "n_counterparties", "top_counterparty",
            "hyperscaler_backed", "ai_tilt", "known_date", "weakest_source",
        ],
    )  # fmt: skip
    st.caption(
        "0 MW means that a search found no contract. “Not known” means that nobody has searched to "
        "the end, and is not zero. Megawatts of different kinds are never added up."
    )


def _announcements(publication: Publication) -> None:
    choices = answer(publication, "announcement_choices").frame
    kinds = choices.loc[choices["dimension"] == "kind", "choice"].tolist()
    tickers = choices.loc[choices["dimension"] == "ticker", "choice"].tolist()
    left, right = st.columns(2)
    with left:
        kind = choose(
            "Kind", "kind", ["all", *kinds],
            words={"all": "all kinds"} | {k: words.heading(k) for k in kinds},
        )  # fmt: skip
    with right:
        ticker = choose(
            "Company", "ticker", ["all", *tickers],
            words={"all": "all companies", "none": "not listed"},
        )  # fmt: skip
    answered = answer(publication, "exposure_announcements", kind=kind, ticker=ticker)
    frame = answered.frame
    exhibit(
        "exposure_announcements",
        answered,
        caption="Announcements, newest first, each with its source",
        chart=charts.timeline(frame) if len(frame) else None,
        alt=f"Timeline of {len(frame)} announcements; the table holds them with their links.",
        columns=["announced_on", "company", "kind", "direction", "counterparty", "power_mw",
                 "value_usd", "source_url", "source_quality"],
        empty="No announcement of this kind by this company.",
    )  # fmt: skip


def _gradient(publication: Publication) -> None:
    event = pick_event(publication)
    left, middle, right = st.columns(3)
    with left:
        group = pick(publication, "group", "Firms", default="miners")
    with middle:
        metric = choose("Exposure", "metric", list(METRICS), words=METRICS)
    with right:
        window = pick(publication, "window", "Days")
    asked = {"event": event, "group": group, "metric": metric, "window": window}
    judged = answer(publication, "exposure_gradient", **asked)
    verdict(judged.first.get("verdict", "No gradient: the prices do not reach this event."))
    if judged.first and judged.first["status"] == "ok":
        figures(
            Figures(
                judged,
                {
                    "n": "Firms with known exposure",
                    "p_portfolio": "p, portfolio test",
                    "sq_p": "p, among its own ordinary days",
                    "spearman": "Rank correlation",
                },
            )
        )
    answered = answer(publication, "exposure_scatter", **asked)
    frame = answered.frame
    plotted = int(frame[["exposure", "car"]].notna().all(axis=1).sum()) if len(frame) else 0
    exhibit(
        "exposure_scatter",
        answered,
        caption=f"{METRICS[metric]} at the close before, and abnormal return over days {window}",
        chart=charts.scatter(
            frame, x_title=METRICS[metric],
            x_format=FORMATS[metric],
        ) if plotted else None,
        alt=f"Scatter of {plotted} firms. {judged.first.get('verdict', '')}",
        columns=["ticker", "name", "exposure", "car", "raw_return", "exposure_rank",
                 "abnormal_rank", "status"],
        empty="No firm of this group has prices for this event.",
    )  # fmt: skip
    st.caption(
        f"{len(frame) - plotted} of {len(frame)} firms are not drawn, because their exposure or "
        "their return is not known. Dashed: the published slope; shaded: the slopes when any one "
        "firm is left out. The usual t of such a slope would mislead, as all firms share the date."
    )


def show(publication: Publication) -> None:
    """Draw the page."""
    st.title("Who was exposed to AI, and did it matter?")
    reach = answer(publication, "exposure_days").first
    if words.is_unknown(reach.get("first_date")):
        st.info("The published file holds no exposure.", icon=":material/info:")
        return
    first = _as_day(reach["first_date"], date.min)
    last = _as_day(reach["last_date"], date.max)
    with section("Power under contract", "As publicly known at the end of the day."):
        day = choose_day("Day", "day", first, last, _as_day(reach["headline_date"], last))
        _firms(publication, day.isoformat())
    with section("Contracts that stood on that day"):
        exhibit(
            "exposure_contracts",
            answer(publication, "exposure_contracts", day=day.isoformat()),
            caption=f"AI contracts as known on {day.isoformat()}",
            columns=["ticker", "counterparty", "status", "announced_on", "critical_it_mw",
                     "gross_mw", "unknown_basis_mw", "term_years", "value_usd", "source_url",
                     "source_quality"],
            headings={"unknown_basis_mw": "MW of unknown kind"},
            empty="No contract was known on that day.",
        )  # fmt: skip
    with section("Did the more exposed fall more?"):
        _gradient(publication)
    with section(
        "Announcements",
        "▲ expands AI capacity, ▼ contracts it, ● neither; what has no day is in the table.",
    ):
        _announcements(publication)
