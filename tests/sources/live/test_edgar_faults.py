"""EDGAR over a real connection: what is its own beyond the common faults of fault_matrix.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from dagster_project.contracts import BY_NAME, Window
from dagster_project.errors import SourceError
from dagster_project.sources.live.archive import Archive
from dagster_project.sources.live.edgar import Edgar, EdgarStudy, FilingSearch
from dagster_project.sources.live.edgar_answers import Concept
from dagster_project.sources.live.http_client import HttpClient
from tests.sources.live.edgar_bodies import (
    BLOCK_PAGE,
    CIK,
    COMPANY_FACTS,
    PRESS_RELEASE,
    SUBMISSIONS,
    changed,
    hit,
    search,
)
from tests.sources.live.loopback import (
    Answer,
    Loopback,
    as_json,
    status,
)

TODAY = date(2025, 6, 1)
MARCH = Window(date(2025, 3, 1), date(2025, 3, 31))
HOSTS = ("sec", "sec_search", "sec_www")
STUDY = EdgarStudy(
    ciks={"XMPL": CIK},
    aliases={},
    searches=(FilingSearch("critical IT load", ("8-K",)),),
    concepts=(Concept("us-gaap", "Revenues"),),
)
NEWS = "0001999999-25-000012"
HIT = hit(NEWS, "ex99-1.htm", filed="2025-03-05")
RECENT = ("filings", "recent")
REVENUES = ("facts", "us-gaap", "Revenues", "units", "USD")


def page(body: str) -> Answer:
    return Answer(body.encode(), 200, "text/html; charset=utf-8")


@dataclass(frozen=True)
class Endpoint:
    """One of EDGAR's answers: where it is, what it says, and which table it feeds."""

    path: str
    good: Answer
    table: str


ENDPOINTS = {
    "submissions": Endpoint(
        f"/submissions/CIK{CIK}.json", as_json(SUBMISSIONS), "filing_candidates"
    ),
    "search": Endpoint("/LATEST/search-index", as_json(search([HIT])), "filing_candidates"),
    "document": Endpoint(
        f"/Archives/edgar/data/1999999/{NEWS.replace('-', '')}/ex99-1.htm",
        page(PRESS_RELEASE),
        "filing_candidates",
    ),
    "facts": Endpoint(
        f"/api/xbrl/companyfacts/CIK{CIK}.json", as_json(COMPANY_FACTS), "xbrl_facts"
    ),
}
JSON_ENDPOINTS = ("submissions", "search", "facts")

