"""Small panels for hand-worked cases of the event-study package."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dagster_project.event_study.dates import GroupTests
from dagster_project.event_study.event import EventPanel
from dagster_project.event_study.market import FactorSeries, Market, Parameters
from dagster_project.event_study.models import Model
from dagster_project.event_study.tests import Pools, pooled
from dagster_project.event_study.windows import Window

NAN = np.nan
# Against a market that does not move, abnormal returns are the returns themselves: what a case
# writes down is what is ranked, counted and averaged.
RETURNS_THEMSELVES = Model("returns_themselves", ("MKT",), "market_adjusted")


def window(first_day: int, last_day: int, *ranked: int) -> Window:
    """A window that ranks its own days unless ``ranked`` gives first and last."""
    ranked_days = ranked or (first_day, last_day)
    return Window(f"[{first_day},{last_day}]", first_day, last_day, *ranked_days)


def factor(returns: ArrayLike, source: str = "exchange_close", priority: int = 1) -> FactorSeries:
    return FactorSeries(source, priority, source == "utc_close", np.asarray(returns, dtype=float))


def panel(
    estimation: ArrayLike,
    event: ArrayLike,
    *,
    factors: dict[str, ArrayLike] | None = None,
    model: Model = RETURNS_THEMSELVES,
    first_day: int = 0,
    min_sessions: int = 2,
    min_common: int = 2,
    prior_status: Sequence[str] | None = None,
    masked: Sequence[tuple[int, int]] = (),
    skipped_sessions: int = 0,
) -> EventPanel:
    """Firms with returns on the estimation sessions and on the event days that follow them.

    Both are (firms × days); event days count from ``first_day``. ``factors`` have one return per
    session; without them there is a market that does not move. ``skipped_sessions`` before the
    first session stand for an earlier date of the same market.
    """
    before = np.atleast_2d(np.asarray(estimation, dtype=float))
    after = np.atleast_2d(np.asarray(event, dtype=float))
    n_before, n_after = before.shape[1], after.shape[1]
    skipped = np.full((len(before), skipped_sessions), NAN)
    returns = np.concatenate([skipped, before, after], axis=1)
    given = {"MKT": np.zeros(n_before + n_after)} if factors is None else factors
    series = {
        name: [factor(np.r_[np.zeros(skipped_sessions), np.asarray(values, dtype=float)])]
        for name, values in given.items()
    }
    return EventPanel(
        Market(returns, series, (0, returns.shape[1] - 1)),
        model,
        Parameters(
            estimation_first_day=first_day - n_before,
            estimation_last_day=first_day - 1,
            min_estimation_sessions=min_sessions,
            min_common_sessions=min_common,
            span=(first_day, first_day + n_after - 1),
        ),
        skipped_sessions + n_before - first_day,
        None if prior_status is None else np.array(prior_status, dtype=object),
        masked,
    )


class Pool:
    """One window and group of the package's pools: figures as single values."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._pools, name)
        return value[0, 0] if isinstance(value, np.ndarray) else value

    def run(self) -> dict[str, SimpleNamespace]:
        """Every test's status, statistic, degrees of freedom and p-values."""
        return {
            test_id: SimpleNamespace(**{k: v[0, 0] for k, v in vars(outcomes).items()})
            for test_id, outcomes in self._pools.run().items()
        }


def pool(
    *panels: EventPanel, over: Window | None = None, firms: Sequence[int] | None = None
) -> Pool:
    """The tests of one group (all firms by default) over a window of one date or several."""
    tested = over or window(0, 0)

    def group_tests(date: EventPanel) -> GroupTests:
        rows = np.arange(len(date.market.returns)) if firms is None else np.array(firms, dtype=int)
        return GroupTests(date, [tested], [rows], [len(rows)])

    dates = [lambda date=date: group_tests(date) for date in panels]
    return Pool(pooled(dates, [tested], panels[0].parameters))
