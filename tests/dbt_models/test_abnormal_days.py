"""The scan for abnormal days a second time: statsmodels for every session, SciPy for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dagster_project.settings import BUNDLED_DATA_DIR
from tests.event_study.compare import assert_same
from tests.event_study.oracle import Study

LEVEL = 0.05


@pytest.fixture(scope="module")
def marts(built_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_warehouse), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def days(marts: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    rows = marts.execute("select * from marts.fct_abnormal_days").df()
    assert set(rows.scan_id) == {"miners"}
    return rows.set_index("session_date").sort_index()


def test_every_session_agrees_with_statsmodels(days):
    study = Study(BUNDLED_DATA_DIR)
    model = study.model("market_btc")
    miners = [t for t in study.firms if study.companies.role[t] == "miner"]
    returns = study.returns.reindex(columns=miners)
    first, last = study.priced_positions
    assert list(days.index) == list(study.sessions[first : last + 1])
    expected = []
    for position in range(first, last + 1):
        row, what = days.iloc[position - first], str(study.sessions[position].date())
        factors = study.factor_returns(model, position)
        known = factors.iloc[study.estimation_positions(position)].dropna().index
        here = returns.columns[returns.iloc[position].notna()]
        n_known = returns.loc[known, here].notna().sum()
        held = list(here[n_known >= 30])
        assert (row.n_firms, row.n_firms_dropped) == (len(held), len(miners) - len(held)), what
        assert row.factor_source == study.bitcoin_source(position), what
        if not len(here) or not held:
            assert row.status == ("insufficient" if len(here) else "no_return"), what
            assert pd.isna(row.portfolio_t), what
            continue
        portfolio = returns[held].mean(axis=1)
        fit = study.fit(model, portfolio, position)
        on_day = factors.iloc[[position]]
        usual, sd = float(fit.expected(on_day).iloc[0]), fit.car_sd(on_day)
        t = (portfolio.iloc[position] - usual) / sd
        wanted = {
            "portfolio_return": portfolio.iloc[position],
            "expected_return": usual,
            "abnormal_return": portfolio.iloc[position] - usual,
            "s_pred": sd,
            "portfolio_t": t,
            "df": fit.df,
            "n_est": fit.n,
            "p_two_sided": 2 * stats.t.sf(abs(t), fit.df),
            "p_lower": stats.t.cdf(t, fit.df),
        }
        for name, value in wanted.items():
            assert_same(row[name], value, f"{what} {name}")
        assert row.status == "ok", what
        assert row.is_short_window == (fit.n < 120), what
        expected.append(
            {"session_date": study.sessions[position], "t": t, "p": wanted["p_two_sided"]}
        )
    scanned = pd.DataFrame(expected).set_index("session_date")
    ok = days[days.status == "ok"]
    assert list(ok.index) == list(scanned.index)
    assert (days.n_scanned == len(scanned)).all()
    assert (days.n_below_level == (scanned.p <= LEVEL).sum()).all()
    assert np.allclose(days.expected_false_finds, LEVEL * len(scanned), rtol=1e-12)
    for method in ("bh", "by"):
        rates = stats.false_discovery_control(scanned.p, method=method)
        assert np.allclose(ok[f"q_{method}"], rates, rtol=1e-9, atol=0), method
    assert (ok.rank_negative_all == scanned.t.rank(method="min")).all()
    alike = scanned.t.groupby(ok.is_asynchronous)
    assert (ok.rank_negative == alike.rank(method="min")).all()
    assert (ok.n_comparable == alike.transform("size")).all()


def test_an_event_day_has_the_statistic_of_its_event_study(marts, days):
    """Same portfolio, same model, same estimation window: the scan was only not told the date."""
    tests = marts.execute(
        "select events.t0, tests.statistic, tests.p_two_sided, tests.n_firms "
        "from marts.fct_selloff_tests as tests "
        "inner join marts.dim_event as events on tests.study_id = events.event_id "
        "where tests.group_id = 'miners' and tests.model_id = 'market_btc' "
        "and tests.window_id = '[0,0]' and tests.test_id = 'portfolio_t' and tests.status = 'ok'"
    ).df()
    assert len(tests) > 15
    scanned = days.loc[tests.t0]
    assert np.allclose(scanned.portfolio_t, tests.statistic, rtol=1e-9)
    assert np.allclose(scanned.p_two_sided, tests.p_two_sided, rtol=1e-9)
    assert (scanned.n_firms.to_numpy() == tests.n_firms).all()


def test_the_deepseek_day_leads_and_the_day_of_the_note_does_not_stand_out(days):
    ok = days[days.status == "ok"]
    alike = ok[~ok.is_asynchronous]
    assert alike.portfolio_t.idxmin() == pd.Timestamp("2025-01-27")
    deepseek = days.loc["2025-01-27"]
    assert deepseek.rank_negative == 1
    assert deepseek.events_near.split("; ")[0] == "deepseek-shock"
    note = days.loc["2025-03-26"]
    assert note.rank_negative > 10
    assert note.verdict_id == "ordinary"
    assert "msft-2gw-mar" in note.events_near
    assert "msft-tdcowen-2gw-mar" in note.announcements_near
    # Fewer days pass alone than chance lets pass, and none survives the correction.
    assert ok.n_below_level.iloc[0] < ok.expected_false_finds.iloc[0]
    assert set(ok.verdict_id) == {"ordinary", "chance"}


def test_news_near_a_day_is_that_of_the_ledger(marts, days):
    """Every event in the data stands beside the five sessions around the one it is priced on."""
    events = marts.execute("select event_id, t0 from marts.dim_event where t0 is not null").df()
    sessions = days.index
    expected: dict[pd.Timestamp, set[str]] = {}
    for event in events.itertuples():
        if event.t0 not in sessions:
            continue
        at = sessions.get_loc(event.t0)
        for distance in range(-2, 3):
            if 0 <= at - distance < len(sessions):
                said = event.event_id + (f" ({distance:+d})" if distance else "")
                expected.setdefault(sessions[at - distance], set()).add(said)
    assert len(expected) > 60
    for day, row in days.iterrows():
        listed = set() if pd.isna(row.events_near) else set(row.events_near.split("; "))
        assert listed == expected.get(day, set()), day
        assert row.n_events_near == len(listed), day
