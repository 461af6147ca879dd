"""The event study for notebooks: pandas in, pandas out.

    study = EventStudy(returns, factors, model="market_btc").fit("2025-03-26")
    study.params                                  # intercept and slopes, one row per firm
    study.car((-1, 1))                            # cumulative abnormal returns with their tests
    study.tests({"miners": ["CLSK", "MARA"]})     # tests across firms
    study.gradient(exposure)                      # did the more exposed fall more?
    print(study.summary())

The same functions compute the marts of the warehouse, so the figures are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from dagster_project.event_study.arrays import Integers
from dagster_project.event_study.dates import GroupTests
from dagster_project.event_study.distributions import student_t_two_sided_p
from dagster_project.event_study.event import EventPanel
from dagster_project.event_study.gradient import gradients
from dagster_project.event_study.market import FactorSeries, Market, Parameters
from dagster_project.event_study.models import Model
from dagster_project.event_study.tests import TESTS, pooled
from dagster_project.event_study.windows import Window, rolling_sums, sample_quantiles

# First and last day of an event window relative to the event session.
Days = tuple[int, int]
Groups = Mapping[str, Sequence[str]]


class EventStudy:
    """Abnormal returns of many firms around an event.

    ``returns`` (sessions × firms) are simple returns, NaN for holes; ``factors`` (sessions ×
    factors) likewise. Their index is the consecutive sessions of one calendar, in order. ``model``
    is ``mean_adjusted``, ``market_adjusted`` or ``market_model`` (both on the first factor),
    ``market_btc`` (the first factor and ``bitcoin``), a list of factors, or a ``Model``.

    Raises ValueError where the two indexes differ or a factor is not a column.
    """

    def __init__(
        self,
        returns: pd.DataFrame,
        factors: pd.DataFrame | None = None,
        model: str | Sequence[str] | Model = "market_model",
        parameters: Parameters | None = None,
    ) -> None:
        factors = pd.DataFrame(index=returns.index) if factors is None else factors
        if not returns.index.equals(factors.index):
            raise ValueError("returns and factors must have the same index of sessions")
        if not returns.index.is_monotonic_increasing or not returns.index.is_unique:
            raise ValueError("the index of sessions must be in order, each session once")
        self.firms = [str(name) for name in returns.columns]
        self.sessions = returns.index
        self.model = _model(model, [str(name) for name in factors.columns])
        self.parameters = parameters or Parameters()
        matrix = np.ascontiguousarray(returns.to_numpy(dtype=float).T)
        priced = np.flatnonzero(~np.isnan(matrix).all(axis=0))
        self._market = Market(
            matrix,
            {
                str(name): [FactorSeries(str(name), 1, False, column.to_numpy(dtype=float))]
                for name, column in factors.items()
            },
            # The session before the first return has the first price.
            (max(int(priced[0]) - 1, 0), int(priced[-1])) if len(priced) else (0, -1),
        )

    def fit(self, date: str | pd.Timestamp, estimation: Days | None = None) -> EventStudyResults:
        """Fit every firm before the first session on or after ``date``.

        ``estimation`` are the first and last day of the event's own estimation window, relative
        to that session; those of ``parameters`` where it is None.

        Raises ValueError where no such session is in the index, or the estimation window ends
        before it starts.
        """
        place = int(self.sessions.searchsorted(pd.Timestamp(date)))
        if place >= len(self.sessions):
            raise ValueError(f"no session on or after {date}: the returns end {self.sessions[-1]}")
        first, last = estimation or self.parameters.estimation
        if first > last:
            raise ValueError(f"estimation {estimation}: the first day is after the last")
        return EventStudyResults(
            self,
            place,
            replace(self.parameters, estimation_first_day=first, estimation_last_day=last),
        )

    def pooled_tests(
        self,
        dates: Sequence[str | pd.Timestamp | EventStudyResults],
        groups: Groups,
        window: Days = (0, 0),
    ) -> pd.DataFrame:
        """Tests across firms over several event dates, each date one observation.

        A date with an estimation window of its own is given as fitted: ``fit(date, (-200, -31))``.
        """
        fitted = [date if isinstance(date, EventStudyResults) else self.fit(date) for date in dates]
        return _tests(fitted, groups, window)


class EventStudyResults:
    """A fitted event study; ``t0`` is the event session, ``parameters`` have its estimation."""

    def __init__(self, study: EventStudy, place: int, parameters: Parameters) -> None:
        self.study = study
        self.t0 = study.sessions[place]
        self.parameters = parameters
        self._place = place

    @lru_cache(maxsize=4)  # noqa: B019 - results are few, and their panels go with them
    def _panel(self, first_day: int, last_day: int, pooled: Days | None = None) -> EventPanel:
        span = (min(first_day, -1), max(last_day, 1))
        market = self.study._market
        return EventPanel(
            market,
            self.study.model,
            replace(self.parameters, span=span, pooled=pooled),
            self._place,
            np.where(np.isnan(market.returns[:, self._place]), "no_return", "ok").astype(object),
        )

    def panel(self, window: Days = (0, 0)) -> EventPanel:
        """The arrays behind the results, with the sessions of a window."""
        return self._panel(*window)

    @property
    def status(self) -> pd.Series:
        """Why a firm has no estimate, ``ok`` where it has one."""
        return self._by_firm(self.panel().fit.status)

    @property
    def nobs(self) -> pd.Series:
        """Sessions of each firm's estimate."""
        return self._by_firm(self.panel().fit.n_est)

    @property
    def params(self) -> pd.DataFrame:
        """Intercept and slopes: one row per firm, NaN where it has no estimate."""
        fitted = self.panel().fit
        frame = pd.DataFrame(fitted.betas, self.study.firms, list(self.study.model.regressors))
        frame.insert(0, "const", fitted.alpha)
        return frame

    @property
    def rsquared(self) -> pd.Series:
        return self._by_firm(self.panel().fit.r2)

    @property
    def resid_sd(self) -> pd.Series:
        """Standard deviation of each firm's residuals, corrected for degrees of freedom."""
        return self._by_firm(self.panel().fit.resid_sd)

    @property
    def resid(self) -> pd.DataFrame:
        """Residuals of the estimation window: (sessions × firms)."""
        panel = self.panel()
        sessions = self.study.sessions[panel.estimation_sessions]
        return pd.DataFrame(panel.fit.residuals.T, sessions, self.study.firms)

    def abnormal(self, window: Days = (-1, 1)) -> pd.DataFrame:
        """Abnormal returns: one row per session relative to the event, one column per firm."""
        around = self.panel(window).around
        columns = around.columns(_window(window))
        index = pd.RangeIndex(window[0], window[1] + 1, name="rel_day")
        return pd.DataFrame(around.abnormal[:, columns].T, index, self.study.firms)

    def car(self, window: Days = (0, 0)) -> pd.DataFrame:
        """Cumulative abnormal return of each firm, with its prediction error and p-values.

        ``t`` is the CAR over its prediction error, ``p`` by Student's t; ``sq_p`` is its place
        among the firm's own sums over as many quiet sessions.
        """
        panel = self.panel(window)
        [result] = panel.windows([_window(window)])
        sums, _ = rolling_sums(panel.fit.residuals, panel.estimation_days, result.window.n_days)
        return pd.DataFrame(
            {
                "raw_return": result.raw_return,
                "expected_return": result.expected_return,
                "car": result.car,
                "bhar": result.bhar,
                "sd": result.car_sd_pred,
                "t": result.car_t_pred,
                "p": student_t_two_sided_p(result.car_t_pred, panel.fit.df_resid),
                "sq_p": sample_quantiles(result.car, sums).p_two_sided,
                "status": result.status,
            },
            self.study.firms,
        )

    def tests(self, groups: Groups, window: Days = (0, 0)) -> pd.DataFrame:
        """Tests across the firms of each group: one row per group and test."""
        return _tests([self], groups, window)

    def gradient(
        self, exposure: Mapping[str, float] | pd.Series, window: Days = (0, 0)
    ) -> pd.Series:
        """Slope of CARs on an exposure known before the event, with tests of both kinds.

        Firms that ``exposure`` lacks, or gives as NaN, are left out.
        """
        known = pd.Series(exposure, dtype=float).reindex(self.study.firms).to_numpy()
        firms = np.arange(len(self.study.firms))
        windows = [_window(window)]
        [found] = gradients(self.panel(window), windows, firms, known)
        return pd.Series(asdict(found), name="gradient", dtype=object)

    def summary(self, groups: Groups | None = None, window: Days = (0, 0)) -> str:
        """Estimates, CARs and tests across firms as text."""
        everybody = {"all firms": self.study.firms}
        model = self.study.model
        factors = ", ".join(model.factors) or "no factor"
        cars = self.car(window)
        table = self.params.join(self.nobs.rename("n")).join(
            cars[["raw_return", "car", "t", "p", "status"]]
        )
        tests = self.tests(groups or everybody, window)
        return "\n".join(
            [
                f"Event study, {model.model_id} ({factors}), event session {self.t0:%Y-%m-%d}, "
                f"window [{window[0]},{window[1]}]",
                "",
                table.to_string(float_format="{:.4f}".format),
                "",
                "Across firms (robust: allows for the date that all firms share)",
                tests[["robust", "n_firms", "caar", "statistic", "df", "p", "status"]].to_string(
                    float_format="{:.4f}".format
                ),
            ]
        )

    def _by_firm(self, values: object) -> pd.Series:
        return pd.Series(values, self.study.firms)


