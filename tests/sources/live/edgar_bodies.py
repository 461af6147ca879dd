"""Answers of SEC EDGAR in their real shapes, about a made-up company."""

from __future__ import annotations

import copy
from typing import Any

CIK = "0001999999"
OTHER_CIK = "0001888888"

COMPANY_TICKERS: dict[str, Any] = {
    "0": {"cik_str": 1888888, "ticker": "OTHR", "title": "OTHER HOLDINGS CORP"},
    "1": {"cik_str": 1999999, "ticker": "XMPL", "title": "EXAMPLE MINING INC"},
    "2": {"cik_str": 1999999, "ticker": "XMPLW", "title": "EXAMPLE MINING INC"},
}

# Winter: 21:05Z is 16:05 in New York; 22:40Z is 17:40, dated the next business day.
SUBMISSIONS: dict[str, Any] = {
    "cik": "1999999",
    "entityType": "operating",
    "sic": "6199",
    "name": "EXAMPLE MINING INC",
    "tickers": ["XMPL", "XMPLW"],
    "exchanges": ["Nasdaq", "Nasdaq"],
    "fiscalYearEnd": "1231",
    "filings": {
        "recent": {
            "accessionNumber": [
                "0001999999-25-000012",
                "0001999999-25-000011",
                "0001999999-25-000010",
                "0001999999-25-000009",
                "0001999999-25-000008",
            ],
            "filingDate": ["2025-03-05", "2025-03-03", "2025-02-27", "2025-02-03", "2025-01-10"],
            "reportDate": ["2025-03-05", "2025-03-03", "2024-12-31", "2025-01-31", ""],
            "acceptanceDateTime": [
                "2025-03-05T21:05:11.000Z",
                "2025-03-03T12:30:00.000Z",
                "2025-02-27T21:15:42.000Z",
                "2025-01-31T23:40:10.000Z",
                "2025-01-10T22:01:59.000Z",
            ],
            "act": ["34", "34", "34", "34", ""],
            "form": ["8-K", "8-K/A", "10-K", "8-K", "4"],
            "items": ["1.01,7.01,9.01", "8.01", "", "7.01,9.01", ""],
            "size": [412345, 120000, 9000000, 88000, 5000],
            "isXBRL": [1, 1, 1, 1, 0],
            "primaryDocument": [
                "xmpl-20250305.htm",
                "xmpl-20250303a.htm",
                "xmpl-20241231.htm",
                "xmpl-20250131.htm",
                "xslF345X05/wk-form4_1.xml",
            ],
            "primaryDocDescription": ["8-K", "8-K/A", "10-K", "8-K", "FORM 4"],
        },
        "files": [
            {
                "name": f"CIK{CIK}-submissions-001.json",
                "filingCount": 2,
                "filingFrom": "2021-05-03",
                "filingTo": "2024-12-20",
            }
        ],
    },
}

OLDER_SUBMISSIONS: dict[str, Any] = {
    "accessionNumber": ["0001999999-24-000101", "0001999999-21-000001"],
    "filingDate": ["2024-12-20", "2021-05-03"],
    "reportDate": ["2024-12-19", "2021-05-03"],
    "acceptanceDateTime": ["2024-12-20T13:00:00.000Z", "2021-05-03T20:30:00.000Z"],
    "form": ["6-K", "8-K"],
    "items": ["", "8.01"],
    "primaryDocument": ["form6k.htm", "form8k.htm"],
}


def hit(
    accession: str, document: str, *, filed: str, form: str = "8-K", cik: str = CIK, **more: Any
) -> dict[str, Any]:
    """One document as the full-text search lists it."""
    return {
        "_index": "edgar_file",
        "_id": f"{accession}:{document}",
        "_score": 8.16,
        "_source": {
            "ciks": [cik],
            "period_ending": filed,
            "display_names": [f"EXAMPLE MINING INC  (XMPL)  (CIK {cik})"],
            "root_forms": [form.removesuffix("/A")],
            "file_date": filed,
            "form": form,
            "adsh": accession,
            "file_type": "EX-99.1",
            "file_description": "PRESS RELEASE",
            "items": ["1.01", "7.01"],
            "sics": ["6199"],
            "biz_states": ["TX"],
            **more,
        },
    }


