"""A user's own folder: his tickers, his benchmark, his event, closes only."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import duckdb
import exchange_calendars
import numpy as np
import pytest
from scipy import stats

from .conftest import Study, make_study

# A whole run of its own; the models on own folders are tested in tests/dbt_models as well.
pytestmark = pytest.mark.slow

SESSIONS = 330
EVENT_AT = 300


def _sessions() -> list[date]:
    calendar = exchange_calendars.get_calendar("XNYS", start="2021-01-04", end="2022-12-30")
    return [stamp.date() for stamp in calendar.sessions[:SESSIONS]]


def _returns() -> dict[str, np.ndarray]:
    random = np.random.default_rng(20250326)
    market = random.normal(0, 0.01, SESSIONS)
    firms = {
        ticker: beta * market + random.normal(0, 0.03, SESSIONS)
        for ticker, beta in (("AAA", 1.5), ("BBB", 0.7), ("CCC", 2.0))
    }
    return {"IDX": market, **firms}


@pytest.fixture(scope="module")
def panel() -> dict[str, np.ndarray]:
    """Closes per ticker, rounded as a file would hold them."""
    return {t: np.round(100 * np.cumprod(1 + r), 4) for t, r in _returns().items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, panel: dict[str, np.ndarray]) -> Path:
    made = tmp_path_factory.mktemp("own")
    for name in ("snapshot", "ledger", "study"):
        (made / name).mkdir()
    days = _sessions()
    rows = [
        f"{ticker},{day},{close!r}"
        for ticker, closes in panel.items()
        for day, close in zip(days, closes.tolist(), strict=True)
    ]
    (made / "snapshot/equity_daily.csv").write_text(
        "ticker,session_date,close\n" + "\n".join(rows) + "\n"
    )
    (made / "ledger/companies.csv").write_text(
        "ticker,name,role,is_focal\nAAA,Alpha,miner,1\nBBB,Beta,miner,1\nCCC,Gamma,miner,0\n"
        "IDX,Index,benchmark,0\nDDD,Known but never priced,miner,1\n"
    )
    (made / "ledger/events.csv").write_text(
        "event_id,title,event_type,news_date,news_timing,tickers_named\n"
        f"my-event,My event,my_kind,{days[EVENT_AT - 1]},after_close,AAA;BBB\n"
    )
    (made / "study/models.csv").write_text(
        "model_id,factors,is_headline,reason\nmarket_model,IDX,1,my own index\n"
    )
    return made


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    made = make_study(folder, MINER_DATA_DIR=str(folder))
    status, printed = made.call("run")
    assert status == 0, printed
    assert "My event (my-event)" in printed
    assert "DDD" in printed
    return made


def test_results_go_into_the_users_folder(study: Study, folder: Path) -> None:
    assert study.published == folder / "published" / "miner_marts.duckdb"
    assert study.published.exists()


def test_market_model_of_his_panel_is_ordinary_least_squares(
    study: Study, panel: dict[str, np.ndarray]
) -> None:
    with duckdb.connect(str(study.published), read_only=True) as connection:
        rows = connection.execute(
            "select ticker, alpha, beta_market, n_est, df_resid, car, car_p_pred "
            "from marts.fct_selloff_firm where event_id = 'my-event' "
            "and model_id = 'market_model' and window_id = '[0,0]' and status = 'ok' "
            "order by ticker"
        ).fetchall()
    assert [row[0] for row in rows] == ["AAA", "BBB", "CCC"]
    simple = {t: closes[1:] / closes[:-1] - 1 for t, closes in panel.items()}
    span = slice(EVENT_AT - 260 - 1, EVENT_AT - 11)  # returns of relative days -260..-11
    market = simple["IDX"][span]
    for ticker, alpha, beta, n, df, car, p in rows:
        fit = stats.linregress(market, simple[ticker][span])
        assert n == 250
        assert df == 248
        assert math.isclose(beta, fit.slope, rel_tol=1e-9)
        assert math.isclose(alpha, fit.intercept, rel_tol=1e-9)
        day = EVENT_AT - 1
        abnormal = simple[ticker][day] - fit.intercept - fit.slope * simple["IDX"][day]
        assert math.isclose(car, abnormal, rel_tol=1e-9)
        residuals = simple[ticker][span] - fit.intercept - fit.slope * market
        variance = residuals @ residuals / df
        spread = ((market - market.mean()) ** 2).sum()
        leverage = 1 / n + (simple["IDX"][day] - market.mean()) ** 2 / spread
        t = abnormal / math.sqrt(variance * (1 + leverage))
        assert math.isclose(p, 2 * stats.t.sf(abs(t), df), rel_tol=1e-9)


def test_what_he_did_not_bring_is_missing_not_zero(study: Study) -> None:
    with duckdb.connect(str(study.published), read_only=True) as connection:
        rows = connection.execute(
            "select ticker, status, gap, intraday_low_return, btc_return, "
            "hpc_contracted_mw from marts.selloff_summary where event_id = 'my-event' "
            "order by ticker"
        ).fetchall()
    by_ticker = {row[0]: row[1:] for row in rows}
    assert by_ticker["AAA"] == ("ok", None, None, None, None)
    assert by_ticker["DDD"][0] == "no_price"


def test_without_claims_of_his_own_none_is_judged(study: Study) -> None:
    with duckdb.connect(str(study.published), read_only=True) as connection:
        for mart in ("fct_claim_checks", "fct_claim_evidence"):
            assert connection.execute(f"select count(*) from marts.{mart}").fetchone() == (0,)
