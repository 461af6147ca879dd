"""What every exhibit has: its words, its chart, its table, its definitions, its downloads."""

from __future__ import annotations

import html
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import streamlit as st

from dagster_project.dashboard import published, words
from dagster_project.dashboard.published import Publication, QuestionFailed
from dagster_project.dashboard.queries import Query, all_queries
from dagster_project.spreadsheet import csv_bytes, for_spreadsheets

# More rows than this are a grid that scrolls, not a table that is read.
_TABLE_ROWS = 60
# Words longer than this are a sentence and want their own line.
_SENTENCE = 60

STYLE = """
<style>
.block-container {padding-top: 4.2rem; max-width: 76rem;}
.mw-scroll {overflow-x: auto; max-width: 100%;}
.mw-scroll:focus-visible {outline: 2px solid #0072B2; outline-offset: 2px;}
table.mw {border-collapse: collapse; font-size: 0.875rem; width: 100%;}
table.mw caption {text-align: left; padding: 0.2rem 0; opacity: 0.8;}
table.mw th, table.mw td {padding: 0.3rem 0.6rem; border-bottom: 1px solid rgba(128,128,128,0.3);
  text-align: left; vertical-align: top;}
table.mw thead th {border-bottom: 2px solid rgba(128,128,128,0.6); vertical-align: bottom;}
table.mw .number {text-align: right; font-variant-numeric: tabular-nums;}
table.mw td.number {white-space: nowrap;}
table.mw .short {white-space: nowrap;}
table.mw .long {min-width: 18rem;}
table.mw .unknown {opacity: 0.65; font-style: italic;}
table.mw tbody tr.first-of-rest th, table.mw tbody tr.first-of-rest td
  {border-top: 3px double rgba(128,128,128,0.7);}
dl.mw {font-size: 0.875rem; margin: 0;}
dl.mw dt {font-family: monospace; font-weight: 600; margin-top: 0.5rem; overflow-wrap: anywhere;}
dl.mw dd {margin: 0 0 0 0.8rem;}
pre.mw {font-size: 0.75rem; overflow-x: auto; background: rgba(128,128,128,0.12);
  padding: 0.6rem; border-radius: 0.4rem;}
p.mw-verdict {font-size: 1.15rem; line-height: 1.5; border-left: 6px solid #0072B2;
  padding: 0.4rem 0.9rem; margin: 0.2rem 0 0.6rem 0; background: rgba(0,114,178,0.08);}
@media (max-width: 640px) {
  .block-container {padding-left: 0.9rem; padding-right: 0.9rem;}
  p.mw-verdict {font-size: 1.02rem;}
  h1 {font-size: 1.7rem !important;}
  /* Rows with sentences in them read as cards on a phone; the roles keep them a table. */
  table.wordy, table.wordy tbody, table.wordy caption {display: block;}
  table.wordy thead {position: absolute; left: -999rem;}
  table.wordy tr {display: block; padding: 0.4rem 0;
    border-bottom: 1px solid rgba(128,128,128,0.5);}
  table.wordy tr.first-of-rest {border-top: 3px double rgba(128,128,128,0.7);}
  table.mw.wordy th, table.mw.wordy td {display: block; border: none; padding: 0.1rem 0;
    text-align: left; white-space: normal; min-width: 0;}
  table.wordy td::before {content: attr(data-label) ": "; font-weight: 600; opacity: 0.75;}
}
</style>
"""


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One dictionary per row of a frame."""
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


@dataclass(frozen=True)
class Answer:
    """What the marts answered to a query, and of which publication."""

    publication: Publication
    query: Query
    parameters: Mapping[str, object]
    frame: pd.DataFrame

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per row."""
        return rows_of(self.frame)

    @property
    def first(self) -> dict[str, Any]:
        """The first row, for a question that has one; empty where there is none."""
        return next(iter(self.rows), {})


@st.cache_data(max_entries=400, show_spinner=False)
def _asked(
    publication_id: str, database: str, name: str, parameters: tuple[tuple[str, object], ...]
) -> pd.DataFrame:
    """Answers by publication: another publication is another key."""
    return published.ask(
        Publication(publication_id, Path(database), {}), all_queries()[name].sql, dict(parameters)
    )


@st.cache_data(max_entries=4, show_spinner=False)
def _comments(publication_id: str, database: str) -> dict[tuple[str, str], str]:
    frame = published.comments(Publication(publication_id, Path(database), {}))
    return {
        (row["table_name"], "" if words.is_unknown(row["column_name"]) else row["column_name"]): (
            str(row["description"] or "").strip()
        )
        for row in rows_of(frame)
    }


