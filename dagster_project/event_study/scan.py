"""Days on which a group moved abnormally, found without being told the date.

Every session is judged like an event: the group's equal-weight portfolio against a model fitted
on the sessions before it. With so many sessions looked at, some look abnormal by chance, so
false-discovery rates go with the p-values. Sources: Benjamini and Hochberg (1995); Benjamini and
Yekutieli (2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dagster_project.event_study.arrays import Flags, Floats, Integers, Texts, divided
from dagster_project.event_study.distributions import student_t_lower_p, student_t_two_sided_p
from dagster_project.event_study.market import Factors, Market, Parameters
from dagster_project.event_study.models import Design, Model, fit


@dataclass(frozen=True)
class ScannedDays:
    """One entry per session; figures are NaN where ``status`` is not ``ok``.

    ``n_firms`` are the firms held: those with a return that day and a history long enough for a
    model of their own. ``factors`` says which factor series each session's model used.
    """

    sessions: Integers
    status: Texts
    n_firms: Integers
    n_est: Integers
    portfolio_return: Floats
    expected_return: Floats
    abnormal_return: Floats
    s_pred: Floats
    df: Floats
    factors: list[Factors]

    @property
    def portfolio_t(self) -> Floats:
        return divided(self.abnormal_return, self.s_pred)

    @property
    def p_two_sided(self) -> Floats:
        return student_t_two_sided_p(self.portfolio_t, self.df)

    @property
    def p_lower(self) -> Floats:
        return student_t_lower_p(self.portfolio_t, self.df)


def scan(market: Market, model: Model, parameters: Parameters, firms: Integers) -> ScannedDays:
    """Judge every session from the first price to the last for ``firms`` (rows of the market)."""
    first, last = market.price_span
    sessions = np.arange(first, last + 1)
    simple = market.returns[firms]
    returns = model.of_kind(simple)
    days = [_Day.judge(market, model, parameters, simple, returns, int(t0)) for t0 in sessions]

    def column(name: str) -> Floats:
        return np.array([getattr(day, name) for day in days])

    return ScannedDays(
        sessions=sessions,
        status=np.array([day.status for day in days], dtype=object),
        n_firms=np.array([day.n_firms for day in days], dtype=int),
        n_est=np.array([day.n_est for day in days], dtype=int),
        portfolio_return=column("portfolio_return"),
        expected_return=column("expected_return"),
        abnormal_return=column("abnormal_return"),
        s_pred=column("s_pred"),
        df=column("df"),
        factors=[day.factors for day in days],
    )


@dataclass(frozen=True)
class _Day:
    factors: Factors
    status: str
    n_firms: int = 0
    n_est: int = 0
    portfolio_return: float = np.nan
    expected_return: float = np.nan
    abnormal_return: float = np.nan
    s_pred: float = np.nan
    df: float = np.nan

    @staticmethod
    def judge(
        market: Market,
        model: Model,
        parameters: Parameters,
        simple: Floats,
        returns: Floats,
        t0: int,
    ) -> _Day:
        factors = market.factors_for(model, t0, parameters)
        sessions = market.sessions(t0, *parameters.estimation)
        sessions = sessions[factors.has_all[sessions]]
        priced = ~np.isnan(simple[:, t0])
        n_own = (~np.isnan(simple[:, sessions])).sum(axis=1)
        held = priced & (n_own >= max(parameters.min_estimation_sessions, model.n_coefficients + 1))
        n_firms = int(held.sum())
        if not priced.any():
            return _Day(factors, "no_return")
        portfolio = _mean(returns[held][:, sessions])
        design = Design(model, factors.returns[:, sessions])
        fitted = fit(design, portfolio[None], parameters.min_estimation_sessions)
        n_est = int(fitted.n_est[0])
        if not factors.has_all[t0]:
            return _Day(factors, "no_factor", n_firms, n_est)
        portfolio_return = float(_mean(simple[held][:, [t0]])[0])
        status = str(fitted.status[0]) if n_firms else "insufficient"
        if status != "ok":
            return _Day(factors, status, n_firms, n_est, portfolio_return)
        on_day = factors.returns[:, [t0]]
        expected = float(fitted.expected(on_day)[0, 0])
        leverage = float(fitted.leverage(design.scores_of(on_day), 1)[0, 0])
        return _Day(
            factors,
            status,
            n_firms,
            n_est,
            portfolio_return,
            expected,
            float(_mean(returns[held][:, [t0]])[0]) - expected,
            float(fitted.resid_sd[0]) * np.sqrt(1 + leverage),
            float(fitted.df_resid[0]),
        )


def _mean(returns: Floats) -> Floats:
    """Mean over the firms available on each day (firms × days), NaN where there is none."""
    seen = ~np.isnan(returns)
    return divided(np.where(seen, returns, 0.0).sum(axis=0), seen.sum(axis=0))


def false_discovery_rates(p: Floats) -> tuple[Floats, Floats]:
    """Smallest rate at which each p-value counts as found: (independent, any dependence).

    Benjamini and Hochberg's m p / rank, made monotone; Benjamini and Yekutieli's multiplies it by
    1 + 1/2 + ... + 1/m, which holds whatever ties the p-values to each other. NaN stays NaN.
    """
    rates = np.full((2, len(p)), np.nan)
    tested: Flags = ~np.isnan(p)
    m = int(tested.sum())
    if m:
        order = np.flatnonzero(tested)[np.argsort(p[tested], kind="stable")]
        raw = p[order] * m / np.arange(1, m + 1)
        harmonic = np.sum(1 / np.arange(1, m + 1))
        for row, factor in enumerate((1.0, harmonic)):
            monotone = np.minimum.accumulate((raw * factor)[::-1])[::-1]
            rates[row, order] = np.minimum(monotone, 1.0)
    return rates[0], rates[1]
