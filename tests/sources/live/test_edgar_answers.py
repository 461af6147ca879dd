"""The parsers of EDGAR's answers: real shapes, and anything else is a SourceError."""

from __future__ import annotations

import copy
import json
import math
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.errors import SourceError
from dagster_project.sources.live.edgar_answers import (
    Concept,
    Filing,
    acceptance_clock,
    accepted_at_utc,
    padded_cik,
    parse_company_facts,
    parse_company_tickers,
    parse_filings,
    parse_search,
    parse_submissions,
    split_window,
)
from tests.sources.live.edgar_bodies import (
    CIK,
    COMPANY_FACTS,
    COMPANY_TICKERS,
    OLDER_SUBMISSIONS,
    OTHER_CIK,
    SEARCH_ERROR,
    SUBMISSIONS,
    changed,
    fact,
    hit,
    search,
    without,
)

TODAY = date(2025, 6, 1)
CONCEPTS = (
    Concept("us-gaap", "Revenues"),
    Concept("dei", "EntityCommonStockSharesOutstanding"),
    Concept("ifrs-full", "Revenue"),
)
RECENT = ("filings", "recent")
REVENUES = ("facts", "us-gaap", "Revenues", "units", "USD")


# ---- Symbols ----


def test_symbols_have_ten_digit_keys():
    assert parse_company_tickers(COMPANY_TICKERS) == {
        "OTHR": OTHER_CIK,
        "XMPL": CIK,
        "XMPLW": CIK,
    }


@pytest.mark.parametrize("value", [1999999, "1999999", "0001999999", " 1999999 "])
def test_a_key_is_padded_however_it_is_written(value):
    assert padded_cik(value, "here") == CIK


@pytest.mark.parametrize("value", [None, True, "", "12a", "12345678901", -1, 1.5, "١٢"])
def test_a_key_that_is_no_number_is_refused(value):
    with pytest.raises(SourceError, match="central index key"):
        padded_cik(value, "here")


# ---- Submissions ----


def test_submissions_list_filings_and_older_pages():
    submissions = parse_submissions(SUBMISSIONS, CIK, TODAY)
    assert [filing.form for filing in submissions.filings] == ["8-K", "8-K/A", "10-K", "8-K", "4"]
    first = submissions.filings[0]
    assert first == Filing(
        accession="0001999999-25-000012",
        form="8-K",
        filed_date=date(2025, 3, 5),
        report_date=date(2025, 3, 5),
        stamped_at=datetime(2025, 3, 5, 21, 5, 11),
        items="1.01,7.01,9.01",
        document="xmpl-20250305.htm",
    )
    # A rendering in a folder of its own is no document of the filing; no report day is none.
    assert (submissions.filings[4].document, submissions.filings[4].report_date) == ("", None)
    (older,) = submissions.older
    assert (older.name, older.first_date, older.last_date) == (
        f"CIK{CIK}-submissions-001.json",
        date(2021, 5, 3),
        date(2024, 12, 20),
    )


def test_the_oldest_shape_without_items_and_times_is_read():
    minimal = {
        "cik": "0000320193",
        "filings": {
            "recent": {
                name: SUBMISSIONS["filings"]["recent"][name]
                for name in ("accessionNumber", "filingDate", "reportDate", "form")
            }
        },
    }
    submissions = parse_submissions(minimal, "0000320193", TODAY)
    assert len(submissions.filings) == 5
    assert submissions.older == ()
    assert {filing.stamped_at for filing in submissions.filings} == {None}


