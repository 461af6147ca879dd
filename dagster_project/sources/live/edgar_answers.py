"""What the answers of SEC EDGAR say: pure functions from decoded JSON to typed rows.

Everything malformed raises SourceError; nothing else is ever raised. Shapes as published by
the SEC (https://www.sec.gov/search-filings/edgar-application-programming-interfaces) and as
the full-text search answers its own page.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from typing import Any

from dagster_project.errors import SourceError
from dagster_project.sources.exchange_calendar import NEW_YORK
from dagster_project.sources.live.strict_json import UnusableAnswer, array, mapping, real

# EDGAR takes filings from 06:00 to 22:00 New York; what arrives after 17:30 is dated the next
# business day (SEC, EDGAR Filer Manual). A quarter of an hour allows for slow acceptance.
_OPENS, _SHUTS = time(6, 0), time(22, 15)
_DATED_SAME_DAY_UNTIL = time(17, 45)
# Ownership forms, notices of sales, Schedules 13D and 13G and registrations under rule 462(b)
# keep the day's date until 22:00.
_DATED_SAME_DAY_ANYWAY = re.compile(r"([345]|144|SC(HEDULE)? 13[DG]|[SF]-[0-9]+MEF)(/A)?")
# What the staff or an exchange files, or what is dated by a letter, says nothing of the clock.
_DATED_OTHERWISE = re.compile(
    r"(EFFECT|QUALIF|REVOKED|UPLOAD|CORRESP|LETTER|NO ACT|SEC STAFF.*|CERT.*|25(-NSE)?|DRS.*)(/A)?"
)
FIRST_YEAR = 1993  # the first filings on EDGAR
MAX_ROWS = 500_000
MAX_VALUE = 1e15
SHARES = "shares"
# A listed company has more; less is the shell it was, or a placeholder of the form.
MIN_SHARES = 100_000
# Counts of one filing are of about one day: balance sheets precede it by a quarter, or by four
# months in a year's report.
_AROUND_FILING = timedelta(days=125)
_KEY = attrgetter("taxonomy", "concept", "unit", "start_date", "end_date", "accession")
_CLASSES = "share counts of one filing differ: several classes of shares, and no total"

_ACCESSION = re.compile(r"[0-9]{10}-[0-9]{2}-[0-9]{6}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
_OLDER_PAGE = re.compile(r"CIK[0-9]{10}-submissions-[0-9]{3}\.json")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CIK = re.compile(r"[0-9]{1,10}")


def malformed(what: str, where: str) -> UnusableAnswer:
    return UnusableAnswer(
        f"The SEC's answer has another shape than expected: {what}.",
        where=where,
        mend="look at the archived answer; if the SEC changed its format, the parser must follow",
    )


def _sequence(value: Any, what: str, where: str) -> list[Any]:
    listed = array(value, what, where=where)
    if len(listed) > MAX_ROWS:
        raise malformed(f"{what} has more than {MAX_ROWS:,} entries", where)
    return listed


def _text(value: Any, what: str, where: str) -> str:
    if not isinstance(value, str) or len(value) > 2000 or "\0" in value:
        raise malformed(f"{what} is no text", where)
    return value.strip()


def _day(value: Any, what: str, where: str) -> date:
    text = _text(value, what, where)
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise malformed(f"{what} is no date: {text[:40]!r}", where) from None


def _day_or_none(value: Any, what: str, where: str) -> date | None:
    return None if value in (None, "") else _day(value, what, where)


def padded_cik(value: Any, where: str) -> str:
    """Central index key as ten digits, from a number or a text with or without zeros."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _CIK.fullmatch(text.strip()):
        raise malformed("the central index key is no number", where)
    return text.strip().zfill(10)


# ---- Which central index key a symbol has ----


