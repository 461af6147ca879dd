"""Daily figures of the Bitcoin network from Coin Metrics' community interface (CC BY-NC 4.0).

``GET /v4/timeseries/asset-metrics?assets=btc&metrics&start_time&end_time&page_size`` answers with
``data``: objects of ``asset``, ``time`` with nanoseconds and one text per metric, up to 30 digits
long. A page that is not the last names the next one in ``next_page_url``. One metric that is not
free (403) or not known (400) makes the interface refuse the whole question: it is then asked
without the metrics that the refusal names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dagster_project.contracts import Table, Window
from dagster_project.sources.live.daily import daily_answer
from dagster_project.sources.live.figures import (
    DAY_S,
    BitcoinVendor,
    RejectedRows,
    utc_naive,
)
from dagster_project.sources.live.hashrates import TH_PER_EH
from dagster_project.sources.live.http_errors import HttpRefused
from dagster_project.sources.live.strict_json import (
    Unbelievable,
    UnusableAnswer,
    array,
    decoded_or_none,
    malformed,
    mapping,
    number,
    parse_json,
    whole,
)
from dagster_project.sources.live.vendor import Tally, VendorAnswer

HOST = "coinmetrics"
TABLE = "network_metrics"
PAGE_ROWS = 10_000
# Days since the first block fill two pages; whoever has fifty goes round in circles.
MOST_PAGES = 50
# Hashes a day behind one TH/s, and behind one unit of difficulty and one block.
HASHES_PER_TH_DAY = 1e12 * DAY_S
HASHES_PER_DIFFICULTY = 2**32
_PATH = "/v4/timeseries/asset-metrics"
_ASSET = "btc"
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T00:00:00(?:\.0{1,9})?Z", re.ASCII)
HASHRATE, DIFFICULTY, BLOCKS, PRICE = "HashRate", "DiffMean", "BlkCnt", "PriceUSD"
# The provider's own formula binds these three (2^32 x difficulty x blocks = hashes of the day):
# of any two that are served follows the third.
WORK = (HASHRATE, DIFFICULTY, BLOCKS)
# Sums in USD, and the metric in bitcoin that stands in for one: times the price it is the same.
SUMS_USD = {"issuance_usd": ("IssTotUSD", "IssTotNtv"), "fees_usd": ("FeeTotUSD", "FeeTotNtv")}
METRICS = (*WORK, *(metric for pair in SUMS_USD.values() for metric in pair), PRICE)


# Figures of one answer by day and metric, the rows left out, and the token of the next page.
Page = tuple[list[tuple[date, dict[str, float]]], RejectedRows, str]


class NotServed(UnusableAnswer):
    """The interface refuses a question for the metrics in it; ``words`` are its own."""

    def __init__(self, metrics: Sequence[str], words: str) -> None:
        self.words = words
        super().__init__(
            f"{HOST} does not serve {', '.join(metrics)}: {words[:150]}",
            where=HOST,
            mend="choose another vendor for network_metrics",
        )


@dataclass
class Series:
    """Figures by day of the metrics that are served, the UTC day of the answer, and the others."""

    figures: dict[date, dict[str, float]]
    asked_on: date
    refused: list[str]

    @property
    def not_served(self) -> tuple[str, ...]:
        """Metrics that were refused, or that no day of the answer has."""
        served = {metric for values in self.figures.values() for metric in values}
        absent = [metric for metric in METRICS if metric not in served] if self.figures else []
        return tuple(metric for metric in METRICS if metric in {*self.refused, *absent})


class CoinMetrics(BitcoinVendor):
    """The vendor ``coinmetrics``: table network_metrics."""

    name = "coinmetrics"
    tables = (TABLE,)

    def _answer(self, table: Table, window: Window, cost: Tally) -> VendorAnswer:
        """Figures of the window's days; metrics that are not served are named in the notes.

        A column none of whose metrics is served is empty. Raises SourceError when less than
        two of WORK are served.
        """
        left_out = RejectedRows()
        series = self._served(window, cost, left_out)
        gone = series.not_served
        if len(set(WORK) & set(gone)) > 1:
            raise NotServed(gone, "of hashrate, difficulty and blocks two are needed")
        rows = [self._row(day, values, gone) for day, values in series.figures.items()]
        notes = self._notes(gone, rows)
        return daily_answer(
            self.name, table, window, rows, cost, left_out, over_by=series.asked_on, notes=notes
        )

    def _served(self, window: Window, cost: Tally, left_out: RejectedRows) -> Series:
        """All metrics at once, without those that refusals name, or one by one."""
        series = Series({}, date.min, [])
        questions: list[Sequence[str]] = [METRICS]
        while questions:
            asked = questions.pop()
            try:
                found, series.asked_on = self._series(asked, window, cost, left_out)
            except NotServed as error:
                named = [m for m in asked if re.search(rf"\b{m}\b", error.words)]
                rest = [metric for metric in asked if metric not in named]
                if len(asked) == 1 or (named and rest):
                    series.refused += named or asked
                    questions += [rest] if rest and named else []
                else:
                    questions += [[metric] for metric in asked]
                continue
            for day, values in found.items():
                series.figures.setdefault(day, {}).update(values)
        return Series(dict(sorted(series.figures.items())), series.asked_on, series.refused)

    def _notes(self, gone: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
        notes = [f"{self.name}: not served: {', '.join(gone)}"] if gone else []
        notes += [
            f"{self.name}: {metric} is computed from the other two of {', '.join(WORK)}, so that "
            "the three cannot contradict each other"
            for metric in WORK
            if metric in gone
        ]
        empty = [c for c in (*SUMS_USD, "price_usd") if rows and all(r[c] is None for r in rows)]
        if empty:
            notes.append(f"{self.name}: without any figure: {', '.join(empty)}; stored ones stay")
        return notes

    def _series(
        self, metrics: Sequence[str], window: Window, cost: Tally, left_out: RejectedRows
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
                words = _words_about_metrics(decoded_or_none(error.body), metrics)
                if words is None or error.status not in {400, 403}:
                    raise
                raise NotServed(metrics, words) from None
            listed, odd, token = parse_page(parse_json(reply), metrics)
            left_out.rows.extend(odd.rows)
            n_new = 0
            for day, values in listed:
                if day not in figures:
                    figures[day] = dict(values)
                    n_new += 1
                elif figures[day] != values:
                    contradicted.add(day)
            if not token:
                break
            if token in tokens or not n_new or len(tokens) >= MOST_PAGES:
                raise malformed(self.name, f"pages without end ({len(tokens) + 1} so far)")
            tokens.add(token)
            # Only the token is taken over: the next page is asked for at the same address and
            # about the same things.
            params["next_page_token"] = token
        for day in sorted(contradicted):
            del figures[day]
            left_out.add(str(day), "two rows that contradict each other", day)
        return figures, utc_naive(reply.retrieved_at).date()

    def _row(self, day: date, values: Mapping[str, float], gone: Sequence[str]) -> dict[str, Any]:
        hashrate, difficulty, blocks = (values.get(metric) for metric in WORK)
        if HASHRATE in gone and difficulty and blocks:
            hashrate = difficulty * HASHES_PER_DIFFICULTY * blocks / HASHES_PER_TH_DAY
        elif DIFFICULTY in gone and hashrate and blocks:
            difficulty = hashrate * HASHES_PER_TH_DAY / HASHES_PER_DIFFICULTY / blocks
        elif BLOCKS in gone and hashrate and difficulty:
            blocks = round(hashrate * HASHES_PER_TH_DAY / HASHES_PER_DIFFICULTY / difficulty)
        price = values.get(PRICE)
        sums = {}
        for column, (in_usd, in_bitcoin) in SUMS_USD.items():
            bitcoin = values.get(in_bitcoin)
            converted = None if bitcoin is None or price is None else bitcoin * price
            sums[column] = values.get(in_usd, converted)
        return {
            "date_utc": day,
            "hashrate_eh_s": None if hashrate is None else hashrate / TH_PER_EH,
            "difficulty": difficulty,
            "blocks": None if blocks is None else int(blocks),
            **sums,
            "price_usd": price,
            "source": self.name,
            "source_ref": f"{self.name} {day}",
        }


def _words_about_metrics(body: Any, metrics: Sequence[str]) -> str | None:
    """The words of an error object that refuses the question for its metrics; None for others.

    A page of a firewall with the same status is about us and no reason to ask on.
    """
    said = body.get("error") if isinstance(body, dict) else None
    if not isinstance(said, dict):
        return None
    words = str(said.get("message", ""))
    about = said.get("type") == "forbidden" or re.search(r"\bmetrics?\b", words)
    return words if about or any(metric in words for metric in metrics) else None


def parse_page(body: Any, metrics: Sequence[str]) -> Page:
    """One decoded answer to a question about ``metrics`` of bitcoin by day.

    A metric that is null or absent in a row is absent in its figures. Raises NotServed for an
    error object about the metrics, UnusableAnswer for another one, another shape or asset, or
    when no row of some is believable.
    """
    error = mapping(body, "the body", HOST).get("error")
    if error is not None:
        if (words := _words_about_metrics(body, metrics)) is not None:
            raise NotServed(metrics, words)
        said = error.get("message") if isinstance(error, dict) else error
        raise malformed(HOST, f"an error: {str(said)[:150]}")
    rows = array(body.get("data"), "data", where=HOST)
    figures, left_out = [], RejectedRows()
    for at, row in enumerate(rows):
        if mapping(row, f"row {at}", HOST).get("asset") != _ASSET:
            raise malformed(HOST, f"row {at} is about {str(row.get('asset'))[:40]!r}")
        day = None
        try:
            day = _day(row.get("time"))
            figures.append((day, _values(row, metrics)))
        except Unbelievable as reason:
            left_out.add(f"row {at}", str(reason), day)
    if len(left_out) and not figures:
        raise malformed(HOST, f"no believable row ({left_out.first})")
    if rows and not any(values for _, values in figures):
        raise NotServed(metrics, "no day of the answer has one of them")
    return figures, left_out, _next_token(body)


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