def test_an_older_page_is_the_bare_table():
    filings = parse_filings(OLDER_SUBMISSIONS, "older", TODAY)
    assert [filing.form for filing in filings] == ["6-K", "8-K"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "an object"),
        (None, "an object"),
        (changed(SUBMISSIONS, "cik", to=OTHER_CIK), f"about CIK {OTHER_CIK}"),
        (without(SUBMISSIONS, "filings"), "filings, an object"),
        (without(SUBMISSIONS, *RECENT, "form"), "missing"),
        (changed(SUBMISSIONS, *RECENT, "form", to=["8-K"]), "not of one length"),
        (changed(SUBMISSIONS, *RECENT, "items", to="8.01"), "items, a list"),
        (changed(SUBMISSIONS, *RECENT, "filingDate", 0, to="2025-02-30"), "no date"),
        (changed(SUBMISSIONS, *RECENT, "filingDate", 0, to="2025-W10-3"), "no date"),
        (changed(SUBMISSIONS, *RECENT, "filingDate", 0, to="2027-01-01"), "dated 2027-01-01"),
        (changed(SUBMISSIONS, *RECENT, "filingDate", 0, to="1066-10-14"), "dated 1066-10-14"),
        (changed(SUBMISSIONS, *RECENT, "accessionNumber", 0, to="../x"), "no accession number"),
        (
            changed(SUBMISSIONS, *RECENT, "accessionNumber", 1, to="0001999999-25-000012"),
            "stands twice",
        ),
        (changed(SUBMISSIONS, *RECENT, "acceptanceDateTime", 0, to="noon"), "no time"),
        (changed(SUBMISSIONS, "filings", "files", 0, "name", to="../../secret.json"), "called"),
        (
            changed(
                SUBMISSIONS, "filings", "files", 0, "name", to="CIK0001888888-submissions-001.json"
            ),
            "called",
        ),
    ],
)
def test_malformed_submissions_are_refused(body, message):
    with pytest.raises(SourceError, match=message):
        parse_submissions(body, CIK, TODAY)


def _stamped(stamps: list[tuple[str, str]], form: str = "8-K") -> list[Filing]:
    """Filings with these acceptance times and filing days."""
    return [
        Filing(f"0000000001-25-{n:06}", form, date.fromisoformat(day), None, stamp, "", "")
        for n, (text, day) in enumerate(stamps)
        for stamp in [datetime.fromisoformat(text)]
    ]


def test_the_clock_is_utc_where_new_york_would_have_been_shut():
    filings = _stamped([("2025-03-05 21:05", "2025-03-05"), ("2025-02-01 01:30", "2025-02-03")])
    assert acceptance_clock(filings) == "utc"
    assert accepted_at_utc(filings[0], "utc") == datetime(2025, 3, 5, 21, 5)


def test_the_clock_is_new_york_where_utc_would_be_night():
    # 07:30 would be 02:30 in New York if it were UTC, 16:21 would be 12:21.
    filings = _stamped([("2025-04-30 07:30", "2025-04-30"), ("2025-05-01 16:21", "2025-05-01")])
    assert acceptance_clock(filings) == "new_york"
    # Summer time: four hours behind.
    assert accepted_at_utc(filings[1], "new_york") == datetime(2025, 5, 1, 20, 21)


def test_the_filing_day_tells_where_both_clocks_are_open():
    # 18:30 in New York would have been dated the next day; at 13:30 it is the same day.
    assert acceptance_clock(_stamped([("2025-03-05 18:30", "2025-03-05")])) == "utc"
    # Ownership forms keep their day until 22:00.
    assert acceptance_clock(_stamped([("2025-03-05 18:30", "2025-03-05")], "4")) == "unknown"


@pytest.mark.parametrize(
    "form",
    ["SC 13D", "SC 13G/A", "SCHEDULE 13D/A", "SCHEDULE 13G", "144", "5/A", "S-3MEF", "EFFECT"],
)
def test_forms_that_keep_their_day_in_the_evening_say_nothing_of_the_clock(form):
    """21:37 is an hour of both clocks, and the day is the same until 22:00."""
    evening = _stamped([("2025-09-25 21:37", "2025-09-25")], form)
    assert acceptance_clock(evening) == "unknown"
    noon = _stamped([("2025-09-26 07:30", "2025-09-26")], "8-K")
    assert acceptance_clock([*evening, *noon]) == "new_york"


@pytest.mark.parametrize("form", ["EFFECT", "UPLOAD", "CORRESP", "25-NSE", "CERTNYS", "DRS/A"])
def test_what_the_staff_files_by_night_says_nothing_of_the_clock(form):
    assert acceptance_clock(_stamped([("2025-09-26 00:15", "2025-09-26")], form)) == "unknown"


@pytest.mark.parametrize("stamps", [[], [("2025-03-05 14:30", "2025-03-05")]])
def test_a_clock_that_nothing_decides_is_unknown_and_gives_no_time(stamps):
    filings = _stamped(stamps)
    assert acceptance_clock(filings) == "unknown"
    assert [accepted_at_utc(filing, "unknown") for filing in filings] == [None] * len(stamps)


def test_the_example_company_prints_utc():
    assert acceptance_clock(parse_submissions(SUBMISSIONS, CIK, TODAY).filings) == "utc"


# ---- Full-text search ----


