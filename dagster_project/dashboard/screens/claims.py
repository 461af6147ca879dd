"""The story, checked: what was claimed, what the figures say, and the query that shows it."""

from __future__ import annotations

import html

import streamlit as st

from dagster_project.dashboard import words
from dagster_project.dashboard.published import Publication
from dagster_project.dashboard.selection import choose
from dagster_project.dashboard.view import answer, exhibit, section, verdict

# A sign as well as a word: colour alone would not reach everybody.
SIGNS = {
    "holds": "✔ holds",
    "partly": "◐ partly",
    "fails": "✘ fails",
    "not checkable": "? not checkable",
}


def show(publication: Publication) -> None:
    """Draw the page."""
    st.title("The story, checked")
    counted = answer(publication, "claim_verdicts")
    if counted.frame.empty:
        st.info("The published file holds no claims.", icon=":material/info:")
        return
    with st.container(horizontal=True):
        for row in counted.rows:
            sign = SIGNS.get(row["verdict"], row["verdict"])
            st.metric(sign, int(row["n_claims"]), width="content")
    verdicts = counted.frame["verdict"].tolist()
    picked = choose(
        "Verdict", "verdict", ["all", *verdicts], words={"all": "all verdicts", **SIGNS}
    )
    answered = answer(publication, "claims", verdict=picked)
    frame = answered.frame.assign(verdict=[SIGNS.get(v, v) for v in answered.frame["verdict"]])
    with section("Claims", "The verdict follows from the figures and a stated tolerance."):
        exhibit(
            "claims",
            type(answered)(answered.publication, answered.query, answered.parameters, frame),
            caption=f"{len(frame)} claims, those that fail first",
            columns=["claim", "verdict", "reason", "claim_date", "source_url", "source_quality"],
        )
    with section(
        "One claim", "What was measured, compared with what, and the query that shows it."
    ):
        titles = dict(zip(frame["claim_id"], frame["claim"], strict=True))
        claim = choose("Claim", "claim", list(titles), words=titles)
        row = next(row for row in answered.rows if row["claim_id"] == claim)
        verdict(f"{SIGNS.get(row['verdict'], row['verdict'])} — {row['reason']}")
        exhibit(
            "claim_evidence",
            answer(publication, "claim_evidence", claim=claim),
            caption="Checks and what each measured",
            columns=["check_number", "member", "measured_as", "value_number", "value_text", "unit",
                     "expected_in_words", "result", "fact_url", "reason"],
            headings={"member": "Firm or fact", "expected_in_words": "Compared with"},
            empty="Nothing is measured for this claim; its verdict says why.",
        )  # fmt: skip
        query = row["deciding_query"]
        if not words.is_unknown(query):
            st.html(
                "<p>The query that shows it, for any DuckDB client:</p>"
                f"<pre class='mw' tabindex='0'>{html.escape(str(query))}</pre>"
            )
