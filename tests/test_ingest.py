"""Every part of an answer is a load of its own: one that fails harms no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dagster_project import ingest as ingesting
from dagster_project.contracts import BY_NAME, SOURCE_REF, Extract, Gap, Table, Window, typed_frame
from dagster_project.errors import LoadRefused, SourceError
from dagster_project.ingest import LOADED, REFUSED, UNANSWERED, Ingested, ingest
from dagster_project.settings import BUNDLED_DATA_DIR, Settings, prepare_output_folders
from dagster_project.sources.data_folder import DataFolder
from dagster_project.sources.exchange_calendar import ExchangeCalendar
from dagster_project.warehouse.connection import warehouse
from dagster_project.warehouse.coverage import stored_until

PRICES = BY_NAME["equity_prices"]
BITCOIN = BY_NAME["btc_prices"]


def _part(ticker: str, closes: Mapping[date, float], *, symbol: str | None = None) -> Extract:
    days = list(closes)
    columns = {
        "ticker": [ticker] * len(days),
        "session_date": days,
        "close": list(closes.values()),
        "source": ["test"] * len(days),
        SOURCE_REF: [f"test {ticker} {day}" for day in days],
    }
    return Extract(
        PRICES.name,
        typed_frame(PRICES, columns),
        "test",
        f"test {ticker}",
        datetime(2025, 3, 28),
        complete=False,
        symbol=ticker if symbol is None else symbol,
    )


class Parts:
    """A source that answers with what it was given and remembers what it was asked."""

    name = "parts"

    def __init__(self, parts: Sequence[Extract | Gap]) -> None:
        self.parts = parts
        self.known: Mapping[str, date] | None = None

    def answers(
        self,
        table: Table,
        window: Window | None = None,
        stored_until: Mapping[str, date] | None = None,
    ) -> Iterator[Extract | Gap]:
        self.known = stored_until
        yield from self.parts

    def span(self) -> Window:
        return Window(date(2025, 1, 1), date(2025, 3, 28))


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=BUNDLED_DATA_DIR, output_dir=tmp_path)
    prepare_output_folders(settings)
    for source, name in (
        (DataFolder(BUNDLED_DATA_DIR, BUNDLED_DATA_DIR), "companies"),
        (ExchangeCalendar(date(2024, 1, 1), datetime.now(UTC).date()), "exchange_sessions"),
    ):
        ingest(settings, source, BY_NAME[name], None)
    return settings


def _prices(own: Settings, parts: Sequence[Extract | Gap]) -> Ingested:
    return ingest(own, Parts(parts), PRICES, None)


def test_a_gap_and_a_refused_part_leave_the_others_loaded(own: Settings) -> None:
    good = _part("CORZ", {date(2025, 3, 26): 7.63})
    absurd = _part("RIOT", {date(2025, 3, 26): -1.0})
    result = _prices(own, [Gap(PRICES.name, "MARA", ("yahoo: no",)), absurd, good])
    assert [part.status for part in result.parts] == [UNANSWERED, REFUSED, LOADED]
    assert "not above 0" in result.parts[1].tried[-1]
    assert [part.symbol for part in result.missing] == ["MARA", "RIOT"]
    assert result.total == 1
    assert result.summary == "1 rows, 1 new, 2 of 3 symbols missing"


def test_what_was_stored_stays_when_nobody_answers(own: Settings) -> None:
    _prices(own, [_part("CORZ", {date(2025, 3, 26): 7.63})])
    result = _prices(own, [Gap(PRICES.name, "CORZ", ("yahoo: 429", "tiingo: no key"))])
    assert result.total == 1
    assert len(result.missing) == 1


def test_nothing_stored_and_nobody_answering_is_an_error_that_names_them(own: Settings) -> None:
    with pytest.raises(SourceError, match="Nobody answered for table equity_prices") as caught:
        _prices(own, [Gap(PRICES.name, "CORZ", ("yahoo: 429", "tiingo: no key"))])
    assert "CORZ: yahoo: 429; tiingo: no key" in str(caught.value)
    assert "make doctor" in str(caught.value)


def test_a_table_in_one_part_is_refused_as_a_whole(own: Settings) -> None:
    with pytest.raises(LoadRefused, match="break the contract"):
        _prices(own, [_part("RIOT", {date(2025, 3, 26): -1.0}, symbol="")])


def test_an_incremental_run_tells_the_source_what_is_stored(own: Settings) -> None:
    _prices(own, [_part("CORZ", {date(2025, 3, 25): 8.66, date(2025, 3, 26): 7.63})])
    source = Parts([])
    ingest(own, source, PRICES, None, incremental=True)
    assert source.known == {"CORZ": date(2025, 3, 26)}
    ingest(own, source, PRICES, None)
    assert source.known is None


def test_a_series_without_symbols_has_one_last_day(own: Settings) -> None:
    with warehouse(own.warehouse_path) as connection:
        assert stored_until(connection, BITCOIN) == {}
    ingest(own, DataFolder(BUNDLED_DATA_DIR, BUNDLED_DATA_DIR), BITCOIN, None)
    with warehouse(own.warehouse_path) as connection:
        (stored,) = stored_until(connection, BITCOIN).items()
    assert stored[0] == ""
    assert stored[1] >= date(2025, 8, 1)


def _stored(own: Settings) -> list[str]:
    with warehouse(own.warehouse_path) as connection:
        found = connection.execute("SELECT ticker FROM raw.equity_prices ORDER BY 1").fetchall()
    return [ticker for (ticker,) in found]


class Told(Parts):
    """Looks into the working file before each part, and fails after the last if it is told to."""

    def __init__(self, own: Settings, parts: Sequence[Extract | Gap], *, fails: bool) -> None:
        super().__init__(parts)
        self.own, self.fails = own, fails
        self.seen: list[list[str]] = []

    def answers(
        self,
        table: Table,
        window: Window | None = None,
        stored_until: Mapping[str, date] | None = None,
    ) -> Iterator[Extract | Gap]:
        for part in self.parts:
            self.seen.append(_stored(self.own))
            yield part
        if self.fails:
            raise KeyboardInterrupt


PARTS = [_part(ticker, {date(2025, 3, 26): 7.0}) for ticker in ("CORZ", "MARA", "RIOT")]


def test_small_parts_that_come_at_once_are_written_at_one_opening(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    openings = []

    def counted(path: Path) -> object:
        openings.append(path)
        return warehouse(path)

    monkeypatch.setattr(ingesting, "warehouse", counted)
    monkeypatch.setattr(ingesting, "TOGETHER_SECONDS", 60.0)
    result = _prices(own, PARTS)
    assert (len(openings), result.total) == (1, 3)
    assert [part.status for part in result.parts] == [LOADED] * 3


@pytest.mark.parametrize(("limit", "value"), [("TOGETHER_SECONDS", 0.0), ("TOGETHER_ROWS", 1)])
def test_a_part_that_took_long_or_is_large_waits_for_no_other(
    own: Settings, monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    monkeypatch.setattr(ingesting, "TOGETHER_SECONDS", 60.0)
    monkeypatch.setattr(ingesting, limit, value)
    source = Told(own, PARTS, fails=False)
    ingest(own, source, PRICES, None)
    assert source.seen == [[], ["CORZ"], ["CORZ", "MARA"]]


def test_what_came_before_an_interruption_is_kept(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingesting, "TOGETHER_SECONDS", 60.0)
    source = Told(own, PARTS, fails=True)
    with pytest.raises(KeyboardInterrupt):
        ingest(own, source, PRICES, None)
    assert source.seen == [[], [], []]
    assert _stored(own) == ["CORZ", "MARA", "RIOT"]