def parse_company_tickers(body: Any, where: str = "company_tickers.json") -> dict[str, str]:
    """Ten-digit central index key by symbol, of every symbol listed today."""
    ciks: dict[str, str] = {}
    for entry in mapping(body, "the answer", where).values():
        row = mapping(entry, "an entry", where)
        ticker = _text(row.get("ticker"), "ticker", where).upper()
        ciks.setdefault(ticker, padded_cik(row.get("cik_str"), where))
    if not ciks:
        raise malformed("it lists no symbol", where)
    return ciks


# ---- Filings of a company ----


@dataclass(frozen=True)
class Filing:
    """One filing as the submissions API lists it.

    ``stamped_at`` is the acceptance time without its zone, as printed: whether it is UTC or the
    clock of New York depends on the filer (``acceptance_clock``). ``items`` are those of an 8-K.
    """

    accession: str
    form: str
    filed_date: date
    report_date: date | None
    stamped_at: datetime | None
    items: str
    document: str


@dataclass(frozen=True)
class OlderPage:
    """A further file of the submissions API and the filing days it covers."""

    name: str
    first_date: date
    last_date: date


@dataclass(frozen=True)
class Submissions:
    """Filings of one company, newest first, where the older ones are, and its names over time."""

    cik: str
    filings: tuple[Filing, ...]
    older: tuple[OlderPage, ...]
    names: tuple[str, ...]


def parse_submissions(body: Any, cik: str, today: date) -> Submissions:
    """The company's own page. Raises SourceError also where it is another company's."""
    where = f"submissions of CIK {cik}"
    page = mapping(body, "the answer", where)
    answered = padded_cik(page.get("cik"), where)
    if answered != cik:
        raise malformed(f"it is about CIK {answered}", where)
    filings = mapping(page.get("filings"), "filings", where)
    older = []
    for entry in _sequence(filings.get("files", []), "filings.files", where):
        file = mapping(entry, "an entry of filings.files", where)
        name = _text(file.get("name"), "name", where)
        if not _OLDER_PAGE.fullmatch(name) or name[3:13] != cik:
            raise malformed(f"an older page is called {name[:60]!r}", where)
        first, last = (_day(file.get(key), key, where) for key in ("filingFrom", "filingTo"))
        older.append(OlderPage(name, first, last))
    if len(older) > 100:
        raise malformed(f"it names {len(older)} older pages", where)
    former = page.get("formerNames") or []
    said = (page.get("name"), *(each.get("name") for each in former if isinstance(each, dict)))
    names = tuple(name for name in said if isinstance(name, str) and name.strip())
    return Submissions(cik, parse_filings(filings.get("recent"), where, today), tuple(older), names)


def parse_filings(body: Any, where: str, today: date) -> tuple[Filing, ...]:
    """Filings of the columnar shape: equally long lists under the names of the columns."""
    table = mapping(body, "the list of filings", where)
    columns = {
        name: _sequence(table[name], name, where)
        for name in ("accessionNumber", "filingDate", "form")
        if name in table
    }
    if len(columns) < 3:
        raise malformed("accessionNumber, filingDate or form is missing", where)
    length = len(columns["accessionNumber"])
    for name in ("reportDate", "acceptanceDateTime", "items", "primaryDocument"):
        # Absent in the oldest pages, and in no filing's place where present.
        columns[name] = _sequence(table.get(name, [""] * length), name, where)
    uneven = [name for name, values in columns.items() if len(values) != length]
    if uneven:
        raise malformed(f"the columns are not of one length ({', '.join(uneven)})", where)
    filings: dict[str, Filing] = {}
    for position in range(length):
        filing = _filing({name: values[position] for name, values in columns.items()}, where)
        if filing.filed_date.year < FIRST_YEAR or filing.filed_date > today:
            raise malformed(f"a filing is dated {filing.filed_date}", where)
        if filings.setdefault(filing.accession, filing) != filing:
            raise malformed(f"{filing.accession} stands twice with different values", where)
    return tuple(filings.values())


