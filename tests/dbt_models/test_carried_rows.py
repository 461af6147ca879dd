"""Rolling betas that an earlier build left are taken over, and equal those of a whole build.

Which rows were computed is told by spoiling them first: what is taken over stays spoilt.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from benchmarks.synthetic import Market, Size, SyntheticSource
from dagster_project.contracts import TABLES
from dagster_project.ingest import ingest
from dagster_project.settings import Settings
from tests.warehouse_builder import failures, run_dbt, settings_for

# What is carried is told by stretches of 64 sessions (int_rolling_inputs).
SIZE = Size(tickers=8, years=4, events=1, studied=4)
BETAS = "+fct_rolling_betas"
SPOILT = -77


@dataclass(frozen=True)
class Built:
    settings: Settings

    def sql(self, statement: str) -> list[tuple]:
        with duckdb.connect(str(self.settings.warehouse_path)) as connection:
            return connection.execute(statement).fetchall()

    def build(self, *flags: str) -> None:
        result = run_dbt(self.settings, ["run", "--select", BETAS, *flags])
        assert result.success, "\n".join(failures(result))

    def spoil(self) -> None:
        self.sql(f"update marts.fct_rolling_betas set n_basket_firms = {SPOILT}")

    def computed(self) -> tuple[set[str], int, int, str]:
        """Tickers of the rows that were computed; how many rows were and were not; first date."""
        where = f"n_basket_firms is distinct from {SPOILT}"
        rows = self.sql(
            f"select count(*) filter ({where}), count(*) filter (not ({where})),"
            f" min(session_date) filter ({where}) from marts.fct_rolling_betas"
        )
        tickers = self.sql(f"select distinct ticker from marts.fct_rolling_betas where {where}")
        return {ticker for (ticker,) in tickers}, rows[0][0], rows[0][1], str(rows[0][2])

    def equals_a_whole_build(self) -> bool:
        """Whether every row is what a build of everything makes it, to the last bit."""
        self.sql("create or replace table carried as from marts.fct_rolling_betas")
        self.build("--full-refresh")
        differing = self.sql(
            "select count(*) from ((from carried except all from marts.fct_rolling_betas)"
            " union all (from marts.fct_rolling_betas except all from carried))"
        )
        return differing == [(0,)]


def _load(settings: Settings, size: Size) -> None:
    source = SyntheticSource(Market(size))
    for table in TABLES:
        asked = source.calendar() if table.name == "exchange_sessions" else source
        assert not ingest(settings, asked, table, None).missing


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Built:
    built = Built(settings_for(tmp_path_factory.mktemp("carried")))
    _load(built.settings, Size(**{**vars(SIZE), "sessions_back": 1}))
    built.build()
    return built


def _copy_of(first: Built, output: Path) -> Built:
    copy = Built(settings_for(output))
    shutil.copyfile(first.settings.warehouse_path, copy.settings.warehouse_path)
    return copy


@pytest.fixture
def built(first: Built, tmp_path: Path) -> Built:
    """A copy of the first build, whose rows are spoilt."""
    copy = _copy_of(first, tmp_path)
    copy.spoil()
    return copy


def _stretch_began(built: Built, day: str) -> str:
    """The first session of the stretch that a day lies in."""
    rows = built.sql(
        "select min(all_days.session_date) from intermediate.int_sessions as all_days,"
        f" intermediate.int_sessions as day where day.session_date = '{day}'"
        " and all_days.session_number // 64 = day.session_number // 64"
    )
    return str(rows[0][0])


def test_nothing_new_computes_nothing(built: Built) -> None:
    built.build()
    assert built.computed()[1] == 0


def test_a_new_day_computes_the_last_stretch(built: Built) -> None:
    before = built.sql("select count(*), max(session_date) from marts.fct_rolling_betas")[0]
    _load(built.settings, SIZE)
    built.build()
    _, computed, carried, since = built.computed()
    last_day = str(built.sql("select max(session_date) from marts.fct_rolling_betas")[0][0])
    assert last_day > str(before[1])
    assert since == _stretch_began(built, last_day)
    assert 0 < computed < carried
    assert computed + carried > before[0]


def test_a_new_day_gives_what_a_whole_build_gives(first: Built, tmp_path: Path) -> None:
    built = _copy_of(first, tmp_path)
    _load(built.settings, SIZE)
    built.build()
    assert built.equals_a_whole_build()


def test_an_old_close_that_is_corrected_computes_that_share_from_there(
    first: Built, built: Built, tmp_path: Path
) -> None:
    # A share that is neither in the basket nor bitcoin's: no other one reads it.
    (ticker, day), *_ = built.sql(
        "select returns.ticker, returns.session_date"
        " from intermediate.int_rolling_returns as returns"
        " inner join staging.stg_companies as companies on returns.ticker = companies.ticker"
        " where companies.role = 'miner' and returns.share_return is not null"
        " and returns.session_number // 64 = 8"
        " order by returns.ticker, returns.session_date limit 1"
    )
    correction = (
        "update raw.equity_prices set close = close * 1.01"
        f" where ticker = '{ticker}' and session_date = '{day}'"
    )
    built.sql(correction)
    built.build()
    tickers, computed, carried, since = built.computed()
    assert tickers == {ticker}
    assert since == _stretch_began(built, str(day))
    assert 0 < computed < carried

    unspoilt = _copy_of(first, tmp_path / "unspoilt")
    unspoilt.sql(correction)
    unspoilt.build()
    assert unspoilt.equals_a_whole_build()


def test_a_share_that_is_gone_leaves_no_rows(built: Built) -> None:
    (ticker,), *_ = built.sql("select max(ticker) from marts.fct_rolling_betas")
    built.sql(f"delete from raw.equity_prices where ticker = '{ticker}'")
    built.build()
    assert built.sql(f"select count(*) from marts.fct_rolling_betas where ticker = '{ticker}'") == [
        (0,)
    ]


@pytest.mark.parametrize(
    "change",
    [
        "update raw.study_rolling_windows set min_sessions = min_sessions + 1",
        "update intermediate.int_rolling_inputs_of_last_build set made_by = 'another SQL'",
        "drop table intermediate.int_rolling_inputs_of_last_build",
        "alter table marts.fct_rolling_betas rename column r2 to r_squared",
    ],
)
def test_other_windows_other_sql_and_a_lost_memory_compute_everything(
    built: Built, change: str
) -> None:
    built.sql(change)
    built.build()
    assert built.computed()[2] == 0
