"""Quarters and trailing years from filings, against the accounts the filings were made from.

The firms are made up: their true quarterly figures are drawn, then filed the ways real firms
file them (year to date, quarters only, weeks instead of months, halves, years only, restated).
What the models say on each filing day must be what those accounts were by then.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import BY_NAME
from tests.warehouse_builder import build_warehouse

CAPEX = ("us-gaap", "PaymentsToAcquirePropertyPlantAndEquipment")
REVENUE = ("us-gaap", "RevenueFromContractWithCustomerExcludingAssessedTax")
IFRS_CAPEX = (
    "ifrs-full",
    "PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities",
)
IFRS_REVENUE = ("ifrs-full", "Revenue")
N_QUARTERS = 12


def month_ends(first_month: int) -> list[date]:
    """Ends of N_QUARTERS + 1 calendar quarters, the first before the fiscal year starts."""
    ends = []
    year, month = 2022, first_month
    for _ in range(N_QUARTERS + 1):
        after = date(year + month // 12, month % 12 + 1, 1)
        ends.append(after - timedelta(days=1))
        month += 3
        year, month = (year + 1, month - 12) if month > 12 else (year, month)
    return ends


def week_ends() -> list[date]:
    """Quarters of 13 weeks, of which the last one of the second year has 14."""
    ends = [date(2021, 9, 25)]
    for quarter in range(N_QUARTERS):
        ends.append(ends[-1] + timedelta(weeks=14 if quarter == 7 else 13))
    return ends


@dataclass
class Firm:
    """One firm: its quarter ends, its true figures and what it has filed."""

    ticker: str
    ends: list[date]
    capex: list[int]
    revenue: list[int]
    rows: list[dict[str, object]] = field(default_factory=list)
    n_filings: int = 0

    def days(self, first: int, last: int) -> tuple[date, date]:
        """First and last day of quarters first..last, counted from 0."""
        return self.ends[first] + timedelta(days=1), self.ends[last + 1]

    def file(self, filed: date, form: str, facts: list[tuple[tuple[str, str], int, int, int]]):
        """Facts: concept, first and last quarter, value."""
        self.n_filings += 1
        for (taxonomy, concept), first, last, value in facts:
            start, end = self.days(first, last)
            self.rows.append(
                {
                    "ticker": self.ticker,
                    "taxonomy": taxonomy,
                    "concept": concept,
                    "unit": "USD",
                    "period_start": start,
                    "period_end": end,
                    "value": value,
                    "filed_date": filed,
                    "accession": f"0000000001-25-{self.n_filings:06}",
                    "form": form,
                    "source": "made up",
                }
            )


def reports(firm: Firm) -> Iterator[tuple[int, int, date]]:
    """Quarter, its place in the fiscal year (0..3) and the day its report is filed."""
    for quarter in range(N_QUARTERS):
        lag = 60 if quarter % 4 == 3 else 40
        yield quarter, quarter % 4, firm.ends[quarter + 1] + timedelta(days=lag)


def file_year_to_date(firm: Firm, revenue_to_date: bool = True) -> None:
    """Cash flows from the year's start, revenue by quarter; no report states a fourth quarter."""
    for quarter, place, filed in reports(firm):
        facts = []
        for back in (0, 4):
            last, first = quarter - back, quarter - place - back
            if first < 0:
                continue
            facts.append((CAPEX, first, last, sum(firm.capex[first : last + 1])))
            if place == 3 or (revenue_to_date and place):
                facts.append((REVENUE, first, last, sum(firm.revenue[first : last + 1])))
            if place < 3:
                facts.append((REVENUE, last, last, firm.revenue[last]))
        firm.file(filed, "10-K" if place == 3 else "10-Q", facts)


def file_quarters_only(firm: Firm) -> None:
    """Revenue by quarters and years, never from the year's start."""
    file_year_to_date(firm, revenue_to_date=False)


def file_halves(firm: Firm) -> None:
    """A foreign filer: half-years in a 6-K, years in a 20-F."""
    for quarter, place, filed in reports(firm):
        if place in (1, 3):
            facts = []
            for back in (0, 4):
                last, first = quarter - back, quarter - place - back
                if first >= 0:
                    facts += [
                        (IFRS_CAPEX, first, last, sum(firm.capex[first : last + 1])),
                        (IFRS_REVENUE, first, last, sum(firm.revenue[first : last + 1])),
                    ]
            firm.file(filed, "20-F" if place == 3 else "6-K", facts)


