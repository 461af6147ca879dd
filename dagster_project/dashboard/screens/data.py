"""The data itself: how fresh, how far, checked how, from where, changed how; and to take away."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dagster_project.dashboard import published, words
from dagster_project.dashboard.published import Publication
from dagster_project.dashboard.selection import choose
from dagster_project.dashboard.view import answer, exhibit, html_table, rows_of, section
from dagster_project.spreadsheet import csv_bytes


def _checks(manifest: dict[str, Any]) -> None:
    checks = manifest.get("checks", {})
    counts = checks.get("checks", {})
    with st.container(horizontal=True):
        for name, label in (("pass", "passed"), ("warn", "warned"), ("fail", "failed")):
            st.metric(f"Checks that {label}", int(counts.get(name, 0)), width="content")
    warned = checks.get("warned", [])
    if warned:
        st.markdown("Warned: " + ", ".join(f"`{name}`" for name in warned) + ".")
    st.caption(
        "A failed check stops a publication. The rows behind a warning stand in the Dagster UI "
        "(`make ui`), at the check of that name; the published file does not hold them."
    )


def _sources(manifest: dict[str, Any]) -> None:
    rows = [
        {
            "source_table": name,
            "first_date": of.get("first_date") or "no rows",
            "last_date": of.get("last_date") or "no rows",
            "rows": of.get("rows"),
            "tickers": str(len(of["tickers"])) if of.get("tickers") else "–",
        }
        for name, of in manifest.get("sources", {}).items()
    ]
    st.html(
        html_table(
            pd.DataFrame(rows),
            "Series that were loaded: the first and last day, and how many rows",
            headings={"source_table": "Series"},
        )
    )
    st.caption("A series without rows is filled by live sources (`make live`) alone.")


def _tables(manifest: dict[str, Any]) -> None:
    rows = []
    for table in manifest.get("tables", []):
        ranges = [span for span in table.get("key_dates", {}).values() if span and span[0]]
        rows.append(
            {
                "table": table["name"],
                "rows": table["rows"],
                "columns": len(table["columns"]),
                "first_date": ranges[0][0] if ranges else "–",
                "last_date": ranges[0][1] if ranges else "–",
                "description": table["description"].strip(),
            }
        )
    st.html(html_table(pd.DataFrame(rows), f"{len(rows)} tables of schema marts"))


@st.cache_data(max_entries=8, show_spinner=False)
def _whole_table(publication_id: str, database: str, table: str) -> pd.DataFrame:
    return published.ask(Publication(publication_id, Path(database), {}), f'from marts."{table}"')


def _csv(publication: Publication, table: str) -> bytes:
    frame = _whole_table(publication.publication_id, str(publication.database), table)
    return csv_bytes(frame)


def _file(publication: Publication, table: str) -> bytes:
    return (publication.parquet_dir / f"{table}.parquet").read_bytes()


def _take_away(publication: Publication) -> None:
    said = published.comments(publication)
    tables = {
        row["table_name"]: str(row["description"] or "")
        for row in rows_of(said)
        if words.is_unknown(row["column_name"])
    }
    table = choose("Table", "table", list(tables), default="selloff_summary")
    st.markdown(words.plain(tables[table].strip()))
    with st.container(horizontal=True):
        name = f"{table}_{publication.publication_id}"
        st.download_button(
            "Whole table as CSV", partial(_csv, publication, table), f"{name}.csv", "text/csv",
            key="whole_csv", on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        if (publication.parquet_dir / f"{table}.parquet").is_file():
            st.download_button(
                "Whole table as Parquet", partial(_file, publication, table), f"{name}.parquet",
                "application/vnd.apache.parquet", key="whole_parquet", on_click="ignore",
                icon=":material/download:",
            )  # fmt: skip
    of_table = said[(said["table_name"] == table) & said["column_name"].notna()]
    st.html(
        html_table(
            of_table[["column_name", "data_type", "description"]],
            f"Columns of marts.{table}",
        )
    )


def show(publication: Publication) -> None:
    """Draw the page."""
    st.title("The data")
    manifest = publication.manifest
    if not manifest:
        st.info(
            "No manifest stands beside the published file, so freshness, checks and coverage are "
            "not known here. `make run` publishes both.",
            icon=":material/info:",
        )
    else:
        st.markdown(
            f"Published {words.text(pd.Timestamp(manifest['published_at']).tz_convert(None))}, as "
            f"`{manifest['publication_id']}`, by code `{str(manifest['code_revision'])[:12]}`; it "
            f"replaced `{manifest['replaced'] or 'nothing'}`."
        )
        with section("Checks"):
            _checks(manifest)
        with section("Freshness and coverage"):
            _sources(manifest)
    with section("Two sources for one figure", "Where two sources state the same, do they agree?"):
        exhibit(
            "data_reconciliation",
            answer(publication, "data_reconciliation"),
            caption="Figures that two sources state",
        )
        with st.expander("Every difference outside of the tolerance"):
            exhibit(
                "data_differences",
                answer(publication, "data_differences"),
                caption="Figures on which two sources differ",
                empty="Every pair agrees.",
            )
    with section(
        "Facts that were overtaken", "Each later figure stands beside the one it replaced."
    ):
        exhibit(
            "data_fact_changes",
            answer(publication, "data_fact_changes"),
            caption="Facts about companies, the newest change first",
            columns=["ticker", "metric", "as_of_date", "value", "unit", "selected_from_date",
                     "overtaken_by_value", "overtaken_by_date", "source_url"],
        )  # fmt: skip
        st.caption(
            "Corrections of loaded series stand in `ingest.revisions` of the working file; the "
            "published file does not hold them."
        )
    with section("Tables, definitions, downloads"):
        _take_away(publication)
        if manifest:
            with st.expander("All tables"):
                _tables(manifest)
