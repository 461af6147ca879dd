"""The event study a second time, independently: pandas, statsmodels and SciPy on the CSV files.

Nothing here reads the warehouse or shares code with it. Definitions follow the textbook
sources, with statsmodels doing every regression and SciPy every distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

NOT_FIRMS = {"benchmark", "bitcoin_proxy"}
NAN = float("nan")


@dataclass
class Fit:
    """One series' market model: an OLS result with its factor and dates."""

    result: object
    returns: pd.Series
    factor: pd.Series

    @property
    def n(self) -> int:
        return int(self.result.nobs)

    @property
    def s(self) -> float:
        return float(np.sqrt(self.result.mse_resid))

    def expected(self, factor: pd.Series) -> pd.Series:
        alpha, beta = self.result.params
        return alpha + beta * factor

    def car_sd(self, factor: pd.Series) -> float:
        d = np.array([len(factor), factor.sum()])
        return self.s * np.sqrt(len(factor) + d @ self.result.normalized_cov_params @ d)


def fit_market_model(returns: pd.Series, factor: pd.Series) -> Fit:
    design = np.column_stack([np.ones(len(factor)), factor.to_numpy()])
    return Fit(sm.OLS(returns.to_numpy(), design).fit(), returns, factor)


def rolling_residual_sums(fit: Fit, length: int, sessions: pd.Index) -> np.ndarray:
    """Sums over every run of ``length`` calendar sessions that has all its residuals."""
    residuals = pd.Series(fit.result.resid, index=fit.returns.index)
    on_calendar = residuals.reindex(sessions)
    return on_calendar.rolling(length, min_periods=length).sum().dropna().to_numpy()


