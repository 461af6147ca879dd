"""Rolling betas a second time: pandas for the windows, statsmodels for every compared fit."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import statsmodels.api as sm

from tests.event_study.compare import assert_same
from tests.event_study.oracle import Study

FIGURES = (
    "alpha",
    "beta_ai",
    "beta_btc",
    "r2",
    "corr_ai_btc",
    "idiosyncratic_sd",
    "sd_ai",
    "sd_btc",
    "ai_tilt",
)


def basket_members(study: Study) -> list[str]:
    basket = study.baskets.loc["ai"]
    if basket.rule_kind == "role":
        return [t for t, role in study.companies.role.items() if role == basket.rule_value]
    return [ticker.strip() for ticker in basket.rule_value.split(";")]


def bitcoin_series(study: Study) -> dict[str, pd.Series]:
    """Returns per source, the preferred one first."""
    proxies = [t for t, role in study.companies.role.items() if role == "bitcoin_proxy"]
    priced = [study.returns[t] for t in proxies if t in study.returns]
    held = {"spot_etf": priced[0]} if priced else {}
    if study.new_york_bitcoin_returns.notna().any():
        held["new_york_close"] = study.new_york_bitcoin_returns
    return held | {"utc_close": study.utc_bitcoin_returns}


def chosen_source(sources: dict[str, pd.Series], market: pd.Index, window: pd.DatetimeIndex) -> str:
    """The first source with a return on each session on which any share has one, else the last.

    Empty where none has a return in the window.
    """
    wanted = window.intersection(market)
    found = {name: series.reindex(wanted).notna() for name, series in sources.items()}
    complete = [name for name, present in found.items() if present.all() and len(present)]
    partial = [name for name, present in found.items() if present.any()]
    return (complete or partial[::-1] or [""])[0]


def fitted(rows: pd.DataFrame) -> dict:
    fit = sm.OLS(rows.y.to_numpy(), sm.add_constant(rows[["ai", "btc"]].to_numpy())).fit()
    alpha, beta_ai, beta_btc = fit.params
    pulls = np.maximum([beta_ai * rows.ai.std(), beta_btc * rows.btc.std()], 0)
    return {
        "alpha": alpha,
        "beta_ai": beta_ai,
        "beta_btc": beta_btc,
        "r2": fit.rsquared,
        "corr_ai_btc": np.corrcoef(rows.ai, rows.btc)[0, 1],
        "idiosyncratic_sd": np.sqrt(fit.mse_resid),
        "sd_ai": rows.ai.std(),
        "sd_btc": rows.btc.std(),
        "ai_tilt": pulls[0] / pulls.sum() if pulls.sum() > 0 else np.nan,
    }


def compare_rolling_betas(
    connection: duckdb.DuckDBPyConnection, study: Study, every: int, at_least: int = 300
) -> set[tuple[str, str]]:
    """Hold every source and count, and the figures of each ``every``-th session, to the oracle.

    At least ``at_least`` windows must have figures. Returns the pairs of status and bitcoin source
    that were met.
    """
    betas = connection.execute("select * from marts.fct_rolling_betas order by session_date").df()
    betas["factor_source"] = betas.factor_source.fillna("")
    groups = dict(list(betas.groupby(["ticker", "window_sessions"])))
    members, sources = basket_members(study), bitcoin_series(study)
    first, last = study.priced_positions
    sessions = study.sessions[first : last + 1]
    market = sessions[study.returns.loc[sessions].notna().any(axis=1)]
    choices = {
        length: pd.Series(
            [
                chosen_source(sources, market, sessions[max(0, at + 1 - length) : at + 1])
                for at in range(len(sessions))
            ],
            index=sessions,
            dtype=object,
        )
        for length in study.rolling_windows.window_sessions
    }
    n_compared = 0
    for ticker in study.closes:
        alive = study.closes[ticker].loc[sessions].dropna().index
        if alive.empty:
            continue
        days = sessions[(sessions >= alive[0]) & (sessions <= alive[-1])]
        held = study.returns[[t for t in members if t != ticker and t in study.returns]].loc[days]
        pair = pd.DataFrame({"y": study.returns[ticker].loc[days], "ai": held.mean(axis=1)})
        pair["n"] = held.notna().sum(axis=1)
        usable = {
            name: pair.assign(btc=series.loc[days]).dropna().reindex(days)
            for name, series in sources.items()
        }
        for window in study.rolling_windows.itertuples():
            length = int(window.window_sessions)
            rows = groups.pop((ticker, length)).set_index("session_date")
            assert list(rows.index) == list(days), ticker
            chosen = choices[length].loc[days]
            assert (rows.factor_source == chosen).all(), ticker
            n_sessions = pd.Series(0, index=days)
            n_firms = pd.Series(np.nan, index=days)
            for name, frame in usable.items():
                rolled = frame.rolling(length, min_periods=1)
                here = chosen == name
                n_sessions[here] = rolled.y.count()[here].astype(int)
                n_firms[here] = rolled.n.min()[here]
            assert (rows.n_sessions == n_sessions).all(), ticker
            assert np.array_equal(rows.n_basket_firms.astype(float), n_firms, equal_nan=True)
            n_own, n_basket = (
                pair[name].rolling(length, min_periods=0).count() for name in ("y", "ai")
            )
            no_basket = (n_own > 0) & (n_basket == 0)
            assert ((rows.status == "no_basket") == no_basket).all(), ticker
            too_few = n_sessions < window.min_sessions
            assert (rows.status.isin(["short_window", "no_basket"]) == too_few).all(), ticker
            assert (rows.is_asynchronous.eq(True) == (chosen == "utc_close")).all(), ticker
            assert (rows[list(FIGURES)].isna().all(axis=1) == (rows.status != "ok")).all(), ticker
            for at in [*range(0, len(days), every), len(days) - 1]:
                row, what = rows.iloc[at], f"{ticker} {length} {days[at].date()}"
                if row.status in ("short_window", "no_basket"):
                    continue
                used = usable[chosen.iloc[at]].iloc[max(0, at + 1 - length) : at + 1].dropna()
                if row.status == "no_variation":
                    assert used.y.nunique() == 1, what
                elif row.status == "no_residual":
                    assert np.allclose(used.y, used.btc, rtol=1e-12), what
                else:
                    assert row.status == "ok", what
                    for name, value in fitted(used).items():
                        assert_same(row[name], value, f"{what} {name}")
                    n_compared += 1
    assert not groups
    assert n_compared > at_least
    return set(betas[["status", "factor_source"]].itertuples(index=False, name=None))
