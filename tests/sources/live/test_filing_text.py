"""Sums, megawatts and phrases in the text of a filing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.sources.live.filing_text import (
    MAX_AMOUNT_USD,
    MAX_CANDIDATES,
    MAX_EXCERPT_CHARACTERS,
    MAX_POWER_MW,
    MIN_AMOUNT_USD,
    MIN_POWER_MW,
    find_amounts_usd,
    find_phrases,
    find_powers_mw,
    plain_text,
    read_document,
)


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("contracts worth $8.7 billion over twelve years", [8.7e9]),
        ("US$ 1.2bn", [1.2e9]),
        ("US$1.2 bn", [1.2e9]),
        ("USD 350 million", [350e6]),
        ("U.S. $400 million", [400e6]),
        ("$250M of convertible notes", [250e6]),
        ("$3.5B", [3.5e9]),
        ("$1,250,000,000", [1.25e9]),
        ("3.5 billion dollars", [3.5e9]),
        ("750 million U.S. dollars", [750e6]),
        ("$7 to 8 billion", [7e9, 8e9]),
        ("$7-8 billion", [7e9, 8e9]),
        ("$7.0 billion to $8.0 billion", [7e9, 8e9]),
        ("between $100 million and $150 million", [100e6, 150e6]),
        ("$2 billion and 12 sites", [2e9]),
        ("$2 billion and 12 million shares", [2e9]),
        ("a $350-million facility", [350e6]),
        # Not US dollars.
        ("C$500 million", []),
        ("CDN$ 5 million", []),
        ("A$2 billion", []),
        ("HK$2 billion", []),
        ("€5bn and £3bn", []),
        # Not sums of a contract.
        ("$1.5 million per MW", []),
        ("$10 million/MW", []),
        ("$0.0001 par value", []),
        ("$12.50 per share", []),
        ("in 2025 we built 7 sites", []),
    ],
)
def test_sums_in_us_dollars(text, amounts):
    assert [item.value for item in find_amounts_usd(text)] == amounts


@pytest.mark.parametrize(
    ("text", "powers"),
    [
        ("approximately 200 megawatts", [(200, "unknown")]),
        ("a 100-MW site", [(100, "unknown")]),
        ("1.2 GW", [(1200, "unknown")]),
        ("2 gigawatts", [(2000, "unknown")]),
        ("1,300MW", [(1300, "unknown")]),
        ("200 MW of critical IT load", [(200, "critical_it")]),
        ('70 megawatts ("MW") of critical load', [(70, "critical_it")]),
        ("critical IT load of 118 MW", [(118, "critical_it")]),
        ("590 MW of critical load, 100 MW gross", [(590, "critical_it"), (100, "gross")]),
        ("250 MW gross (200 MW critical IT)", [(250, "gross"), (200, "critical_it")]),
        ("gross capacity of 461 MW", [(461, "gross")]),
        ("100 to 150 MW", [(100, "unknown"), (150, "unknown")]),
        ("100MW-150MW", [(100, "unknown"), (150, "unknown")]),
        # Energy, rates and money are no power.
        ("5,000 MWh", []),
        ("20 megawatt hours", []),
        ("20 megawatt-hours", []),
        ("10 MW/year", []),
        ("$5 MW", []),
    ],
)
def test_megawatts_and_which_they_are(text, powers):
    assert [(item.value, item.basis) for item in find_powers_mw(text)] == powers


def test_phrases_are_whole_words_whatever_their_case_and_line():
    text = "High\nPerformance  Computing hosting; high-performance computing. Megawattsx"
    places = find_phrases(text, ["high performance computing", "megawatts", "hosting", " "])
    assert {phrase: len(spans) for phrase, spans in places.items()} == {
        "high performance computing": 2,
        "hosting": 1,
    }


def test_visible_text_of_html():
    document = (
        "<html><head><title>No</title><style>p{}</style></head><body>"
        "<ix:header><ix:hidden>$9 billion</ix:hidden></ix:header>"
        "<p>capacity &lt; 5&nbsp;MW &amp; more<!-- $8 billion --></p>"
        "<script>var a = '<p>$7 billion</p>';</script><td>$1.2</td> <b>billion</b><br/>end"
        "</body></html>"
    )
    assert plain_text(document) == "capacity < 5 MW & more\n$1.2 billion\nend"


def test_text_without_markup_is_itself():
    assert plain_text("Item 8.01  Other\nEvents: 5 < 6") == "Item 8.01 Other\nEvents: 5 < 6"


@pytest.mark.parametrize("broken", ["<p", "<!-- never closed", "<script>never closed", "a <b c"])
def test_broken_markup_loses_only_what_follows(broken):
    assert plain_text(f"$5 million {broken}").startswith(("$5 million", "$5 million a"))


def test_a_reading_keeps_what_stands_near_a_phrase():
    filler = "Other business went on as before. " * 40
    text = (
        "We sold shares for $77 million. "
        + filler
        + "The hosting agreement covers 200 MW of critical IT load for $3.5 billion, "
        "of which 200 MW of critical IT load starts in 2026. A site has 500 MW gross. "
        + filler
        + "The building across the road uses 9 MW."
    )
    reading = read_document(text, ["hosting agreement", "colocation"])
    assert reading.phrases == ("hosting agreement",)
    assert reading.amounts_usd == (3.5e9,)
    # The figure that stands twice comes first; 9 MW stands far from any phrase.
    assert reading.powers_mw == ((200.0, "critical_it"), (500.0, "gross"))
    assert "hosting agreement" in reading.excerpt
    assert len(reading.excerpt) <= MAX_EXCERPT_CHARACTERS


def test_a_text_without_the_phrases_has_no_candidates():
    reading = read_document("We own 200 MW worth $3 billion.", ["hosting agreement"])
    assert (reading.phrases, reading.amounts_usd, reading.powers_mw) == ((), (), ())
    assert reading.excerpt == ""


_PIECES = st.sampled_from(
    [
        "$",
        "US$",
        "C$",
        "1",
        "9,999",
        "1,2,3",
        ".5",
        "8.7",
        "billion",
        "bn",
        "mm",
        "MW",
        "GW",
        "MWh",
        "megawatts",
        "to",
        "and",
        "-",
        "–",
        "critical",
        "IT",
        "gross",
        "load",
        "per",
        "/",
        "<",
        ">",
        "<p>",
        "</p>",
        "<!--",
        "-->",
        "<script>",
        "&amp;",
        "&#0;",
        "&#x110000;",
        "\n",
        "hosting",
        "agreement",
    ]
)


@given(st.lists(st.one_of(_PIECES, st.text(max_size=4)), max_size=60))
def test_any_text_is_read_within_the_bounds(pieces):
    text = plain_text(" ".join(pieces))
    reading = read_document(text, ["hosting agreement", "MW"])
    assert len(reading.amounts_usd) <= MAX_CANDIDATES
    assert all(MIN_AMOUNT_USD <= value <= MAX_AMOUNT_USD for value in reading.amounts_usd)
    assert all(MIN_POWER_MW <= value <= MAX_POWER_MW for value, _ in reading.powers_mw)
    assert {basis for _, basis in reading.powers_mw} <= {"critical_it", "gross", "unknown"}


@pytest.mark.parametrize(
    "unit",
    ["<", "<!--", "<a ", "<script>", "$", "1", "1,111", "1 to ", "US ", "9 MW ", "$9 ", "- "],
)
def test_time_grows_no_faster_than_the_text(unit):
    def seconds(size: int) -> float:
        hostile = unit * (size // len(unit))
        start = time.process_time()
        read_document(plain_text(hostile), ["MW", "critical it load"])
        return time.process_time() - start

    small, large = seconds(20_000), seconds(200_000)
    # Ten times the text: a quadratic reader would take a hundred times as long.
    assert large < 40 * max(small, 0.002)