def _filing(row: Mapping[str, Any], where: str) -> Filing:
    accession = _text(row["accessionNumber"], "accessionNumber", where)
    if not _ACCESSION.fullmatch(accession):
        raise malformed(f"{accession[:40]!r} is no accession number", where)
    document = _text(row["primaryDocument"] or "", "primaryDocument", where)
    return Filing(
        accession=accession,
        form=_text(row["form"], "form", where),
        filed_date=_day(row["filingDate"], "filingDate", where),
        report_date=_day_or_none(row["reportDate"], "reportDate", where),
        stamped_at=_stamp(row["acceptanceDateTime"], where),
        items=_text(row["items"] or "", "items", where),
        # A name with a folder is a rendering of another file.
        document=document if _FILE_NAME.fullmatch(document) else "",
    )


def _stamp(value: Any, where: str) -> datetime | None:
    if value in (None, ""):
        return None
    text = _text(value, "acceptanceDateTime", where)
    try:
        stamp = (
            datetime.strptime(text, "%Y%m%d%H%M%S")
            if text.isdigit()
            else datetime.fromisoformat(text)
        )
        if stamp.tzinfo is not None and stamp.utcoffset() != timedelta(0):
            stamp = stamp.astimezone(UTC)
    except (ValueError, OverflowError):
        raise malformed(f"acceptanceDateTime is no time: {text[:40]!r}", where) from None
    return stamp.replace(tzinfo=None)


def acceptance_clock(filings: Iterable[Filing]) -> str:
    """Whether a filer's acceptance times are ``utc``, the ``new_york`` clock, or ``unknown``.

    The submissions API ends every time with Z, yet for some filers it is the clock of New York;
    the habit is the filer's, not the filing's. A reading contradicts a filing when EDGAR was shut
    at that time or would have dated the filing another day; the reading with fewer
    contradictions holds, and a tie decides nothing.
    """
    contradictions: Counter[str] = Counter(utc=0, new_york=0)
    for filing in filings:
        if filing.stamped_at is None or _DATED_OTHERWISE.fullmatch(filing.form):
            continue
        for clock in ("utc", "new_york"):
            contradictions[clock] += not _fits(filing, _new_york_time(filing.stamped_at, clock))
    if contradictions["utc"] == contradictions["new_york"]:
        return "unknown"
    return min(contradictions, key=lambda clock: contradictions[clock])


def _new_york_time(stamp: datetime, clock: str) -> datetime:
    try:
        if clock == "utc":
            return stamp.replace(tzinfo=UTC).astimezone(NEW_YORK).replace(tzinfo=None)
    except OverflowError:
        pass
    return stamp


def _fits(filing: Filing, accepted: datetime) -> bool:
    if not _OPENS <= accepted.time() <= _SHUTS:
        return False
    if _DATED_SAME_DAY_ANYWAY.fullmatch(filing.form):
        return True
    if accepted.time() > _DATED_SAME_DAY_UNTIL:
        return filing.filed_date > accepted.date()
    return filing.filed_date == accepted.date() or accepted.time() > time(17, 15)


def accepted_at_utc(filing: Filing, clock: str) -> datetime | None:
    """Instant of acceptance (UTC, naive) under the filer's clock; None where that is unknown."""
    if filing.stamped_at is None or clock == "unknown":
        return None
    if clock == "utc":
        return filing.stamped_at
    try:
        local = filing.stamped_at.replace(tzinfo=NEW_YORK)
        return local.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return None


# ---- Full-text search ----


@dataclass(frozen=True)
class Hit:
    """One document that holds the phrase."""

    accession: str
    document: str
    form: str
    filed_date: date
    items: str


@dataclass(frozen=True)
class SearchPage:
    """One page of hits; ``total`` is how many there are, ``capped`` that there may be more."""

    hits: tuple[Hit, ...]
    n_entries: int
    total: int
    capped: bool


