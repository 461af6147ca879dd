"""Trouble that vendors really had, reduced to one answer each, and the controls beside it.

Bodies are this project's own, in the shapes that were recorded. A control has no defect and must
keep passing. The two cases of company facts are unit tests of int_xbrl_known_periods.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dagster_project.contracts import BY_NAME, Window
from dagster_project.sources.live.coinmetrics import CoinMetrics
from dagster_project.sources.live.edgar import Edgar, EdgarStudy, FilingSearch
from dagster_project.sources.live.edgar_answers import acceptance_clock, parse_filings
from dagster_project.sources.live.http_errors import HttpRefused
from dagster_project.sources.live.mempool import MempoolSpace
from dagster_project.sources.live.symbol_aliases import SymbolAlias
from dagster_project.sources.live.tiingo import TiingoVendor
from dagster_project.sources.live.vendor import Vendor, VendorAnswer
from dagster_project.sources.live.yahoo import YahooVendor
from tests.sources.live.edgar_bodies import CIK, PRESS_RELEASE, SUBMISSIONS, hit, search
from tests.sources.live.equity_bodies import chart, instant, tiingo_day
from tests.sources.live.fault_matrix import midnight, network_rows
from tests.sources.live.scripted_client import ScriptedClient, rows
from tests.sources.live.test_coinmetrics import refused

# A week in July 2026 and the weeks around a change of symbol in April.
JULY = [date(2026, 7, day) for day in (20, 21, 22, 23, 24, 27)]
APRIL = [date(2026, 4, day) for day in (1, 2, 6, 7, 8, 9, 10, 13)]
NEWS = "0001999999-25-000012"


def quoted(days: list[date], *, symbol: str = "OLD", last: date | None = None, **more: Any) -> Any:
    """A chart with one price every day; ``last`` is the day of its last trade."""
    return chart(days, [12.5] * len(days), symbol=symbol, session=last, **more)


def yahoo(aliases: tuple[SymbolAlias, ...] = (), **more: Any) -> Callable[[Any], Vendor]:
    return lambda client: YahooVendor(client, aliases=aliases, asked_on=date(2026, 7, 28), **more)


def renamed(is_verified: bool) -> Callable[[Any], Vendor]:
    return yahoo((SymbolAlias("OLD", "*", "NEW", date(2026, 4, 6), None, is_verified),))


def tiingo(client: Any) -> Vendor:
    vendor = TiingoVendor(client, None, asked_on=date(2026, 7, 28), replay=True)
    return vendor


def edgar(client: Any) -> Vendor:
    study = EdgarStudy({"OLD": CIK}, {}, (FilingSearch("critical IT load", ("8-K",)),), ())
    return Edgar(client, study, today=lambda: date(2025, 6, 1))


@dataclass(frozen=True)
class Case:
    """One case: answers by a pattern of the address and its parameters, and what must hold."""

    make: Callable[[Any], Vendor]
    table: str
    window: tuple[date, date]
    answers: Mapping[str, Any]
    holds: Callable[[VendorAnswer, str], bool]
    symbol: str = "OLD"
    at: datetime = datetime(2026, 7, 28, 12, tzinfo=UTC)


def prices(answers: Mapping[str, Any], holds: Any, days: list[date] = JULY, **more: Any) -> Case:
    return Case(more.pop("make", yahoo()), "equity_prices", (days[0], days[-1]), answers, holds)


def network(refusal: Any, holds: Any) -> Case:
    days = [date(2025, 3, 23), date(2025, 3, 27)]
    body = {"data": network_rows([days[0] + timedelta(days=n) for n in range(5)])}
    answers = {**({"FeeTotUSD": refusal} if refusal else {}), "asset-metrics": body}
    return Case(
        lambda client: CoinMetrics(client), "network_metrics", (days[0], days[1]), answers, holds,
        symbol="BTC",
    )  # fmt: skip


def filing(document: str, holds: Any) -> Case:
    answers = {
        "^/submissions": SUBMISSIONS,
        "search-index": search([hit(NEWS, "ex99-1.htm", filed="2025-03-05")]),
        "Archives": document.encode(),
    }
    march = (date(2025, 3, 5), date(2025, 3, 31))
    return Case(edgar, "filing_candidates", march, answers, holds)


def estimates(genesis: bool, holds: Any) -> Case:
    """The list of all days begins with the first block's own time, on no midnight."""
    first = [{"timestamp": 1231006505, "avgHashrate": 497102.7}] if genesis else []
    days = [date(2009, 1, 4) + timedelta(days=n) for n in range(13)]
    known = [{"timestamp": midnight(day), "avgHashrate": 7e6 if n > 5 else 0}
             for n, day in enumerate(days)]  # fmt: skip
    return Case(
        lambda client: MempoolSpace(client),
        "network_metrics_second_source",
        (date(2009, 1, 9), date(2009, 1, 15)),
        {"hashrate": {"hashrates": first + known}},
        holds,
        symbol="BTC",
    )