# Wrong in ways that only EDGAR's answers can be; the common ones are in fault_matrix.py.
SHAPE_FAULTS: dict[str, tuple[str, Any]] = {
    "columns of two lengths": ("submissions", changed(SUBMISSIONS, *RECENT, "items", to=[""])),
    "another company": ("submissions", changed(SUBMISSIONS, "cik", to="1")),
    "figures of another company": ("facts", changed(COMPANY_FACTS, "cik", to=1)),
    "an empty object of filings": ("submissions", {}),
    "an empty object of hits": ("search", {}),
    "an empty object of figures": ("facts", {}),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


def ask(server: Loopback, endpoint: Endpoint, steps: list[Any], client: HttpClient | None = None):
    """The vendor's answer with this endpoint scripted and the others well."""
    for each in ENDPOINTS.values():
        server.on(each.path, each.good)
    server.on(endpoint.path, *steps)
    client = client or server.client(*HOSTS, changes={"max_bytes": 2**20})
    vendor = Edgar(client, STUDY, today=lambda: TODAY)
    window = MARCH if endpoint.table == "filing_candidates" else Window(date(2020, 1, 1), TODAY)
    return vendor.fetch(BY_NAME[endpoint.table], "XMPL", window)


def sorted_rows(answer) -> list[tuple[Any, ...]]:
    return sorted(zip(*answer.columns.values(), strict=True), key=repr)


@pytest.fixture(scope="module")
def undisturbed(server) -> dict[str, list[tuple[Any, ...]]]:
    rows = {
        name: sorted_rows(ask(server, endpoint, [endpoint.good]))
        for name, endpoint in ENDPOINTS.items()
    }
    assert {name: len(found) for name, found in rows.items()} == {
        "submissions": 2,
        "search": 2,
        "document": 2,
        "facts": 4,
    }
    return rows


@pytest.mark.parametrize("fault", SHAPE_FAULTS)
def test_another_shape_is_refused(server, fault):
    name, body = SHAPE_FAULTS[fault]
    with pytest.raises(SourceError) as refused:
        ask(server, ENDPOINTS[name], [as_json(body)])
    assert refused.value.where
    assert refused.value.mend


RATE_PAGE = (
    "<html><head><title>SEC | Request Rate Threshold Exceeded</title></head><body><h1>Traffic limit"
    "</h1><p>Guidance on critical data loads is elsewhere.</p></body></html>"
)
OTHER_PAGES = {
    "maintenance": "<html><title>Critical load: under maintenance</title>Later.</html>",
    "challenge": "<html><body>Just a moment</body></html>",
    "another filing": "<html><body><p>We sell ice cream at 200 places.</p></body></html>",
    "another company's filing": "<html><body><p>OTHER HOLDINGS CORP<br>(Exact name of registrant "
    "as specified in its charter)</p><p>critical IT load of 200 MW</p></body></html>",
    "another company's figures": '<html><ix:header><ix:nonNumeric name="dei:EntityCentralIndexKey"'
    ' id="f">0001888888</ix:nonNumeric></ix:header><p>critical IT load of 200 MW</p></html>',
}


@pytest.mark.parametrize("body", [BLOCK_PAGE, RATE_PAGE])
def test_a_block_page_with_status_200_is_too_many_requests(server, body):
    """It is not asked again for the ten minutes that it names, and no row is read from it."""
    before = len(server.requests)
    answer = ask(server, ENDPOINTS["document"], [page(body)])
    by_status = dict(zip(answer.columns["accession"], answer.columns["status"], strict=True))
    assert by_status[NEWS] == "unread"
    assert not answer.complete
    assert any(f"{NEWS}/ex99-1.htm not read: The host asks" in note for note in answer.notes)
    documents = [each for each in server.requests[before:] if "/Archives/" in each.path]
    assert len(documents) == 1


def test_a_block_page_closes_the_sec_for_every_question(server):
    client = server.client(*HOSTS)
    ask(server, ENDPOINTS["document"], [page(RATE_PAGE)], client)
    with pytest.raises(SourceError, match="Not asked: this host is left alone for another 600 s"):
        ask(server, ENDPOINTS["facts"], [ENDPOINTS["facts"].good], client)


@pytest.mark.parametrize("status_code", [403, 404])
def test_a_document_that_is_refused_is_told_apart_from_one_that_is_gone(
    server, undisturbed, status_code
):
    endpoint = ENDPOINTS["document"]
    steps = [status(status_code, b"no", "text/plain")]
    if status_code == 403:
        with pytest.raises(SourceError, match="status 403"):
            ask(server, endpoint, steps)
        return
    answer = ask(server, endpoint, steps)
    by_status = dict(zip(answer.columns["accession"], answer.columns["status"], strict=True))
    assert by_status[NEWS] == "unread"


@pytest.mark.parametrize("body", OTHER_PAGES.values(), ids=OTHER_PAGES)
def test_another_page_in_a_documents_place_is_never_read(server, undisturbed, body):
    answer = ask(server, ENDPOINTS["document"], [page(body)])
    by_status = dict(zip(answer.columns["accession"], answer.columns["status"], strict=True))
    assert by_status[NEWS] == "unread"
    assert not answer.complete
    words = f"{NEWS}/ex99-1.htm not read: Another page is served in the document's place"
    assert any(words in note for note in answer.notes)
    read = set(zip(answer.columns["accession"], answer.columns["power_mw_candidates"], strict=True))
    assert (NEWS, None) in read


def test_a_document_of_the_company_itself_is_read(server):
    own = (
        '<html><ix:header><ix:nonNumeric name="dei:EntityCentralIndexKey" id="f">0001999999'
        "</ix:nonNumeric></ix:header><p>Example Mining, Inc.<br>(Exact name of registrant)</p>"
        "<p>critical IT load of 200 MW; the old site is temporarily unavailable.</p>"
        + "<p>More of the same.</p>" * 300
        + "</html>"
    )
    answer = ask(server, ENDPOINTS["document"], [page(own)])
    assert answer.columns["power_mw_candidates"] == [None, "200"]
    assert answer.complete


def test_another_form_of_the_word_is_the_document_all_the_same(server):
    other = "<html><body>Loads of 200 MW were critically important.</body></html>"
    answer = ask(server, ENDPOINTS["document"], [page(other)])
    by_status = dict(zip(answer.columns["accession"], answer.columns["status"], strict=True))
    assert by_status[NEWS] == "listed"


def test_a_search_whose_pages_never_end_is_given_up(server, monkeypatch):
    monkeypatch.setattr("dagster_project.sources.live.edgar.MOST_SEARCH_PAGES", 20)
    endless = search([HIT] * 100, total=10_000, relation="gte")
    with pytest.raises(SourceError, match="pages without end"):
        ask(server, ENDPOINTS["search"], [as_json(endless)])


def test_a_contact_is_sent_and_demanded(server):
    endpoint = ENDPOINTS["facts"]
    ask(server, endpoint, [endpoint.good])
    assert "tests@example.org" in server.requests[-1].headers["user-agent"]
    client = server.client(*HOSTS, contact="")
    with pytest.raises(SourceError, match="asks every program for a contact"):
        ask(server, endpoint, [endpoint.good], client)


def test_the_archive_alone_gives_the_same_rows(server, undisturbed, tmp_path):
    archive = Archive(tmp_path)
    for name, endpoint in ENDPOINTS.items():
        client = server.client(*HOSTS, archive=archive)
        assert sorted_rows(ask(server, endpoint, [endpoint.good], client)) == undisturbed[name]
    before = len(server.requests)
    for name, endpoint in ENDPOINTS.items():
        client = server.client(*HOSTS, archive=archive, replay=True)
        assert sorted_rows(ask(server, endpoint, [status(500)], client)) == undisturbed[name]
    assert len(server.requests) == before


def test_bodies_on_the_wire_are_what_the_unit_tests_read():
    assert json.loads(ENDPOINTS["facts"].good.body) == COMPANY_FACTS
