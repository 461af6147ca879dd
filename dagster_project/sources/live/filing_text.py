"""Plain text of a filing's document, and the phrases, sums and megawatts it names.

Also what a page is that was served in a document's place: a block, maintenance, another filing.

What is found here is a candidate for a person to judge, never a fact: a text may name the
megawatts of a competitor or the size of a market. Every function is linear in the length of
the text, whatever the text holds.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T", bound=Hashable)

# Smaller sums are prices per share, fees and par values, not contracts or capex.
MIN_AMOUNT_USD = 1e6
MAX_AMOUNT_USD = 1e13
# Above a plain 100 GW the text speaks of a country's grid.
MIN_POWER_MW, MAX_POWER_MW = 0.5, 100_000.0
# A figure this far from a phrase or a megawatt belongs to another sentence.
PASSAGE_CHARACTERS = 300
MAX_CANDIDATES = 10
MAX_EXCERPT_CHARACTERS = 400

_SKIPPED_ELEMENTS = ("script", "style", "ix:header", "head")
_BREAKS = frozenset(
    ["p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "hr"]
)


# What the SEC's own pages say, titles included: no document of this length says any of it.
_BLOCKS = re.compile(
    r"undeclared automated tool|request rate threshold exceeded|traffic limit exceeded"
    r"|too many requests",
    re.IGNORECASE,
)
_OUTAGES = re.compile(
    r"(?:under|undergoing|scheduled|down for) (?:scheduled )?maintenance|temporarily unavailable"
    r"|service unavailable|access denied|page not found",
    re.IGNORECASE,
)
_OWN_PAGE_CHARACTERS = 4_000
# Where a document names the company it is from: inline XBRL, and the head of a submission.
_FILER = re.compile(
    r"(?:EntityCentralIndexKey\"[^>]*>|http://www\.sec\.gov/CIK\"[^>]*>|CENTRAL INDEX KEY:)"
    r"\s{0,20}([0-9]{1,10})\b"
)
_REGISTRANT = re.compile(r"exact name of registrant", re.IGNORECASE)
# So many letters of a word are the same in its other forms (power, powered).
_STEM_LETTERS = 4


def block_words(document: str) -> str:
    """The words by which a page says that we ask too often; empty for any other."""
    return _words(document, _BLOCKS)


def own_page(document: str) -> str:
    """The words by which a page is one of the host's own, no document; empty for a document."""
    return block_words(document) or _words(document, _OUTAGES)


def _words(document: str, of: re.Pattern[str]) -> str:
    found = of.search(document)
    return found[0] if found and len(plain_text(document)) <= _OWN_PAGE_CHARACTERS else ""


def is_of_another(document: str, text: str, cik: str, names: Sequence[str]) -> bool:
    """Does a document say that it is another company's? ``names`` are the company's over time."""
    filers = {found.zfill(10) for found in _FILER.findall(document)}
    if filers:
        return cik not in filers
    first_words = {re.split(r"\W+", name.strip().lower())[0] for name in names} - {"", "the"}
    if not first_words or not _REGISTRANT.search(text):
        return False
    return not any(word in text.lower() for word in first_words)


def may_hold(text: str, phrases: Iterable[str]) -> bool:
    """Could the search have found one of ``phrases`` here? It knows other forms of a word too."""
    lowered = text.lower()

    for phrase in phrases:
        words = phrase.lower().split()
        stems = [word[:_STEM_LETTERS] for word in words if len(word) >= _STEM_LETTERS]
        if stems and all(stem in lowered for stem in stems):
            return True
        if not stems and find_phrases(text, [phrase]):
            return True
    return False


def plain_text(document: str) -> str:
    """Visible text of an HTML document (or a text file) with single spaces.

    Block elements end a sentence with a line break; scripts, styles and the hidden header of
    inline XBRL are left out. Broken markup loses at most the text after the break.
    """
    lowered = document.lower()
    parts: list[str] = []
    position, length = 0, len(document)
    while position < length:
        opening = document.find("<", position)
        if opening < 0:
            parts.append(document[position:])
            break
        parts.append(document[position:opening])
        if document.startswith("<!--", opening):
            closing = document.find("-->", opening + 4)
            position = length if closing < 0 else closing + 3
            continue
        following = document[opening + 1 : opening + 2]
        if not (following.isalpha() or following in {"/", "!", "?"}):
            # "capacity < 5 MW" is text.
            parts.append("<")
            position = opening + 1
            continue
        closing = document.find(">", opening)
        if closing < 0:
            break
        name = lowered[opening + 1 : min(closing, opening + 20)].split(maxsplit=1)
        element = name[0].rstrip("/") if name else ""
        position = closing + 1
        if element in _SKIPPED_ELEMENTS and document[closing - 1] != "/":
            end = lowered.find(f"</{element}", position)
            position = length if end < 0 else end
        elif element.lstrip("/") in _BREAKS:
            parts.append("\n")
    text = html.unescape("".join(parts)).replace("\u00a0", " ").replace("\u200b", "")
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


