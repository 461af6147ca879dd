"""EDGAR's fault matrix: each failure of each of its four answers, over a real connection.

Every cell ends in the same rows after another attempt, in rows with the gap told (``partial``),
or in a typed refusal; never in other rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
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
    SEARCH_ERROR,
    SUBMISSIONS,
    changed,
    fact,
    hit,
    search,
    without,
)
from tests.sources.live.loopback import (
    Answer,
    Loopback,
    as_json,
    drip,
    gzip_bomb,
    gzipped,
    html,
    redirect,
    reset_mid_body,
    silence,
    status,
    truncated,
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

# What stands on the wire, from the endpoint's good answer; a list is one step per request.
Fault = Callable[[Endpoint], list[Any]]
WIRE_FAULTS: dict[str, tuple[Fault, dict[str, str] | str]] = {
    # Passing: the next attempt answers, and nothing may differ.
    "429 with Retry-After": (lambda e: [status(429, retry_after="1"), e.good], "retried"),
    "429 without Retry-After": (lambda e: [status(429), e.good], "retried"),
    "500": (lambda e: [status(500), status(500), e.good], "retried"),
    "502 then success": (lambda e: [status(502), e.good], "retried"),
    "reset mid-body": (lambda e: [reset_mid_body(e.good.body), e.good], "retried"),
    "truncated body": (lambda e: [truncated(e.good.body), e.good], "retried"),
    "time-out": (lambda e: [silence(), e.good], "retried"),
    "slow drip": (lambda e: [drip(), e.good], "retried"),
    # Lasting: a refusal, but a document that cannot be had leaves only its filing out.
    "429 for ever": (lambda e: [status(429)], {"document": "partial", "*": "refused"}),
    "500 for ever": (lambda e: [status(500)], {"document": "partial", "*": "refused"}),
    "time-out for ever": (lambda e: [silence()], {"document": "partial", "*": "refused"}),
    "403 JSON": (lambda e: [status(403, b'{"message": "no"}', "application/json")], "refused"),
    "403 HTML": (lambda e: [html(403)], "refused"),
    "block page with 200": (lambda e: [page(BLOCK_PAGE)], "refused"),
    "redirect to another host": (
        lambda e: [redirect("https://elsewhere.example.org/x")],
        {"document": "unread", "*": "refused"},
    ),
    "gzip bomb": (lambda e: [gzip_bomb(8)], {"document": "unread", "*": "refused"}),
    # A page of EDGAR that is gone: no such figures, no such document.
    "404": (
        lambda e: [status(404, b"NoSuchKey", "application/xml")],
        {"document": "unread", "facts": "partial", "*": "refused"},
    ),
    "gzip": (lambda e: [_zipped(e.good)], "retried"),
}


def _zipped(answer: Answer) -> Answer:
    return gzipped(answer.body, answer.content_type or "")


JSON_FAULTS: dict[str, Fault] = {
    "truncated JSON, then whole": lambda e: [
        Answer(e.good.body[: len(e.good.body) // 2]),
        e.good,
    ],
}
LASTING_JSON_FAULTS: dict[str, Answer] = {
    "truncated JSON for ever": Answer(b'{"cik": 1999999, "facts": {"us-gaap"'),
    "empty 200": Answer(b""),
    "[]": as_json([]),
    "{}": as_json({}),
    "error object with 200": as_json(SEARCH_ERROR),
    "non-UTF-8": Answer(b'{"cik": "\xff\xfe"}'),
    "text with 200": Answer(b"No data", 200, "text/plain"),
}
SHAPE_FAULTS: dict[str, tuple[str, Any]] = {
    "nulls in a column": ("submissions", changed(SUBMISSIONS, *RECENT, "form", 0, to=None)),
    "changed column type": ("submissions", changed(SUBMISSIONS, *RECENT, "filingDate", 0, to=5)),
    "missing column": ("submissions", without(SUBMISSIONS, *RECENT, "filingDate")),
    "columns of two lengths": ("submissions", changed(SUBMISSIONS, *RECENT, "items", to=[""])),
    "date in the future": (
        "submissions",
        changed(SUBMISSIONS, *RECENT, "filingDate", 0, to="2031-01-01"),
    ),
    "another company": ("submissions", changed(SUBMISSIONS, "cik", to="1")),
    "null in a hit": ("search", search([{**HIT, "_source": None}])),
    "changed type of a hit": ("search", search([{**HIT, "_id": 7}])),
    "absurd number of hits": ("search", search([HIT], total=-3)),
    "hit in the future": ("search", search([hit(NEWS, "a.htm", filed="2031-01-01")])),
    "null figure": ("facts", changed(COMPANY_FACTS, *REVENUES, 0, "val", to=None)),
    "figure as text": ("facts", changed(COMPANY_FACTS, *REVENUES, 0, "val", to="5")),
    "figure without a filing day": ("facts", without(COMPANY_FACTS, *REVENUES, 0, "filed")),
    "figures of another company": ("facts", changed(COMPANY_FACTS, "cik", to=1)),
}
HARMLESS: dict[str, tuple[str, Any]] = {
    "extra column": ("submissions", changed(SUBMISSIONS, *RECENT, "isNew", to=[1] * 5)),
    "extra key of a hit": ("search", search([{**HIT, "highlight": {"x": 1}}])),
    "hit listed twice": ("search", search([HIT, HIT])),
    "extra key of a figure": ("facts", changed(COMPANY_FACTS, *REVENUES, 0, "note", to="x")),
    "unordered figures": (
        "facts",
        changed(
            COMPANY_FACTS,
            *REVENUES,
            to=COMPANY_FACTS["facts"]["us-gaap"]["Revenues"]["units"]["USD"][::-1],
        ),
    ),
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


def check(server, undisturbed, name: str, steps: list[Any], outcome: str) -> None:
    if outcome == "refused":
        with pytest.raises(SourceError) as refused:
            ask(server, ENDPOINTS[name], steps)
        assert refused.value.where
        return
    answer = ask(server, ENDPOINTS[name], steps)
    rows = sorted_rows(answer)
    if outcome == "retried":
        assert rows == undisturbed[name]
        assert answer.complete
    elif outcome == "partial":
        # What is there is right; what is not there is told.
        assert set(rows) < set(undisturbed[name])
        assert not answer.complete
        assert answer.notes
    else:
        by_status = dict(zip(answer.columns["accession"], answer.columns["status"], strict=True))
        assert by_status[NEWS] == outcome == "unread"
        assert answer.notes


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize("fault", WIRE_FAULTS)
def test_faults_of_the_wire(server, undisturbed, fault, name):
    steps, outcomes = WIRE_FAULTS[fault]
    outcome = outcomes if isinstance(outcomes, str) else outcomes.get(name, outcomes["*"])
    check(server, undisturbed, name, steps(ENDPOINTS[name]), outcome)


@pytest.mark.parametrize("name", JSON_ENDPOINTS)
@pytest.mark.parametrize("fault", JSON_FAULTS)
def test_faults_of_json_that_pass(server, undisturbed, fault, name):
    check(server, undisturbed, name, JSON_FAULTS[fault](ENDPOINTS[name]), "retried")


@pytest.mark.parametrize("name", JSON_ENDPOINTS)
@pytest.mark.parametrize("fault", LASTING_JSON_FAULTS)
def test_faults_of_json_that_last(server, undisturbed, fault, name):
    check(server, undisturbed, name, [LASTING_JSON_FAULTS[fault]], "refused")


@pytest.mark.parametrize("fault", SHAPE_FAULTS)
def test_faults_of_the_shape(server, undisturbed, fault):
    name, body = SHAPE_FAULTS[fault]
    check(server, undisturbed, name, [as_json(body)], "refused")


@pytest.mark.parametrize("change", HARMLESS)
def test_what_changes_nothing(server, undisturbed, change):
    name, body = HARMLESS[change]
    check(server, undisturbed, name, [as_json(body)], "retried")


@pytest.mark.parametrize(
    "absurd",
    [
        fact("2024-01-01", "2024-03-31", 1e300, "0001999999-24-000020", "2024-05-08"),
        fact("2024-01-01", "2024-03-31", 1, "0001999999-24-000020", "2031-05-08"),
    ],
    ids=["absurd figure", "figure of the future"],
)
def test_an_absurd_figure_is_left_out_and_counted(server, undisturbed, absurd):
    body = changed(COMPANY_FACTS, *REVENUES, 0, to=absurd)
    answer = ask(server, ENDPOINTS["facts"], [as_json(body)])
    assert set(sorted_rows(answer)) < set(undisturbed["facts"])
    assert len(sorted_rows(answer)) == 3
    assert "1 figures left out" in answer.notes[0]


def test_a_huge_page_count_and_a_page_loop_end(server, undisturbed):
    # The same full page for every offset, of what claims to be 9,999 hits.
    loop = search([HIT] * 100, total=9_999)
    answer = ask(server, ENDPOINTS["search"], [as_json(loop)])
    assert sorted_rows(answer) == undisturbed["search"]
    assert not answer.complete
    assert any("repeats its pages" in note for note in answer.notes)


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
