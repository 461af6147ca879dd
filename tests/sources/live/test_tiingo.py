"""Tiingo's end-of-day answers: adjusted here for splits alone, and the key kept to a header."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from dagster_project.contracts import BY_NAME, Window, typed_frame
from dagster_project.errors import SourceError
from dagster_project.sources.live.equity_history import ABSURD, CLOSED, WITHOUT_CLOSE, UnknownSymbol
from dagster_project.sources.live.http_errors import HttpRefused, HttpUnavailable
from dagster_project.sources.live.strict_json import UnusableAnswer
from dagster_project.sources.live.symbol_aliases import SymbolAlias
from dagster_project.sources.live.tiingo import TiingoVendor, parse_prices, used_up
from tests.sources.live.equity_bodies import (
    CLOSES,
    DAYS,
    SATURDAY,
    FakeClient,
    tiingo_day,
)

ALL = Window(DAYS[0], DAYS[-1])
PRICES = BY_NAME["equity_prices"]
PATH = "/tiingo/daily/bitf/prices"
WORD = "a-key-nobody-may-see-0123456789"


class Key:
    def __init__(self, word: str = WORD) -> None:
        self._word = word

    def reveal(self) -> str:
        return self._word


def days() -> list[dict[str, Any]]:
    return [tiingo_day(day, close) for day, close in zip(DAYS, CLOSES, strict=True)]


def parsed(body: Any, *, window: Window = ALL, at: datetime = SATURDAY):
    return parse_prices(body, "BITF", window, at)


def vendor(answers: dict[str, Any], **how: Any) -> tuple[TiingoVendor, FakeClient]:
    client = FakeClient(answers)
    return TiingoVendor(client, Key(), asked_on=date(2025, 11, 8), **how), client


def test_prices_as_traded_are_read_not_the_adjusted_ones():
    history = parsed(days())
    assert [bar.session_date for bar in history.bars] == DAYS
    assert [bar.close for bar in history.bars] == CLOSES
    assert history.is_complete


def test_days_before_a_split_are_divided_by_it():
    """10:1 on the third day, 1:4 on the fifth: 12.34 / 10 x 4 = 4.936, 11.99 x 4 = 47.96."""
    body = days()
    body[2]["splitFactor"], body[4]["splitFactor"] = 10.0, 0.25
    history = parsed(body)
    assert [bar.close for bar in history.bars] == pytest.approx(
        [4.936, 5.0, 47.96, 48.28, 13.1], rel=1e-12
    )
    # Shares are counted the other way round: 1,000,000 x 10 / 4, then / 4, then as traded.
    assert [bar.volume for bar in history.bars] == [2_500_000, 2_500_000, 250_000, 250_000, 1e6]
    assert [(split.ex_date, split.ratio) for split in history.splits] == [
        (DAYS[2], 10.0),
        (DAYS[4], 0.25),
    ]


def test_a_split_after_the_window_still_changes_its_prices():
    body = days()
    body[4]["splitFactor"] = 2.0
    history = parsed(body, window=Window(DAYS[0], DAYS[1]))
    assert [bar.close for bar in history.bars] == [6.17, 6.25]
    assert history.splits == ()


def test_a_reverse_split_leaves_whole_shares():
    body = days()
    body[0]["volume"] = 1_000_003
    body[4]["splitFactor"] = 0.1
    assert parsed(body).bars[0].volume == 100_000


def test_dividends_are_as_paid():
    body = days()
    body[3]["divCash"] = 0.04
    assert [(paid.ex_date, paid.amount, paid.basis) for paid in parsed(body).dividends] == [
        (DAYS[3], 0.04, "as_paid")
    ]


@pytest.mark.parametrize(
    ("at", "n_bars"),
    [
        (datetime(2025, 11, 5, 22, 29, tzinfo=UTC), 4),  # 17:29 in New York
        (datetime(2025, 11, 5, 22, 30, tzinfo=UTC), 5),
    ],
)
def test_a_day_counts_from_the_hour_its_prices_are_offered(at, n_bars):
    assert len(parsed(days(), at=at).bars) == n_bars


def test_unordered_days_are_put_in_order():
    body = days()
    body[2]["splitFactor"] = 10.0
    assert parsed([body[row] for row in (3, 0, 4, 2, 1)]) == parsed(body)


def test_a_day_without_a_close_is_left_out_and_counted():
    body = days()
    body[1]["close"] = None
    history = parsed(body)
    assert (len(history.bars), history.left_out) == (4, {WITHOUT_CLOSE: (DAYS[1],)})
    assert (history.missing, history.is_complete) == ((DAYS[1],), False)


def test_a_day_that_cannot_be_true_is_left_out_and_counted():
    body = days()
    body[1]["close"] = -3
    assert (len(parsed(body).bars), parsed(body).left_out) == (4, {ABSURD: (DAYS[1],)})
    body[3]["volume"] = -1
    with pytest.raises(UnusableAnswer, match="2 of 5"):
        parsed(body)


MALFORMED: dict[str, Any] = {
    "a day twice": lambda body: body.append(dict(body[0])),
    "a day is text": lambda body: body.append("2025-11-06"),
    "a day is null": lambda body: body.append(None),
    "no date": lambda body: body[1].pop("date"),
    "a date is a number": lambda body: body[1].update(date=20251031),
    "a date has a time": lambda body: body[1].update(date="2025-10-31T16:00:00.000Z"),
    "no such date": lambda body: body[1].update(date="2025-13-31T00:00:00.000Z"),
    "no close": lambda body: body[1].pop("close"),
    "no volume": lambda body: body[1].pop("volume"),
    "a close is text": lambda body: body[1].update(close="12.5"),
    "no split factor": lambda body: body[1].pop("splitFactor"),
    "split factor is text": lambda body: body[1].update(splitFactor="2"),
    "a date of another zone": lambda body: body[1].update(date="2025-10-31T00:00:00-04:00"),
    "a day to come": lambda body: body.append(tiingo_day(date(2025, 11, 10), 13.0)),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_has_another_shape_is_refused(case):
    body = days()
    MALFORMED[case](body)
    with pytest.raises(UnusableAnswer):
        parsed(body)


@pytest.mark.parametrize(
    "event",
    [
        {"splitFactor": None},
        {"splitFactor": 0},
        {"splitFactor": -2},
        {"splitFactor": 1e5},
        {"divCash": -1},
        {"divCash": "0.01"},
        {"divCash": 10**400},
    ],
)
def test_a_doubtful_event_is_left_out_and_named_and_costs_no_price(event):
    body = days()
    body[1].update(event)
    history = parsed(body)
    assert [bar.close for bar in history.bars] == CLOSES
    assert (history.splits, history.dividends) == ((), ())
    (note,) = history.notes("X")
    assert "2025-10-31" in note
    assert not history.is_complete


@pytest.mark.parametrize(
    "spelling", ["2025-10-31", "2025-10-31T00:00:00+00:00", "2025-10-31T00:00:00Z"]
)
def test_midnight_utc_is_one_day_in_every_spelling(spelling):
    body = days()
    body[1]["date"] = spelling
    assert parsed(body) == parsed(days())


def test_sessions_are_those_of_the_calendar():
    body = [*days()[:2], tiingo_day(date(2025, 11, 1), 12.5), *days()[3:]]
    history = parsed(body)
    assert history.left_out == {CLOSED: (date(2025, 11, 1),)}
    assert history.missing == (DAYS[2],)


def test_splits_without_end_are_refused():
    """Factors that multiply to nothing would divide by zero."""
    many = [tiingo_day(date.fromordinal(730_000 + row), 12.0, split=1e-4) for row in range(100)]
    with pytest.raises(UnusableAnswer, match="multiply to"):
        parsed(many)


@pytest.mark.parametrize("body", [None, "text", 5, True, {}, {"detail": 5}, {"prices": []}])
def test_what_is_no_list_of_days_is_refused(body):
    with pytest.raises(UnusableAnswer):
        parsed(body)


def test_an_empty_list_is_a_share_without_days():
    assert parsed([]).bars == ()


def test_words_instead_of_days_say_what_is_wrong():
    with pytest.raises(UnknownSymbol, match="Tiingo does not know BITF"):
        parsed({"detail": "Error: Ticker 'BITF' not found"})
    # A moved address says this of every symbol.
    with pytest.raises(UnknownSymbol, match="nothing at the address") as unclear:
        parsed({"detail": "Not found."})
    assert "if every symbol is answered so" in unclear.value.mend
    later = used_up({"detail": "Error: You have run over your hourly request allocation."})
    assert later is not None
    assert (later.status, later.wait_s) == (429, 3600.0)
    assert used_up([]) is used_up({"detail": "Not found."}) is None
    with pytest.raises(UnusableAnswer, match="Invalid token"):
        parsed({"detail": "Invalid token."})


# --- asking -----------------------------------------------------------------------------


def test_the_key_travels_in_a_header_and_the_question_reaches_to_the_newest_day():
    tiingo, client = vendor({PATH: days()})
    answer = tiingo.fetch(PRICES, "BITF", Window(DAYS[0], DAYS[1]))
    assert client.asked == [("tiingo", PATH, {"startDate": "2025-10-30", "format": "json"})]
    assert client.secrets == [{"Authorization": f"Token {WORD}"}]
    assert WORD not in repr(answer)
    assert answer.columns["session_date"] == DAYS[:2]
    assert len(typed_frame(PRICES, answer.columns)) == 2


def test_without_a_key_nobody_is_asked():
    client = FakeClient({})
    with pytest.raises(SourceError) as raised:
        TiingoVendor(client, None, asked_on=date(2025, 11, 8)).fetch(PRICES, "BITF", ALL)
    assert "MINER_TIINGO_KEY" in raised.value.mend
    assert client.asked == []


def test_a_replay_needs_no_key():
    client = FakeClient({PATH: days()})
    replayed = TiingoVendor(client, None, asked_on=date(2025, 11, 8), replay=True)
    answer = replayed.fetch(PRICES, "BITF", Window(DAYS[0], DAYS[1]))
    assert answer.columns["session_date"] == DAYS[:2]
    assert client.secrets == [{}]


@pytest.mark.parametrize(
    "answer",
    [
        {"detail": "Invalid token."},
        b"<html>",
        HttpRefused("no", status=403, body=b'{"detail": "Invalid token."}'),
        HttpRefused("no", status=404, body=b"<html>"),
        HttpUnavailable("Time-out."),
        {"detail": "Error: You have run over your hourly request allocation."},
    ],
)
def test_no_error_says_the_key(answer):
    tiingo, _ = vendor({PATH: answer})
    with pytest.raises(SourceError) as raised:
        tiingo.fetch(PRICES, "BITF", ALL)
    chain: BaseException | None = raised.value
    while chain:
        assert WORD not in str(chain)
        chain = chain.__cause__


def test_an_unknown_symbol_comes_with_a_status_and_leads_to_the_alias():
    unknown = HttpRefused("no", status=404, body=json.dumps({"detail": "Not found."}).encode())
    alias = SymbolAlias("BITF", "tiingo", "KEEL", None, None, is_verified=False)
    tiingo, client = vendor({PATH: unknown, "/tiingo/daily/keel/prices": days()}, aliases=[alias])
    answer = tiingo.fetch(PRICES, "BITF", ALL)
    assert (answer.columns["ticker"], answer.requests) == (["BITF"] * 5, 2)
    assert [path for _, path, _ in client.asked] == [PATH, "/tiingo/daily/keel/prices"]
    with pytest.raises(UnknownSymbol):
        vendor({PATH: unknown})[0].fetch(PRICES, "BITF", ALL)
