"""The reader of Yahoo's answers against yfinance's reading of the same bodies.

yfinance is the client that the most people use and mend. It is no part of the warehouse
(docs/decisions.md says why); where its reading of a shape changes, this test shows it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dagster_project.contracts import Window
from dagster_project.sources.live.yahoo import parse_chart
from tests.sources.live.equity_bodies import CLOSES, DAYS, SATURDAY, chart, instant

yf = pytest.importorskip("yfinance", reason="yfinance is a development dependency of live sources")
requests = pytest.importorskip("requests")

# yfinance 1.7 passes a keyword that pandas 3.1 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")


class Canned(requests.Session):
    """Answers every question about a chart with one body and lets nothing out."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__()
        self._content = json.dumps(body).encode()

    def request(self, method: str, url: str, **_how: Any) -> Any:
        if "/v8/finance/chart/" not in url:
            raise requests.exceptions.ConnectionError("this test asks nobody")
        response = requests.Response()
        response.status_code, response.url = 200, url
        response._content, response._content_consumed = self._content, True
        return response


@pytest.fixture
def history_of(tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], pd.DataFrame]]:
    """What yfinance makes of a body, for sessions of DAYS."""
    yf.set_tz_cache_location(str(tmp_path))
    hidden, yf.config.debug.hide_exceptions = yf.config.debug.hide_exceptions, False

    def read(body: dict[str, Any]) -> pd.DataFrame:
        session = Canned(body)
        # It keeps answers about the past for as long as the process lives.
        yf.data.YfData(session=session).cache_get.cache_clear()
        frame = yf.Ticker("BITF", session=session).history(
            start=DAYS[0], end=DAYS[-1] + timedelta(days=1), auto_adjust=False, actions=True
        )
        frame.index = [stamp.date() for stamp in frame.index]
        return frame

    yield read
    yf.config.debug.hide_exceptions = hidden


def live_bar() -> dict[str, Any]:
    body = chart([*DAYS, DAYS[-1]], [*CLOSES, 13.12])
    result = body["chart"]["result"][0]
    result["timestamp"][-1] = instant(DAYS[-1], 16, 0, 2)
    result["indicators"]["quote"][0]["volume"][-1] = 1_000_777
    return body


def unordered() -> dict[str, Any]:
    body = chart()
    result = body["chart"]["result"][0]
    for values in (
        result["timestamp"],
        result["indicators"]["adjclose"][0]["adjclose"],
        *result["indicators"]["quote"][0].values(),
    ):
        values.reverse()
    return body


BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "a week over the change of clocks": chart,
    "a day of nulls": lambda: chart(closes=[12.34, None, 11.99, 12.07, 13.1]),
    "the running bar beside its day": live_bar,
    "unordered days": unordered,
    "a split and a reverse split": lambda: chart(splits={DAYS[1]: (10, 1), DAYS[3]: (1, 8)}),
    "a dividend": lambda: chart(dividends={DAYS[2]: 0.01}),
    "a bar after the window": lambda: chart([*DAYS, date(2025, 11, 6)], [*CLOSES, 14.0]),
}


@pytest.mark.parametrize("case", BODIES)
def test_both_read_the_same(case: str, history_of: Callable[[dict[str, Any]], Any]) -> None:
    body = BODIES[case]()
    ours = parse_chart(body, "BITF", Window(DAYS[0], DAYS[-1]), SATURDAY)
    theirs = history_of(body)

    assert [bar.session_date for bar in ours.bars] == list(theirs.index)
    for column in ("open", "high", "low", "close"):
        # Theirs keep the noise of single precision.
        mine = [np.float32(getattr(bar, column)) for bar in ours.bars]
        assert mine == [np.float32(value) for value in theirs[column.title()]], column
    assert [bar.volume for bar in ours.bars] == list(theirs["Volume"])
    splits = theirs["Stock Splits"]
    assert {split.ex_date: split.ratio for split in ours.splits} == dict(splits[splits != 0])
    paid = theirs["Dividends"]
    assert {each.ex_date: each.amount for each in ours.dividends} == dict(paid[paid != 0])
