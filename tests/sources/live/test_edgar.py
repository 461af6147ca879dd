"""EDGAR as a vendor: which questions it asks, and which rows it makes of the answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import BY_NAME, SOURCE_REF, Extract, Window, typed_frame
from dagster_project.errors import SourceError
from dagster_project.settings import BUNDLED_DATA_DIR
from dagster_project.sources.data_folder import DataFolder
from dagster_project.sources.live.edgar import Edgar, EdgarStudy, FilingSearch, read_study
from dagster_project.sources.live.edgar_answers import Concept
from dagster_project.sources.live.http_client import Reply
from dagster_project.sources.live.http_errors import HttpRefused, HttpUnavailable
from dagster_project.warehouse.load import load
from tests.sources.live.edgar_bodies import (
    BLOCK_PAGE,
    CIK,
    COMPANY_FACTS,
    COMPANY_TICKERS,
    OLDER_SUBMISSIONS,
    PRESS_RELEASE,
    SEARCH_ERROR,
    SUBMISSIONS,
    changed,
    hit,
    search,
)

TODAY = date(2025, 6, 1)
CANDIDATES, FACTS = BY_NAME["filing_candidates"], BY_NAME["xbrl_facts"]
MARCH = Window(date(2025, 3, 1), date(2025, 3, 31))
EVER = Window(date(2020, 1, 1), date(2025, 5, 31))
STUDY = EdgarStudy(
    ciks={"XMPL": CIK},
    aliases={},
    searches=(
        FilingSearch("high performance computing", ("8-K", "6-K")),
        FilingSearch("critical IT load", ("8-K", "6-K")),
    ),
    concepts=(Concept("us-gaap", "Revenues"),),
)
NEWS = "0001999999-25-000012"
FOLDER = f"https://www.sec.gov/Archives/edgar/data/1999999/{NEWS.replace('-', '')}"

Answer = Any | Callable[[Mapping[str, str]], Any]


class ScriptedClient:
    """Answers by host and path; a function is asked with the parameters, an error is raised."""

    def __init__(self, answers: Mapping[tuple[str, str], Answer]) -> None:
        self._answers = dict(answers)
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    def get(self, host, path_or_url, params=None, *, accept=("application/json",), **_options):
        self.asked.append((host, path_or_url, dict(params or {})))
        answer = self._answers[host, path_or_url]
        if callable(answer):
            answer = answer(dict(params or {}))
        if isinstance(answer, Exception):
            raise answer
        body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        return Reply(
            url=path_or_url,
            status=200,
            headers={},
            body=body,
            retrieved_at=datetime(2025, 6, 1, tzinfo=UTC),
            sha256=hashlib.sha256(body).hexdigest(),
            from_archive=False,
            waited_s=0.5,
            attempts=2,
        )

    def paths(self, host: str) -> list[str]:
        return [path for name, path, _ in self.asked if name == host]


NO_HITS = search([])
ONE_HIT = search([hit(NEWS, "ex99-1.htm", filed="2025-03-05")])


def answers(**more: Answer) -> dict[tuple[str, str], Answer]:
    """A working EDGAR with one press release; ``more`` replaces answers by a short name."""
    named: dict[str, tuple[tuple[str, str], Answer]] = {
        "tickers": (("sec_www", "/files/company_tickers.json"), COMPANY_TICKERS),
        "submissions": (("sec", f"/submissions/CIK{CIK}.json"), SUBMISSIONS),
        "older": (("sec", f"/submissions/CIK{CIK}-submissions-001.json"), OLDER_SUBMISSIONS),
        "search": (("sec_search", "/LATEST/search-index"), ONE_HIT),
        "document": (("sec_www", f"{FOLDER[19:]}/ex99-1.htm"), PRESS_RELEASE),
        "facts": (("sec", f"/api/xbrl/companyfacts/CIK{CIK}.json"), COMPANY_FACTS),
    }
    return {place: more.get(name, answer) for name, (place, answer) in named.items()}


def edgar(study: EdgarStudy = STUDY, **more: Answer) -> tuple[Edgar, ScriptedClient]:
    client = ScriptedClient(answers(**more))
    return Edgar(client, study, today=lambda: TODAY), client


def rows(columns: Mapping[str, list[Any]]) -> list[SimpleNamespace]:
    names = list(columns)
    assert len({len(values) for values in columns.values()}) == 1
    return [
        SimpleNamespace(**dict(zip(names, row, strict=True)))
        for row in zip(*columns.values(), strict=True)
    ]


def loaded(table, answer) -> tuple[int, tuple[str, ...]]:
    """Rows and rejections of the answer when it is loaded as the contract demands."""
    count = len(next(iter(answer.columns.values())))
    columns = {
        **answer.columns,
        "source": ["sec_edgar"] * count,
        SOURCE_REF: [f"row {n}" for n in range(count)],
    }
    companies = BY_NAME["companies"]
    known = {"ticker": ["XMPL"], "name": ["X"], "role": ["miner"], "is_focal": [True]}
    with duckdb.connect() as connection:
        for contract, data in ((companies, known), (table, columns)):
            frame = typed_frame(contract, {**data, SOURCE_REF: data.get(SOURCE_REF, ["row"])})
            report = load(
                connection,
                Extract(contract.name, frame, "sec_edgar", "here", datetime(2025, 6, 1)),
            )
        return report.total, report.rejections


# ---- Candidates ----


def test_a_press_release_becomes_a_candidate():
    vendor, client = edgar()
    answer = vendor.fetch(CANDIDATES, "XMPL", MARCH)
    first, second = rows(answer.columns)
    assert (second.accession, second.form, second.items) == (NEWS, "8-K", "1.01,7.01,9.01")
    assert second.accepted_at == datetime(2025, 3, 5, 21, 5, 11)
    assert second.matched_terms == "high performance computing;critical IT load"
    assert second.amount_usd_candidates == "3500000000"
    assert second.power_mw_candidates == "200;300"
    assert second.power_basis_candidates == "critical_it;gross"
    assert "high-performance computing" in second.excerpt
    assert second.document_url == f"{FOLDER}/ex99-1.htm"
    assert second.source_url == f"{FOLDER}/{NEWS}-index.htm"
    assert second.status == "figures_found"
    # The amended 8-K of 3 March is listed: its form counts, and no phrase was found in it.
    assert (first.form, first.status, first.matched_terms) == ("8-K/A", "listed", None)
    assert first.document_url.endswith("/xmpl-20250303a.htm")
    assert (answer.complete, answer.notes) == (True, ())
    assert (answer.requests, answer.retries, answer.waited_s) == (8, 4, 2.0)
    assert answer.bytes > len(PRESS_RELEASE)
    # Nothing of March is in the older page, so it is not asked for.
    assert client.paths("sec") == [f"/submissions/CIK{CIK}.json"]


def test_what_is_asked_of_the_full_text_search():
    vendor, client = edgar(search=NO_HITS)
    vendor.fetch(CANDIDATES, "XMPL", MARCH)
    asked = [params for host, _, params in client.asked if host == "sec_search"]
    assert asked[0] == {
        "q": '"high performance computing"',
        "forms": "8-K,6-K",
        "ciks": CIK,
        "dateRange": "custom",
        "startdt": "2025-03-01",
        "enddt": "2025-03-31",
    }
    assert [params["q"] for params in asked] == [
        '"high performance computing"',
        '"critical IT load"',
    ]


def test_candidates_pass_their_contract():
    vendor, _ = edgar()
    assert loaded(CANDIDATES, vendor.fetch(CANDIDATES, "XMPL", EVER)) == (5, ())


def test_older_pages_are_asked_where_they_reach_the_window():
    vendor, client = edgar(search=NO_HITS)
    answer = vendor.fetch(CANDIDATES, "XMPL", EVER)
    assert [(row.form, str(row.filed_date)) for row in rows(answer.columns)] == [
        ("8-K", "2021-05-03"),
        ("6-K", "2024-12-20"),
        ("8-K", "2025-02-03"),
        ("8-K/A", "2025-03-03"),
        ("8-K", "2025-03-05"),
    ]
    assert client.paths("sec")[1:] == [f"/submissions/CIK{CIK}-submissions-001.json"]


def test_a_filing_only_the_search_knows_is_taken_from_it():
    newest = "0001999999-25-000013"
    place = ("sec_www", f"/Archives/edgar/data/1999999/{newest.replace('-', '')}/new.htm")
    vendor, client = edgar(search=search([hit(newest, "new.htm", filed="2025-03-06")]))
    client._answers[place] = "<p>critical IT load of 118 MW</p>"
    row = rows(vendor.fetch(CANDIDATES, "XMPL", MARCH).columns)[-1]
    assert (row.accession, row.form, row.items, row.accepted_at) == (
        newest,
        "8-K",
        "1.01,7.01",
        None,
    )
    assert (row.power_mw_candidates, row.power_basis_candidates) == ("118", "critical_it")


def test_no_filing_and_no_hit_is_an_empty_complete_answer():
    vendor, _ = edgar(search=NO_HITS)
    answer = vendor.fetch(CANDIDATES, "XMPL", Window(date(2025, 4, 1), date(2025, 4, 30)))
    assert rows(answer.columns) == []
    assert answer.complete
    assert set(CANDIDATES.column_names) <= set(answer.columns)


def test_hits_come_page_by_page():
    names = [f"ex{n}.pdf" for n in range(250)]

    def pages(params):
        start = int(params.get("from", 0))
        hits = [hit(NEWS, name, filed="2025-03-05") for name in names[start : start + 100]]
        return search(hits, total=250)

    vendor, client = edgar(search=pages)
    answer = vendor.fetch(CANDIDATES, "XMPL", MARCH)
    offsets = [params.get("from") for host, _, params in client.asked if host == "sec_search"]
    assert offsets == [None, "100", "200"] * 2
    # Pictures of a page are no text: the filing stays, unread.
    assert rows(answer.columns)[-1].status == "unread"
    assert answer.complete


def test_a_search_that_repeats_its_page_is_stopped():
    page = search([hit(NEWS, f"ex{n}.pdf", filed="2025-03-05") for n in range(100)], total=900)
    vendor, client = edgar(search=page)
    answer = vendor.fetch(CANDIDATES, "XMPL", MARCH)
    assert not answer.complete
    assert any("repeats its pages" in note for note in answer.notes)
    assert len(client.paths("sec_search")) == 4


def test_a_window_with_too_many_hits_is_halved():
    def pages(params):
        days = date.fromisoformat(params["enddt"]) - date.fromisoformat(params["startdt"])
        if days.days > 7:
            return search([], total=10_000, relation="gte")
        inside = params["startdt"] <= "2025-03-05" <= params["enddt"]
        return ONE_HIT if inside else NO_HITS

    vendor, _ = edgar(search=pages)
    answer = vendor.fetch(CANDIDATES, "XMPL", MARCH)
    assert answer.complete
    assert rows(answer.columns)[-1].status == "figures_found"


def test_a_day_with_too_many_hits_is_told():
    vendor, _ = edgar(search=search([], total=10_000, relation="gte"))
    answer = vendor.fetch(CANDIDATES, "XMPL", Window(date(2025, 3, 5), date(2025, 3, 5)))
    assert not answer.complete
    assert any("the rest is unseen" in note for note in answer.notes)


def test_hits_outside_the_question_are_passed_over():
    strangers = search(
        [
            hit(NEWS, "a.htm", filed="2024-01-05"),
            hit("0001999999-25-000010", "b.htm", filed="2025-03-06", form="10-K"),
        ]
    )
    vendor, client = edgar(search=strangers)
    answer = vendor.fetch(CANDIDATES, "XMPL", MARCH)
    assert {row.status for row in rows(answer.columns)} == {"listed"}
    assert len(client.paths("sec_www")) == 0


def test_a_document_that_is_gone_leaves_its_filing_unread():
    vendor, _ = edgar(document=HttpRefused("Gone.", status=404))
    answer = vendor.fetch(CANDIDATES, "XMPL", MARCH)
    row = rows(answer.columns)[-1]
    assert (row.status, row.document_url) == ("unread", f"{FOLDER}/ex99-1.htm")
    assert not answer.complete
    assert any("not read: Gone." in note for note in answer.notes)


@pytest.mark.parametrize(
    "document",
    [HttpUnavailable("Busy.", status=503), HttpRefused("Elsewhere.", status=302), BLOCK_PAGE],
)
def test_a_document_that_cannot_be_had_now_leaves_its_filing_unread(document):
    vendor, _ = edgar(document=document)
    answer = vendor.fetch(CANDIDATES, "XMPL", MARCH)
    assert [row.status for row in rows(answer.columns)] == ["listed", "unread"]
    assert rows(answer.columns)[1].matched_terms is None
    assert not answer.complete
    assert any(NEWS in note for note in answer.notes)
    assert loaded(CANDIDATES, answer) == (2, ())


def test_a_filing_is_unread_where_one_of_its_documents_is():
    """What the others say is less than what was read of it on a better day."""
    hits = [hit(NEWS, name, filed="2025-03-05") for name in ("ex99-1.htm", "ex10-1.htm")]
    vendor, client = edgar(search=search(hits))
    client._answers["sec_www", f"{FOLDER[19:]}/ex10-1.htm"] = HttpUnavailable("Busy.", status=503)
    row = rows(vendor.fetch(CANDIDATES, "XMPL", MARCH).columns)[-1]
    assert (row.status, row.power_mw_candidates) == ("unread", None)


@pytest.mark.parametrize(
    "more",
    [
        {"document": HttpRefused("Blocked.", status=403)},
        {"search": SEARCH_ERROR},
        {"search": HttpRefused("A page for people.", status=200)},
        {"search": HttpUnavailable("Busy.", status=429)},
        {"submissions": HttpRefused("Blocked.", status=403)},
        {"submissions": HttpRefused("No such company.", status=404)},
        {"submissions": changed(SUBMISSIONS, "cik", to="1")},
        {"submissions": "{"},
        {"submissions": ""},
        {"submissions": []},
    ],
    ids=lambda more: str({k: str(v)[:20] for k, v in more.items()}),
)
def test_a_block_page_or_a_broken_answer_is_a_typed_error(more):
    vendor, _ = edgar(**more)
    with pytest.raises(SourceError):
        vendor.fetch(CANDIDATES, "XMPL", MARCH)


def test_an_old_document_in_the_code_page_of_windows_is_read():
    class Bytes(ScriptedClient):
        def get(self, host, path_or_url, params=None, **options):
            reply = super().get(host, path_or_url, params, **options)
            if path_or_url.endswith("ex99-1.htm"):
                body = "critical IT load of 100 – 150 MW".encode("cp1252")
                return Reply(**{**reply.__dict__, "body": body})
            return reply

    vendor = Edgar(Bytes(answers()), STUDY, today=lambda: TODAY)
    row = rows(vendor.fetch(CANDIDATES, "XMPL", MARCH).columns)[-1]
    assert row.power_mw_candidates == "100;150"


def test_a_clock_that_cannot_be_told_gives_no_acceptance_time():
    recent = SUBMISSIONS["filings"]["recent"]
    body = changed(
        SUBMISSIONS,
        *("filings", "recent", "acceptanceDateTime"),
        to=[""] * len(recent["form"]),
    )
    vendor, _ = edgar(submissions=body)
    answer = vendor.fetch(CANDIDATES, "XMPL", MARCH)
    assert {row.accepted_at for row in rows(answer.columns)} == {None}
    assert any("zone of acceptance times" in note for note in answer.notes)


# ---- Symbols ----


def test_a_company_without_a_key_is_found_by_symbol_or_alias():
    study = EdgarStudy({}, {"OLDX": ("GONE", "XMPL")}, STUDY.searches, STUDY.concepts)
    vendor, client = edgar(study)
    for symbol in ("XMPL", "OLDX"):
        assert set(vendor.fetch(FACTS, symbol, EVER).columns["ticker"]) == {symbol}
    # Each symbol asks for itself, so that a replay finds the list in each symbol's own answers.
    assert client.paths("sec_www") == ["/files/company_tickers.json"] * 2


def test_an_unknown_company_says_what_to_write():
    vendor, _ = edgar(EdgarStudy({}, {}, STUDY.searches, STUDY.concepts))
    with pytest.raises(SourceError, match="symbol NONE") as refused:
        vendor.fetch(FACTS, "NONE", EVER)
    assert "ledger/companies.csv" in refused.value.mend


# ---- Figures ----


def test_figures_keep_every_filing_and_pass_their_contract():
    vendor, client = edgar()
    answer = vendor.fetch(FACTS, "XMPL", EVER)
    assert len(rows(answer.columns)) == 4
    assert loaded(FACTS, answer) == (4, ())
    assert client.paths("sec") == [f"/api/xbrl/companyfacts/CIK{CIK}.json"]
    row = rows(answer.columns)[0]
    assert row.fiscal_period == "Q2"
    assert row.source_url.startswith("https://www.sec.gov/Archives/edgar/data/1999999/")


def test_figures_filed_after_the_window_are_not_known_in_it():
    vendor, _ = edgar()
    answer = vendor.fetch(FACTS, "XMPL", Window(date(2024, 6, 1), date(2024, 12, 31)))
    filed = {str(row.filed_date) for row in rows(answer.columns)}
    assert filed == {"2024-05-08", "2024-08-07"}


def test_a_company_without_figures_is_told_and_keeps_what_it_had():
    vendor, _ = edgar(facts=HttpRefused("NoSuchKey", status=404))
    answer = vendor.fetch(FACTS, "XMPL", EVER)
    assert rows(answer.columns) == []
    assert not answer.complete
    assert "no XBRL figures" in answer.notes[0]


def test_blocked_figures_are_an_error_not_an_absence():
    vendor, _ = edgar(facts=HttpRefused("Blocked.", status=403))
    with pytest.raises(HttpRefused):
        vendor.fetch(FACTS, "XMPL", EVER)


# ---- The vendor itself ----


def test_the_study_is_read_from_the_data_folder():
    study = read_study(DataFolder(BUNDLED_DATA_DIR, BUNDLED_DATA_DIR))
    assert study.ciks["CORZ"] == "0001839341"
    assert set(study.forms) == {"8-K", "6-K", "40-F", "20-F"}
    assert study.searches[0].phrase == "high performance computing"
    assert Concept("ifrs-full", "Revenue") in study.concepts
    assert "SPY" not in study.ciks


def test_other_tables_are_not_its_business():
    vendor, _ = edgar()
    with pytest.raises(SourceError, match="no rows of table equity_prices"):
        vendor.fetch(BY_NAME["equity_prices"], "XMPL", MARCH)