def answer(publication: Publication, name: str, **parameters: object) -> Answer:
    """Ask one of the queries. Raises NothingPublished and QuestionFailed."""
    frame = _asked(
        publication.publication_id,
        str(publication.database),
        name,
        tuple(sorted(parameters.items())),
    )
    return Answer(publication, all_queries()[name], parameters, frame)


def definitions(
    publication: Publication, query: Query, columns: Sequence[str]
) -> list[tuple[str, str, str]]:
    """(column, where it is from, what it means) for each column of an answer."""
    said = _comments(publication.publication_id, str(publication.database))
    found = []
    for column in columns:
        if column in query.definitions:
            found.append((column, "this page's query", query.definitions[column]))
            continue
        # A macro hands columns of marts through; its own are explained by the query.
        tables = [*query.tables, *sorted({table for table, _ in said})]
        table = next((t for t in tables if (t, column) in said), "")
        found.append((column, f"marts.{table}", said.get((table, column), "")))
    return found


def _definition_list(answered: Answer) -> str:
    said = _comments(answered.publication.publication_id, str(answered.publication.database))
    tables = "".join(
        f"<dt>marts.{html.escape(table)}</dt><dd>"
        f"{html.escape(said.get((table, ''), 'Table macro: a question in one line.'))}</dd>"
        for table in answered.query.tables
    )
    columns = "".join(
        f"<dt>{html.escape(column)}</dt><dd>{html.escape(meaning)} "
        f"<small>({html.escape(origin)})</small></dd>"
        for column, origin, meaning in definitions(
            answered.publication, answered.query, [str(c) for c in answered.frame.columns]
        )
    )
    values = "\n".join(
        f"-- ${name} = {'null' if value is None else repr(value)}"
        for name, value in answered.parameters.items()
    )
    return (
        f"<h4>Tables</h4><dl class='mw'>{tables}</dl><h4>Columns</h4><dl class='mw'>{columns}</dl>"
        f"<h4>SQL</h4><pre class='mw' tabindex='0'>{html.escape(values)}\n"
        f"{html.escape(answered.query.sql)}</pre>"
    )


def _link(url: object) -> str:
    """A link to a public page by its host; anything else stays plain words."""
    address = "" if words.is_unknown(url) else str(url).strip()
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return f"<span class='unknown'>{html.escape(address or 'none stated')}</span>"
    return (
        f'<a href="{html.escape(address, quote=True)}" target="_blank" '
        f'rel="noopener noreferrer">{html.escape(parts.netloc.removeprefix("www."))}</a>'
    )


def html_table(
    frame: pd.DataFrame,
    caption: str,
    *,
    columns: Sequence[str] | None = None,
    headings: Mapping[str, str] | None = None,
    split_at: int | None = None,
) -> str:
    """A table as every browser and screen reader knows it: caption, headings, units, links.

    ``split_at``: the row before which a double line is drawn.
    """
    shown = list(columns or [str(column) for column in frame.columns])
    named = dict(headings or {})
    numbers = {
        c
        for c in shown
        if pd.api.types.is_numeric_dtype(frame[c]) and not pd.api.types.is_bool_dtype(frame[c])
    }
    head = "".join(
        f'<th scope="col" role="columnheader" class="{"number" if c in numbers else ""}">'
        f"{html.escape(named.get(c, words.heading(c)))}</th>"
        for c in shown
    )
    body, wordy = [], False
    for number, row in enumerate(frame[shown].itertuples(index=False)):
        cells = []
        for place, (column, value) in enumerate(zip(shown, row, strict=True)):
            label = html.escape(named.get(column, words.heading(column)), quote=True)
            tag, scope = (
                ("th", ' scope="row" role="rowheader"')
                if place == 0
                else ("td", f' role="cell" data-label="{label}"')
            )
            if column.endswith("_url"):
                cells.append(f"<{tag}{scope}>{_link(value)}</{tag}>")
                continue
            said = words.written(column, value)
            kinds = ["number"] if column in numbers else []
            if said == words.UNKNOWN:
                kinds.append("unknown")
            wordy = wordy or len(said) > _SENTENCE
            kinds.append("long" if len(said) > _SENTENCE else "short" if len(said) < 24 else "")
            cells.append(
                f'<{tag}{scope} class="{" ".join(kinds).strip()}">{html.escape(said)}</{tag}>'
            )
        mark = ' class="first-of-rest"' if split_at is not None and number == split_at else ""
        body.append(f"<tr{mark} role='row'>{''.join(cells)}</tr>")
    return (
        f'<div class="mw-scroll" tabindex="0" role="region" aria-label="{html.escape(caption)}">'
        f'<table class="mw{" wordy" if wordy else ""}" role="table">'
        f"<caption>{html.escape(caption)}</caption>"
        f"<thead role='rowgroup'><tr role='row'>{head}</tr></thead>"
        f"<tbody role='rowgroup'>{''.join(body)}</tbody></table></div>"
    )