@dataclass(frozen=True)
class Found:
    """A figure and where in the text it stands (characters from the start)."""

    value: float
    start: int
    end: int
    basis: str = ""


_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d{1,12})(?:\.\d{1,6})?"
_SCALES = {
    "thousand": 1e3,
    "k": 1e3,
    "million": 1e6,
    "mm": 1e6,
    "mn": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "bn": 1e9,
    "b": 1e9,
    "trillion": 1e12,
    "tn": 1e12,
}
_SCALE = r"(?:thousand|million|billion|trillion|mm|mn|bn|tn|[kmb])"
_TO = r"\s{0,2}(?:-|–|—|\bto\b|\band\b|\bor\b)\s{0,2}"
# "$2 billion and 12 million shares": after "and" only a sign makes the next number a sum.
_MONEY_TO = r"(?:\s{0,2}(?:-|–|—|\bto\b)\s{0,2}(?:US)?\$?|\s(?:and|or)\s(?:US)?\$)\s?"
# The letters before a dollar sign say whose dollar it is; all other signs are not dollars.
_MONEY = re.compile(
    rf"(?P<sign>(?<![A-Za-z])(?:(?:U\.?S\.?|CAD|CDN|AUD)\s?|CA?|AU?|HK|NZ|SG?)?\$|\bUSD?\s?\$?"
    rf"|€|£|\b(?:EUR|GBP|CAD|AUD)\b)\s{{0,2}}"
    rf"(?P<first>{_NUMBER})(?:[\s-]{{0,2}}(?P<first_scale>{_SCALE})\b)?"
    rf"(?:{_MONEY_TO}(?P<second>{_NUMBER})(?:[\s-]{{0,2}}(?P<second_scale>{_SCALE})\b)?)?",
    re.IGNORECASE,
)
_MONEY_IN_WORDS = re.compile(
    rf"(?<![\d.,$€£])(?P<first>{_NUMBER})\s{{0,2}}(?P<scale>thousand|million|billion|trillion)\s"
    r"(?:(?:U\.?S\.?|United States)\s)?dollars\b",
    re.IGNORECASE,
)
_US_SIGNS = {"$", "us$", "u.s.$", "u.s$", "us", "usd", "usd$", "us $", "usd $", "u.s. $"}
_PER_UNIT = re.compile(
    r"\s{0,2}(?:per\s(?:megawatt|mw|share|kilowatt|kw|year\sper\smw)|/\s?(?:mw|kw|megawatt|share))",
    re.IGNORECASE,
)


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def find_amounts_usd(text: str) -> list[Found]:
    """Sums in US dollars of at least MIN_AMOUNT_USD, in order of appearance.

    "$8.7 billion", "US$ 1.2bn", "USD 350 million", "$7 to 8 billion" (both ends), "3.5 billion
    dollars", "$1,250,000,000". Other currencies, prices per megawatt or share and a plain "$" with
    a foreign letter before it (C$, A$) are left out.
    """
    found: list[Found] = []
    for match in _MONEY.finditer(text):
        sign = " ".join(match["sign"].lower().split())
        if sign not in _US_SIGNS or _PER_UNIT.match(text, match.end()):
            continue
        # "$7 to 8 billion": the scale of the end is that of the start as well.
        scale = match["first_scale"] or match["second_scale"] or ""
        found.append(_found(_number(match["first"]), scale, match.span()))
        if match["second"] is not None:
            found.append(
                _found(_number(match["second"]), match["second_scale"] or "", match.span("second"))
            )
    found += [
        _found(_number(match["first"]), match["scale"], match.span())
        for match in _MONEY_IN_WORDS.finditer(text)
        if not _PER_UNIT.match(text, match.end())
    ]
    inside = [item for item in found if MIN_AMOUNT_USD <= item.value <= MAX_AMOUNT_USD]
    return sorted(inside, key=lambda item: (item.start, item.value))


def _found(number: float, scale: str, span: tuple[int, int]) -> Found:
    # Rounded to the cent: 1.2 * 1e9 is not 1.2e9 in binary.
    return Found(round(number * _SCALES.get(scale.lower(), 1.0), 2), *span)