def test_hits_name_filing_document_and_form():
    page = parse_search(
        search([hit("0001999999-25-000012", "ex99-1.htm", filed="2025-03-05")], total=442),
        CIK,
        TODAY,
    )
    (found,) = page.hits
    assert (found.accession, found.document) == ("0001999999-25-000012", "ex99-1.htm")
    assert (found.form, found.filed_date, found.items) == ("8-K", date(2025, 3, 5), "1.01,7.01")
    assert (page.n_entries, page.total, page.capped) == (1, 442, False)


def test_no_hits_are_no_error():
    page = parse_search(search([]), CIK, TODAY)
    assert (page.hits, page.total) == ((), 0)


def test_ten_thousand_hits_may_be_more():
    assert parse_search(search([], total=10_000, relation="gte"), CIK, TODAY).capped


def test_hits_of_others_and_renderings_are_passed_over():
    page = parse_search(
        search(
            [
                hit("0001888888-25-000001", "a.htm", filed="2025-03-05", cik=OTHER_CIK),
                hit("0001999999-25-000012", "xslF345X05/a.xml", filed="2025-03-05"),
                hit("0001999999-25-000012", "../a.htm", filed="2025-03-05"),
                {**hit("0001999999-25-000012", "", filed="2025-03-05")},
            ]
        ),
        CIK,
        TODAY,
    )
    assert (page.hits, page.n_entries) == ((), 4)


def test_an_error_object_is_refused_with_its_message():
    with pytest.raises(SourceError, match="Result window is too large"):
        parse_search(SEARCH_ERROR, CIK, TODAY)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "no hits"),
        ([], "an object"),
        ({"hits": []}, "hits, an object"),
        (changed(search([]), "hits", "total", to="many"), "no number"),
        (changed(search([]), "hits", "total", "value", to=-1), "no number"),
        (search([hit("x", "a.htm", filed="2025-03-05")]), "no accession number"),
        (search([hit("0001999999-25-000012", "a.htm", filed="2031-03-05")]), "dated 2031"),
        (search([hit("0001999999-25-000012", "a.htm", filed="")]), "no date"),
        (search([hit("0001999999-25-000012", "a.htm", filed="2025-03-05", ciks="1")]), "ciks"),
        (search([hit("0001999999-25-000012", "a.htm", filed="2025-03-05", items="1")]), "items"),
    ],
)
def test_malformed_hits_are_refused(body, message):
    with pytest.raises(SourceError, match=message):
        parse_search(body, CIK, TODAY)


def test_a_window_is_halved_without_gap_or_overlap():
    halves = split_window(date(2025, 1, 1), date(2025, 1, 4))
    assert halves == (
        (date(2025, 1, 1), date(2025, 1, 2)),
        (date(2025, 1, 3), date(2025, 1, 4)),
    )
    assert split_window(date(2025, 1, 1), date(2025, 1, 2)) == (
        (date(2025, 1, 1), date(2025, 1, 1)),
        (date(2025, 1, 2), date(2025, 1, 2)),
    )
    assert split_window(date(2025, 1, 1), date(2025, 1, 1)) is None


# ---- Company facts ----


def test_every_filing_of_a_figure_is_kept_with_its_day():
    facts = parse_company_facts(COMPANY_FACTS, CIK, CONCEPTS, TODAY).facts
    first_quarter = [f for f in facts if f.unit == "USD" and f.end_date == date(2024, 3, 31)]
    assert [(f.filed_date, f.value) for f in first_quarter] == [
        (date(2024, 5, 8), 50e6),
        (date(2025, 5, 8), 51e6),
    ]
    assert {f.concept for f in facts} == {"Revenues", "EntityCommonStockSharesOutstanding"}
    assert {f.unit for f in facts} == {"USD", "CAD", "shares"}
    (shares,) = [f for f in facts if f.unit == "shares"]
    assert (shares.start_date, shares.end_date) == (None, date(2024, 8, 2))


def test_a_repeat_within_one_filing_is_kept_once():
    rows = COMPANY_FACTS["facts"]["us-gaap"]["Revenues"]["units"]["USD"]
    body = changed(COMPANY_FACTS, *REVENUES, to=[rows[0], {**rows[0], "fy": 2025}])
    answer = parse_company_facts(body, CIK, CONCEPTS[:1], TODAY)
    assert [f.value for f in answer.facts if f.unit == "USD"] == [50e6]
    assert answer.notes == ()


SHARES_AT = ("facts", "dei", "EntityCommonStockSharesOutstanding", "units", "shares")
ACCESSION = "0001999999-24-000050"


