"""Rows for the ledger from candidate filings: what a program can fill in, the rest a person's.

The rows go to standard output in the columns of ``ledger/announcements.csv``; what helps to
judge them goes to standard error, so that the output can be pasted or appended as it is. A row
whose kind no phrase suggests has none, and the load refuses it until a person writes one.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from dagster_project.contracts import BY_NAME
from dagster_project.errors import SourceError, WarehouseProjectError
from dagster_project.settings import Settings
from dagster_project.spreadsheet import without_formula
from dagster_project.warehouse.reader import published

LEDGER = BY_NAME["capex_announcements"]

# What stands in the ledger already, and what holds no phrase, asks nothing of anybody.
_OPEN = """
    select *
    from marts.fct_filing_candidates
    where
        status in ('figures_found', 'terms_found')
        and ledger_announcement_id is null
        and ($since is null or filed_date >= $since)
        and ($ticker is null or ticker = $ticker)
    order by filed_date desc, ticker asc, accession asc
"""


@dataclass(frozen=True)
class Candidate:
    """One row for the ledger by column name (empty text is missing), and words to judge it by."""

    row: dict[str, str]
    remarks: tuple[str, ...]


def open_candidates(
    settings: Settings, *, since: date | None = None, ticker: str | None = None
) -> list[Candidate]:
    """Candidates of the published file that the ledger does not have, the newest first.

    Raises WarehouseProjectError where nothing is published yet.
    """
    path = settings.published_path
    if not path.exists():
        raise WarehouseProjectError(
            "Nothing is published yet, so there are no candidates.",
            where=str(path),
            mend="make run builds and publishes; candidates come with MINER_SOURCE=live",
        )
    try:
        with published(path) as connection:
            answer = connection.execute(_OPEN, {"since": since, "ticker": ticker})
            names = [column[0] for column in answer.description]
            return [_candidate(dict(zip(names, row, strict=True))) for row in answer.fetchall()]
    except duckdb.CatalogException as error:
        raise WarehouseProjectError(
            "The published file is older than the candidates.",
            where=str(path),
            mend="make run publishes anew",
        ) from error


def _candidate(filing: dict[str, Any]) -> Candidate:
    amounts = _split(filing["amount_usd_candidates"])
    powers = list(
        zip(
            _split(filing["power_mw_candidates"]),
            _split(filing["power_basis_candidates"]),
            strict=True,
        )
    )
    filed = filing["filed_date"].isoformat()
    name = f"{filing['ticker']}-{filing['accession']}".lower()
    known: dict[str, str] = {
        "announcement_id": re.sub(r"[^a-z0-9]+", "-", name).strip("-"),
        "announced_on": filed,
        "date_precision": "day",
        "date_basis": "stated",
        "known_at": filing["known_date"].isoformat(),
        "company": filing["company"] or filing["ticker"],
        "ticker": filing["ticker"],
        "kind": filing["suggested_kind"] or "",
        "source_name": f"SEC EDGAR ({filing['form']})",
        "source_url": filing["document_url"],
        "source_quality": "primary",
    }
    # One figure may be the one; of several a person must choose.
    if len(amounts) == 1:
        known["value_usd"] = amounts[0]
    if len(powers) == 1:
        known["power_mw"], known["power_basis"] = powers[0]
    remarks = [
        f"{filing['ticker']} {filed} {filing['form']}"
        + (f" items {filing['items']}" if filing["items"] else "")
        + f": {filing['matched_terms']}"
    ]
    figures = [f"{float(amount):,.0f} USD" for amount in amounts]
    figures += [f"{mw} MW ({basis.replace('_', ' ')})" for mw, basis in powers]
    remarks.append("figures near the phrases: " + ("; ".join(figures) or "none"))
    if filing["n_ledger_announcements_near"]:
        remarks.append(
            f"the ledger has {filing['n_ledger_announcements_near']} announcements of this "
            "company within a week: is it one of them?"
        )
    if not known["kind"]:
        remarks.append("kind: write one, no phrase suggests it")
    remarks.append(f"{filing['document_url']}")
    if filing["excerpt"]:
        remarks.append(f"“… {filing['excerpt']} …”")
    return Candidate(row=known, remarks=tuple(remarks))


def _split(text: str | None) -> list[str]:
    return text.split(";") if text else []


def ledger_columns(settings: Settings) -> list[str]:
    """Columns of the user's ledger file in its order; the contract's where there is none."""
    path = settings.data_dir / LEDGER.file
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except FileNotFoundError:
        header = []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            f"The ledger's header cannot be read: {error}.",
            where=str(path),
            mend="restore the file",
        ) from error
    return [name.strip() for name in header] or list(LEDGER.column_names)


def csv_lines(candidates: list[Candidate], columns: list[str]) -> str:
    """The rows as CSV without a header, ready to be appended to the ledger."""
    written = io.StringIO()
    writer = csv.DictWriter(
        written, columns, restval="", extrasaction="ignore", lineterminator="\n"
    )
    writer.writerows(
        {name: without_formula(value) for name, value in candidate.row.items()}
        for candidate in candidates
    )
    return written.getvalue()


def remark_lines(candidates: list[Candidate], columns: list[str]) -> list[str]:
    """What a person needs to judge the rows."""
    if not candidates:
        return [
            "No filing waits to be judged: none is found, or the ledger has them all.",
            "Candidates come with the live source (MINER_SOURCE=live).",
        ]
    lines = [
        f"{len(candidates)} filings may announce something. Read each, correct its row, and paste "
        f"what is true into {LEDGER.file}; drop the rest.",
        f"Columns: {','.join(columns)}",
    ]
    for number, candidate in enumerate(candidates, start=1):
        lines.append(f"{number}. {candidate.remarks[0]}")
        lines += [f"   {remark}" for remark in candidate.remarks[1:]]
    return lines