class Study:
    """A data folder's figures and configuration."""

    def __init__(self, data: Path, study: Path | None = None) -> None:
        study = study or data / "study"
        self.companies = pd.read_csv(data / "ledger" / "companies.csv").set_index("ticker")
        self.events = pd.read_csv(data / "ledger" / "events.csv").set_index("event_id")
        self.prices = pd.read_csv(
            data / "snapshot" / "equity_daily.csv", parse_dates=["session_date"]
        )
        self.windows = pd.read_csv(study / "windows.csv")
        self.parameters = pd.read_csv(study / "parameters.csv").set_index("parameter")["value"]
        self.groups = pd.read_csv(study / "groups.csv")
        self.factor = (
            pd.read_csv(study / "models.csv").set_index("model_id").factors["market_model"]
        )

    @cached_property
    def sessions(self) -> pd.DatetimeIndex:
        first, last = self.prices.session_date.min(), self.prices.session_date.max()
        calendar = exchange_calendars.get_calendar(
            "XNYS", start=first - pd.Timedelta(days=500), end=last + pd.Timedelta(days=500)
        )
        return calendar.sessions.tz_localize(None)

    @cached_property
    def closes(self) -> pd.DataFrame:
        wide = self.prices.pivot(index="session_date", columns="ticker", values="close")
        wide = wide.reindex(self.sessions)
        if "first_session" in self.companies:
            for ticker, first in self.companies.first_session.dropna().items():
                if ticker in wide:
                    wide.loc[wide.index < pd.Timestamp(first), ticker] = np.nan
        return wide

    @cached_property
    def returns(self) -> pd.DataFrame:
        return self.closes / self.closes.shift(1) - 1

    @property
    def firms(self) -> list[str]:
        return [t for t, role in self.companies.role.items() if role not in NOT_FIRMS]

    def position(self, event_id: str) -> int:
        """Position of t0 among the sessions."""
        event = self.events.loc[event_id]
        day = pd.Timestamp(event.news_date)
        if day in self.sessions and event.news_timing not in ("after_close", "non_trading"):
            return self.sessions.get_loc(day)
        return int(self.sessions.searchsorted(day, side="right"))

    def members(self, group: pd.Series) -> list[str]:
        if group.rule_kind == "focal":
            return [t for t in self.firms if self.companies.is_focal[t] == 1]
        if group.rule_kind == "role":
            return [t for t in self.firms if self.companies.role[t] == group.rule_value]
        return group.rule_value.split(";")

    def estimation_sessions(self, position: int) -> pd.DatetimeIndex:
        first = position + int(self.parameters.estimation_first_day)
        last = position + int(self.parameters.estimation_last_day)
        return self.sessions[max(first, 0) : max(last + 1, 0)]

    def fit(self, returns: pd.Series, position: int) -> Fit | str:
        """The model of one series of returns, or the reason why there is none."""
        sessions = self.estimation_sessions(position)
        rows = pd.DataFrame(
            {"y": returns.reindex(sessions), "x": self.returns[self.factor].reindex(sessions)}
        ).dropna()
        if len(rows) < max(3, self.parameters.min_estimation_sessions):
            return "insufficient"
        if np.ptp(rows.x) < 1e-12:
            return "collinear"
        fit = fit_market_model(rows.y, rows.x)
        return "no_variance" if fit.s < 1e-12 else fit

    def firm_fit(self, ticker: str, position: int) -> Fit | str:
        if ticker not in self.closes or np.isnan(self.closes[ticker].iloc[position]):
            return "no_price"
        if np.isnan(self.returns[ticker].iloc[position]):
            return "no_return"
        if np.isnan(self.returns[self.factor].iloc[position]):
            return "no_factor"
        return self.fit(self.returns[ticker], position)

    def window_row(self, fit: Fit, returns: pd.Series, position: int, window: pd.Series) -> dict:
        """The event-window figures of one series; car is NaN where a session is missing."""
        span = self.sessions[position + window.first_day : position + window.last_day + 1]
        length = int(window.last_day - window.first_day + 1)
        y, x = returns.reindex(span), self.returns[self.factor].reindex(span)
        if len(span) < length or y.isna().any() or x.isna().any():
            return {"car": NAN}
        expected = fit.expected(x)
        car = float((y - expected).sum())
        sd = fit.car_sd(x)
        sums = rolling_residual_sums(fit, length, self.estimation_sessions(position))
        return {
            "raw_return": float(np.prod(1 + y) - 1),
            "car": car,
            "bhar": float(np.prod(1 + y) - np.prod(1 + expected)),
            "car_sd_pred": sd,
            "car_t_simple": car / (fit.s * np.sqrt(length)),
            "car_t_pred": car / sd,
            "car_p_pred": 2 * stats.t.sf(abs(car / sd), fit.n - 2),
            "sq_p_lower": (1 + (sums <= car).sum()) / (1 + len(sums)),
            "sq_p_two_sided": (1 + (abs(sums) >= abs(car)).sum()) / (1 + len(sums)),
            "n_quantile_sums": len(sums),
            "scar": car / sd,
        }

    def mean_correlation(self, fits: list[Fit]) -> tuple[float, int]:
        """Mean pairwise correlation of residuals, and the pairs with too few sessions."""
        found, dropped = [], 0
        for left, right in combinations(fits, 2):
            both = pd.DataFrame(
                {
                    "a": pd.Series(left.result.resid, index=left.returns.index),
                    "b": pd.Series(right.result.resid, index=right.returns.index),
                }
            ).dropna()
            if len(both) < self.parameters.min_common_sessions:
                dropped += 1
            else:
                found.append(np.corrcoef(both.a, both.b)[0, 1])
        return (float(np.mean(found)) if found else NAN), dropped

    def tests(self, event_id: str, group: pd.Series, window: pd.Series) -> dict:
        """Every test of one group over one window; a missing statistic is NaN."""
        position = self.position(event_id)
        tickers = self.members(group)
        ok = {t: f for t in tickers if not isinstance(f := self.firm_fit(t, position), str)}
        rows = {t: self.window_row(f, self.returns[t], position, window) for t, f in ok.items()}
        rows = {t: row for t, row in rows.items() if not np.isnan(row["car"])}
        fits = [ok[t] for t in rows]
        n = len(rows)
        answer = {"n_firms": n, "n_firms_dropped": len(tickers) - n}
        if n == 0:
            return answer
        car = np.array([row["car"] for row in rows.values()])
        scar = np.array([row["scar"] for row in rows.values()])
        rbar, dropped = self.mean_correlation(fits)
        answer |= {
            "caar": car.mean(),
            "median_car": np.median(car),
            "share_negative": (car < 0).mean(),
            "rbar": rbar,
            "n_pairs_dropped": dropped,
        }
        answer["patell"] = scar.sum() / np.sqrt(sum((f.n - 2) / (f.n - 4) for f in fits))
        if n > 1:
            answer["cross_sectional_t"] = float(stats.ttest_1samp(car, 0).statistic)
            answer["bmp"] = float(stats.ttest_1samp(scar, 0).statistic)
            answer["cross_sectional_p"] = float(stats.ttest_1samp(car, 0).pvalue)
            inflation = 1 + (n - 1) * rbar
            if inflation > 0:
                answer["kolari_pynnonen"] = answer["bmp"] * np.sqrt((1 - rbar) / inflation)
                answer["effective_n"] = n / inflation
        portfolio = self.returns[list(ok)].mean(axis=1)
        fit = self.fit(portfolio, position)
        if not isinstance(fit, str):
            row = self.window_row(fit, portfolio, position, window)
            if not np.isnan(row["car"]):
                answer["portfolio_t"] = row["car_t_pred"]
                answer["portfolio_p"] = row["car_p_pred"]
                answer["sample_quantile_p_lower"] = row["sq_p_lower"]
                answer["sample_quantile_p"] = row["sq_p_two_sided"]
                answer["mde_80pct"] = row["car_sd_pred"] * (
                    stats.t.ppf(0.975, fit.n - 2) + stats.t.ppf(0.8, fit.n - 2)
                )
        return answer
