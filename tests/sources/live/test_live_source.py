"""Vendors are asked in order, symbol by symbol; what one lacks harms no other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from dagster_project.contracts import BY_NAME, Cost, Extract, Gap, Table, Window
from dagster_project.errors import SourceError
from dagster_project.settings import BUNDLED_DATA_DIR
from dagster_project.sources.data_folder import DataFolder
from dagster_project.sources.live.circuit_breaker import FAILURES_IN_A_ROW
from dagster_project.sources.live.live_source import (
    OVERLAP_DAYS,
    LiveSource,
    Plan,
)
from dagster_project.sources.live.vendor import Tally, VendorAnswer

FIRST, TODAY = date(2025, 1, 2), date(2025, 3, 31)
PRICES = BY_NAME["equity_prices"]
RECEIVED = datetime(2025, 3, 31, 22, 0)


class RefusingVendor:
    """Answers a first page, then no more: what it was asked in vain was asked all the same."""

    name = "refusing"

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        with Tally() as cost:
            cost.requests, cost.retries, cost.bytes, cost.waited_s = 6, 4, 100, 31.5
            raise SourceError("the second page is refused")


class FakeVendor:
    """Answers one close per day of the window for the symbols it knows."""

    def __init__(
        self, name: str, *, knows: Sequence[str] = (), restated_on: date | None = None
    ) -> None:
        self.name = name
        self.knows = set(knows)
        self.restated_on = restated_on
        self.extra: list[date] = []
        self.lacks: set[date] = set()
        self.close = 10.0
        self.asked: list[tuple[str, Window]] = []

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        self.asked.append((symbol, window))
        if symbol not in self.knows:
            raise SourceError(f"{symbol} is not known")
        days = [
            window.start + timedelta(days=n) for n in range((window.end - window.start).days + 1)
        ]
        missing = tuple(day for day in days if day in self.lacks)
        days = [day for day in days if day not in self.lacks] + self.extra
        columns: dict[str, list[Any]] = {
            "ticker": [symbol] * len(days),
            "session_date": days,
            "close": [self.close] * len(days),
        }
        restated = self.restated_on is not None and window.start > FIRST
        return VendorAnswer(
            columns,
            2,
            100,
            0.5,
            1,
            complete=not missing,
            restated=restated,
            retrieved_at=RECEIVED,
            missing=missing,
        )


def _source(plan: Plan) -> LiveSource:
    folder = DataFolder(BUNDLED_DATA_DIR, BUNDLED_DATA_DIR)
    return LiveSource(folder, {PRICES.name: [plan]}, first=FIRST, today=TODAY)


def _answers(plan: Plan, **options: Any) -> list[Extract | Gap]:
    return list(_source(plan).answers(PRICES, **options))


def test_the_first_vendor_that_knows_a_symbol_answers_and_rows_say_so() -> None:
    first, second = FakeVendor("first", knows=["AAA"]), FakeVendor("second", knows=["AAA", "BBB"])
    one, two = _answers(Plan([first, second], ["AAA", "BBB"]))
    assert isinstance(one, Extract)
    assert isinstance(two, Extract)
    assert (one.source, two.source) == ("first", "second")
    assert set(two.frame["source"]) == {"second"}
    assert two.tried == ("first: BBB is not known",)
    assert one.tried == ()
    assert [symbol for symbol, _ in second.asked] == ["BBB"]
    assert not one.complete, "a symbol's rows are not the whole table"
    assert one.retrieved_at == RECEIVED


def test_a_symbol_nobody_knows_is_a_gap_and_the_next_one_is_answered() -> None:
    vendors = [FakeVendor("first", knows=["BBB"]), FakeVendor("second", knows=["BBB"])]
    gap, answer = _answers(Plan(vendors, ["AAA", "BBB"]))
    assert isinstance(gap, Gap)
    assert gap.tried == ("first: AAA is not known", "second: AAA is not known")
    assert isinstance(answer, Extract)
    assert len(answer.frame) == (TODAY - FIRST).days + 1


def test_what_one_vendor_lacks_the_next_is_asked_for() -> None:
    first, second, third = (
        FakeVendor(name, knows=["AAA"]) for name in ("first", "second", "third")
    )
    first.lacks = {date(2025, 1, 6), date(2025, 1, 9), date(2025, 1, 10)}
    second.lacks, second.close = {date(2025, 1, 9)}, 20.0
    (answer,) = _answers(Plan([first, second, third], ["AAA"]))
    assert isinstance(answer, Extract)
    assert second.asked == [("AAA", Window(date(2025, 1, 6), date(2025, 1, 10)))]
    assert third.asked == [("AAA", Window(date(2025, 1, 9), date(2025, 1, 9)))]
    frame = answer.frame.set_index(answer.frame["session_date"].dt.date)
    assert list(frame.index) == sorted(frame.index)
    assert len(frame) == (TODAY - FIRST).days + 1
    of = frame["source"].to_dict()
    assert of[date(2025, 1, 6)] == of[date(2025, 1, 10)] == "second"
    assert of[date(2025, 1, 9)] == "third"
    # Only what is missing is taken from another vendor.
    assert of[date(2025, 1, 7)] == "first"
    assert frame["close"][date(2025, 1, 7)] == 10.0
    assert answer.origin == "first AAA; second AAA; third AAA"
    assert answer.cost.requests == 6
    assert "second has 2 of 3 days that others lack" in answer.notes


def test_what_nobody_has_stays_missing_and_costs_no_row() -> None:
    first, second = FakeVendor("first", knows=["AAA"]), FakeVendor("second")
    first.lacks = {date(2025, 1, 6)}
    (answer,) = _answers(Plan([first, second], ["AAA"]))
    assert isinstance(answer, Extract)
    assert len(answer.frame) == (TODAY - FIRST).days
    assert answer.tried == ("second: AAA is not known",)
    second.knows, second.lacks = {"AAA"}, {date(2025, 1, 6)}
    (answer,) = _answers(Plan([first, second], ["AAA"]))
    assert isinstance(answer, Extract)
    assert len(answer.frame) == (TODAY - FIRST).days
    assert "second has 0 of 1 days that others lack" in answer.notes


def test_what_a_vendor_was_asked_in_vain_is_part_of_the_cost() -> None:
    (gap,) = _answers(Plan([RefusingVendor()], ["AAA"]))
    assert isinstance(gap, Gap)
    assert gap.cost == Cost(6, 4, 100, 31.5)
    (answer,) = _answers(Plan([RefusingVendor(), FakeVendor("up", knows=["AAA"])], ["AAA"]))
    assert isinstance(answer, Extract)
    assert answer.cost == Cost(8, 5, 200, 32.0)


def test_a_vendor_that_fails_in_a_row_is_left_alone() -> None:
    symbols = ["AAA", "BBB", "CCC", "DDD", "EEE"]
    down, up = FakeVendor("down"), FakeVendor("up", knows=symbols)
    answers = _answers(Plan([down, up], symbols))
    assert len(down.asked) == FAILURES_IN_A_ROW
    assert all(isinstance(part, Extract) for part in answers)
    assert "not asked" in answers[-1].tried[0]


def test_one_answer_between_failures_keeps_a_vendor_in_use() -> None:
    symbols = ["A", "B", "KNOWN", "C", "D", "E"]
    patchy = FakeVendor("patchy", knows=["KNOWN"])
    _answers(Plan([patchy], symbols))
    assert len(patchy.asked) == len(symbols)


def test_nothing_is_asked_for_before_the_first_day_there_can_be() -> None:
    vendor = FakeVendor("first", knows=["AAA"])
    plan = Plan([vendor], ["AAA"], first_day=date(2025, 2, 10))
    assert _answers(plan, window=Window(date(2025, 1, 1), date(2025, 1, 31))) == []
    _answers(plan, window=Window(date(2025, 2, 1), date(2025, 2, 28)))
    _answers(plan, stored_until={})
    assert [window for _, window in vendor.asked] == [
        Window(date(2025, 2, 10), date(2025, 2, 28)),
        Window(date(2025, 2, 10), TODAY),
    ]


def test_a_backfill_asks_for_its_window_and_never_for_the_future() -> None:
    vendor = FakeVendor("first", knows=["AAA"])
    _answers(Plan([vendor], ["AAA"]), window=Window(date(2025, 2, 1), date(2025, 2, 28)))
    _answers(Plan([vendor], ["AAA"]), window=Window(date(2025, 3, 1), date(2025, 4, 30)))
    assert [window for _, window in vendor.asked] == [
        Window(date(2025, 2, 1), date(2025, 2, 28)),
        Window(date(2025, 3, 1), TODAY),
    ]
    assert (
        _answers(Plan([vendor], ["AAA"]), window=Window(date(2025, 5, 1), date(2025, 5, 31))) == []
    )


def test_an_incremental_run_goes_on_from_each_symbols_own_last_day() -> None:
    vendor = FakeVendor("first", knows=["OLD", "NEW"])
    known = {"OLD": date(2025, 3, 20)}
    _answers(Plan([vendor], ["OLD", "NEW"]), stored_until=known)
    assert vendor.asked == [
        ("OLD", Window(date(2025, 3, 20) - timedelta(days=OVERLAP_DAYS), TODAY)),
        ("NEW", Window(FIRST, TODAY)),
    ]


def test_an_incremental_run_survives_a_stored_day_in_the_future() -> None:
    vendor = FakeVendor("first", knows=["AAA"])
    _answers(Plan([vendor], ["AAA"]), stored_until={"AAA": date(2026, 1, 1)})
    assert vendor.asked == [("AAA", Window(TODAY, TODAY))]


def test_a_restated_history_is_read_again_from_its_beginning() -> None:
    vendor = FakeVendor("first", knows=["AAA"], restated_on=date(2025, 3, 25))
    (answer,) = _answers(Plan([vendor], ["AAA"]), stored_until={"AAA": date(2025, 3, 28)})
    assert isinstance(answer, Extract)
    assert [window.start for _, window in vendor.asked] == [date(2025, 3, 18), FIRST]
    assert len(answer.frame) == (TODAY - FIRST).days + 1
    assert answer.cost.requests == 4, "both readings were paid for"


def test_rows_outside_the_window_are_left_out_and_counted() -> None:
    vendor = FakeVendor("first", knows=["AAA"])
    vendor.extra = [date(2027, 1, 1), date(2020, 1, 1)]
    (answer,) = _answers(Plan([vendor], ["AAA"]))
    assert isinstance(answer, Extract)
    assert answer.frame["session_date"].dt.date.max() == TODAY
    assert "2 rows outside 2025-01-02..2025-03-31 were left out" in answer.notes


@pytest.mark.parametrize("may_be_empty", [True, False])
def test_no_rows_are_an_answer_only_where_there_need_be_none(may_be_empty: bool) -> None:
    class Silent(FakeVendor):
        def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
            return VendorAnswer({}, 1, 2, 0.0, 0)

    (part,) = _answers(
        Plan([Silent("silent")], ["AAA"], empty_is_an_answer=may_be_empty), stored_until={}
    )
    if may_be_empty:
        assert isinstance(part, Extract)
        assert part.frame.empty
    else:
        assert isinstance(part, Gap)
        assert part.tried == ("silent: no rows from 2025-01-02 to 2025-03-31",)


def test_a_table_without_a_vendor_comes_from_the_data_folder_and_says_why() -> None:
    plan = Plan([], [], absent=("tiingo: MINER_TIINGO_KEY is not set",))
    (part,) = _answers(plan)
    assert isinstance(part, Extract)
    assert part.source == "bundled"
    assert not part.complete, "a live warehouse may hold later rows than the file"
    assert "MINER_TIINGO_KEY is not set" in part.notes[-1]


def test_tables_outside_the_plan_are_the_folders_own_answer() -> None:
    (part,) = _source(Plan([], [])).answers(BY_NAME["companies"])
    assert isinstance(part, Extract)
    assert part.complete
    assert part.notes == ()