def file_years(firm: Firm) -> None:
    for quarter, place, filed in reports(firm):
        if place == 3:
            first = quarter - 3
            facts = [
                (IFRS_CAPEX, first, quarter, sum(firm.capex[first : quarter + 1])),
                (IFRS_REVENUE, first, quarter, sum(firm.revenue[first : quarter + 1])),
            ]
            firm.file(filed, "40-F", facts)


def file_restated(firm: Firm) -> None:
    """Year to date; the third year's reports repeat the second year with every quarter larger."""
    restated = Firm(
        firm.ticker,
        firm.ends,
        [c + 1000 if 4 <= n < 8 else c for n, c in enumerate(firm.capex)],
        [r + 1000 if 4 <= n < 8 else r for n, r in enumerate(firm.revenue)],
    )
    file_year_to_date(firm)
    file_year_to_date(restated)
    third_year = firm.ends[8] + timedelta(days=70)
    firm.rows = [row for row in firm.rows if row["filed_date"] < third_year] + [
        row for row in restated.rows if row["filed_date"] >= third_year
    ]


WAYS: dict[str, tuple[Callable[[Firm], None], list[date]]] = {
    "YTD": (file_year_to_date, month_ends(12)),
    "FISC": (file_year_to_date, month_ends(9)),
    "QONLY": (file_quarters_only, month_ends(12)),
    "WEEKS": (file_year_to_date, week_ends()),
    "HALF": (file_halves, month_ends(6)),
    "YEAR": (file_years, month_ends(12)),
    "REST": (file_restated, month_ends(12)),
}


@pytest.fixture(scope="module")
def firms() -> dict[str, Firm]:
    rng = random.Random(20250326)  # noqa: S311 - figures, not keys
    made = {}
    for ticker, (file, ends) in WAYS.items():
        capex, revenue = (
            [rng.randrange(5_000_000, 900_000_000) for _ in range(N_QUARTERS)] for _ in range(2)
        )
        made[ticker] = Firm(ticker, ends, capex, revenue)
        file(made[ticker])
    return made


