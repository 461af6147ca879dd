"""The event study a second time, independently: pandas, statsmodels and SciPy on the CSV files.

Nothing here reads the warehouse or shares code with it. Definitions follow the textbook
sources, with statsmodels doing every regression and SciPy every distribution. Here are the
folder, the fits and the windows of single firms; ``oracle_groups`` has the tests across firms.

What is public about miners' AI megawatts at a date has its own mart and its own tests: a
caller who compares groups chosen by exposure sets ``Study.exposure``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from tests.event_study.oracle_groups import Date, FirmDate, GroupResult, Portfolio, run_tests

NOT_FIRMS = {"benchmark", "bitcoin_proxy"}
BUNDLED_STUDY = Path(__file__).parents[2] / "data" / "study"
NAN = float("nan")
NEW_YORK = "America/New_York"


@cache
def _sessions(start: pd.Timestamp, end: pd.Timestamp) -> pd.DatetimeIndex:
    calendar = exchange_calendars.get_calendar("XNYS", start=start, end=end)
    return calendar.sessions.tz_localize(None)


@cache
def _early_closes() -> pd.DatetimeIndex:
    return exchange_calendars.get_calendar("XNYS").early_closes.tz_localize(None)


def _listed(text: object) -> list[str]:
    """The entries of a ';'-separated field, none for an empty one."""
    return [entry.strip() for entry in str(text).split(";") if entry.strip() and text == text]


@dataclass(frozen=True)
class Model:
    """An expected-return model as the study's file describes it."""

    model_id: str
    factors: tuple[str, ...]
    method: str = "ols"
    return_kind: str = "simple"
    leverage: str = "model"
    masks: bool = False

    @property
    def n_coefficients(self) -> int:
        return 1 + len(self.factors) if self.method == "ols" else 1


@dataclass
class Fit:
    """One series' expected-return model over its estimation window."""

    model: Model
    params: np.ndarray  # intercept and slopes; fixed ones for market_adjusted
    unscaled_covariance: np.ndarray  # of the estimated coefficients: (X'X)^-1
    residuals: pd.Series
    r2: float
    n_masked: int = 0

    @property
    def n(self) -> int:
        return len(self.residuals)

    @property
    def df(self) -> int:
        return self.n - self.model.n_coefficients

    @cached_property
    def s(self) -> float:
        if self.model.method == "market_adjusted":
            return float(np.std(self.residuals, ddof=1))
        return float(np.sqrt((self.residuals**2).sum() / self.df))

    def expected(self, factors: pd.DataFrame) -> pd.Series:
        design = sm.add_constant(factors.to_numpy(float), prepend=True, has_constant="add")
        return pd.Series(design @ self.params, index=factors.index)

    def car_sd(self, factors: pd.DataFrame) -> float:
        """Prediction standard deviation of the sum of abnormal returns over these days."""
        length = len(factors)
        if self.model.method == "market_adjusted":
            uncertain = length**2 / self.n if self.model.leverage == "one_over_n" else 0.0
        else:
            d = np.array([length, *factors.sum()])
            uncertain = float(d @ self.unscaled_covariance @ d)
        return self.s * np.sqrt(length + uncertain)


def fit_series(model: Model, returns: pd.Series, factors: pd.DataFrame) -> Fit:
    """Fit complete rows; the caller has seen to it that there are enough."""
    y = returns.to_numpy(float)
    if model.method == "market_adjusted":
        residuals = returns - factors.iloc[:, 0]
        return Fit(model, np.array([0.0, 1.0]), np.empty((0, 0)), residuals, NAN)
    design = np.column_stack([np.ones(len(y)), factors.to_numpy(float)])
    result = sm.OLS(y, design).fit()
    with np.errstate(invalid="ignore"):  # a constant series has no variance to explain
        r2 = float(result.rsquared) if model.factors else NAN
    residuals = pd.Series(result.resid, index=returns.index)
    return Fit(model, result.params, result.normalized_cov_params, residuals, r2)


def is_collinear(factors: pd.DataFrame) -> bool:
    """Whether a factor is constant or made of the others over these rows."""
    values = factors.to_numpy(float)
    centred = values - values.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))
    if (size < 1e-12).any():
        return True
    return bool(np.linalg.svd(centred / size, compute_uv=False).min() < 1e-6)