def parse_search(body: Any, cik: str, today: date) -> SearchPage:
    """Hits about one company. An error object, which comes with HTTP 200, raises SourceError."""
    where = f"full-text search, CIK {cik}"
    page = mapping(body, "the answer", where)
    if "hits" not in page:
        message = page.get("errorMessage") or page.get("message") or page.get("error")
        if isinstance(message, str):
            raise SourceError(
                f"The full-text search refuses the question: {' '.join(message.split())[:300]}.",
                where=where,
                mend="check the dates and phrases asked for (study/filing_searches.csv)",
            )
        raise malformed("it has no hits", where)
    outer = mapping(page["hits"], "hits", where)
    total = outer.get("total")
    if isinstance(total, Mapping):
        count, capped = total.get("value"), total.get("relation") != "eq"
    else:
        count, capped = total, False
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise malformed("the number of hits is no number", where)
    entries = _sequence(outer.get("hits"), "hits.hits", where)
    hits = [_hit(mapping(entry, "a hit", where), cik, today, where) for entry in entries]
    return SearchPage(
        hits=tuple(hit for hit in hits if hit), n_entries=len(entries), total=count, capped=capped
    )


def _hit(entry: Mapping[str, Any], cik: str, today: date, where: str) -> Hit | None:
    """The hit, or None where the document is not this company's or has no readable name."""
    accession, _, document = _text(entry.get("_id"), "_id", where).partition(":")
    source = mapping(entry.get("_source"), "_source", where)
    if not _ACCESSION.fullmatch(accession):
        raise malformed(f"{accession[:40]!r} is no accession number", where)
    ciks = {padded_cik(item, where) for item in _sequence(source.get("ciks"), "ciks", where)}
    filed = _day(source.get("file_date"), "file_date", where)
    if filed.year < FIRST_YEAR or filed > today:
        raise malformed(f"a filing is dated {filed}", where)
    if cik not in ciks or not _FILE_NAME.fullmatch(document):
        return None
    items = source.get("items") or []
    if not isinstance(items, list):
        raise malformed("items is no list", where)
    return Hit(
        accession=accession,
        document=document,
        form=_text(source.get("form"), "form", where),
        filed_date=filed,
        items=",".join(_text(item, "an item", where) for item in items),
    )


# ---- Company facts ----


@dataclass(frozen=True)
class Concept:
    """A concept of a taxonomy that the project keeps."""

    taxonomy: str
    name: str


@dataclass(frozen=True)
class Fact:
    """One figure of one filing. ``start_date`` is None for a point in time.

    ``fiscal_period`` is that of the filing, not of the figure: a comparative of the year before
    carries that of the report that repeats it.
    """

    taxonomy: str
    concept: str
    unit: str
    start_date: date | None
    end_date: date
    value: float
    accession: str
    form: str
    filed_date: date
    fiscal_period: str

    @property
    def key(self) -> tuple[Any, ...]:
        return _KEY(self)


@dataclass(frozen=True)
class Facts:
    """Figures of the concepts asked for; ``notes`` say what was left out and why."""

    facts: tuple[Fact, ...]
    notes: tuple[str, ...]


