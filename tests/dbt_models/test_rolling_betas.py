"""Rolling betas of the bundled figures, held to statsmodels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dagster_project.settings import BUNDLED_DATA_DIR
from tests.event_study.oracle import Study
from tests.event_study.oracle_rolling import compare_rolling_betas


@pytest.fixture(scope="module")
def marts(built_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_warehouse), read_only=True) as connection:
        yield connection


def test_betas_agree_with_statsmodels(marts):
    met = compare_rolling_betas(marts, Study(BUNDLED_DATA_DIR), every=29)
    assert {status for status, _ in met} == {"ok", "short_window", "no_residual"}


def test_every_share_and_session_has_both_windows(marts):
    missing = marts.execute(
        """
        select prices.ticker, prices.session_date
        from staging.stg_equity_prices as prices
        inner join staging.stg_companies as companies on prices.ticker = companies.ticker
        left join marts.fct_rolling_betas as betas
            on prices.ticker = betas.ticker and prices.session_date = betas.session_date
        where prices.session_date >= coalesce(companies.first_listed_date, prices.session_date)
        group by prices.ticker, prices.session_date
        having count(distinct betas.window_sessions) <> 2
        """
    ).fetchall()
    assert missing == []


def test_the_market_saw_more_ai_in_the_miners_with_contracts(marts):
    """The session before the news: the two miners with contracted megawatts lean furthest to AI."""
    tilts = marts.execute(
        """
        select betas.ticker from marts.fct_rolling_betas as betas
        inner join marts.dim_company as companies on betas.ticker = companies.ticker
        where companies.is_focal and betas.session_date = '2025-03-25'
            and betas.window_sessions = 120 and betas.status = 'ok'
        order by betas.ai_tilt desc
        """
    ).fetchall()
    assert tilts[0] == ("CORZ",)
    assert tilts[-1] == ("MARA",)
    assert len(tilts) == 6