def overlapping_sums(residuals: pd.Series, length: int, days: Iterable) -> pd.Series:
    """Sums over every run of ``length`` sessions that has all its residuals, by last day."""
    return residuals.reindex(list(days)).rolling(length, min_periods=length).sum().dropna()


class Study:
    """A data folder's figures and configuration."""

    def __init__(self, data: Path, study: Path | None = None) -> None:
        folder = study or data / "study"

        def configuration(name: str) -> pd.DataFrame:
            own = folder / name
            return pd.read_csv(own if own.exists() else BUNDLED_STUDY / name)

        self.companies = pd.read_csv(data / "ledger" / "companies.csv").set_index("ticker")
        self.events = pd.read_csv(data / "ledger" / "events.csv").set_index("event_id")
        prices = pd.read_csv(data / "snapshot" / "equity_daily.csv", parse_dates=["session_date"])
        self.prices = prices[prices.close > 0]
        bitcoin = data / "snapshot" / "btc_daily.csv"
        self.bitcoin_closes = (
            pd.read_csv(bitcoin, parse_dates=["date_utc"]).set_index("date_utc").close
            if bitcoin.exists()
            else pd.Series(dtype=float)
        )
        hours = data / "snapshot" / "btc_hourly.csv"
        self.bitcoin_hours = (
            pd.read_csv(hours, parse_dates=["date_utc"]).set_index(["date_utc", "hour_utc"])
            if hours.exists()
            else pd.DataFrame(columns=["close", "source"])
        )
        self.windows = configuration("windows.csv")
        for end in ("first_day", "last_day"):
            if f"rank_{end}" not in self.windows:
                self.windows[f"rank_{end}"] = NAN
            ranked = self.windows[f"rank_{end}"].fillna(self.windows[end])
            self.windows[f"rank_{end}"] = ranked.astype(int)
        # The sessions around an event that a factor must reach over.
        self.span = (
            min(-1, int(self.windows.rank_first_day.min())),
            max(1, int(self.windows.rank_last_day.max())),
        )
        self.parameters = configuration("parameters.csv").set_index("parameter")["value"]
        self.groups = configuration("groups.csv")
        self.baskets = configuration("baskets.csv").set_index("basket_id")
        self.rolling_windows = configuration("rolling_windows.csv")
        self.models = [self._model(row) for _, row in configuration("models.csv").iterrows()]
        sets = folder / "event_sets.csv"
        self.event_sets = (
            pd.read_csv(sets).set_index("set_id")
            if sets.exists()
            else pd.DataFrame(columns=["rule_kind", "rule_value"])
        )
        self.exposure: pd.DataFrame | None = None
        self._fits: dict[tuple[int, str, str], Fit | str] = {}
        self._firm_dates: dict[tuple, FirmDate | None] = {}
        self._dates: dict[tuple, Date] = {}
        self._factors: dict[tuple[int, str], pd.DataFrame] = {}
        self._masked: dict[tuple[str, int], pd.DatetimeIndex] = {}
        self._correlations: dict[tuple[int, str], pd.DataFrame] = {}

    @staticmethod
    def _model(row: pd.Series) -> Model:
        def given(name: str, default: str) -> str:
            return str(row[name]) if name in row and pd.notna(row[name]) else default

        return Model(
            row.model_id,
            tuple(_listed(row.factors)),
            given("method", "ols"),
            given("return_kind", "simple"),
            given("leverage", "model"),
            given("mask_other_events", "0") in {"1", "1.0", "true", "True"},
        )

    def model(self, model_id: str) -> Model:
        return next(model for model in self.models if model.model_id == model_id)

    def only(self, models: Iterable[str], windows: Iterable[str]) -> Study:
        """The study with some of its models and windows: comparing all of them takes long."""
        chosen = copy.copy(self)
        chosen.models = [self.model(model_id) for model_id in models]
        chosen.windows = self.windows[self.windows.window_id.isin(list(windows))]
        return chosen

    # Sessions, prices and returns.

    @cached_property
    def sessions(self) -> pd.DatetimeIndex:
        first, last = self.prices.session_date.min(), self.prices.session_date.max()
        return _sessions(first - pd.Timedelta(days=500), last + pd.Timedelta(days=500))

    @cached_property
    def priced_positions(self) -> tuple[int, int]:
        """Positions of the first and the last session with any price."""
        dates = self.prices.session_date
        return self.sessions.get_loc(dates.min()), self.sessions.get_loc(dates.max())

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

    @cached_property
    def new_york_bitcoin_returns(self) -> pd.Series:
        """Bitcoin from one New York close to the next, by the clock on the wall there."""
        early = _early_closes()
        closes, exchanges = [], []
        for day in self.sessions:
            # 16:00, or 13:00 on an early close: the hour's bar starts an hour before.
            wall = (day + pd.Timedelta(hours=12 if day in early else 15)).tz_localize(NEW_YORK)
            start = wall.tz_convert("UTC").tz_localize(None)
            key = (start.normalize(), start.hour)
            known = key in self.bitcoin_hours.index
            closes.append(self.bitcoin_hours.close[key] if known else NAN)
            exchanges.append(self.bitcoin_hours.source[key] if known else None)
        at_close = pd.Series(closes, index=self.sessions, dtype=float)
        exchange = pd.Series(exchanges, index=self.sessions, dtype=object)
        return (at_close / at_close.shift(1) - 1).where(exchange == exchange.shift(1))

    @cached_property
    def utc_bitcoin_returns(self) -> pd.Series:
        closes = self.bitcoin_closes.reindex(self.sessions)
        return closes / closes.shift(1) - 1

    def series(self, ticker: str, kind: str) -> pd.Series:
        if ticker not in self.returns:
            return pd.Series(NAN, index=self.sessions)
        simple = self.returns[ticker]
        return np.log1p(simple) if kind == "log" else simple

    @property
    def firms(self) -> list[str]:
        return [t for t, role in self.companies.role.items() if role not in NOT_FIRMS]

    # Events and who is in a group at one.

    def position(self, event_id: str) -> int:
        """Position of t0 among the sessions."""
        event = self.events.loc[event_id]
        day = pd.Timestamp(event.news_date)
        if day in self.sessions and event.news_timing not in ("after_close", "non_trading"):
            return self.sessions.get_loc(day)
        return int(self.sessions.searchsorted(day, side="right"))

    def event_status(self, event_id: str) -> str:
        first, last = self.priced_positions
        position = self.position(event_id)
        if position > last:
            return "future_event"
        return "before_data" if position < first else "ok"

    def fixed_members(self, group: pd.Series) -> list[str]:
        if group.rule_kind == "focal":
            return [t for t in self.firms if self.companies.is_focal[t] == 1]
        if group.rule_kind == "role":
            return [t for t in self.firms if self.companies.role[t] == group.rule_value]
        return _listed(group.rule_value) if group.rule_kind == "tickers" else []

    def named_firms(self, event_id: str) -> set[str]:
        """Firms the news names, one by one or through a role or a group of the study."""
        event = self.events.loc[event_id]
        named = set(_listed(event.get("tickers_named", "")))
        for name in _listed(event.get("groups_named", "")):
            named |= {t for t in self.firms if self.companies.role[t] == name}
            for group in self.groups[self.groups.group_id == name].itertuples():
                named |= set(self.fixed_members(group))
        return named & set(self.firms)

    def members(self, group: pd.Series, event_id: str) -> list[str]:
        if group.rule_kind == "named":
            return sorted(self.named_firms(event_id))
        if group.rule_kind == "exposure":
            return self._miners_with_exposure(group.rule_value, self.position(event_id))
        return self.fixed_members(group)

    def _miners_with_exposure(self, wanted: str, position: int) -> list[str]:
        assert self.exposure is not None, "compare groups by exposure with Study.exposure set"
        known = self.exposure[self.exposure.as_of_date == self.sessions[position - 1]]
        megawatts = known.set_index("ticker").hpc_contracted_mw
        miners = [t for t in self.firms if self.companies.role[t] == "miner"]
        kind = {
            t: "unknown" if pd.isna(megawatts.get(t)) else
               "contracted" if megawatts[t] > 0 else "none_found"
            for t in miners
        }  # fmt: skip
        return [t for t in miners if kind[t] == wanted]

    def study_events(self, study_id: str) -> list[str]:
        """Events of the study, in the data or not."""
        if study_id in self.events.index:
            return [study_id]
        chosen = self.event_sets.loc[study_id]
        if chosen.rule_kind == "event_type":
            return list(self.events.index[self.events.event_type == chosen.rule_value])
        return _listed(chosen.rule_value)

    # One firm's, fund's or portfolio's model.

    @cached_property
    def _own_estimations(self) -> dict[tuple[int, str], int]:
        """Estimation days that events state themselves, by position of t0 and column."""
        return {
            (self.position(event_id), name): int(event[name])
            for event_id, event in self.events.iterrows()
            for name in ("estimation_first_day", "estimation_last_day")
            if pd.notna(event.get(name))
        }

    def estimation_day(self, position: int, name: str) -> int:
        return self._own_estimations.get((position, name), int(self.parameters[name]))

    def estimation_positions(self, position: int) -> range:
        first = position + self.estimation_day(position, "estimation_first_day")
        last = position + self.estimation_day(position, "estimation_last_day")
        return range(max(first, 0), max(last + 1, 0))

    def estimation_sessions(self, position: int) -> pd.DatetimeIndex:
        return self.sessions[self.estimation_positions(position)]

    def bitcoin_source(self, position: int) -> str:
        """The first of spot ETF and New York close that reaches over the whole span of the event
        and enough of the estimation window, else the UTC close."""
        proxies = self.companies.index[self.companies.role == "bitcoin_proxy"]
        first, last = position + self.span[0], position + self.span[1]
        lowest, highest = self.priced_positions
        span = range(max(first, lowest), min(last, highest) + 1)
        candidates = [("spot_etf", self.series(proxy, "simple")) for proxy in proxies]
        for source, returns in [*candidates, ("new_york_close", self.new_york_bitcoin_returns)]:
            n_estimation = returns.iloc[self.estimation_positions(position)].notna().sum()
            if (
                returns.iloc[span].notna().all()
                and n_estimation >= self.parameters.min_estimation_sessions
            ):
                return source
        return "utc_close"

    def factor_returns(self, model: Model, position: int) -> pd.DataFrame:
        """The model's factors over all sessions, as they serve an event at ``position``."""
        key = (position, model.model_id)
        if key not in self._factors:
            self._factors[key] = self._factor_returns(model, position)
        return self._factors[key]

    def _factor_returns(self, model: Model, position: int) -> pd.DataFrame:
        columns = {}
        for number, factor in enumerate(model.factors, start=1):
            if factor != "bitcoin":
                columns[number] = self.series(factor, model.return_kind)
            elif self.bitcoin_source(position) == "spot_etf":
                proxy = self.companies.index[self.companies.role == "bitcoin_proxy"][0]
                columns[number] = self.series(proxy, model.return_kind)
            else:
                simple = {
                    "new_york_close": self.new_york_bitcoin_returns,
                    "utc_close": self.utc_bitcoin_returns,
                }[self.bitcoin_source(position)]
                columns[number] = np.log1p(simple) if model.return_kind == "log" else simple
        return pd.DataFrame(columns, index=self.sessions)

    def masked_sessions(self, ticker: str, position: int) -> pd.DatetimeIndex:
        """Sessions [-1,+1] around the other events that name the firm."""
        if (ticker, position) not in self._masked:
            self._masked[ticker, position] = self._masked_sessions(ticker, position)
        return self._masked[ticker, position]

    def _masked_sessions(self, ticker: str, position: int) -> pd.DatetimeIndex:
        masked: set[int] = set()
        for event_id in self.events.index:
            other = self.position(event_id)
            if other != position and ticker in self.named_firms(event_id):
                masked |= {other - 1, other, other + 1}
        return self.sessions[[p for p in sorted(masked) if 0 <= p < len(self.sessions)]]

    def fit(
        self, model: Model, returns: pd.Series, position: int, ticker: str | None = None
    ) -> Fit | str:
        """The model of one series of returns, or the reason why there is none."""
        factors = self.factor_returns(model, position)
        sessions = self.estimation_sessions(position)
        rows = pd.concat([returns.rename("y"), factors], axis=1).loc[sessions].dropna()
        n_masked = 0
        if model.masks and ticker is not None:
            kept = rows[~rows.index.isin(self.masked_sessions(ticker, position))]
            n_masked = len(rows) - len(kept)
            rows = kept
        needed = max(self.parameters.min_estimation_sessions, model.n_coefficients + 1)
        if len(rows) < needed:
            return "insufficient"
        if model.method == "ols" and is_collinear(rows[factors.columns]):
            return "collinear"
        fit = fit_series(model, rows.y, rows[factors.columns])
        fit.n_masked = n_masked
        return "no_variance" if fit.s < 1e-12 else fit

    def firm_fit(self, ticker: str, position: int, model: Model) -> Fit | str:
        key = (position, ticker, model.model_id)
        if key not in self._fits:
            self._fits[key] = self._firm_fit(ticker, position, model)
        return self._fits[key]

    def _firm_fit(self, ticker: str, position: int, model: Model) -> Fit | str:
        if ticker not in self.closes or np.isnan(self.closes[ticker].iloc[position]):
            return "no_price"
        if np.isnan(self.returns[ticker].iloc[position]):
            return "no_return"
        if self.factor_returns(model, position).iloc[position].isna().any():
            return "no_factor"
        return self.fit(model, self.series(ticker, model.return_kind), position, ticker)

    def abnormal(
        self, fit: Fit, returns: pd.Series, position: int, first: int, last: int
    ) -> pd.Series:
        """Abnormal returns of relative days first..last, by relative day, NaN where missing."""
        days = [d for d in range(first, last + 1) if 0 <= position + d < len(self.sessions)]
        at = [position + d for d in days]
        factors = self.factor_returns(fit.model, position).iloc[at]
        abnormal = returns.iloc[at] - fit.expected(factors)
        return pd.Series(abnormal.to_numpy(), index=days).reindex(range(first, last + 1))

    def window_status(self, window: pd.Series, position: int) -> str:
        overlaps = window.first_day <= self.estimation_day(position, "estimation_last_day")
        return "overlaps_estimation" if overlaps else "ok"

    def window_row(self, fit: Fit, returns: pd.Series, position: int, window: pd.Series) -> dict:
        """The event-window figures of one series; car is NaN where a session is missing."""
        first, last = int(window.first_day), int(window.last_day)
        length = last - first + 1
        abnormal = self.abnormal(fit, returns, position, first, last)
        if self.window_status(window, position) != "ok" or abnormal.isna().any():
            return {"car": NAN}
        span = range(position + first, position + last + 1)
        y = returns.iloc[span]
        factors = self.factor_returns(fit.model, position).iloc[span]
        expected = fit.expected(factors)
        if fit.model.return_kind == "log":
            raw, normal = np.expm1(y.sum()), np.expm1(expected.sum())
        else:
            raw, normal = np.prod(1 + y) - 1, np.prod(1 + expected) - 1
        car = float(abnormal.sum())
        sd = fit.car_sd(factors)
        sums = overlapping_sums(fit.residuals, length, self.estimation_sessions(position))
        return {
            "raw_return": float(raw),
            "expected_return": float(normal),
            "car": car,
            "bhar": float(raw - normal),
            "car_sd_pred": sd,
            "car_t_simple": car / (fit.s * np.sqrt(length)),
            "car_t_pred": car / sd,
            "car_p_pred": 2 * stats.t.sf(abs(car / sd), fit.df),
            "sq_p_lower": (1 + (sums <= car).sum()) / (1 + len(sums)),
            "sq_p_two_sided": (1 + (abs(sums) >= abs(car)).sum()) / (1 + len(sums)),
            "n_quantile_sums": len(sums),
        }

    # Groups.

    def by_relative_day(self, residuals: pd.Series, position: int) -> pd.Series:
        at = self.sessions.get_indexer(residuals.index) - position
        return pd.Series(residuals.to_numpy(), index=at)

    def correlations(self, position: int, model: Model) -> pd.DataFrame:
        """Correlations of the residuals of all series fitted so far, NaN for too few sessions."""
        fitted = {
            ticker: fit.residuals
            for (at, ticker, model_id), fit in self._fits.items()
            if (at, model_id) == (position, model.model_id) and not isinstance(fit, str)
        }
        key = (position, model.model_id)
        if key not in self._correlations or len(self._correlations[key]) < len(fitted):
            self._correlations[key] = pd.DataFrame(fitted).corr(
                min_periods=int(self.parameters.min_common_sessions)
            )
        return self._correlations[key]

    def date(self, position: int, tickers: list[str], model: Model, window: pd.Series) -> Date:
        """One date of a study: its firms with figures in the window, and their portfolio."""
        key = (position, tuple(tickers), model.model_id, window.window_id)
        if key not in self._dates:
            self._dates[key] = self._date(position, tickers, model, window)
        return self._dates[key]

    def _date(self, position: int, tickers: list[str], model: Model, window: pd.Series) -> Date:
        # A fund in a list of tickers is no firm: it counts among the members dropped.
        fits = {
            t: f
            for t in tickers
            if t in self.firms and not isinstance(f := self.firm_fit(t, position, model), str)
        }
        date = Date(position=position, n_members=len(tickers))
        for ticker, fit in fits.items():
            key = (position, ticker, model.model_id, window.window_id)
            if key not in self._firm_dates:
                self._firm_dates[key] = self._firm_date(ticker, fit, position, window)
            firm = self._firm_dates[key]
            if firm is not None:
                date.firms[ticker] = firm
        date.correlations = self.correlations(position, model)
        if fits:
            held = pd.DataFrame({t: self._held(t, position, model) for t in fits})
            date.portfolio = self._portfolio(held.mean(axis=1), position, model, window)
        return date

    def _firm_date(
        self, ticker: str, fit: Fit, position: int, window: pd.Series
    ) -> FirmDate | None:
        returns = self.series(ticker, fit.model.return_kind)
        row = self.window_row(fit, returns, position, window)
        if np.isnan(row["car"]):
            return None
        estimation = self.by_relative_day(fit.residuals, position)
        event_rows = self.abnormal(
            fit, returns, position, int(window.rank_first_day), int(window.rank_last_day)
        ).dropna()
        return FirmDate(
            car=row["car"],
            scar=row["car_t_pred"],
            s=fit.s,
            df=fit.df,
            estimation=estimation,
            ranked=pd.concat([estimation, event_rows]),
        )

    def _held(self, ticker: str, position: int, model: Model) -> pd.Series:
        """What a firm adds to the portfolio: not the sessions its own estimate leaves out."""
        returns = self.series(ticker, model.return_kind)
        if not model.masks:
            return returns
        sessions = self.estimation_sessions(position)
        masked = self.masked_sessions(ticker, position).intersection(sessions)
        return returns.where(~returns.index.isin(masked))

    def _portfolio(
        self, returns: pd.Series, position: int, model: Model, window: pd.Series
    ) -> Portfolio | None:
        fit = self.fit(model, returns, position)
        if isinstance(fit, str):
            return None
        row = self.window_row(fit, returns, position, window)
        if np.isnan(row["car"]):
            return None
        length = int(window.last_day - window.first_day + 1)
        sums = overlapping_sums(fit.residuals, length, self.estimation_sessions(position))
        return Portfolio(
            car=row["car"],
            sd_pred=row["car_sd_pred"],
            s=fit.s,
            df=fit.df,
            residual_sums=self.by_relative_day(sums, position),
        )

    def tests(
        self, study_id: str, group: pd.Series, model: Model, window: pd.Series
    ) -> GroupResult:
        """Every test of one group over one window; a missing statistic is NaN."""
        events = [e for e in self.study_events(study_id) if self.event_status(e) == "ok"]
        members: dict[int, set[str]] = {}
        for event_id in events:
            members.setdefault(self.position(event_id), set()).update(self.members(group, event_id))
        dates = [
            self.date(position, sorted(members[position]), model, window)
            for position in sorted(members)
        ]
        result = run_tests(dates, int(window.first_day), int(window.last_day))
        result.n_events = len(events)
        return result
