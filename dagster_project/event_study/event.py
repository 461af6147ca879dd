"""One model around one event session: all firms fitted, and portfolios of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dagster_project.event_study.arrays import Flags, Floats, Integers, Texts, columns_of
from dagster_project.event_study.market import Factors, Market, Parameters
from dagster_project.event_study.models import Design, Fit, Model, fit
from dagster_project.event_study.windows import Around, Window, WindowReturns, window_returns

# Simple returns of all firms (firms × days) to the portfolios' simple returns, their returns of
# the model's kind and their numbers of firms (portfolios × days).
_Combine = Callable[[Floats], tuple[Floats, Floats, Integers]]


@dataclass(frozen=True)
class Portfolios:
    """Portfolios of one event and model; arrays are (portfolios × days).

    ``n_firms`` counts the firms with a return on each day around the event.
    """

    fit: Fit
    around: Around
    n_firms: Integers

    def windows(self, windows: Sequence[Window]) -> list[WindowReturns]:
        return window_returns(self.fit, self.around, windows)

    def has_returns(self, window: Window) -> Flags:
        """Portfolios with a return on any day of the window."""
        returns = self.around.returns[:, self.around.columns(window)]
        return np.asarray(~np.isnan(returns).all(axis=1))


@dataclass(frozen=True)
class EventPanel:
    """The estimation window and the sessions around ``t0`` under one model, for all firms.

    ``t0`` is a column of the market. ``prior_status`` (firms) says why a firm cannot be judged on
    the event session whatever its estimate, ``ok`` else. ``masked`` are pairs of firm and session
    that the firm's estimate leaves out.
    """

    market: Market
    model: Model
    parameters: Parameters
    t0: int
    prior_status: Texts | None = None
    masked: Sequence[tuple[int, int]] = ()

    @cached_property
    def factors(self) -> Factors:
        return self.market.factors_for(self.model, self.t0, self.parameters)

    @cached_property
    def estimation_sessions(self) -> Integers:
        """Columns of the estimation window on which every factor has a return."""
        sessions = self.market.sessions(self.t0, *self.parameters.estimation)
        return np.asarray(sessions[self.factors.has_all[sessions]])

    @cached_property
    def estimation_days(self) -> Integers:
        return self.estimation_sessions - self.t0

    @cached_property
    def days(self) -> Integers:
        """Relative days around the event, whether or not the calendar has them."""
        return np.arange(self.parameters.span[0], self.parameters.span[1] + 1)

    @cached_property
    def factors_around(self) -> Floats:
        """Factors around the event (factors × days): all NaN on a day that lacks one of them."""
        around = columns_of(self.factors.returns, self.days + self.t0)
        around[:, ~self._explained] = np.nan
        return around

    @cached_property
    def _explained(self) -> Flags:
        """Days around the event that the calendar has and on which every factor has a return."""
        inside = (self.days + self.t0 >= 0) & (self.days + self.t0 < self.market.n_sessions)
        explained = np.zeros(len(self.days), dtype=bool)
        explained[inside] = self.factors.has_all[(self.days + self.t0)[inside]]
        return explained

    @cached_property
    def has_factors_on_t0(self) -> bool:
        return bool(self._explained[self.days == 0].any())

    @cached_property
    def design(self) -> Design:
        return Design(self.model, self.factors.returns[:, self.estimation_sessions])

    @cached_property
    def _simple_estimation(self) -> Floats:
        simple = self.market.returns[:, self.estimation_sessions]
        if self.masked:
            place = {session: column for column, session in enumerate(self.estimation_sessions)}
            for firm, session in self.masked:
                if session in place:
                    simple[firm, place[session]] = np.nan
        return simple

    @cached_property
    def n_masked(self) -> Integers:
        """Returns of each firm that its estimate leaves out for other events."""
        counts = np.zeros(len(self.market.returns), dtype=int)
        for firm, session in set(self.masked):
            counts[firm] += not np.isnan(self.market.returns[firm, session])
        return counts

    @cached_property
    def _simple_around(self) -> Floats:
        return columns_of(self.market.returns, self.days + self.t0)

    @cached_property
    def fit(self) -> Fit:
        """Estimates of all firms."""
        prior = (
            np.full(len(self.market.returns), "ok", dtype=object)
            if self.prior_status is None
            else self.prior_status
        )
        if not self.has_factors_on_t0:
            prior = np.where(prior == "ok", "no_factor", prior)
        return fit(
            self.design,
            self.model.of_kind(self._simple_estimation),
            self.parameters.min_estimation_sessions,
            prior_status=prior,
        )

    @cached_property
    def around(self) -> Around:
        """Returns, expectations and abnormal returns of all firms around the event."""
        return self._around(self.fit, self._simple_around, self.model.of_kind(self._simple_around))

    def _around(
        self, fitted: Fit, simple: Floats, returns: Floats, net_weights: Floats | float = 1.0
    ) -> Around:
        expected = fitted.expected(self.factors_around, net_weights)
        expected[:, ~self._explained] = np.nan
        scores = self.design.scores_of(self.factors_around)
        return Around(
            self.days,
            returns,
            simple,
            expected,
            returns - expected,
            scores,
            self.parameters.estimation,
        )

    @cached_property
    def prediction_sd(self) -> Floats:
        """Standard deviation of each abnormal return around the event (firms × days)."""
        leverage = self.fit.leverage(self.around.scores, 1)
        return np.where(
            np.isnan(self.around.returns),
            np.nan,
            self.fit.resid_sd[:, None] * np.sqrt(1 + leverage),
        )

    def windows(self, windows: Sequence[Window]) -> list[WindowReturns]:
        """CARs of all firms; computed once for the same windows."""
        key = tuple(windows)
        if key not in self._window_returns:
            self._window_returns[key] = window_returns(self.fit, self.around, windows)
        return self._window_returns[key]

    @cached_property
    def _window_returns(self) -> dict[tuple[Window, ...], list[WindowReturns]]:
        return {}

    def equal_weight(self, members: Iterable[Integers]) -> Portfolios:
        """Equal-weight portfolios of the given firms, of which those with an estimate are held.

        The return of a day is the mean over the firms available on it, so a firm listed later
        joins with its first return.
        """
        held = [firms[self.fit.ok[firms]] for firms in members]

        def mean(simple: Floats) -> tuple[Floats, Floats, Integers]:
            shape = (len(held), simple.shape[1])
            means, kinds = np.full(shape, np.nan), np.full(shape, np.nan)
            n_firms = np.zeros(shape, dtype=int)
            returns = self.model.of_kind(simple)
            for row, firms in enumerate(held):
                seen = ~np.isnan(simple[firms])
                n_firms[row] = seen.sum(axis=0)
                some = n_firms[row] > 0
                for into, values in ((means, simple), (kinds, returns)):
                    total = np.where(seen, values[firms], 0.0).sum(axis=0)
                    into[row, some] = total[some] / n_firms[row, some]
            return means, kinds, n_firms

        return self._portfolios(mean, 1.0)

    def weighted(self, firms: Integers, weights: Floats) -> Portfolios:
        """Portfolios of one set of firms with weights (portfolios × firms) that sum to zero.

        They have a return only on days on which every firm has one.
        """

        def weigh(simple: Floats) -> tuple[Floats, Floats, Integers]:
            own = simple[firms]
            sums = np.einsum("pf,ft->pt", weights, own)
            kinds = np.einsum("pf,ft->pt", weights, self.model.of_kind(own))
            return sums, kinds, np.where(np.isnan(sums), 0, len(firms))

        return self._portfolios(weigh, 0.0)

    def _portfolios(self, combine: _Combine, net_weight: float) -> Portfolios:
        _, returns, _ = combine(self._simple_estimation)
        fitted = fit(
            self.design,
            returns,
            self.parameters.min_estimation_sessions,
            net_weights=net_weight,
        )
        simple_around = self._simple_around.copy()
        # A portfolio has no return where its model has no expectation.
        simple_around[:, ~self._explained] = np.nan
        simple, around_returns, n_firms = combine(simple_around)
        return Portfolios(fitted, self._around(fitted, simple, around_returns, net_weight), n_firms)