def _show_table(
    frame: pd.DataFrame,
    caption: str,
    columns: Sequence[str] | None,
    headings: Mapping[str, str] | None,
    split_at: int | None,
) -> None:
    if len(frame) <= _TABLE_ROWS:
        st.html(html_table(frame, caption, columns=columns, headings=headings, split_at=split_at))
    else:
        shown = frame[list(columns)] if columns else frame
        # Its own menu downloads what it shows as CSV.
        st.dataframe(for_spreadsheets(shown), hide_index=True, height=320, alt=caption)


def _parquet(frame: pd.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.to_parquet(target, index=False)
    return target.getvalue()


def _tools(name: str, answered: Answer, chart: Any) -> None:
    """Definitions and downloads of one exhibit."""
    with st.container(horizontal=True):
        with st.popover("Definitions and SQL", icon=":material/menu_book:", key=f"meaning_{name}"):
            st.html(_definition_list(answered))
        file_name = f"{name}_{answered.publication.publication_id}"
        with st.popover("Download", icon=":material/download:", key=f"download_{name}"):
            save = partial(st.download_button, on_click="ignore")
            save(
                "Data as CSV",
                partial(csv_bytes, answered.frame),
                f"{file_name}.csv",
                "text/csv",
                key=f"csv_{name}",
            )
            save(
                "Data as Parquet",
                partial(_parquet, answered.frame),
                f"{file_name}.parquet",
                "application/vnd.apache.parquet",
                key=f"parquet_{name}",
            )
            if chart is not None:
                save(
                    "Chart with its data (Vega-Lite)",
                    chart.to_json,
                    f"{file_name}.vl.json",
                    "application/json",
                    key=f"chart_{name}",
                )
                st.caption("As a picture: “Download as PNG” in the bar at the chart's upper edge.")


def exhibit(
    name: str,
    answered: Answer,
    *,
    caption: str,
    chart: Any = None,
    alt: str = "",
    columns: Sequence[str] | None = None,
    headings: Mapping[str, str] | None = None,
    split_at: int | None = None,
    empty: str = "The published file has no rows for this choice.",
) -> None:
    """One answer: as a chart with its table beside it, or as a table; definitions; downloads.

    ``name`` is unlike any other exhibit's on the page; ``alt`` says in words what a chart shows.
    """
    if answered.frame.empty:
        st.info(empty, icon=":material/info:")
        return
    if chart is None:
        _show_table(answered.frame, caption, columns, headings, split_at)
    else:
        st.altair_chart(chart, alt=alt or caption, key=f"picture_{name}")
        with st.expander(f"The same as a table ({len(answered.frame):,} rows)"):
            _show_table(answered.frame, caption, columns, headings, split_at)
    _tools(name, answered, chart)


@contextmanager
def section(title: str, words_below: str = "") -> Iterator[None]:
    """A part of a page; where the file cannot answer, that part says so and the rest stays."""
    st.subheader(title)
    if words_below:
        st.caption(words_below)
    try:
        yield
    except QuestionFailed as error:
        failure(error)


def failure(error: Exception) -> None:
    """An error as it stands, without a traceback."""
    st.error("This cannot be shown.", icon=":material/error:")
    st.code(str(error), language=None, wrap_lines=True)


def verdict(sentence: object) -> None:
    """The one sentence to read first."""
    said = words.UNKNOWN if words.is_unknown(sentence) else str(sentence)
    st.html(f'<p class="mw-verdict">{html.escape(said)}</p>')


@dataclass(frozen=True)
class Figures:
    """Single figures of one row: ``shown`` names its columns and what each is called.

    ``row``: another row than the answer's first.
    """

    answered: Answer
    shown: Mapping[str, str]
    row: Mapping[str, Any] | None = None


def figures(*groups: Figures) -> None:
    """Single figures side by side, each with its definition and the table it is from."""
    with st.container(horizontal=True):
        for group in groups:
            answered = group.answered
            row = answered.first if group.row is None else group.row
            for column, origin, meaning in definitions(
                answered.publication, answered.query, list(group.shown)
            ):
                st.metric(
                    group.shown[column],
                    words.plain(words.written(column, row.get(column))),
                    help=words.plain(f"{meaning} ({origin})"),
                    width="content",
                )
