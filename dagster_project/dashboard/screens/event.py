"""The event: what the firms did, what of it the model does not expect, what tests make of it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dagster_project.dashboard import charts, words
from dagster_project.dashboard.published import Publication
from dagster_project.dashboard.screens.picks import pick, pick_event
from dagster_project.dashboard.view import (
    Answer,
    Figures,
    answer,
    exhibit,
    figures,
    section,
    verdict,
)

MODELS = {
    "market_model": "Market model (Nasdaq-100)",
    "market_btc": "Nasdaq-100 and bitcoin",
    "market_btc_masked": "Nasdaq-100 and bitcoin, event days masked",
    "market_adjusted": "Return less the Nasdaq-100's",
    "mean_adjusted": "Return less its own mean",
}
TIMING = {
    "before_open": "before the open",
    "in_session": "during the session",
    "after_close": "after the close",
    "non_trading": "on a day without trading",
    "unknown": "at a time of day that is not known",
}


def _filters(publication: Publication) -> dict[str, object]:
    event = pick_event(publication)
    group_column, window_column, model_column = st.columns(3)
    with group_column:
        group = pick(publication, "group", "Firms")
    with window_column:
        window = pick(
            publication,
            "window",
            "Days",
            help_text="Sessions relative to the event session, first and last included.",
        )
    with model_column:
        model = pick(
            publication,
            "model",
            "Expected by",
            words=MODELS,
            help_text="The model that says what a firm would have returned anyway; abnormal is "
            "what remains.",
        )
    return {"event": event, "group": group, "model": model, "window": window}


def _when(facts: dict[str, Any]) -> None:
    link = facts.get("source_url")
    source = "" if words.is_unknown(link) else f" [The news]({str(link).replace(')', '%29')})."
    timing = TIMING.get(str(facts["news_timing"]), str(facts["news_timing"]))
    st.markdown(
        f"News of {words.text(facts['news_date'])}, {timing}; priced from the close of "
        f"{words.text(facts['previous_session'])} to the close of {words.text(facts['t0'])} "
        f"(New York).{source}"
    )


def _firms(chosen: dict[str, object], answered: Answer) -> None:
    frame = answered.frame
    chart = None
    if frame["raw_return"].notna().any():
        chart = charts.paired_bars(
            frame,
            "ticker",
            {"raw_return": "Return", "car": "Abnormal return"},
            "Return over the days chosen",
            frame["ticker"].tolist(),
        )
    unknown = frame.loc[frame["car"].isna(), "ticker"].tolist()
    worst = frame.iloc[0] if len(frame) else None
    said = (
        f"Ranked bars of {len(frame)} firms. {worst['ticker']} is first with "
        f"{words.change(worst['raw_return'])}, abnormal {words.change(worst['car'])}."
        if worst is not None
        else ""
    )
    exhibit(
        "event_firms",
        answered,
        caption=f"Firms, {chosen['event']}, days {chosen['window']}, worst first",
        chart=chart,
        alt=said,
        columns=[
            "ticker", "name", "raw_return", "expected_return", "car", "car_p_pred",
            "close_before_usd", "close_usd", "hpc_contracted_mw", "hpc_status", "status",
        ],
        headings={"expected_return": "Expected", "close_before_usd": "Close before"},
        empty="The prices do not reach this event, or the group is empty: no firm has a return.",
    )  # fmt: skip
    if unknown:
        st.caption(
            "No abnormal return, and so no bar for it (not zero): "
            + ", ".join(unknown)
            + ". The table's column Status says why."
        )


def _path(answered: Answer) -> None:
    frame = answered.frame
    if frame.empty:
        st.info("No path: the prices do not reach this event.", icon=":material/info:")
        return
    market = (
        str(frame["market_ticker"].dropna().iloc[0]) if frame["market_ticker"].notna().any() else ""
    )
    series = {"raw_return_running": "Firms"}
    if frame["market_return_running"].notna().any():
        series["market_return_running"] = market
    if frame["btc_return_running"].notna().any():
        series["btc_return_running"] = "Bitcoin"
    event = pd.DataFrame({"at": [0], "what": ["event session"]})
    last = frame.iloc[-1]
    exhibit(
        "event_path_raw",
        answered,
        caption="Returns cumulated from the close before the first session shown",
        chart=charts.lines(
            frame, "rel_day", series, "Return, cumulated",
            x_title="Sessions after the event session", marks=event,
        ),
        alt=f"Lines from session {frame['rel_day'].iloc[0]} to {last['rel_day']}: the firms "
        f"{words.change(last['raw_return_running'])}, {market} "
        f"{words.change(last['market_return_running'])}, bitcoin "
        f"{words.change(last['btc_return_running'])} at the end.",
    )  # fmt: skip
    if frame["is_btc_asynchronous"].fillna(False).any():
        st.caption("Bitcoin's return is partly of UTC days: other hours than the shares'.")
    st.markdown("**What the model does not expect of it, and how wide chance is**")
    exhibit(
        "event_path_abnormal",
        answered,
        caption="Abnormal return of the firms as one portfolio, cumulated, with its 95% band",
        chart=charts.banded_line(
            frame, "rel_day", "car_running", "car_running_low", "car_running_high",
            title="Abnormal, cumulated", x_title="Sessions after the event session",
        ),
        alt=f"Line with band: {words.change(last['car_running'])} at the end, band from "
        f"{words.change(last['car_running_low'])} to {words.change(last['car_running_high'])}.",
        columns=["rel_day", "session_date", "ar", "car_running", "car_running_low",
                 "car_running_high", "n_firms", "status"],
    )  # fmt: skip
    st.caption(
        "The band is the forecast error of the firms as one portfolio, so what they share is in "
        "it. While it includes zero, the path is an ordinary one."
    )


def _tests(answered: Answer) -> None:
    believable = int(answered.frame["may_be_believed"].sum()) if len(answered.frame) else 0
    exhibit(
        "event_tests",
        answered,
        caption=f"The first {believable} may be believed; those below the double line take the "
        "firms of one date for independent",
        columns=["test_id", "says", "statistic", "p_two_sided", "note"],
        headings={"test_id": "Test", "note": "What it does"},
        split_at=believable,
    )


def show(publication: Publication) -> None:
    """Draw the page."""
    st.title("What the event did")
    chosen = _filters(publication)
    facts = answer(publication, "event_facts", event=chosen["event"])
    _when(facts.first)
    judged = answer(publication, "event_verdict", **chosen)
    verdict(judged.first.get("verdict"))
    market = words.text(facts.first["market_ticker"])
    figures(
        Figures(judged, {"caar": "Firms, abnormal (mean)", "headline_p": "p, portfolio test",
                         "mde_80pct": "Smallest move seen in 4 of 5"}),
        Figures(facts, {"market_return": f"{market} that session",
                        "btc_return": "Bitcoin that session"}),
    )  # fmt: skip
    with section("Firm by firm", "Return, and what of it the model does not expect; worst first."):
        _firms(chosen, answer(publication, "event_firms", **chosen))
    with section(
        "Around the event", "Five sessions before to five after, whatever days are chosen."
    ):
        path = {name: chosen[name] for name in ("event", "group", "model")}
        _path(answer(publication, "event_path", **path))
    with section("What the tests say", "Firms that share a date are not independent witnesses."):
        _tests(answer(publication, "event_tests", **chosen))
    with section(
        "Had nobody told us the date", "Every session judged alike; chance alone finds some."
    ):
        exhibit(
            "event_scan",
            answer(publication, "event_scan", event=chosen["event"]),
            caption="The day among all sessions",
            columns=["scan_id", "session_date", "abnormal_return", "p_two_sided", "rank_negative",
                     "n_comparable", "q_bh", "verdict"],
            headings={"q_bh": "q (Benjamini-Hochberg)", "rank_negative": "Rank, worst first"},
            empty="The scan does not reach this event's session.",
        )  # fmt: skip
    with section(
        "Many events together", "Pooling several dates is the cure for the low power of one."
    ):
        pooled = {name: chosen[name] for name in ("group", "model", "window")}
        exhibit(
            "event_sets",
            answer(publication, "event_sets", **pooled),
            caption="Sets of events that are tested together",
            columns=["title", "n_dates", "n_firms", "caar", "mde_80pct", "headline_p", "verdict"],
        )
