"""Mining economics: what a unit of hashrate earns, and what the halving changed."""

from __future__ import annotations

from datetime import date

import pandas as pd
import streamlit as st

from dagster_project.dashboard import charts, words
from dagster_project.dashboard.published import Publication
from dagster_project.dashboard.selection import choose, choose_day
from dagster_project.dashboard.view import Figures, answer, exhibit, figures, section

SERIES = {
    "hashprice_usd_ph": ("Hashprice, USD per PH/s and day", "$,.0f"),
    "network_eh_s_7d": ("Hashrate of the network, EH/s, mean of 7 days", ",.0f"),
    "price_usd": ("Price of bitcoin, USD", "$,.0f"),
    "fee_share_of_revenue": ("Fees' share of miners' revenue", ".0%"),
}


def _network(publication: Publication, since: str, halvings: pd.DataFrame) -> None:
    answered = answer(publication, "mining_days", since=since)
    frame = answered.frame
    measure = choose("Measure", "measure", list(SERIES), words={k: v[0] for k, v in SERIES.items()})
    title, form = SERIES[measure]
    inside = halvings[halvings["at"] >= pd.Timestamp(since)]
    known = frame[measure].dropna() if len(frame) else pd.Series(dtype=float)
    exhibit(
        "mining_days",
        answered,
        caption=f"{title}, UTC days since {since}",
        chart=charts.lines(
            frame, "date_utc", {measure: title}, title,
            x_title="UTC day", x_type="T", y_format=form, marks=inside,
        ) if len(known) else None,
        alt=(
            f"Line of {len(known)} days: {words.written(measure, known.iloc[0])} on the first, "
            f"{words.written(measure, known.iloc[-1])} on the last."
            if len(known)
            else "No days."
        ),
        empty="No days since then.",
    )  # fmt: skip


def _halving(publication: Publication) -> None:
    answered = answer(publication, "mining_halving")
    frame = answered.frame
    if frame.empty:
        st.info("No halving lies within the figures.", icon=":material/info:")
        return
    spans = [str(days) for days in frame["window_days"].tolist()]
    span = choose(
        "Days before and after", "span", spans, default="30", words={s: f"{s} days" for s in spans}
    )
    row = next(row for row in answered.rows if row["window_days"] == int(span))
    figures(
        Figures(
            answered,
            {
                "hashprice_usd_ph_before": "USD per PH/s and day before",
                "hashprice_usd_ph_after": "after",
                "hashprice_change": "Change",
            },
            row,
        )
    )
    drawn = frame.assign(span=[f"{days} days" for days in frame["window_days"]])
    exhibit(
        "mining_halving",
        answered,
        caption="Change of the mean log hashprice, split into parts that add up to it",
        chart=charts.parts(
            drawn, "span",
            {"subsidy_part": "Subsidy", "fee_part": "Fees", "price_part": "Price of bitcoin",
             "difficulty_part": "Difficulty"},
            "Log change of hashprice",
        ),
        alt=f"Stacked bars for {', '.join(spans)} days; over {span} days hashprice changed by "
        f"{words.change(row['hashprice_change'])}, the subsidy's part is "
        f"{row['subsidy_part']:.2f} of {row['hashprice_log_change']:.2f} log points.",
        columns=["window_days", "halving_date", "hashprice_usd_ph_before",
                 "hashprice_usd_ph_after", "hashprice_change", "hashprice_log_change",
                 "subsidy_part", "fee_part", "price_part", "difficulty_part"],
    )  # fmt: skip
    st.caption(
        "The parts describe what moved together; they do not say that the halving caused it."
    )


def _firms(publication: Publication) -> None:
    answered = answer(publication, "mining_firms")
    tickers = sorted(answered.frame["ticker"].unique().tolist())
    picked = choose("Miner", "miner", ["all", *tickers], words={"all": "all miners"})
    frame = answered.frame
    if picked != "all":
        frame = frame[frame["ticker"] == picked]
    exhibit(
        "mining_firms",
        type(answered)(answered.publication, answered.query, answered.parameters, frame),
        caption="What miners stated of their periods, the newest first",
        columns=["ticker", "period", "period_end_date", "btc_mined", "realised_eh_s",
                 "energised_eh_s", "realisation_rate", "total_revenue_usd", "hpc_revenue_usd",
                 "weakest_source"],
        headings={"realised_eh_s": "At work, EH/s", "energised_eh_s": "Switched on, EH/s",
                  "realisation_rate": "At work of switched on"},
    )  # fmt: skip


def show(publication: Publication) -> None:
    """Draw the page."""
    st.title("What mining earns")
    reach = answer(publication, "mining_reach")
    row = reach.first
    if words.is_unknown(row.get("first_date")):
        st.info("The published file holds no figures of the network.", icon=":material/info:")
        return
    first, last = (pd.Timestamp(str(row[name])).date() for name in ("first_date", "last_date"))
    st.markdown(f"Newest UTC day: {last.isoformat()}.")
    figures(
        Figures(
            reach,
            {
                "hashprice_usd_ph": "Hashprice, USD per PH/s and day",
                "hashprice_change_30d": "against 30 days before",
                "network_eh_s_7d": "Hashrate, EH/s, 7 days",
                "price_usd": "Bitcoin",
            },
        )
    )
    halving = answer(publication, "mining_halving").frame
    marks = pd.DataFrame(
        {"at": pd.to_datetime(halving["halving_date"].drop_duplicates()), "what": "halving"}
    )
    with section("Day by day"):
        since: date = choose_day("Since", "since", first, last, first)
        _network(publication, since.isoformat(), marks)
    with section("The halving", "What one PH/s earned before and after, and which part did what."):
        _halving(publication)
    with section("Miner by miner", "Stated periods; what a firm does not state is not known."):
        _firms(publication)
