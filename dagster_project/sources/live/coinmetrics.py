"""Daily figures of the Bitcoin network from Coin Metrics' community interface (CC BY-NC 4.0).

``GET /v4/timeseries/asset-metrics?assets=btc&metrics&start_time&end_time&page_size`` answers with
``data``: objects of ``asset``, ``time`` with nanoseconds and one text per metric, up to 30 digits
long. A page that is not the last names the next one in ``next_page_url``. A metric that is not
free is refused with 403, and with it the whole question.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dagster_project.contracts import Table, Window
from dagster_project.errors import SourceError
from dagster_project.sources.live.daily import daily_answer
from dagster_project.sources.live.figures import (
    BITCOIN,
    DAY_S,
    LeftOut,
    Unbelievable,
    malformed,
    number,
    utc_naive,
    whole,
    wrong_question,
)
from dagster_project.sources.live.hashrates import TH_PER_EH
from dagster_project.sources.live.http_client import parse_json
from dagster_project.sources.live.http_errors import HttpRefused
from dagster_project.sources.live.vendor import Client, Tally, VendorAnswer

HOST = "coinmetrics"
TABLE = "network_metrics"
PAGE_ROWS = 10_000
# Days since the first block fill two pages; whoever has fifty goes round in circles.
MOST_PAGES = 50
HASHES_PER_DIFFICULTY = 2**32
H_PER_TH = 1e12
_PATH = "/v4/timeseries/asset-metrics"
_ASSET = "btc"
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T00:00:00(?:\.0{1,9})?Z", re.ASCII)
HASHRATE, DIFFICULTY, BLOCKS = "HashRate", "DiffMean", "BlkCnt"
# Metric and the column it fills; HashRate is in TH/s and the column in EH/s.
COLUMNS = {
    HASHRATE: "hashrate_eh_s",
    DIFFICULTY: "difficulty",
    BLOCKS: "blocks",
    "IssTotUSD": "issuance_usd",
    "FeeTotUSD": "fees_usd",
    "PriceUSD": "price_usd",
}
METRICS = tuple(COLUMNS)
# Without these there is no row; the mean difficulty follows from them.
_NEEDED = (HASHRATE, BLOCKS)


@dataclass(frozen=True)
class Page:
    """Figures of one answer by day and metric, and the token of the next page, if there is one."""

    figures: tuple[tuple[date, Mapping[str, float]], ...]
    left_out: LeftOut
    next_token: str


class NotFree(SourceError):
    """The interface keeps a metric for those who pay."""


class CoinMetrics:
    """The vendor ``coinmetrics``: table network_metrics."""

    name = "coinmetrics"

    def __init__(self, client: Client) -> None:
        self._client = client

    def fetch(self, table: Table, symbol: str, window: Window) -> VendorAnswer:
        """Figures of the window's days.

        When the question is refused because a metric is not free, every metric is asked for
        alone: those that are refused stay empty, and the notes say so. Raises SourceError when
        the hashrate or the number of blocks is among them.
        """
        if table.name != TABLE or symbol != BITCOIN:
            raise wrong_question(self.name, table, symbol)
        with Tally() as cost:
            return self._answer(table, window, cost)

    def newest_date(self) -> date | None:
        """Newest day that is over and has a hashrate."""
        reply = self._client.get(
            HOST,
            _PATH,
            {
                "assets": _ASSET,
                "metrics": HASHRATE,
                "frequency": "1d",
                "page_size": "3",
                "paging_from": "end",
            },
        )
        page = parse_page(parse_json(reply), (HASHRATE,))
        today = utc_naive(reply.retrieved_at).date()
        return max((day for day, _ in page.figures if day < today), default=None)

    def _answer(self, table: Table, window: Window, cost: Tally) -> VendorAnswer:
        left_out, notes = LeftOut(), []
        try:
            figures, asked_on = self._series(METRICS, window, cost, left_out)
            paid: list[str] = []
        except NotFree:
            figures, asked_on, paid = self._one_by_one(window, cost, left_out)
            notes.append(f"{self.name}: not free and left out: {', '.join(paid) or 'nothing'}")
        if DIFFICULTY in paid:
            notes.append(
                f"{self.name}: the difficulty is computed from hashrate and blocks, so that the "
                "two cannot contradict each other"
            )
        rows = [self._row(day, figures[day], difficulty_paid=DIFFICULTY in paid) for day in figures]
        return daily_answer(
            self.name, table, window, rows, cost, left_out, over_by=asked_on, notes=notes
        )

    def _one_by_one(
        self, window: Window, cost: Tally, left_out: LeftOut
    ) -> tuple[dict[date, dict[str, float]], date, list[str]]:
        figures: dict[date, dict[str, float]] = {}
        paid: list[str] = []
        asked_on = date.min
        for metric in METRICS:
            try:
                found, asked_on = self._series((metric,), window, cost, left_out)
            except NotFree:
                paid.append(metric)
                if metric in _NEEDED:
                    raise
                continue
            for day, values in found.items():
                figures.setdefault(day, {}).update(values)
        return dict(sorted(figures.items())), asked_on, paid

    def _series(
        self, metrics: Sequence[str], window: Window, cost: Tally, left_out: LeftOut
    ) -> tuple[dict[date, dict[str, float]], date]:
        """Figures by day over all pages, and the UTC day on which the last page came."""
        params = {
            "assets": _ASSET,
            "metrics": ",".join(metrics),
            "frequency": "1d",
            "start_time": window.start.isoformat(),
            "end_time": window.end.isoformat(),
            "page_size": str(PAGE_ROWS),
            "paging_from": "start",
        }
        figures: dict[date, dict[str, float]] = {}
        contradicted: set[date] = set()
        tokens: set[str] = set()
        while True:
            try:
                reply = cost.ask(self._client, HOST, _PATH, params)
            except HttpRefused as error:
                if _says_forbidden(error):
                    raise NotFree(
                        f"{self.name} does not give {', '.join(metrics)} without payment.",
                        where=HOST,
                        mend="choose another vendor for network_metrics",
                    ) from None
                raise
            page = parse_page(parse_json(reply), metrics)
            left_out.reasons.extend(page.left_out.reasons)
            n_new = 0
            for day, values in page.figures:
                if day not in figures:
                    figures[day] = dict(values)
                    n_new += 1
                elif figures[day] != values:
                    contradicted.add(day)
            if not page.next_token:
                break
            if page.next_token in tokens or not n_new or len(tokens) >= MOST_PAGES:
                raise malformed(self.name, f"pages without end ({len(tokens) + 1} so far)")
            tokens.add(page.next_token)
            # Only the token is taken over: the next page is asked for at the same address and
            # about the same things.
            params["next_page_token"] = page.next_token
        for day in sorted(contradicted):
            del figures[day]
            left_out.add(str(day), "two rows that contradict each other")
        return figures, utc_naive(reply.retrieved_at).date()

    def _row(
        self, day: date, values: Mapping[str, float], *, difficulty_paid: bool
    ) -> dict[str, Any]:
        hashrate_th_s, blocks = values.get(HASHRATE), values.get(BLOCKS)
        row: dict[str, Any] = {name: values.get(metric) for metric, name in COLUMNS.items()}
        if hashrate_th_s is not None:
            row["hashrate_eh_s"] = hashrate_th_s / TH_PER_EH
        if blocks is not None:
            row["blocks"] = int(blocks)
        source = self.name
        if difficulty_paid and hashrate_th_s is not None and blocks:
            # The provider's own formula for the hashrate, solved for the difficulty.
            row["difficulty"] = hashrate_th_s * H_PER_TH * DAY_S / HASHES_PER_DIFFICULTY / blocks
        return {"date_utc": day, **row, "source": source, "source_ref": f"{source} {day}"}


def _says_forbidden(error: HttpRefused) -> bool:
    """Whether a refusal is about the resource, in the interface's own words.

    A page of a firewall with the same status is about us and no reason to ask six times more.
    """
    if error.status != 403:
        return False
    try:
        body = json.loads(error.body)
    except (ValueError, RecursionError):
        return False
    said = body.get("error") if isinstance(body, dict) else None
    return isinstance(said, dict) and said.get("type") == "forbidden"


def parse_page(body: Any, metrics: Sequence[str]) -> Page:
    """One decoded answer to a question about ``metrics`` of bitcoin by day.

    A metric that is null or absent in a row is absent in its figures. Raises SourceError for an
    error object, another shape or asset, or when no row of some is believable.
    """
    if not isinstance(body, dict):
        raise malformed(HOST, "no object")
    error = body.get("error")
    if error is not None:
        said = error.get("message") if isinstance(error, dict) else error
        raise malformed(HOST, f"an error: {str(said)[:150]}")
    rows = body.get("data")
    if not isinstance(rows, list):
        raise malformed(HOST, "no list of data")
    figures, left_out = [], LeftOut()
    for at, row in enumerate(rows):
        if not isinstance(row, dict):
            raise malformed(HOST, f"row {at} is no object")
        if row.get("asset") != _ASSET:
            raise malformed(HOST, f"row {at} is about {str(row.get('asset'))[:40]!r}")
        try:
            figures.append((_day(row.get("time")), _values(row, metrics)))
        except Unbelievable as reason:
            left_out.add(f"row {at}", str(reason))
    if len(left_out) and not figures:
        raise malformed(HOST, f"no believable row ({left_out.reasons[0]})")
    if rows and not any(values for _, values in figures):
        raise malformed(HOST, f"none of {', '.join(metrics)}")
    return Page(tuple(figures), left_out, _next_token(body))


def _day(time: Any) -> date:
    found = _TIME.fullmatch(time) if isinstance(time, str) else None
    if found is None:
        raise Unbelievable("the time is no start of a UTC day")
    try:
        return datetime.strptime(found[1], "%Y-%m-%d").date()
    except ValueError:
        raise Unbelievable("the time is no day of the calendar") from None


def _values(row: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, float]:
    return {
        metric: whole(row[metric]) if metric == BLOCKS else number(row[metric])
        for metric in metrics
        if row.get(metric) is not None
    }


def _next_token(body: Mapping[str, Any]) -> str:
    """The token in ``next_page_url``; empty on the last page. Raises SourceError."""
    url = body.get("next_page_url")
    if url is None:
        return ""
    try:
        (token,) = parse_qs(urlsplit(url).query, strict_parsing=True)["next_page_token"]
    except (ValueError, KeyError, AttributeError, TypeError):
        raise malformed(HOST, "an address of the next page without a token") from None
    return str(token)