def write_csv(path: Path, rows: list[dict[str, object]], names: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def financials(firms, tmp_path_factory) -> duckdb.DuckDBPyConnection:
    """The models built from a folder that holds nothing but these firms and their filings."""
    folder = tmp_path_factory.mktemp("filings")
    companies = [
        {"ticker": ticker, "name": ticker, "role": "miner", "is_focal": "yes"}
        for ticker in (*firms, "QQQ")
    ]
    write_csv(folder / "ledger/companies.csv", companies, ["ticker", "name", "role", "is_focal"])
    events = [
        {
            "event_id": "e",
            "title": "t",
            "event_type": "x",
            "news_date": "2025-03-26",
            "news_timing": "unknown",
        }
    ]
    write_csv(folder / "ledger/events.csv", events, list(events[0]))
    prices = [{"ticker": "YTD", "session_date": "2025-03-26", "close": 1}]
    write_csv(folder / "snapshot/equity_daily.csv", prices, list(prices[0]))
    facts = [row for firm in firms.values() for row in firm.rows]
    names = [column.name for column in BY_NAME["xbrl_facts"].columns]
    write_csv(folder / "filings/xbrl_facts.csv", facts, [*names, "source"])
    path = build_warehouse(
        tmp_path_factory.mktemp("financials"), folder, select=["+int_quarterly_financials"]
    )
    return duckdb.connect(str(path), read_only=True)


@pytest.mark.parametrize("ticker", ["YTD", "FISC", "QONLY", "WEEKS"])
def test_every_quarter_and_trailing_year_is_that_of_the_accounts(firms, financials, ticker):
    firm = firms[ticker]
    rows = financials.execute(
        "select known_date, capex_quarter_end_date, capex_quarter_usd, revenue_quarter_end_date, "
        "revenue_quarter_usd, capex_ttm_usd, revenue_ttm_usd, capex_intensity, "
        "mixes_restatements, mixes_concepts "
        "from intermediate.int_quarterly_financials where ticker = ? order by known_date",
        [ticker],
    ).fetchall()
    expected = []
    for quarter, _, filed in reports(firm):
        year = slice(quarter - 3, quarter + 1)
        capex, revenue = (
            (sum(firm.capex[year]), sum(firm.revenue[year])) if quarter >= 3 else (None, None)
        )
        end = firm.ends[quarter + 1]
        expected.append(
            (
                *(filed, end, firm.capex[quarter], end, firm.revenue[quarter], capex, revenue),
                pytest.approx(capex / revenue, rel=1e-12) if capex else None,
                *(False, False),
            )
        )
    assert rows == expected


def test_fourth_quarters_say_how_they_were_reached(financials):
    methods = dict(
        financials.execute(
            "select ticker, string_agg(distinct revenue_quarter_method, ',') "
            "from intermediate.int_quarterly_financials "
            "where ticker in ('YTD', 'QONLY') and revenue_quarter_method <> 'stated' "
            "group by ticker"
        ).fetchall()
    )
    assert methods == {"YTD": "year_to_date_difference", "QONLY": "year_less_quarters"}


def test_a_filer_of_halves_has_trailing_years_but_no_quarters(firms, financials):
    firm = firms["HALF"]
    rows = financials.execute(
        "select capex_quarter_usd, revenue_quarter_usd, capex_ttm_end_date, capex_ttm_usd, "
        "revenue_ttm_usd, revenue_ttm_method "
        "from intermediate.int_quarterly_financials where ticker = 'HALF' order by known_date"
    ).fetchall()
    expected: list[tuple[object, ...]] = [(None, None, None, None, None, None)]
    for quarter in range(3, N_QUARTERS, 2):
        year = slice(quarter - 3, quarter + 1)
        method = "stated_year" if quarter % 4 == 3 else "year_and_parts"
        expected.append(
            (
                *(None, None, firm.ends[quarter + 1]),
                *(sum(firm.capex[year]), sum(firm.revenue[year]), method),
            )
        )
    assert rows == expected


def test_a_filer_of_years_has_each_year_from_its_filing_on(firms, financials):
    firm = firms["YEAR"]
    rows = financials.execute(
        "select capex_ttm_usd, revenue_ttm_usd from intermediate.int_quarterly_financials "
        "where ticker = 'YEAR' order by known_date"
    ).fetchall()
    years = [slice(first, first + 4) for first in range(0, N_QUARTERS, 4)]
    assert rows == [(sum(firm.capex[year]), sum(firm.revenue[year])) for year in years]


def test_restated_comparatives_never_leak_into_what_was_known_before(firms, financials):
    firm = firms["REST"]
    rows = financials.execute(
        "select known_date, capex_ttm_usd, revenue_ttm_usd, mixes_restatements "
        "from intermediate.int_quarterly_financials where ticker = 'REST' order by known_date"
    ).fetchall()
    for (known, capex, revenue, mixed), (quarter, _, filed) in zip(
        rows, reports(firm), strict=True
    ):
        assert known == filed
        if quarter < 3:
            assert (capex, revenue) == (None, None)
            continue
        # A trailing year never holds a quarter that was restated by then: a report restates the
        # same quarter of the year before, which has just left the trailing year.
        year = slice(quarter - 3, quarter + 1)
        assert (capex, revenue, mixed) == (sum(firm.capex[year]), sum(firm.revenue[year]), False)


def test_a_restated_quarter_is_new_from_the_report_that_restates_it(firms, financials):
    firm = firms["REST"]
    # The fifth quarter, restated by the report of the ninth.
    rows = financials.execute(
        "select known_date, value_usd from intermediate.int_known_quarters "
        "where ticker = 'REST' and metric = 'revenue_usd' and period_end_date = ? "
        "order by known_date",
        [firm.ends[5]],
    ).fetchall()
    restated_on = next(filed for quarter, _, filed in reports(firm) if quarter == 8)
    assert {value for known, value in rows if known < restated_on} == {firm.revenue[4]}
    assert {value for known, value in rows if known >= restated_on} == {firm.revenue[4] + 1000}


def test_nothing_is_known_before_it_is_filed(financials):
    (count,) = financials.execute(
        "select count(*) from intermediate.int_quarterly_financials "
        "where greatest(capex_ttm_end_date, revenue_ttm_end_date, capex_quarter_end_date) "
        ">= known_date"
    ).fetchone()
    assert count == 0
