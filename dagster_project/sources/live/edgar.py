"""SEC EDGAR as a vendor: filings that may announce contracts or capex, and XBRL figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from dagster_project.contracts import BY_NAME, Table, Window
from dagster_project.errors import SourceError
from dagster_project.freshness import today_in_new_york
from dagster_project.sources.base import OnePart
from dagster_project.sources.live.edgar_answers import (
    Concept,
    Filing,
    Hit,
    acceptance_clock,
    accepted_at_utc,
    malformed,
    parse_company_facts,
    parse_company_tickers,
    parse_filings,
    parse_search,
    parse_submissions,
    split_window,
)
from dagster_project.sources.live.filing_text import (
    Reading,
    block_words,
    is_of_another,
    may_hold,
    own_page,
    plain_text,
    read_document,
)
from dagster_project.sources.live.http_errors import HttpRefused, HttpUnavailable, Later
from dagster_project.sources.live.strict_json import parse_json
from dagster_project.sources.live.vendor import Client, Tally, VendorAnswer

DATA, SEARCH, WWW = "sec", "sec_search", "sec_www"
ARCHIVES = "https://www.sec.gov/Archives/edgar/data"
# What the full-text search gives per page, and how far it lets anybody page.
PAGE, MAX_HITS = 100, 10_000
# Pages of hits for one company: its busiest year has some hundred filings, each a hit or two.
MOST_SEARCH_PAGES = 1_000
# The exhibits that hold the news; a filing with more documents repeats itself.
MAX_DOCUMENTS = 5
_READABLE = (".htm", ".html", ".txt")
_DOCUMENT_TYPES = ("text/html", "application/xhtml+xml", "text/plain")
_GONE = {404, 410}
# How long its block page asks for.
_BLOCKED_S = 600.0
_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.\-=^]*")


# Columns of xbrl_facts whose fact calls them otherwise.
_FACT_NAMES = {"period_start": "start_date", "period_end": "end_date"}


@dataclass(frozen=True)
class FilingSearch:
    """A phrase and the forms in which it is looked for."""

    phrase: str
    forms: tuple[str, ...]


@dataclass(frozen=True)
class EdgarStudy:
    """What is asked of EDGAR: data of the study, not of the code.

    ``ciks`` and ``aliases`` are by symbol; a company without a key is looked up among the
    symbols listed today, its aliases after its own.
    """

    ciks: Mapping[str, str]
    aliases: Mapping[str, tuple[str, ...]]
    searches: tuple[FilingSearch, ...]
    concepts: tuple[Concept, ...]

    @property
    def forms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(form for search in self.searches for form in search.forms))


def read_study(source: OnePart) -> EdgarStudy:
    """The study as the tables of a data folder say it. Raises SourceError."""

    def rows(name: str) -> list[dict[str, Any]]:
        frame = source.extract(BY_NAME[name]).frame
        known = frame.astype(object).where(frame.notna(), None)
        return [
            {str(name): value for name, value in row.items()} for row in known.to_dict("records")
        ]

    companies = rows("companies")
    return EdgarStudy(
        ciks={row["ticker"]: row["cik"] for row in companies if row["cik"]},
        aliases={
            row["ticker"]: tuple(_SYMBOL.findall(row["aliases"].upper()))
            for row in companies
            if row["aliases"]
        },
        searches=tuple(
            FilingSearch(row["phrase"], tuple(row["forms"].split(";")))
            for row in sorted(rows("study_filing_searches"), key=lambda row: row["priority"])
        ),
        concepts=tuple(
            Concept(row["taxonomy"], row["concept"]) for row in rows("study_xbrl_concepts")
        ),
    )


@dataclass(frozen=True)
class _Company:
    """Whose filings are read: ``names`` are those the SEC lists, ``clock`` is acceptance_clock."""

    ticker: str
    cik: str
    names: tuple[str, ...]
    clock: str


@dataclass
class _Account(Tally):
    """What the answer for one symbol cost, and what is to be said of it."""

    notes: list[str] = field(default_factory=list)
    complete: bool = True
    search_pages: int = 0


class Edgar:
    """Rows of ``filing_candidates`` and ``xbrl_facts``.

    A refused question or an unreachable host raises SourceError, so that rows read on a better
    day stay. A filing whose document cannot be had, or in whose place another page is served, is
    ``unread`` and the answer incomplete: the loader puts such a row where none is, and never over
    one that was read.
    """

    def __init__(
        self, client: Client, study: EdgarStudy, *, today: Callable[[], date] = today_in_new_york
    ) -> None:
        self._client = client
        self._study = study
        self._today = today

    @property
    def name(self) -> str:
        return "sec_edgar"

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        """Rows of one company. Figures of XBRL come whole up to the window's end: a later
        filing may restate any earlier period."""
        answers = {"filing_candidates": self._candidates, "xbrl_facts": self._facts}
        if table.name not in answers:
            raise SourceError(f"SEC EDGAR has no rows of table {table.name}.", where=symbol)
        with _Account() as tally:
            columns = answers[table.name](symbol, window, tally)
            return tally.answer(columns, notes=tally.notes, complete=tally.complete)

    # ---- Asking ----

    def _json(
        self, host: str, path: str, tally: _Account, params: Mapping[str, str] | None = None
    ) -> Any:
        return parse_json(tally.ask(self._client, host, path, params))

    def _cik(self, symbol: str, tally: _Account) -> str:
        known = self._study.ciks.get(symbol)
        if known:
            return known
        # Asked for every symbol that needs it, and confirmed in a moment where it is unchanged:
        # a replay answers each symbol from what was said while that symbol was asked for.
        listed = parse_company_tickers(self._json(WWW, "/files/company_tickers.json", tally))
        for name in (symbol, *self._study.aliases.get(symbol, ())):
            if name in listed:
                return listed[name]
        raise SourceError(
            f"The SEC lists no company under the symbol {symbol} today.",
            where="https://www.sec.gov/files/company_tickers.json",
            mend="write its central index key (cik) into ledger/companies.csv; "
            "https://www.sec.gov/search-filings finds it by name",
        )

    # ---- Candidate announcements ----

    def _candidates(self, symbol: str, window: Window, tally: _Account) -> dict[str, list[Any]]:
        cik = self._cik(symbol, tally)
        filings, clock, called = self._filings(cik, window, tally)
        company = _Company(symbol, cik, called, clock)
        documents = self._matches(cik, window, filings, tally)
        rows = [
            self._candidate(company, filings[accession], documents.get(accession, {}), tally)
            for accession in sorted(filings, key=lambda key: (filings[key].filed_date, key))
        ]
        names = [column.name for column in BY_NAME["filing_candidates"].columns]
        return {name: [row[name] for row in rows] for name in (*names, "source_url")}

    def _filings(
        self, cik: str, window: Window, tally: _Account
    ) -> tuple[dict[str, Filing], str, tuple[str, ...]]:
        """Filings of the searched forms within the window, the filer's clock, and its names."""
        path = f"/submissions/CIK{cik}.json"
        submissions = parse_submissions(self._json(DATA, path, tally), cik, self._today())
        listed = {filing.accession: filing for filing in submissions.filings}
        for page in submissions.older:
            if page.first_date <= window.end and page.last_date >= window.start:
                body = self._json(DATA, f"/submissions/{page.name}", tally)
                for filing in parse_filings(body, page.name, self._today()):
                    listed.setdefault(filing.accession, filing)
        clock = acceptance_clock(listed.values())
        if clock == "unknown":
            tally.notes.append(f"CIK {cik}: the zone of acceptance times cannot be told")
        inside = {
            accession: filing
            for accession, filing in listed.items()
            if window.start <= filing.filed_date <= window.end
            and _root_form(filing.form) in self._study.forms
        }
        return inside, clock, submissions.names

    def _matches(
        self, cik: str, window: Window, filings: dict[str, Filing], tally: _Account
    ) -> dict[str, dict[str, list[str]]]:
        """The phrases that the search found, by filing and document, most phrases first.

        A filing the search knows and the list of submissions does not (yet) is added to it.
        """
        matched: dict[str, dict[str, list[str]]] = {}
        for search in self._study.searches:
            for hit in self._search(cik, search, window.start, window.end, tally):
                found = matched.setdefault(hit.accession, {})
                found.setdefault(hit.document, []).append(search.phrase)
                filings.setdefault(
                    hit.accession,
                    Filing(
                        accession=hit.accession,
                        form=hit.form,
                        filed_date=hit.filed_date,
                        report_date=None,
                        stamped_at=None,
                        items=hit.items,
                        document="",
                    ),
                )
        return {
            accession: dict(sorted(documents.items(), key=lambda item: (-len(item[1]), item[0])))
            for accession, documents in matched.items()
        }

    def _search(
        self, cik: str, search: FilingSearch, start: date, end: date, tally: _Account
    ) -> list[Hit]:
        """Every hit of one phrase; a window with more than can be paged is halved."""
        hits: dict[tuple[str, str], Hit] = {}
        offset = 0
        while True:
            params = {
                "q": f'"{search.phrase}"',
                "forms": ",".join(search.forms),
                "ciks": cik,
                "dateRange": "custom",
                "startdt": start.isoformat(),
                "enddt": end.isoformat(),
            }
            if offset:
                params["from"] = str(offset)
            tally.search_pages += 1
            if tally.search_pages > MOST_SEARCH_PAGES:
                raise malformed(
                    f"pages without end ({MOST_SEARCH_PAGES:,} so far)",
                    f"full-text search, CIK {cik}",
                )
            page = parse_search(
                self._json(SEARCH, "/LATEST/search-index", tally, params), cik, self._today()
            )
            if page.capped or page.total > MAX_HITS:
                halves = split_window(start, end)
                if halves:
                    return [
                        hit for half in halves for hit in self._search(cik, search, *half, tally)
                    ]
                tally.complete = False
                tally.notes.append(
                    f"{search.phrase!r} on {start}: more than {MAX_HITS:,} hits, the rest is unseen"
                )
            before = len(hits)
            for hit in page.hits:
                if start <= hit.filed_date <= end and _root_form(hit.form) in search.forms:
                    hits.setdefault((hit.accession, hit.document), hit)
            offset += max(PAGE, page.n_entries)
            if not page.n_entries or offset >= min(page.total, MAX_HITS):
                break
            if page.hits and len(hits) == before:
                tally.complete = False
                tally.notes.append(f"{search.phrase!r}: the search repeats its pages; stopped")
                break
        return list(hits.values())

    def _candidate(
        self,
        company: _Company,
        filing: Filing,
        documents: Mapping[str, Sequence[str]],
        tally: _Account,
    ) -> dict[str, Any]:
        """Row of one filing; ``unread`` where a document of it cannot be had."""
        folder = _folder(company.cik, filing.accession)
        index_url = _index_url(company.cik, filing.accession)
        readings: dict[str, Reading] = {}
        readable = [name for name in documents if name.lower().endswith(_READABLE)]
        for name in readable[:MAX_DOCUMENTS]:
            try:
                readings[name] = self._read(company, filing, name, documents[name], tally)
            except (HttpUnavailable, HttpRefused) as error:
                if error.status == 403:
                    raise
                tally.complete = False
                tally.notes.append(f"{filing.accession}/{name} not read: {error.what}")
                if error.status not in _GONE:
                    # What the other documents say is less than what the filing says.
                    readings.clear()
                    break
        matched = {name: reading for name, reading in readings.items() if reading.phrases}
        best = max(
            matched,
            key=lambda name: len(matched[name].amounts_usd) + len(matched[name].powers_mw),
            default=None,
        )
        amounts = _in_order(value for r in matched.values() for value in r.amounts_usd)
        powers = _in_order(item for r in matched.values() for item in r.powers_mw)
        phrases = {phrase for reading in matched.values() for phrase in reading.phrases}
        if best is not None:
            status = "figures_found" if amounts or powers else "terms_found"
        else:
            # The search also finds other forms of a word: a document may lack the phrase itself.
            status = "unread" if documents and not readings else "listed"
        document = best or next(iter(documents), filing.document)
        return {
            "ticker": company.ticker,
            "filed_date": filing.filed_date,
            "accession": filing.accession,
            "cik": company.cik,
            "form": filing.form,
            "items": filing.items or None,
            "report_date": filing.report_date,
            "accepted_at": accepted_at_utc(filing, company.clock),
            "matched_terms": ";".join(
                search.phrase for search in self._study.searches if search.phrase in phrases
            )
            or None,
            "amount_usd_candidates": ";".join(_plain(value, 2) for value in amounts) or None,
            "power_mw_candidates": ";".join(_plain(value, 6) for value, _ in powers) or None,
            "power_basis_candidates": ";".join(basis for _, basis in powers) or None,
            "excerpt": (matched[best].excerpt if best else "") or None,
            "document_url": f"{folder}/{document}" if document else index_url,
            "status": status,
            "source_url": index_url,
        }

    def _read(
        self, company: _Company, filing: Filing, name: str, phrases: Sequence[str], tally: _Account
    ) -> Reading:
        """What a document says. Raises HttpUnavailable for another page in its place."""
        url = f"{_folder(company.cik, filing.accession)}/{name}"
        path = urlsplit(url).path
        reply = tally.ask(self._client, WWW, path, accept=_DOCUMENT_TYPES, busy=_blocked)
        document = _decoded(reply.body)
        text = plain_text(document)
        reading = read_document(text, (search.phrase for search in self._study.searches))
        why = ""
        if words := own_page(document):
            why = f"it says {words!r}"
        elif is_of_another(document, text, company.cik, company.names):
            why = "it is another company's"
        elif not reading.phrases and not may_hold(text, phrases):
            why = "it has no phrase that the search found there"
        if why:
            raise HttpUnavailable(
                f"Another page is served in the document's place: {why}.",
                status=200,
                where=url,
                mend="run again later; the filing stays as it was read before",
            )
        return reading

    # ---- Figures ----

    def _facts(self, symbol: str, window: Window, tally: _Account) -> dict[str, list[Any]]:
        cik = self._cik(symbol, tally)
        columns: dict[str, list[Any]] = {
            column.name: [] for column in BY_NAME["xbrl_facts"].columns
        }
        columns["source_url"] = []
        path = f"/api/xbrl/companyfacts/CIK{cik}.json"
        try:
            body = self._json(DATA, path, tally)
        except HttpRefused as error:
            if error.status not in _GONE:
                raise
            # Funds and some foreign filers report no XBRL; what was loaded before stays.
            tally.complete = False
            tally.notes.append(f"{symbol}: the SEC has no XBRL figures of CIK {cik}")
            return columns
        known = parse_company_facts(body, cik, self._study.concepts, self._today())
        tally.notes += [f"{symbol}: {note}" for note in known.notes]
        tally.complete = not known.notes
        facts = [fact for fact in known.facts if fact.filed_date <= window.end]
        for name in columns:
            columns[name] = [getattr(fact, _FACT_NAMES.get(name, name), None) for fact in facts]
        columns["ticker"] = [symbol] * len(facts)
        columns["fiscal_period"] = [fact.fiscal_period or None for fact in facts]
        columns["source_url"] = [_index_url(cik, fact.accession) for fact in facts]
        return columns


def _folder(cik: str, accession: str) -> str:
    return f"{ARCHIVES}/{int(cik)}/{accession.replace('-', '')}"


def _index_url(cik: str, accession: str) -> str:
    return f"{_folder(cik, accession)}/{accession}-index.htm"


def _blocked(body: Any) -> Later | None:
    """Whether a page is the SEC's answer to too many requests, which may come with status 200."""
    if not isinstance(body, str) or not (words := block_words(body)):
        return None
    return Later(f"the SEC's block page ({words})", HTTPStatus.TOO_MANY_REQUESTS, _BLOCKED_S)


def _root_form(form: str) -> str:
    """The form without the mark of an amendment."""
    return form.removesuffix("/A")


def _in_order(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _plain(value: float, digits: int) -> str:
    """The number without an exponent and without zeros at its end."""
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Older documents are in the code page of Windows.
        return body.decode("cp1252", errors="replace")