def has_every_fee(answer: VendorAnswer, _notes: str) -> bool:
    return len(rows(answer)) == 5 and None not in answer.columns["fees_usd"]


def is_unread(answer: VendorAnswer, notes: str) -> bool:
    return not answer.complete and f"{NEWS}/ex99-1.htm not read" in notes and not any(
        answer.columns["power_mw_candidates"]
    )  # fmt: skip


def lacks_friday(answer: VendorAnswer, notes: str) -> bool:
    return not answer.complete and answer.missing == (JULY[4],) and "2026-07-24" in notes


def has_three(answer: VendorAnswer, _notes: str) -> bool:
    return answer.columns["close"] == [12.5] * 3


WITHOUT_FRIDAY = [*JULY[:4], JULY[5]]
NULL_FRIDAY = chart(JULY, [12.5, 12.5, 12.5, 12.5, None, 12.5], symbol="OLD")
PHANTOM = quoted(JULY[3:4], last=date(2026, 5, 20))
TWO_PAID = quoted(JULY[:3], dividends={JULY[2]: 0.5})
TWO_PAID["chart"]["result"][0]["events"]["dividends"]["2"] = {
    "amount": 1.25,
    "date": instant(JULY[2], 9, 31),
}
IN_PENCE = quoted(JULY)
IN_PENCE["chart"]["result"][0]["meta"]["currency"] = "GBp"
TIINGO_DAY = {**tiingo_day(JULY[0], 12.5), "date": f"{JULY[0]}T00:00:00+00:00"}
RATE_PAGE = (
    "<html><head><title>Site | Request Rate Threshold Exceeded</title></head><body><h1>Traffic "
    "limit</h1><p>Data about critical loads is elsewhere.</p></body></html>"
)
TOOL_PAGE = "<html><h1>Your Request Originates from an Undeclared Automated Tool</h1></html>"