def search(hits: list[dict[str, Any]], total: int | None = None, relation: str = "eq") -> Any:
    """One page of the full-text search."""
    return {
        "took": 41,
        "timed_out": False,
        "_shards": {"total": 50, "successful": 50, "skipped": 0, "failed": 0},
        "hits": {
            "total": {"value": len(hits) if total is None else total, "relation": relation},
            "max_score": 8.16,
            "hits": hits,
        },
    }


SEARCH_ERROR = {
    "errorType": "ResponseError",
    "errorMessage": "search_phase_execution_exception: [illegal_argument_exception] Reason: Result "
    "window is too large, from + size must be less than or equal to: [10000] but was [10050].",
}
BLOCK_PAGE = (
    "<!DOCTYPE html><html><head><title>SEC.gov | Request Rate Threshold Exceeded</title></head>"
    "<body><h1>Your Request Originates from an Undeclared Automated Tool</h1></body></html>"
)


def fact(
    start: str | None, end: str, value: float, accession: str, filed: str, form: str = "10-Q"
) -> dict[str, Any]:
    """One figure as companyfacts lists it; fy and fp are those of the filing."""
    row: dict[str, Any] = {"end": end, "val": value, "accn": accession, "fy": 2024, "fp": "Q2"}
    if start:
        row["start"] = start
    return {**row, "form": form, "filed": filed}


COMPANY_FACTS: dict[str, Any] = {
    "cik": 1999999,
    "entityName": "EXAMPLE MINING INC",
    "facts": {
        "dei": {
            "EntityCommonStockSharesOutstanding": {
                "label": "Entity Common Stock, Shares Outstanding",
                "description": "Number of shares.",
                "units": {
                    "shares": [
                        fact(None, "2024-08-02", 250_000_000, "0001999999-24-000050", "2024-08-07")
                    ]
                },
            }
        },
        "us-gaap": {
            "Revenues": {
                "label": "Revenues",
                "description": "Amount of revenue.",
                "units": {
                    "USD": [
                        fact(
                            "2024-01-01",
                            "2024-03-31",
                            50_000_000,
                            "0001999999-24-000020",
                            "2024-05-08",
                        ),
                        {
                            **fact(
                                "2024-01-01",
                                "2024-03-31",
                                51_000_000,
                                "0001999999-25-000020",
                                "2025-05-08",
                            ),
                            "frame": "CY2024Q1",
                        },
                        fact(
                            "2024-01-01",
                            "2024-06-30",
                            120_000_000,
                            "0001999999-24-000050",
                            "2024-08-07",
                        ),
                    ],
                    "CAD": [
                        fact(
                            "2024-01-01",
                            "2024-03-31",
                            68_000_000,
                            "0001999999-24-000020",
                            "2024-05-08",
                        )
                    ],
                },
            },
            "Assets": {
                "label": "Assets",
                "description": "Not asked for.",
                "units": {
                    "USD": [fact(None, "2024-03-31", 1, "0001999999-24-000020", "2024-05-08")]
                },
            },
        },
    },
}

PRESS_RELEASE = """<html><head><title>EX-99.1</title></head><body>
<p>EXAMPLE MINING signs a <b>high-performance computing</b> hosting contract with a customer.</p>
<p>It delivers approximately 200&nbsp;MW of critical IT load for $3.5 billion over 12 years;
the site draws 300 MW gross.</p>
<p>Shares cost $12.50.</p></body></html>"""


def changed(body: Any, *path: Any, to: Any) -> Any:
    """A deep copy of the body with one value replaced."""
    copied = copy.deepcopy(body)
    place = copied
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return copied


def without(body: Any, *path: Any) -> Any:
    """A deep copy of the body without one entry."""
    copied = copy.deepcopy(body)
    place = copied
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return copied