def _shares(*counts: tuple[str, float]) -> tuple[list[float], tuple[str, ...]]:
    listed = [fact(None, end, value, ACCESSION, "2024-08-07") for end, value in counts]
    known = parse_company_facts(changed(COMPANY_FACTS, *SHARES_AT, to=listed), CIK, CONCEPTS, TODAY)
    return [each.value for each in known.facts if each.unit == "shares"], known.notes


@pytest.mark.parametrize("placeholder", [0, 1, 100, 1000, 99_999])
def test_a_placeholder_is_no_share_count(placeholder):
    assert _shares(("2024-08-02", placeholder)) == (
        [],
        ("1 figures left out: a count of less than 100,000 shares is a placeholder",),
    )


@pytest.mark.parametrize(
    "counts",
    [
        # Two classes under one day, and one class on the cover beside both in the balance sheet.
        (("2024-08-02", 250e6), ("2024-08-02", 90e6)),
        (("2024-08-02", 250e6), ("2024-06-30", 90e6)),
    ],
)
def test_share_counts_of_several_classes_are_refused_with_the_reason(counts):
    values, (note,) = _shares(*counts)
    assert values == []
    assert "several classes of shares, and no total" in note


def test_a_count_that_grew_since_the_balance_sheet_or_the_year_before_is_kept():
    counts = (("2024-08-02", 250e6), ("2024-06-30", 200e6), ("2023-06-30", 90e6))
    assert _shares(*counts) == ([250e6, 200e6, 90e6], ())


def test_two_values_of_one_filing_are_both_left_out():
    rows = COMPANY_FACTS["facts"]["us-gaap"]["Revenues"]["units"]["USD"]
    body = changed(COMPANY_FACTS, *REVENUES, to=[rows[0], {**rows[0], "val": 1}, rows[2]])
    answer = parse_company_facts(body, CIK, CONCEPTS[:1], TODAY)
    assert [f.value for f in answer.facts if f.unit == "USD"] == [120e6]
    assert answer.notes == ("1 figures left out: two values in one filing",)


@pytest.mark.parametrize(
    ("start", "end", "value", "filed", "why"),
    [
        ("2024-01-01", "2024-03-31", 1e300, "2024-05-08", "no finite value"),
        ("2024-01-01", "2024-03-31", 10**400, "2024-05-08", "no finite value"),
        ("2024-01-01", "2024-03-31", math.nan, "2024-05-08", "no finite value"),
        ("2024-01-01", "2024-03-31", 1, "2031-05-08", "filed in the future"),
        ("2024-01-01", "2025-03-31", 1, "2024-05-08", "after the filing"),
        ("2024-04-01", "2024-03-31", 1, "2024-05-08", "ends before it starts"),
        ("1901-01-01", "1901-03-31", 1, "2024-05-08", "older than EDGAR"),
    ],
)
def test_absurd_figures_are_left_out_and_counted(start, end, value, filed, why):
    body = changed(
        COMPANY_FACTS, *REVENUES, to=[fact(start, end, value, "0001999999-24-000020", filed)]
    )
    answer = parse_company_facts(body, CIK, CONCEPTS[:1], TODAY)
    assert [f for f in answer.facts if f.unit == "USD"] == []
    (note,) = answer.notes
    assert note.startswith("1 figures left out")
    assert why in note


def test_decimals_of_a_strict_reader_are_numbers_too():
    body = changed(COMPANY_FACTS, *REVENUES, 0, "val", to=Decimal("50000000.5"))
    answer = parse_company_facts(body, CIK, CONCEPTS[:1], TODAY)
    assert answer.facts[1].value == 50000000.5 or answer.facts[0].value == 50000000.5


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "an object"),
        (changed(COMPANY_FACTS, "cik", to=1888888), "about CIK"),
        (without(COMPANY_FACTS, "facts"), "facts, an object"),
        (changed(COMPANY_FACTS, "facts", "us-gaap", "Revenues", "units", to=[]), "units of"),
        (changed(COMPANY_FACTS, *REVENUES, to={}), "a list"),
        (changed(COMPANY_FACTS, *REVENUES, 0, to=7), "a fact, an object"),
        (changed(COMPANY_FACTS, *REVENUES, 0, "val", to="50"), "val in"),
        (changed(COMPANY_FACTS, *REVENUES, 0, "val", to=True), "val in"),
        (changed(COMPANY_FACTS, *REVENUES, 0, "accn", to=7), "accn is no text"),
        (changed(COMPANY_FACTS, *REVENUES, 0, "fy", to="2024"), "fy is no year"),
        (changed(COMPANY_FACTS, *REVENUES, 0, "end", to=20240331), "end is no text"),
        (without(COMPANY_FACTS, *REVENUES, 0, "filed"), "filed is no text"),
    ],
)
def test_malformed_facts_are_refused(body, message):
    with pytest.raises(SourceError, match=message):
        parse_company_facts(body, CIK, CONCEPTS, TODAY)