CASES: dict[str, Case] = {
    "metric refused with 403": network(
        refused(403, "forbidden", "Requested metric 'FeeTotUSD' is not available."), has_every_fee
    ),
    "metric refused with 400": network(
        refused(400, "bad_parameter", "Bad parameter 'metrics'. Value 'FeeTotUSD'."),
        lambda answer, notes: has_every_fee(answer, notes) and "FeeTotUSD" in notes,
    ),
    "control: every metric is free": network(None, has_every_fee),
    "genesis row": estimates(True, lambda a, _: len(rows(a)) == 7 and a.complete),
    "control: no genesis row": estimates(False, lambda a, _: len(rows(a)) == 7 and a.complete),
    "rate-limit page with 200": filing(RATE_PAGE, is_unread),
    "undeclared-tool page with 200": filing(TOOL_PAGE, is_unread),
    "control: a press release": filing(
        PRESS_RELEASE, lambda a, _: a.complete and a.columns["power_mw_candidates"] == ["200;300"]
    ),
    "day with an offset": Case(
        tiingo, "equity_prices", (JULY[0], JULY[0]), {"daily": [TIINGO_DAY]},
        lambda a, _: a.columns["session_date"] == JULY[:1],
    ),
    "control: day with a Z": Case(
        tiingo, "equity_prices", (JULY[0], JULY[0]), {"daily": [tiingo_day(JULY[0], 12.5)]},
        lambda a, _: a.columns["session_date"] == JULY[:1],
    ),
    "session absent": prices({"OLD$": quoted(WITHOUT_FRIDAY)}, lacks_friday),
    "control: session of nulls": prices({"OLD$": NULL_FRIDAY}, lacks_friday),
    "row on a closed day": prices(
        {"OLD$": quoted([*JULY[:5], date(2026, 7, 25), JULY[5]])},
        lambda a, notes: a.columns["session_date"] == JULY and "2026-07-25" in notes,
    ),
    "old history ends": prices(
        {"OLD$": quoted(APRIL[:2]), "NEW$": quoted(APRIL, symbol="NEW")},
        lambda a, notes: a.columns["session_date"] == APRIL and a.complete and "NEW" in notes,
        APRIL, make=renamed(False),
    ),
    "phantom bar after the last trade": prices(
        {"OLD$": PHANTOM, "NEW$": quoted(JULY, symbol="NEW")},
        lambda a, notes: len(rows(a)) == 6 and "2026-07-23" in notes, make=renamed(False),
    ),
    "phantom bar without a successor": prices(
        {"OLD$": PHANTOM}, lambda a, _: not rows(a) and not a.complete
    ),
    "old symbol unknown": prices(
        {"NEW$": quoted(JULY, symbol="NEW")}, lambda a, _: len(rows(a)) == 6, make=renamed(True)
    ),
    "control: a verified successor is asked alone": prices(
        {"OLD$": PHANTOM, "NEW$": quoted(JULY, symbol="NEW")},
        lambda a, _: len(rows(a)) == 6 and a.complete, make=renamed(True),
    ),
    "two dividends of one day": prices({"OLD$": TWO_PAID}, has_three, JULY[:3]),
    "two dividends of one day, summed": Case(
        yahoo(), "equity_dividends", (JULY[0], JULY[2]), {"OLD$": TWO_PAID},
        lambda a, _: a.columns["amount_usd"] == [1.75],
    ),
    "control: one dividend": prices(
        {"OLD$": quoted(JULY[:3], dividends={JULY[2]: 0.5})}, has_three, JULY[:3]
    ),
}  # fmt: skip


def answer_of(case: Case) -> VendorAnswer:
    def script(path: str, params: Mapping[str, str]) -> Any:
        place = f"{path}"
        for pattern, said in case.answers.items():
            if re.search(pattern, place) or re.search(pattern, params.get("metrics", "")):
                return said
        body = b'{"chart": {"error": {"code": "Not Found", "description": "No data found"}}}'
        return HttpRefused("no", status=404, body=body)

    vendor = case.make(ScriptedClient(script, at=case.at))
    return vendor.fetch(BY_NAME[case.table], case.symbol, Window(*case.window))


@pytest.mark.parametrize("name", CASES)
def test_a_case_of_real_trouble(name: str) -> None:
    answer = answer_of(CASES[name])
    assert CASES[name].holds(answer, " | ".join(answer.notes)), (answer.columns, answer.notes)


@pytest.mark.parametrize("currency", ["GBp", "USD"])
def test_pence_and_another_currency_are_refused(currency: str) -> None:
    IN_PENCE["chart"]["result"][0]["meta"]["currency"] = currency
    case = prices({"OLD$": IN_PENCE}, None, make=yahoo(currencies={"OLD": "GBP"}))
    with pytest.raises(Exception, match=f"currency '{currency}' where GBP"):
        answer_of(case)


@pytest.mark.parametrize("with_schedules", [True, False])
def test_schedules_13d_do_not_vote_on_the_acceptance_clock(with_schedules: bool) -> None:
    """Read as UTC, the evening schedules would be filings of the afternoon: no vote at all."""
    listed = [
        ("8-K", "2025-10-14", "16:51:54"),
        ("4", "2025-10-08", "06:50:55"),
        ("8-K", "2025-09-25", "16:30:46"),
    ]
    evenings = [("SCHEDULE 13D/A", f"2025-0{9 - n}-1{n}", "21:37:15") for n in range(5)]
    chosen = [*listed, *(evenings if with_schedules else [])]
    columns = {
        "accessionNumber": [f"0001999999-25-{n:06}" for n in range(len(chosen))],
        "form": [form for form, _, _ in chosen],
        "filingDate": [day for _, day, _ in chosen],
        "acceptanceDateTime": [f"{day}T{clock}.000Z" for _, day, clock in chosen],
    }
    filings = parse_filings(columns, "x", date(2026, 1, 1))
    assert acceptance_clock(filings) == "new_york"