def _window(days: Days) -> Window:
    first, last = days
    if first > last:
        raise ValueError(f"window {days}: the first day is after the last")
    return Window(f"[{first},{last}]", first, last, first, last)


def _model(model: str | Sequence[str] | Model, columns: Sequence[str]) -> Model:
    if isinstance(model, Model):
        found = model
    elif not isinstance(model, str):
        found = Model("ols", tuple(model))
    else:
        first = tuple(columns[:1])
        named = {
            "mean_adjusted": Model("mean_adjusted", (), "mean_adjusted"),
            "market_adjusted": Model("market_adjusted", first, "market_adjusted"),
            "market_model": Model("market_model", first),
            "market_btc": Model("market_btc", (*first, "bitcoin")),
        }
        if model not in named:
            raise ValueError(f"unknown model {model!r}: use one of {', '.join(named)}")
        found = named[model]
        if not found.factors and model != "mean_adjusted":
            raise ValueError(f"model {model!r} needs a factor: factors has no column")
    missing = [name for name in found.factors if name not in columns]
    if missing:
        raise ValueError(f"factors has no column {', '.join(missing)}")
    return found


def _tests(results: Sequence[EventStudyResults], groups: Groups, window: Days) -> pd.DataFrame:
    study = results[0].study
    row_of = {firm: row for row, firm in enumerate(study.firms)}
    members: list[Integers] = [
        np.array([row_of[firm] for firm in firms if firm in row_of], dtype=int)
        for firms in groups.values()
    ]
    windows = [_window(window)]
    first_days, last_days = zip(*(result.parameters.estimation for result in results), strict=True)
    panels = [result._panel(*window, (min(first_days), max(last_days))) for result in results]
    n_members = [len(firms) for firms in groups.values()]
    dates = [GroupTests(panel, windows, members, n_members) for panel in panels]
    makers = [lambda date=date: date for date in dates]
    pools = pooled(makers, windows, panels[0].parameters)
    outcomes = pools.run()
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "robust": [test.is_robust for test in TESTS.values()],
                    "n_firms": pools.n_firms[0, group],
                    "caar": pools.caar[0, group],
                    **{
                        name: [getattr(outcome, field)[0, group] for outcome in outcomes.values()]
                        for name, field in (
                            ("statistic", "statistic"),
                            ("df", "df"),
                            ("p", "p_two_sided"),
                            ("p_lower", "p_lower"),
                        )
                    },
                    "mde_80pct": pools.mde_80pct[0, group],
                    "status": [outcome.status[0, group] for outcome in outcomes.values()],
                },
                list(TESTS),
            )
            for group in range(len(members))
        ],
        keys=list(groups),
        names=["group", "test"],
    )
