"""Yahoo's chart answers: what is read, what is left out, what is refused."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from dagster_project.contracts import BY_NAME, Window, typed_frame
from dagster_project.errors import SourceError
from dagster_project.sources.live.equity_history import (
    ABSURD,
    UNFINISHED,
    WITHOUT_CLOSE,
    UnknownSymbol,
)
from dagster_project.sources.live.http_errors import HttpRefused, HttpUnavailable
from dagster_project.sources.live.strict_json import UnusableAnswer
from dagster_project.sources.live.symbol_aliases import SymbolAlias
from dagster_project.sources.live.yahoo import YahooVendor, parse_chart
from tests.sources.live.equity_bodies import (
    CLOSES,
    DAYS,
    NO_DATA,
    NOT_FOUND,
    SATURDAY,
    FakeClient,
    chart,
    instant,
    single,
)

ALL = Window(DAYS[0], DAYS[-1])
PRICES = BY_NAME["equity_prices"]
PATH = "/v8/finance/chart/BITF"


def parsed(body: Any, *, window: Window = ALL, at: datetime = SATURDAY, symbol: str = "BITF"):
    return parse_chart(body, symbol, window, at)


def quotes(body: dict[str, Any]) -> dict[str, list[Any]]:
    return body["chart"]["result"][0]["indicators"]["quote"][0]


def vendor(answers: dict[str, Any], **how: Any) -> tuple[YahooVendor, FakeClient]:
    client = FakeClient(answers)
    return YahooVendor(client, asked_on=date(2025, 11, 8), **how), client


def refused(status: int, body: Any) -> HttpRefused:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRefused("The host said no.", status=status, body=text)


# --- what is read -----------------------------------------------------------------------


def test_bars_are_the_exchanges_days_and_the_prices_that_were_meant():
    history = parsed(chart())
    assert [bar.session_date for bar in history.bars] == DAYS
    # 12.34 travels as 12.34000015258789; the split-adjusted close is read, not adjclose.
    assert single(12.34) != 12.34
    assert [bar.close for bar in history.bars] == CLOSES
    assert [bar.volume for bar in history.bars] == [1_000_000 + 7 * row for row in range(5)]
    assert history.is_complete
    assert history.notes("BITF") == ()


def test_a_bar_of_winter_and_of_summer_time_is_on_its_own_day():
    """The last session in summer time opens at 13:30 UTC, the first in winter time at 14:30."""
    assert [
        datetime.fromtimestamp(stamp, UTC).hour
        for stamp in chart()["chart"]["result"][0]["timestamp"]
    ] == [13, 13, 14, 14, 14]


def test_a_price_of_full_precision_is_left_as_it_is():
    body = chart()
    quotes(body)["close"][0] = 12.34567890123
    assert parsed(body).bars[0].close == 12.34567890123


def test_decimals_and_whole_numbers_are_prices_too():
    body = chart()
    quotes(body)["close"][:2] = [Decimal("12.34000015258789"), 12]
    quotes(body)["low"][1] = 11
    assert [bar.close for bar in parsed(body).bars[:2]] == [12.34, 12.0]


def test_splits_and_dividends_of_the_window():
    body = chart(
        splits={DAYS[1]: (10, 1), DAYS[3]: (1, 8), date(2020, 1, 2): (2, 1)},
        dividends={DAYS[2]: 0.01, date(2020, 1, 2): 9},
    )
    history = parsed(body)
    assert [(split.ex_date, split.ratio) for split in history.splits] == [
        (DAYS[1], 10),
        (DAYS[3], 0.125),
    ]
    assert [(paid.ex_date, paid.amount, paid.basis) for paid in history.dividends] == [
        (DAYS[2], 0.01, "split_adjusted")
    ]


def test_only_the_window_is_read():
    """Yahoo appends the newest bar even to a question about the past."""
    history = parsed(chart(), window=Window(DAYS[1], DAYS[2]))
    assert [bar.session_date for bar in history.bars] == DAYS[1:3]
    assert history.is_complete


def test_unordered_days_are_put_in_order():
    body = chart()
    result = body["chart"]["result"][0]
    order = [3, 0, 4, 2, 1]
    result["timestamp"] = [result["timestamp"][row] for row in order]
    for name, values in quotes(body).items():
        quotes(body)[name] = [values[row] for row in order]
    assert parsed(body) == parsed(chart())


def test_columns_that_are_new_are_not_read():
    body = chart()
    body["chart"]["result"][0]["indicators"]["quote"][0]["vwap"] = "new"
    body["chart"]["news"] = []
    assert parsed(body) == parsed(chart())


def test_a_share_without_a_session_in_the_window_has_no_rows():
    body = chart()
    result = body["chart"]["result"][0]
    del result["timestamp"]
    result["indicators"] = {"quote": [{}], "adjclose": [{}]}
    assert parsed(body).bars == ()
    assert parsed(NO_DATA).bars == ()


# --- what is left out, and counted ------------------------------------------------------


def test_a_day_of_nulls_is_left_out_and_counted():
    history = parsed(chart(closes=[12.34, None, 11.99, 12.07, 13.1]))
    assert [bar.session_date for bar in history.bars] == [DAYS[0], *DAYS[2:]]
    assert (history.left_out, history.missing) == ({WITHOUT_CLOSE: (DAYS[1],)}, (DAYS[1],))
    assert not history.is_complete
    assert history.notes("BITF") == ("BITF: 1 day without a close left out (2025-10-31)",)


def test_a_close_alone_is_a_bar():
    body = chart()
    for name in ("open", "high", "low", "volume"):
        quotes(body)[name][2] = None
    bar = parsed(body).bars[2]
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (None, None, None, 11.99, None)


def with_live_bar(close: float, volume: int, **how: Any) -> dict[str, Any]:
    """The last day twice: its bar, and one stamped with the time of the market."""
    body = chart([*DAYS, DAYS[-1]], [*CLOSES, close], **how)
    body["chart"]["result"][0]["timestamp"][-1] = instant(DAYS[-1], 16, 0, 2)
    quotes(body)["volume"][-1] = volume
    return body


def test_of_two_bars_of_a_day_the_one_with_the_final_volume_stays():
    """The running bar may have been written before the closing auction was."""
    history = parsed(with_live_bar(13.1, 999_000))
    assert (history.bars[-1].close, history.bars[-1].volume) == (13.1, 1_000_028)
    assert history.is_complete


def test_of_two_bars_of_a_day_the_newer_stays():
    history = parsed(with_live_bar(13.1, 1_000_999))
    assert [bar.session_date for bar in history.bars] == DAYS
    assert (history.bars[-1].close, history.bars[-1].volume) == (13.1, 1_000_999)
    assert history.is_complete


def test_two_bars_of_a_day_that_contradict_each_other_are_both_left_out():
    history = parsed(with_live_bar(14.2, 1_000_999))
    assert [bar.session_date for bar in history.bars] == DAYS[:-1]
    assert history.left_out == {ABSURD: (DAYS[-1],)}


@pytest.mark.parametrize(
    ("at", "n_bars"),
    [
        (datetime(2025, 11, 5, 15, 0, tzinfo=UTC), 4),  # 10:00 in New York
        (datetime(2025, 11, 5, 21, 29, 59, tzinfo=UTC), 4),  # prices may still settle
        (datetime(2025, 11, 5, 21, 30, tzinfo=UTC), 5),
        (datetime(2025, 11, 5, 21, 30), 5),  # without a zone it is UTC
    ],
)
def test_the_running_session_is_left_out(at, n_bars):
    history = parsed(with_live_bar(13.1, 5), at=at)
    assert len(history.bars) == n_bars
    assert len(history.left_out.get(UNFINISHED, ())) == 5 - n_bars
    # A session that is not over is nothing the vendor withholds.
    assert history.is_complete


def test_an_early_close_ends_the_session():
    """On 28 November 2025 the exchange closes at 13:00 (18:00 UTC)."""
    friday = date(2025, 11, 28)
    body = chart([friday], [12.0])
    period = body["chart"]["result"][0]["meta"]["currentTradingPeriod"]
    period["regular"]["end"] = instant(friday, 13)
    window = Window(friday, friday)
    half_past_six = datetime(2025, 11, 28, 18, 30, tzinfo=UTC)
    assert len(parsed(body, window=window, at=half_past_six).bars) == 1
    period["regular"]["end"] = instant(friday, 16)
    assert len(parsed(body, window=window, at=half_past_six).bars) == 0


@pytest.mark.parametrize(("hour", "n_bars"), [(21, 4), (22, 5)])
def test_a_vendor_that_speaks_of_the_next_session_has_closed_this_one(hour, n_bars):
    at = datetime(2025, 11, 5, hour, 0, tzinfo=UTC)
    assert len(parsed(chart(session=date(2025, 11, 6)), at=at).bars) == n_bars


def test_without_the_vendors_clock_a_session_ends_with_its_day():
    body = chart()
    del body["chart"]["result"][0]["meta"]["currentTradingPeriod"]
    evening, morning = (
        datetime(2025, 11, 6, 4, 59, tzinfo=UTC),
        datetime(2025, 11, 6, 5, 0, tzinfo=UTC),
    )
    assert (len(parsed(body, at=evening).bars), len(parsed(body, at=morning).bars)) == (4, 5)


def change(name: str, row: int, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda body: quotes(body)[name].__setitem__(row, value)


@pytest.mark.parametrize(
    "absurd",
    [
        change("close", 2, -11.99),
        change("close", 2, 0),
        change("close", 2, 1e9),
        change("close", 2, 10**400),
        change("high", 2, 10.0),
        change("low", 2, 13.0),
        change("open", 2, 20.0),
        change("volume", 2, -5),
        change("volume", 2, 10**13),
        change("volume", 2, 0.5),
        change("volume", 2, math.inf),
        change("open", 2, math.nan),
        change("open", 2, Decimal("sNaN")),
    ],
)
def test_a_bar_that_cannot_be_true_is_left_out_and_counted(absurd):
    body = chart()
    absurd(body)
    history = parsed(body)
    assert [bar.session_date for bar in history.bars] == [*DAYS[:2], *DAYS[3:]]
    assert (history.left_out, history.is_complete) == ({ABSURD: (DAYS[2],)}, False)
    assert history.notes("X") == (
        "X: 1 day with figures that cannot be true left out (2025-11-03)",
    )


def test_too_many_absurd_bars_condemn_the_answer():
    body = chart()
    quotes(body)["close"][1:3] = [-1.0, 0.0]
    with pytest.raises(UnusableAnswer, match="2 of 5 days"):
        parsed(body)


def test_an_announced_split_has_not_happened_yet():
    at = datetime(2025, 11, 4, 22, tzinfo=UTC)
    body = chart(DAYS[:4], CLOSES[:4], splits={DAYS[-1]: (10, 1)}, dividends={DAYS[-1]: 1})
    history = parsed(body, at=at)
    assert (history.splits, history.dividends) == ((), ())
    assert len(parsed(body, at=SATURDAY).splits) == 1


# --- sessions of the calendar, and events that cannot be --------------------------------


def test_a_session_that_is_absent_is_missing_and_named():
    history = parsed(chart([*DAYS[:2], *DAYS[3:]], [*CLOSES[:2], *CLOSES[3:]]))
    assert (history.missing, history.is_complete) == ((DAYS[2],), False)
    assert history.notes("X") == ("X: 1 session missing (2025-11-03)",)


@pytest.mark.parametrize("absent", [0, 4])
def test_a_session_at_either_end_is_missing_where_the_share_was_traded(absent):
    days, closes = [*DAYS], [*CLOSES]
    del days[absent], closes[absent]
    assert parsed(chart(days, closes)).missing == (DAYS[absent],)


def test_before_its_first_trade_a_share_lacks_no_session():
    body = chart(DAYS[2:], CLOSES[2:])
    for first in (instant(DAYS[2], 9, 30), 0):
        result_of(body)["meta"]["firstTradeDate"] = first
        assert parsed(body).is_complete


def test_a_bar_of_a_day_without_a_session_is_left_out_and_named():
    saturday = date(2025, 11, 1)
    body = chart([*DAYS[:2], saturday, *DAYS[2:]], [*CLOSES[:2], 12.5, *CLOSES[2:]])
    history = parsed(body)
    assert [bar.session_date for bar in history.bars] == DAYS
    assert history.is_complete
    assert history.notes("X") == (
        "X: 1 day on which the exchange was closed left out (2025-11-01)",
    )


def test_another_exchange_has_sessions_of_its_own():
    body = chart([DAYS[0], date(2025, 11, 1), DAYS[-1]], [12.0, 12.0, 12.0])
    result_of(body)["meta"]["exchangeTimezoneName"] = "America/Toronto"
    assert len(parsed(body).bars) == 3
    assert parsed(body).is_complete


DOUBTFUL: dict[str, Any] = {
    "events are a list": [],
    "splits are a list": {"splits": [1]},
    "a split without ratio": {"splits": {"1": {"date": 1761831000, "numerator": 1}}},
    "a split of 1:0": {"splits": {"1": {"date": 1761831000, "numerator": 1, "denominator": 0}}},
    "a split below 0": {"splits": {"1": {"date": 1761831000, "numerator": -2, "denominator": 1}}},
    "a split of text": {"splits": {"1": {"date": 1761831000, "numerator": "2", "denominator": 1}}},
    "a split without a day": {"splits": {"1": {"numerator": 2, "denominator": 1}}},
    "two splits of a day": {
        "splits": {
            "1": {"date": 1761831000, "numerator": 2, "denominator": 1},
            "2": {"date": 1761831001, "numerator": 3, "denominator": 1},
        }
    },
    "a dividend without amount": {"dividends": {"1": {"date": 1761831000}}},
    "a dividend of nothing": {"dividends": {"1": {"date": 1761831000, "amount": 0}}},
    "a dividend below zero": {"dividends": {"1": {"date": 1761831000, "amount": -0.1}}},
    "a dividend without end": {"dividends": {"1": {"date": 1761831000, "amount": 10**400}}},
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_a_doubtful_event_is_left_out_and_named_and_costs_no_price(case):
    body = chart()
    result_of(body)["events"] = DOUBTFUL[case]
    history = parsed(body)
    assert [bar.close for bar in history.bars] == CLOSES
    assert (history.splits, history.dividends) == ((), ())
    assert not history.is_complete
    assert history.notes("X")
    assert all(note.endswith("left out") for note in history.notes("X"))
    yahoo, _ = vendor({PATH: body})
    assert yahoo.fetch(PRICES, "BITF", ALL).missing == (), "no price is missing"


def test_dividends_of_one_day_are_added_up_and_one_listed_twice_counts_once():
    body = chart()
    stamp = instant(DAYS[2], 9, 30)
    paid = [{"amount": 0.5, "date": stamp}, {"amount": 1.25, "date": stamp + 60}]
    repeated = {str(n): each for n, each in enumerate([*paid, paid[0]])}
    result_of(body)["events"] = {"dividends": repeated}
    history = parsed(body)
    assert [(each.ex_date, each.amount) for each in history.dividends] == [(DAYS[2], 1.75)]
    assert history.is_complete


def test_pence_are_not_pounds():
    body = chart(symbol="X.L")
    result_of(body)["meta"]["currency"] = "GBp"
    path = "/v8/finance/chart/X.L"
    with pytest.raises(UnusableAnswer, match="currency 'GBp' where GBP"):
        vendor({path: body}, currencies={"X.L": "GBP"})[0].fetch(PRICES, "X.L", ALL)


# --- what is refused --------------------------------------------------------------------


def result_of(body: dict[str, Any]) -> dict[str, Any]:
    return body["chart"]["result"][0]


MALFORMED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no chart": lambda body: body.pop("chart"),
    "chart is a list": lambda body: body.update(chart=[]),
    "no result": lambda body: body["chart"].update(result=None),
    "result is empty": lambda body: body["chart"].update(result=[]),
    "two results": lambda body: body["chart"]["result"].append({}),
    "no meta": lambda body: result_of(body).pop("meta"),
    "another symbol": lambda body: result_of(body)["meta"].update(symbol="RIOT"),
    "another currency": lambda body: result_of(body)["meta"].update(currency="CAD"),
    "no currency": lambda body: result_of(body)["meta"].update(currency=None),
    "weeks": lambda body: result_of(body)["meta"].update(dataGranularity="1wk"),
    "no such zone": lambda body: result_of(body)["meta"].update(exchangeTimezoneName="Mars/Base"),
    "zone is a path": lambda body: result_of(body)["meta"].update(exchangeTimezoneName="../x"),
    "zone is a folder": lambda body: result_of(body)["meta"].update(exchangeTimezoneName="US"),
    "zone is a number": lambda body: result_of(body)["meta"].update(exchangeTimezoneName=5),
    "no timestamps": lambda body: result_of(body).pop("timestamp"),
    "a timestamp is null": lambda body: result_of(body)["timestamp"].__setitem__(1, None),
    "a timestamp is text": lambda body: result_of(body)["timestamp"].__setitem__(1, "2025-10-31"),
    "a timestamp is a fraction": lambda body: result_of(body)["timestamp"].__setitem__(1, 1.5),
    "a timestamp in milliseconds": lambda body: result_of(body)["timestamp"].__setitem__(
        1, 1761917400000
    ),
    "a timestamp too far": lambda body: result_of(body)["timestamp"].__setitem__(1, 10**30),
    "one close less": lambda body: quotes(body)["close"].pop(),
    "no volume": lambda body: quotes(body).pop("volume"),
    "closes are null": lambda body: quotes(body).update(close=None),
    "a close is text": change("close", 1, "12.5"),
    "a close is true": change("close", 1, True),
    "a close is a list": change("close", 1, [12.5]),
    "a volume is text": change("volume", 1, "1000"),
    "no quote": lambda body: result_of(body)["indicators"].pop("quote"),
    "a period of text": lambda body: result_of(body)["meta"].update(currentTradingPeriod="now"),
    "an unknown error": lambda body: body["chart"].update(
        error={"code": "Internal", "description": "x"}
    ),
    "an error without words": lambda body: body["chart"].update(error={"code": 5}),
    "an error of text": lambda body: body["chart"].update(error="no"),
    "another bad request": lambda body: body["chart"].update(
        error={"code": "Bad Request", "description": "Invalid input - interval=1d"}
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_has_another_shape_is_refused(case):
    body = chart()
    MALFORMED[case](body)
    with pytest.raises(UnusableAnswer):
        parsed(body)


@pytest.mark.parametrize("body", [None, [], {}, "text", 5, True, {"chart": None}])
def test_what_is_no_chart_is_refused(body):
    with pytest.raises(UnusableAnswer):
        parsed(body)


def test_prices_of_days_to_come_are_refused():
    with pytest.raises(UnusableAnswer, match="2025-11-05, which had not come"):
        parsed(chart(), at=datetime(2025, 11, 4, 22, tzinfo=UTC))


def test_an_unknown_symbol_is_told_from_an_empty_window():
    with pytest.raises(UnknownSymbol, match="may be delisted"):
        parsed(NOT_FOUND)


# --- asking -----------------------------------------------------------------------------


def test_an_answer_fits_the_contract_of_each_table():
    body = chart(splits={DAYS[1]: (10, 1)}, dividends={DAYS[2]: 0.01})
    yahoo, client = vendor({PATH: body})
    answers = {
        name: yahoo.fetch(BY_NAME[name], "BITF", ALL)
        for name in ("equity_prices", "equity_closes_second_source", "equity_splits")
    }
    dividends = yahoo.fetch(BY_NAME["equity_dividends"], "BITF", ALL)
    assert {name: len(answer.columns["ticker"]) for name, answer in answers.items()} == {
        "equity_prices": 5,
        "equity_closes_second_source": 5,
        "equity_splits": 1,
    }
    assert dividends.columns == {
        "ticker": ["BITF"],
        "ex_date": [DAYS[2]],
        "amount_usd": [0.01],
        "amount_basis": ["split_adjusted"],
    }
    for name, answer in answers.items():
        frame = typed_frame(BY_NAME[name], answer.columns)
        assert len(frame) == len(answer.columns["ticker"])
        assert (answer.requests, answer.retries, answer.waited_s, answer.complete) == (
            1,
            0,
            0.25,
            True,
        )
        assert answer.bytes == len(json.dumps(body).encode())
    assert client.asked[0] == (
        "yahoo",
        PATH,
        {
            "period1": str(instant(DAYS[0], 0)),
            "period2": str(instant(date(2025, 11, 6), 0)),
            "interval": "1d",
            "events": "div,splits",
            "includePrePost": "false",
        },
    )


def test_another_table_is_refused_before_anybody_is_asked():
    yahoo, client = vendor({})
    with pytest.raises(SourceError, match="No price vendor fills table btc_prices"):
        yahoo.fetch(BY_NAME["btc_prices"], "BITF", ALL)
    assert client.asked == []


def test_errors_that_come_with_a_status_are_read():
    assert vendor({PATH: refused(400, NO_DATA)})[0].fetch(PRICES, "BITF", ALL).columns == {
        name: [] for name in (*PRICES.column_names, "source")
    }
    with pytest.raises(UnknownSymbol):
        vendor({PATH: refused(404, NOT_FOUND)})[0].fetch(PRICES, "BITF", ALL)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"<html>Not here</html>"),
        # A moved interface: no word of a symbol.
        (404, {"chart": {"result": None, "error": {"code": "Not Found", "description": "404"}}}),
        (404, {"finance": {"error": {"code": "Not Found", "description": "HTTP 404"}}}),
        (404, {"chart": {"result": [], "error": None}}),
        (400, {"finance": {"error": {"code": "Bad Request", "description": "x"}}}),
        (403, NOT_FOUND),
        (401, {"finance": {"error": {"code": "Unauthorized", "description": "Invalid Crumb"}}}),
        (200, b"<html>Will be right back</html>"),
    ],
)
def test_any_other_refusal_stays_what_it_is(status, body):
    with pytest.raises(HttpRefused) as raised:
        vendor({PATH: refused(status, body)})[0].fetch(PRICES, "BITF", ALL)
    assert raised.value.status == status


def test_an_unusable_answer_names_vendor_symbol_and_window():
    with pytest.raises(UnusableAnswer) as raised:
        vendor({PATH: b"[]"})[0].fetch(PRICES, "BITF", ALL)
    assert raised.value.where == "Yahoo, BITF, 2025-10-30..2025-11-05"
    assert "archive" in raised.value.mend


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"NaN", b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(body):
    with pytest.raises(SourceError) as raised:
        vendor({PATH: body})[0].fetch(PRICES, "BITF", ALL)
    assert PATH in raised.value.where


def test_an_outage_of_one_symbol_leaves_the_others():
    riot = "/v8/finance/chart/RIOT"
    yahoo, client = vendor(
        {PATH: HttpUnavailable("Bad gateway.", status=502), riot: chart(symbol="RIOT")}
    )
    with pytest.raises(HttpUnavailable):
        yahoo.fetch(PRICES, "BITF", ALL)
    assert len(yahoo.fetch(PRICES, "RIOT", ALL).columns["close"]) == 5
    assert len(client.asked) == 2


def test_a_symbol_is_quoted_in_the_address():
    yahoo, client = vendor({"/v8/finance/chart/%5EGSPC": chart(symbol="^GSPC")})
    assert len(yahoo.fetch(PRICES, "^GSPC", ALL).columns["close"]) == 5
    assert client.asked[0][1] == "/v8/finance/chart/%5EGSPC"


def test_a_foreign_listing_is_read_in_its_own_currency():
    body = chart(symbol="BITF.TO")
    result_of(body)["meta"]["currency"] = "CAD"
    path = "/v8/finance/chart/BITF.TO"
    with pytest.raises(UnusableAnswer, match="currency 'CAD' where USD"):
        vendor({path: body})[0].fetch(PRICES, "BITF.TO", ALL)
    canadian, _ = vendor({path: body}, currencies={"BITF.TO": "CAD"})
    assert len(canadian.fetch(PRICES, "BITF.TO", ALL).columns["close"]) == 5


KEEL_PATH = "/v8/finance/chart/KEEL"


def renamed(is_verified: bool, answers: dict[str, Any], asked_on: date = date(2026, 5, 1)):
    alias = SymbolAlias("BITF", "*", "KEEL", date(2026, 4, 6), None, is_verified)
    client = FakeClient(answers)
    return YahooVendor(client, aliases=[alias], asked_on=asked_on), client


def test_a_successor_is_asked_only_for_what_the_ticker_lacks():
    yahoo, client = renamed(False, {PATH: chart(), KEEL_PATH: chart(symbol="KEEL")})
    assert yahoo.fetch(PRICES, "BITF", ALL).notes == ()
    assert [path for _, path, _ in client.asked] == [PATH]


NOTHING = chart(DAYS[:1], CLOSES[:1])
del NOTHING["chart"]["result"][0]["timestamp"]
NOTHING["chart"]["result"][0]["indicators"] = {"quote": [{}], "adjclose": [{}]}
# The old symbol's last trade was in October; its one bar is of a later day.
PHANTOM_BAR = chart(DAYS[2:3], [13.7], session=date(2025, 10, 29))


@pytest.mark.parametrize(
    "old", [refused(404, NOT_FOUND), NO_DATA, NOTHING, PHANTOM_BAR, {"chart": None}]
)
def test_an_old_symbol_with_no_history_leads_to_the_successor(old):
    yahoo, client = renamed(False, {PATH: old, KEEL_PATH: chart(symbol="KEEL")})
    answer = yahoo.fetch(PRICES, "BITF", ALL)
    assert [path for _, path, _ in client.asked] == [PATH, KEEL_PATH]
    assert answer.columns["ticker"] == ["BITF"] * 5
    assert answer.columns["close"] == CLOSES
    # Nobody verified the alias: a source of its own keeps returns from crossing the change.
    assert answer.columns["source"] == ["yahoo KEEL"] * 5
    assert answer.requests == 2
    assert (
        "BITF is filed under KEEL at Yahoo, by an alias that nobody has verified: no return is "
        "computed across the change"
    ) in answer.notes


def test_a_successor_continues_a_history_that_ends_where_common_sessions_agree():
    old, new = chart(DAYS[:3], CLOSES[:3]), chart(symbol="KEEL")
    yahoo, client = renamed(False, {PATH: old, KEEL_PATH: new})
    answer = yahoo.fetch(PRICES, "BITF", ALL)
    assert answer.columns["session_date"] == DAYS
    assert answer.columns["source"] == ["yahoo"] * 5
    assert (answer.complete, answer.missing) == (True, ())
    assert answer.notes == (
        "BITF is filed under KEEL at Yahoo after 2025-11-03; 3 common sessions agree",
    )
    # Asked for some days before the end, to compare.
    assert client.asked[1][2]["period1"] == str(instant(DAYS[0], 0))


def test_another_share_under_the_successors_symbol_is_no_continuation():
    old, new = chart(DAYS[:3], CLOSES[:3]), chart(DAYS, [99.0] * 5, symbol="KEEL")
    yahoo, _ = renamed(False, {PATH: old, KEEL_PATH: new})
    answer = yahoo.fetch(PRICES, "BITF", ALL)
    assert answer.columns["session_date"] == DAYS[:3]
    assert not answer.complete
    assert answer.missing == (DAYS[3], DAYS[4])
    assert any("BITF is not continued by KEEL" in note for note in answer.notes)
    assert "BITF: 2 sessions missing (2025-11-04 to 2025-11-05)" in answer.notes


@pytest.mark.parametrize("new", [refused(404, NOT_FOUND), HttpUnavailable("Down.", status=502)])
def test_a_successor_that_gives_nothing_costs_nothing_that_is_there(new):
    yahoo, _ = renamed(False, {PATH: chart(DAYS[:3], CLOSES[:3]), KEEL_PATH: new})
    answer = yahoo.fetch(PRICES, "BITF", ALL)
    assert answer.columns["session_date"] == DAYS[:3]
    assert not answer.complete
    assert any("KEEL" in note for note in answer.notes)


def test_a_verified_alias_is_asked_alone_where_it_has_everything():
    """The exchange may have given the old symbol to another company."""
    yahoo, client = renamed(True, {PATH: chart(), KEEL_PATH: chart(symbol="KEEL")})
    answer = yahoo.fetch(PRICES, "BITF", ALL)
    assert answer.notes == ("BITF is filed under KEEL at Yahoo",)
    assert answer.columns["source"] == ["yahoo"] * 5
    assert [path for _, path, _ in client.asked] == [KEEL_PATH]


def test_days_before_a_verified_change_may_be_under_the_old_symbol():
    new = chart(DAYS[3:], CLOSES[3:], symbol="KEEL")
    new["chart"]["result"][0]["meta"]["firstTradeDate"] = instant(DAYS[3], 9, 30)
    yahoo, client = renamed(True, {PATH: chart(DAYS[:3], CLOSES[:3]), KEEL_PATH: new})
    answer = yahoo.fetch(PRICES, "BITF", ALL)
    assert (answer.columns["session_date"], answer.columns["close"]) == (DAYS, CLOSES)
    assert answer.columns["source"] == ["yahoo"] * 5
    assert answer.complete
    assert [path for _, path, _ in client.asked] == [KEEL_PATH, PATH]
    assert client.asked[1][2]["period2"] == str(instant(DAYS[3], 0))


def test_no_symbol_known_is_said_of_the_last_one():
    yahoo, _ = renamed(False, {PATH: refused(404, NOT_FOUND), KEEL_PATH: refused(404, NOT_FOUND)})
    with pytest.raises(UnknownSymbol, match="KEEL") as raised:
        yahoo.fetch(PRICES, "BITF", ALL)
    assert "symbol_aliases.csv" in raised.value.mend


def test_parsing_changes_nothing_of_the_body():
    body = with_live_bar(13.1, 5, splits={DAYS[1]: (10, 1)})
    before = copy.deepcopy(body)
    parsed(body)
    assert body == before