def parse_company_facts(body: Any, cik: str, concepts: Collection[Concept], today: date) -> Facts:
    """Figures of the concepts asked for, one per filing that states them.

    The same figure of one filing listed twice is kept once; one listed with two values is left
    out, since nothing says which holds, and so are figures of the future or without a finite
    value. Raises SourceError for a malformed answer or another company's.
    """
    where = f"company facts of CIK {cik}"
    page = mapping(body, "the answer", where)
    answered = padded_cik(page.get("cik"), where)
    if answered != cik:
        raise malformed(f"it is about CIK {answered}", where)
    taxonomies = mapping(page.get("facts"), "facts", where)
    kept: dict[tuple[Any, ...], Fact] = {}
    ambiguous: set[tuple[Any, ...]] = set()
    left_out: Counter[str] = Counter()
    for concept in sorted(concepts, key=lambda c: (c.taxonomy, c.name)):
        names = taxonomies.get(concept.taxonomy)
        if names is None:
            continue
        described = mapping(names, concept.taxonomy, where).get(concept.name)
        if described is None:
            continue
        units = mapping(
            mapping(described, concept.name, where).get("units"), f"units of {concept.name}", where
        )
        for unit, entries in units.items():
            for entry in _sequence(entries, f"{concept.name} in {unit}", where):
                fact = _fact(mapping(entry, "a fact", where), concept, unit, where)
                problem = _unusable(fact, today)
                if problem:
                    left_out[problem] += 1
                    continue
                before = kept.setdefault(fact.key, fact)
                if before.value != fact.value:
                    ambiguous.add(fact.key)
                elif (before.filed_date, before.form) != (fact.filed_date, fact.form):
                    raise malformed(f"{fact.accession} has two filing dates or forms", where)
    for key in ambiguous:
        left_out[_CLASSES if kept[key].unit == SHARES else "two values in one filing"] += 1
    facts = [fact for key, fact in kept.items() if key not in ambiguous]
    several = _with_several_classes(facts)
    left_out[_CLASSES] += len(several)
    return Facts(
        facts=tuple(fact for fact in facts if fact.key not in several),
        notes=tuple(
            f"{count} figures left out: {why}" for why, count in sorted(left_out.items()) if count
        ),
    )


def _with_several_classes(facts: Iterable[Fact]) -> set[tuple[Any, ...]]:
    """Share counts of filings whose counts of about one day contradict each other.

    A company with several classes of shares states each class, and the figures here do not say
    which: where cover page and balance sheet differ by more than a quarter of new shares
    explains, one of them is not of all shares.
    """
    by_filing: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.unit == SHARES and fact.filed_date - fact.end_date <= _AROUND_FILING:
            by_filing.setdefault(fact.accession, []).append(fact)
    return {
        fact.key
        for counts in by_filing.values()
        if max(each.value for each in counts) > 2 * min(each.value for each in counts)
        for fact in counts
    }


def _fact(row: Mapping[str, Any], concept: Concept, unit: Any, where: str) -> Fact:
    accession = _text(row.get("accn"), "accn", where)
    if not _ACCESSION.fullmatch(accession):
        raise malformed(f"{accession[:40]!r} is no accession number", where)
    value = real(row.get("val"), f"val in {accession}", where)
    if value is None:
        raise malformed(f"val is missing in {accession}", where)
    year = row.get("fy")
    if year is not None and (not isinstance(year, int) or not 1900 <= year <= 2200):
        raise malformed(f"fy is no year in {accession}", where)
    return Fact(
        taxonomy=concept.taxonomy,
        concept=concept.name,
        unit=_text(unit, "unit", where),
        start_date=_day_or_none(row.get("start"), "start", where),
        end_date=_day(row.get("end"), "end", where),
        value=value,
        accession=accession,
        form=_text(row.get("form"), "form", where),
        filed_date=_day(row.get("filed"), "filed", where),
        fiscal_period=_text(row.get("fp") or "", "fp", where),
    )


def _unusable(fact: Fact, today: date) -> str:
    if not math.isfinite(fact.value) or abs(fact.value) > MAX_VALUE:
        return "no finite value of a possible size"
    if fact.unit == SHARES and fact.value < MIN_SHARES:
        return f"a count of less than {MIN_SHARES:,} shares is a placeholder"
    if fact.filed_date > today:
        return "filed in the future"
    if fact.filed_date.year < FIRST_YEAR or fact.end_date.year < FIRST_YEAR - 10:
        return "older than EDGAR"
    # Shares outstanding are stated for a day close to the filing, in some after it.
    if fact.end_date > fact.filed_date + timedelta(days=31):
        return "for a period after the filing"
    if fact.start_date is not None and fact.start_date > fact.end_date:
        return "its period ends before it starts"
    return ""


def split_window(start: date, end: date) -> tuple[tuple[date, date], tuple[date, date]] | None:
    """Two halves of a window of days, or None for a single day."""
    if start >= end:
        return None
    middle = start + (end - start) // 2
    return (start, middle), (middle + timedelta(days=1), end)
