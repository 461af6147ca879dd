"""A user's own folder: his tickers, his benchmark, his event, closes only."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb
import numpy as np
import pytest
from scipy import stats

from .conftest import Study, make_study
from .own_panel import EARLIER_AT, EARLIER_ESTIMATION, EVENT_AT, draw_closes, write_own_panel

# A whole run of its own; the models on own folders are tested in tests/dbt_models as well.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def panel() -> dict[str, np.ndarray]:
    return draw_closes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, panel: dict[str, np.ndarray]) -> Path:
    return write_own_panel(tmp_path_factory.mktemp("own"), panel)


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


@pytest.mark.parametrize(
    ("event_id", "at", "estimation"),
    [("my-event", EVENT_AT, (-260, -11)), ("earlier", EARLIER_AT, EARLIER_ESTIMATION)],
)
def test_market_model_of_his_panel_is_ordinary_least_squares(
    study: Study,
    panel: dict[str, np.ndarray],
    event_id: str,
    at: int,
    estimation: tuple[int, int],
) -> None:
    """Over the study's estimation window, or the event's own."""
    with duckdb.connect(str(study.published), read_only=True) as connection:
        rows = connection.execute(
            "select ticker, alpha, beta_market, n_est, df_resid, car, car_p_pred "
            "from marts.fct_selloff_firm where event_id = ? "
            "and model_id = 'market_model' and window_id = '[0,0]' and status = 'ok' "
            "order by ticker",
            [event_id],
        ).fetchall()
    assert [row[0] for row in rows] == ["AAA", "BBB", "CCC"]
    simple = {t: closes[1:] / closes[:-1] - 1 for t, closes in panel.items()}
    # The first return is that of the second session.
    span = slice(at + estimation[0] - 1, at + estimation[1])
    market = simple["IDX"][span]
    for ticker, alpha, beta, n, df, car, p in rows:
        fit = stats.linregress(market, simple[ticker][span])
        assert n == estimation[1] - estimation[0] + 1
        assert df == n - 2
        assert math.isclose(beta, fit.slope, rel_tol=1e-9)
        assert math.isclose(alpha, fit.intercept, rel_tol=1e-9)
        day = at - 1
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