def test_one_filing_cannot_have_two_days():
    rows = COMPANY_FACTS["facts"]["us-gaap"]["Revenues"]["units"]["USD"]
    body = changed(COMPANY_FACTS, *REVENUES, to=[rows[0], {**rows[0], "filed": "2024-05-09"}])
    with pytest.raises(SourceError, match="two filing dates"):
        parse_company_facts(body, CIK, CONCEPTS, TODAY)


# ---- Fuzz ----

_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["", "2025-13-01", "0001999999-25-000012", "NaN", "9" * 40, "\0", "é"]),
)
_JUNK = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def _places(body, path=()):
    yield path
    if isinstance(body, dict):
        for key, value in body.items():
            yield from _places(value, (*path, key))
    elif isinstance(body, list):
        for position, value in enumerate(body):
            yield from _places(value, (*path, position))


def _mutated(data, body):
    """The body with one to three of its places replaced, removed or doubled."""
    copied = copy.deepcopy(body)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(sorted(_places(copied), key=repr)))
        if not path:
            copied = data.draw(_JUNK)
            continue
        place = copied
        for step in path[:-1]:
            place = place[step]
        action = data.draw(st.sampled_from(["replace", "remove", "double"]))
        if action == "remove":
            del place[path[-1]]
        elif action == "double" and isinstance(place, list):
            place.insert(path[-1], copy.deepcopy(place[path[-1]]))
        else:
            place[path[-1]] = data.draw(_JUNK)
    return copied


_SEARCH = search([hit("0001999999-25-000012", "ex99-1.htm", filed="2025-03-05")])


PARSERS = {
    "tickers": (parse_company_tickers, COMPANY_TICKERS),
    "submissions": (lambda body: parse_submissions(body, CIK, TODAY), SUBMISSIONS),
    "older": (lambda body: parse_filings(body, "older", TODAY), OLDER_SUBMISSIONS),
    "search": (lambda body: parse_search(body, CIK, TODAY), _SEARCH),
    "facts": (lambda body: parse_company_facts(body, CIK, CONCEPTS, TODAY), COMPANY_FACTS),
}
QUICK = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NIGHTLY = settings(QUICK, max_examples=10_000)


def outcome(name: str, data: st.DataObject) -> str:
    """``rows`` that are sound, or ``refused``; any other error or row fails the test."""
    parse, body = PARSERS[name]
    mutated = _mutated(data, body)
    try:
        answer = parse(mutated)
    except SourceError:
        return "refused"
    filings = getattr(answer, "filings", answer if isinstance(answer, tuple) else ())
    assert all(filing.filed_date <= TODAY for filing in filings)
    assert acceptance_clock(filings) in {"utc", "new_york", "unknown"}
    for item in getattr(answer, "facts", ()):
        assert math.isfinite(item.value)
        assert item.filed_date <= TODAY
    for item in getattr(answer, "hits", ()):
        assert "/" not in item.document
        assert not item.document.startswith(".")
    return "rows"


@pytest.mark.parametrize("name", PARSERS)
@QUICK
@given(data=st.data())
def test_a_mutated_answer_is_sound_rows_or_a_typed_error(name, data):
    assert outcome(name, data) in {"rows", "refused"}


@pytest.mark.nightly
@pytest.mark.parametrize("name", PARSERS)
@NIGHTLY
@given(data=st.data())
def test_ten_thousand_mutated_answers(name, data):
    assert outcome(name, data) in {"rows", "refused"}


@pytest.mark.parametrize("name", PARSERS)
def test_the_mutations_reach_rows_and_refusals(name):
    """A fuzz that only ever meets refusals, or never one, tests nothing."""
    reached: set[str] = set()

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(data=st.data())
    def look(data: st.DataObject) -> None:
        reached.add(outcome(name, data))

    look()
    assert reached == {"rows", "refused"}


def test_the_bodies_are_json():
    for body in (COMPANY_TICKERS, SUBMISSIONS, OLDER_SUBMISSIONS, _SEARCH, COMPANY_FACTS):
        assert json.loads(json.dumps(body)) == body