_POWER = re.compile(
    rf"(?<![\d.,$€£])(?:(?P<first>{_NUMBER})(?P<first_unit>[\s-]?(?:MW|GW))?{_TO})?"
    rf"(?P<last>{_NUMBER})[\s-]{{0,2}}"
    r"(?P<unit>megawatts?|gigawatts?|MWs?|GWs?)\b(?![\s-]?h(?:ours?)?\b)(?!\s?/)",
    re.IGNORECASE,
)
# What stands right behind (or before) the megawatts says which megawatt it is.
_CRITICAL_AFTER = re.compile(
    r"[^.;\n]{0,40}?\b(?:critical\s(?:it|load|capacity)|it\sload|critical)\b", re.IGNORECASE
)
_GROSS_AFTER = re.compile(
    r"[^.;\n]{0,25}?\b(?:gross|total\sfacility|of\s(?:grid|site|utility)\s(?:power|capacity)"
    r"|interconnection)\b",
    re.IGNORECASE,
)
_CRITICAL_BEFORE = re.compile(r"\bcritical(?:\sit)?(?:\sload)?\s(?:of\s)?$", re.IGNORECASE)
_GROSS_BEFORE = re.compile(r"\bgross(?:\s[a-z]+)?\s(?:of\s)?$", re.IGNORECASE)


def _basis(text: str, start: int, end: int) -> str:
    before = text[max(0, start - 30) : start]
    if _CRITICAL_BEFORE.search(before):
        return "critical_it"
    if _GROSS_BEFORE.search(before):
        return "gross"
    after = text[end : end + 60]
    following = _POWER.search(after)
    if following:
        # "590 MW of critical load, 100 MW gross": the second figure has its own word.
        after = after[: following.start()]
    gross, critical = _GROSS_AFTER.match(after), _CRITICAL_AFTER.match(after)
    if gross and (critical is None or gross.end() < critical.end()):
        return "gross"
    return "critical_it" if critical else "unknown"


def find_powers_mw(text: str) -> list[Found]:
    """Megawatts in order of appearance, each with its basis: critical_it, gross or unknown.

    "approximately 200 megawatts", "1.2 GW" (1200), "100 to 150 MW" (both ends), "590 MW of
    critical IT load". Energy (MWh, megawatt-hours) and rates per megawatt are left out.
    """
    found = []
    for match in _POWER.finditer(text):
        unit = match["unit"].lower()
        factor = 1000.0 if unit.startswith("g") else 1.0
        basis = _basis(text, match.start(), match.end())
        numbers = [match["last"]] if match["first"] is None else [match["first"], match["last"]]
        for number in numbers:
            value = round(_number(number) * factor, 6)
            if MIN_POWER_MW <= value <= MAX_POWER_MW:
                found.append(Found(value, match.start(), match.end(), basis))
    return found


def find_phrases(text: str, phrases: Iterable[str]) -> dict[str, list[tuple[int, int]]]:
    """Where each phrase stands as whole words, without regard to case; absent ones are left out."""
    places: dict[str, list[tuple[int, int]]] = {}
    for phrase in phrases:
        words = r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", phrase.strip()))
        if not words:
            continue
        spans = [m.span() for m in re.finditer(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE)]
        if spans:
            places[phrase] = spans
    return places


@dataclass(frozen=True)
class Reading:
    """What a document says of the phrases looked for.

    ``amounts_usd`` and ``powers_mw`` (value, basis) stand within PASSAGE_CHARACTERS of a phrase
    or a megawatt, without repeats, the most frequent first; ``excerpt`` is the passage around
    the first phrase.
    """

    phrases: tuple[str, ...]
    amounts_usd: tuple[float, ...]
    powers_mw: tuple[tuple[float, str], ...]
    excerpt: str


def _near(found: Sequence[Found], anchors: Sequence[int]) -> list[Found]:
    """Figures with an anchor (sorted positions) within a passage of them."""
    near = []
    for item in found:
        low = bisect_left(anchors, item.start - PASSAGE_CHARACTERS)
        if low < bisect_right(anchors, item.end + PASSAGE_CHARACTERS):
            near.append(item)
    return near


def read_document(text: str, phrases: Iterable[str]) -> Reading:
    """Phrases, sums and megawatts of one document's plain text."""
    places = find_phrases(text, phrases)
    anchors = sorted(start for spans in places.values() for start, _ in spans)
    powers = find_powers_mw(text)
    near_powers = _near(powers, anchors)
    amounts = _near(
        find_amounts_usd(text), sorted([*anchors, *(item.start for item in near_powers)])
    )
    excerpt = ""
    if anchors:
        start = max(0, anchors[0] - MAX_EXCERPT_CHARACTERS // 2)
        excerpt = " ".join(text[start : start + MAX_EXCERPT_CHARACTERS].split())
    return Reading(
        phrases=tuple(places),
        amounts_usd=tuple(_most_frequent(item.value for item in amounts)),
        powers_mw=tuple(_most_frequent((item.value, item.basis) for item in near_powers)),
        excerpt=excerpt,
    )


def _most_frequent(values: Iterable[_T]) -> list[_T]:
    """At most MAX_CANDIDATES different values, by how often they stand, then by first place."""
    return [value for value, _ in Counter(values).most_common(MAX_CANDIDATES)]
