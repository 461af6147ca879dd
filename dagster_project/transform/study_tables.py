"""Tables of the event study: relations of the warehouse in, Arrow streams of results out.

The dbt models under ``models/intermediate`` that are written in Python call these functions and
nothing else. Statistics are those of ``dagster_project.event_study``; this module turns tables
into its arrays and back, event by event, so that memory does not grow with the number of events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyRelation

from dagster_project.event_study.arrays import Flags, Floats, Integers, Texts
from dagster_project.event_study.dates import GroupTests
from dagster_project.event_study.distributions import student_t_quantile, student_t_two_sided_p
from dagster_project.event_study.event import EventPanel
from dagster_project.event_study.gradient import Gradient, gradients
from dagster_project.event_study.market import FactorSeries, Market
from dagster_project.event_study.models import Model
from dagster_project.event_study.rolling import Basket, choose_sources, rolling_betas
from dagster_project.event_study.scan import false_discovery_rates, scan
from dagster_project.event_study.tests import Pools, pooled
from dagster_project.event_study.windows import Window, rolling_sums, sample_quantiles
from dagster_project.transform import arrow_stream
from dagster_project.transform.arrow_stream import Columns
from dagster_project.transform.relations import (
    Event,
    Memberships,
    Occasion,
    Prices,
    model_of,
    occasions_of,
    parameters_of,
    rows_of,
    where,
    window_of,
)

# Shares whose rolling betas are computed at once.
_SHARES_AT_ONCE = 128
# A study's bitcoin factor goes by this name in study/models.csv.
_BITCOIN = "bitcoin"


class Study:
    """The tables of a study as arrays. Every argument is the relation of that name.

    ``firms`` are the tickers that are studied; benchmarks are factors only. ``named_firms`` say
    which firms the news of an event names, for models that mask a firm's other events.
    """

    def __init__(
        self,
        *,
        equity_returns: DuckDBPyRelation,
        factor_returns: DuckDBPyRelation,
        sessions: DuckDBPyRelation,
        firms: DuckDBPyRelation,
        models: DuckDBPyRelation,
        windows: DuckDBPyRelation,
        parameters: DuckDBPyRelation,
        events: DuckDBPyRelation,
        named_firms: DuckDBPyRelation,
        significance_level: float = 0.05,
    ) -> None:
        prices = Prices.read(equity_returns, sessions)
        self._session_dates = prices.session_dates
        self._first_number = prices.first_number
        self.tickers = np.array(sorted(row["ticker"] for row in rows_of(firms)), dtype=object)
        self._row_of = {ticker: row for row, ticker in enumerate(self.tickers)}
        row_of = {ticker: row for row, ticker in enumerate(prices.tickers)}
        absent = np.full((1, prices.returns.shape[1]), np.nan)
        returns = np.concatenate([prices.returns, absent])
        has_close = np.concatenate([prices.has_close, np.zeros(absent.shape, dtype=bool)])
        # A studied firm without any price has an empty row: the last.
        rows = np.array([row_of.get(ticker, -1) for ticker in self.tickers], dtype=int)
        self._has_close = has_close[rows]
        names = {factor for row in rows_of(models, "factor_list") for factor in row["factor_list"]}
        self.market = Market(
            returns[rows],
            {name: prices.sources(where(factor_returns, "factor", name)) for name in sorted(names)},
            prices.price_span,
        )
        self.models = [model_of(row) for row in rows_of(models.order("model_id"))]
        self.windows = [window_of(row) for row in rows_of(windows.order("window_id"))]
        in_data = rows_of(
            events.filter("data_status = 'in_data'").order("event_id"),
            "event_id, t0_number, estimation_first_day, estimation_last_day",
        )
        self.parameters = parameters_of(
            rows_of(parameters)[0], self.windows, in_data, significance_level
        )
        self.events = {event.event_id: event for event in self._read_events(in_data)}
        self._named = self._read_named(named_firms)

    def _read_events(self, events: list[dict[str, Any]]) -> Iterator[Event]:
        for row in events:
            t0 = row["t0_number"] - self._first_number
            yield Event(
                row["event_id"],
                t0,
                replace(
                    self.parameters,
                    estimation_first_day=row["estimation_first_day"],
                    estimation_last_day=row["estimation_last_day"],
                ),
                np.select(
                    [~self._has_close[:, t0], np.isnan(self.market.returns[:, t0])],
                    ["no_price", "no_return"],
                    default="ok",
                ),
            )

    def _read_named(self, named_firms: DuckDBPyRelation) -> dict[int, list[tuple[str, int]]]:
        """Events with prices that name each firm, as (event, column of its session)."""
        named: dict[int, list[tuple[str, int]]] = {}
        for row in rows_of(named_firms, "event_id, ticker"):
            event = self.events.get(row["event_id"])
            if event is not None and row["ticker"] in self._row_of:
                named.setdefault(self._row_of[row["ticker"]], []).append((event.event_id, event.t0))
        return named

    def _masked(self, event: Event) -> list[tuple[int, int]]:
        """Sessions beside each firm's other events within this event's estimation window."""
        first, last = (event.t0 + day for day in event.parameters.estimation)
        return [
            (firm, session)
            for firm, others in self._named.items()
            for other_id, t0 in others
            if other_id != event.event_id
            for session in (t0 - 1, t0, t0 + 1)
            if max(first, 0) <= session <= min(last, self.market.n_sessions - 1)
        ]

    @lru_cache(maxsize=2)  # noqa: B019 - a study lives as long as the one model that reads it
    def panel(self, event_id: str, model: Model) -> EventPanel:
        event = self.events[event_id]
        return EventPanel(
            self.market,
            model,
            event.parameters,
            event.t0,
            event.prior_status,
            self._masked(event) if model.mask_other_events else (),
        )

    # ---- Results of firms ----

    def _by_event(self, columns: Callable[[EventPanel], Columns]) -> Iterator[Columns]:
        """Columns of every event and model, each with one entry per firm and further key."""
        for event_id in self.events:
            for model in self.models:
                found = columns(self.panel(event_id, model))
                yield {"event_id": event_id, "model_id": model.model_id, **found}

    def estimates(self) -> pa.RecordBatchReader:
        """One row per event with prices, model and firm: the fitted model."""

        def columns(panel: EventPanel) -> Columns:
            fitted, model = panel.fit, panel.model
            slopes = dict(zip(model.regressors, fitted.betas.T, strict=True))
            market = [slopes[name] for name in model.regressors if name != _BITCOIN]
            return {
                "ticker": self.tickers,
                "est_first_date": self._date_of(panel, fitted.first_day),
                "est_last_date": self._date_of(panel, fitted.last_day),
                "n_est": fitted.n_est,
                "n_masked": panel.n_masked,
                "is_short_window": fitted.n_est < self.parameters.short_window_sessions,
                "df_resid": fitted.df_resid,
                "alpha": None if model.method == "market_adjusted" else fitted.alpha,
                "beta_market": market[0] if market else None,
                "beta_btc": slopes.get(_BITCOIN),
                "factor_source": panel.factors.source_of(_BITCOIN),
                "is_asynchronous": panel.factors.is_asynchronous,
                "r2": fitted.r2,
                "resid_sd": fitted.resid_sd,
                "status": fitted.status,
            }

        return arrow_stream.stream(arrow_stream.ESTIMATES, self._by_event(columns))

    def _date_of(self, panel: EventPanel, day: Integers) -> Texts:
        dates = np.full(len(day), np.datetime64("NaT"), dtype="datetime64[D]")
        known = day >= 0
        dates[known] = self._session_dates[panel.estimation_sessions[day[known]]]
        return dates

    def betas(self) -> pa.RecordBatchReader:
        """One row per event, firm, model and factor number of the models that estimate slopes."""

        def columns() -> Iterator[Columns]:
            for event_id in self.events:
                for model in self.models:
                    panel = self.panel(event_id, model)
                    for number, factor in enumerate(model.regressors):
                        series = panel.factors.series[number]
                        yield {
                            "event_id": event_id,
                            "model_id": model.model_id,
                            "ticker": self.tickers,
                            "factor_number": number + 1,
                            "factor": factor,
                            "factor_source": series.source if series else None,
                            "is_asynchronous": bool(series and series.is_asynchronous),
                            "beta": panel.fit.betas[:, number],
                            "status": panel.fit.status,
                        }

        return arrow_stream.stream(arrow_stream.BETAS, columns())

    def window_results(self) -> pa.RecordBatchReader:
        """One row per event, firm, model and window: CAR, BHAR, their errors and p-values."""

        def columns(panel: EventPanel) -> Columns:
            results = panel.windows(self.windows)
            runs = {
                n_days: rolling_sums(panel.fit.residuals, panel.estimation_days, n_days)[0]
                for n_days in {window.n_days for window in self.windows}
            }
            quantiles = [
                sample_quantiles(result.car, runs[result.window.n_days]) for result in results
            ]
            t = _flat(result.car_t_pred for result in results)
            return {
                "ticker": np.tile(self.tickers, len(results)),
                "window_id": _repeated([w.window_id for w in self.windows], len(self.tickers)),
                "raw_return": _flat(result.raw_return for result in results),
                "expected_return": _flat(result.expected_return for result in results),
                "car": _flat(result.car for result in results),
                "bhar": _flat(result.bhar for result in results),
                "car_sd_pred": _flat(result.car_sd_pred for result in results),
                "car_t_simple": _flat(result.car_t_simple for result in results),
                "car_t_pred": t,
                "car_p_pred": student_t_two_sided_p(t, np.tile(panel.fit.df_resid, len(results))),
                "sq_p_lower": _flat(quantile.p_lower for quantile in quantiles),
                "sq_p_two_sided": _flat(quantile.p_two_sided for quantile in quantiles),
                "n_quantile_sums": _missing_zeros(_flat(q.n_sums for q in quantiles)),
                "status": _flat(result.status for result in results),
            }

        return arrow_stream.stream(arrow_stream.WINDOW_RESULTS, self._by_event(columns))

    def daily(self) -> pa.RecordBatchReader:
        """One row per event, firm, model and session around the event: the parts of its return."""

        def columns(panel: EventPanel) -> Columns:
            fitted, around, factors = panel.fit, panel.around, panel.factors_around
            shape = around.returns.shape
            names = panel.model.factors
            betas = fitted.betas
            if panel.model.method == "market_adjusted":
                betas = np.where(fitted.ok, 1.0, np.nan)[:, None]
            parts = betas[:, :, None] * factors[None, : betas.shape[1]]
            is_bitcoin = np.array(
                [name == _BITCOIN for name in names[: betas.shape[1]]], dtype=bool
            )
            # Where nothing is estimated a part is unknown, not zero.
            known = np.where(np.isnan(around.expected), np.nan, 0.0)
            market = [factors[row] for row, name in enumerate(names) if name != _BITCOIN]
            sar = around.abnormal / panel.prediction_sd
            return {
                "ticker": np.repeat(self.tickers, shape[1]),
                "rel_day": np.tile(around.days, shape[0]),
                "ret": around.returns,
                "market_return": np.broadcast_to(market[0], shape) if market else None,
                "expected": around.expected,
                "ar": around.abnormal,
                "s_pred": panel.prediction_sd,
                "sar": sar,
                "p_two_sided": student_t_two_sided_p(sar, fitted.df_resid[:, None]),
                "market_part": known + parts[:, ~is_bitcoin].sum(axis=1),
                "bitcoin_part": known + parts[:, is_bitcoin].sum(axis=1),
                "intercept_part": known + fitted.alpha[:, None],
                "status": np.repeat(fitted.status, shape[1]),
            }

        return arrow_stream.stream(arrow_stream.DAILY, self._by_event(columns))

    # ---- Results of groups ----

    def group_tests(
        self,
        groups: DuckDBPyRelation,
        members: DuckDBPyRelation,
        occasions: DuckDBPyRelation,
        study_occasions: DuckDBPyRelation,
    ) -> pa.RecordBatchReader:
        """One row per study with prices, group, model, window and test."""
        by_occasion = {o.occasion_id: o for o in occasions_of(occasions)}
        memberships = self._memberships(groups, members)
        studies: dict[str, list[Occasion]] = {}
        for row in rows_of(
            study_occasions.filter("is_in_data").order("study_id, occasion_id"),
            "study_id, occasion_id",
        ):
            studies.setdefault(row["study_id"], []).append(by_occasion[row["occasion_id"]])

        def columns() -> Iterator[Columns]:
            for study_id, dates in studies.items():
                for model in self.models:

                    @lru_cache(maxsize=1)
                    def tests_of(occasion: Occasion, model: Model = model) -> GroupTests:
                        return self._group_tests(occasion, model, memberships)

                    makers = [lambda date=date: tests_of(date) for date in dates]
                    pools = pooled(makers, self.windows, self.parameters)
                    yield {
                        "study_id": study_id,
                        "model_id": model.model_id,
                        **_pool_columns(pools, memberships.group_ids),
                    }

        return arrow_stream.stream(arrow_stream.GROUP_TESTS, columns())

    def _memberships(self, groups: DuckDBPyRelation, members: DuckDBPyRelation) -> Memberships:
        listed: dict[tuple[str, str], list[str]] = {}
        for row in rows_of(
            members.aggregate(
                "occasion_id, group_id, list(ticker order by ticker) as tickers",
                "occasion_id, group_id",
            )
        ):
            listed[row["occasion_id"], row["group_id"]] = row["tickers"]
        return Memberships(
            [row["group_id"] for row in rows_of(groups.order("group_id"), "group_id")],
            {key: len(tickers) for key, tickers in listed.items()},
            {
                key: np.array([self._row_of[t] for t in tickers if t in self._row_of], dtype=int)
                for key, tickers in listed.items()
            },
        )

    def _group_tests(
        self, occasion: Occasion, model: Model, memberships: Memberships
    ) -> GroupTests:
        rows, counts = memberships.of(occasion.occasion_id)
        return GroupTests(self.panel(occasion.leading_event_id, model), self.windows, rows, counts)

    def portfolio_paths(
        self, groups: DuckDBPyRelation, members: DuckDBPyRelation, occasions: DuckDBPyRelation
    ) -> pa.RecordBatchReader:
        """One row per event, group with a firm, model and session: the group cumulated so far."""
        memberships = self._memberships(groups, members)
        windows = self._path_windows()

        def columns() -> Iterator[Columns]:
            for occasion in occasions_of(occasions):
                if occasion.n_events > 1:
                    continue
                rows, _ = memberships.of(occasion.occasion_id)
                for model in self.models:
                    yield from self._path(occasion, model, memberships.group_ids, rows, windows)

        return arrow_stream.stream(arrow_stream.PORTFOLIO_PATHS, columns())

    def _path_windows(self) -> list[Window]:
        """From the first session of any window up to each session of any window."""
        first = min(window.first_day for window in self.windows)
        last = max(window.last_day for window in self.windows)
        return [Window(str(day), first, day, first, day) for day in range(first, last + 1)]

    def _path(
        self,
        occasion: Occasion,
        model: Model,
        group_ids: Sequence[str],
        rows: Sequence[Integers],
        windows: Sequence[Window],
    ) -> Iterator[Columns]:
        portfolios = self.panel(occasion.leading_event_id, model).equal_weight(rows)
        results = portfolios.windows(windows)
        around = portfolios.around
        critical = student_t_quantile(
            1 - self.parameters.significance_level / 2, portfolios.fit.df_resid
        )
        for group in np.flatnonzero(portfolios.fit.n_est > 0):
            columns = [window.last_day - int(around.days[0]) for window in windows]
            car = np.array([result.car[group] for result in results])
            sd = np.array([result.car_sd_pred[group] for result in results])
            n_firms = portfolios.n_firms[group, columns]
            yield {
                "event_id": occasion.occasion_id,
                "model_id": model.model_id,
                "group_id": group_ids[int(group)],
                "rel_day": np.array([window.last_day for window in windows]),
                "n_firms": _missing_zeros(n_firms),
                "ar": around.abnormal[group, columns],
                "raw_return_running": np.array([result.raw_return[group] for result in results]),
                "car_running": car,
                "car_sd_running": sd,
                "car_running_low": car - critical[group] * sd,
                "car_running_high": car + critical[group] * sd,
                "status": np.array(
                    [
                        result.status[group]
                        if portfolios.has_returns(result.window)[group]
                        else "no_return"
                        for result in results
                    ],
                    dtype=object,
                ),
            }

    def exposure_gradients(
        self,
        groups: DuckDBPyRelation,
        members: DuckDBPyRelation,
        occasions: DuckDBPyRelation,
        metrics: DuckDBPyRelation,
        *,
        min_firms: int,
        permutations: int,
    ) -> pa.RecordBatchReader:
        """One row per event, group, model, window and exposure metric with a known exposure."""
        memberships = self._memberships(groups, members)
        exposures: dict[str, dict[str, Floats]] = {}
        for row in rows_of(metrics, "occasion_id, ticker, metric, metric_value"):
            by_metric = exposures.setdefault(row["occasion_id"], {})
            known = by_metric.setdefault(row["metric"], np.full(len(self.tickers), np.nan))
            known[self._row_of[row["ticker"]]] = row["metric_value"]

        def columns() -> Iterator[Columns]:
            for occasion in occasions_of(occasions):
                if occasion.n_events > 1:
                    continue
                rows, _ = memberships.of(occasion.occasion_id)
                for model in self.models:
                    panel = self.panel(occasion.leading_event_id, model)
                    keys, found = [], []
                    for group_id, firms in zip(memberships.group_ids, rows, strict=True):
                        for metric, exposure in exposures.get(occasion.occasion_id, {}).items():
                            keys += [(group_id, metric, w.window_id) for w in self.windows]
                            found += gradients(
                                panel,
                                self.windows,
                                firms,
                                exposure[firms],
                                min_firms=min_firms,
                                permutations=permutations,
                            )
                    if found:
                        group_ids, metric_ids, window_ids = zip(*keys, strict=True)
                        yield {
                            "event_id": occasion.occasion_id,
                            "model_id": model.model_id,
                            "group_id": list(group_ids),
                            "metric": list(metric_ids),
                            "window_id": list(window_ids),
                            **{
                                field.name: [getattr(gradient, field.name) for gradient in found]
                                for field in fields(Gradient)
                            },
                        }

        return arrow_stream.stream(arrow_stream.EXPOSURE_GRADIENTS, columns())

    def scanned_days(
        self, scans: DuckDBPyRelation, group_members: DuckDBPyRelation
    ) -> pa.RecordBatchReader:
        """One row per scan and session from the first price to the last."""
        listed: dict[str, list[int]] = {}
        for row in rows_of(group_members.order("ticker"), "group_id, ticker"):
            if row["ticker"] in self._row_of:
                listed.setdefault(row["group_id"], []).append(self._row_of[row["ticker"]])
        models = {model.model_id: model for model in self.models}

        def columns() -> Iterator[Columns]:
            for row in rows_of(scans.order("scan_id"), "scan_id, group_id, model_id"):
                firms = np.array(listed.get(row["group_id"], []), dtype=int)
                days = scan(self.market, models[row["model_id"]], self.parameters, firms)
                p = days.p_two_sided
                q_bh, q_by = false_discovery_rates(p)
                yield {
                    "scan_id": row["scan_id"],
                    "session_number": days.sessions + self._first_number,
                    "n_firms": days.n_firms,
                    "portfolio_return": days.portfolio_return,
                    "expected_return": days.expected_return,
                    "abnormal_return": days.abnormal_return,
                    "s_pred": days.s_pred,
                    "portfolio_t": days.portfolio_t,
                    "df": days.df,
                    "p_two_sided": p,
                    "p_lower": days.p_lower,
                    "q_bh": q_bh,
                    "q_by": q_by,
                    "n_est": days.n_est,
                    "is_short_window": days.n_est < self.parameters.short_window_sessions,
                    "factor_source": np.array(
                        [factors.source_of(_BITCOIN) for factors in days.factors], dtype=object
                    ),
                    "is_asynchronous": np.array(
                        [factors.is_asynchronous for factors in days.factors], dtype=bool
                    ),
                    "status": days.status,
                }

        return arrow_stream.stream(arrow_stream.SCANNED_DAYS, columns())


def rolling_beta_table(
    *,
    equity_returns: DuckDBPyRelation,
    bitcoin_returns: DuckDBPyRelation,
    sessions: DuckDBPyRelation,
    basket_members: DuckDBPyRelation,
    windows: DuckDBPyRelation,
) -> pa.RecordBatchReader:
    """One row per ticker, session from its first price to its last, and window length."""
    prices = Prices.read(equity_returns, sessions)
    first, last = prices.price_span
    span = slice(first, last + 1)
    returns = prices.returns[:, span]
    sources = [
        FactorSeries(s.source, s.priority, s.is_asynchronous, s.returns[span])
        for s in prices.sources(bitcoin_returns)
    ]
    members = np.isin(prices.tickers, [row["ticker"] for row in rows_of(basket_members, "ticker")])
    has_shares = np.asarray((~np.isnan(returns)).any(axis=0))
    lengths = [
        (row["window_sessions"], row["min_sessions"])
        for row in rows_of(windows.order("window_sessions"), "window_sessions, min_sessions")
    ]
    chosen = {length: choose_sources(sources, has_shares, length) for length, _ in lengths}
    names = np.array([*(series.source for series in sources), None], dtype=object)
    asynchronous = np.array([*(series.is_asynchronous for series in sources), None], dtype=object)

    def columns() -> Iterator[Columns]:
        for start in range(0, len(returns), _SHARES_AT_ONCE):
            rows = np.arange(start, min(start + _SHARES_AT_ONCE, len(returns)))
            basket = Basket.without(returns, members, rows)
            found = [
                rolling_betas(returns[rows], basket, sources, chosen[length], length, least)
                for length, least in lengths
            ]
            # In the order of the mart's key: share, session, length.
            row, day = np.nonzero(_lives(prices.has_close[rows, span]))
            source = np.stack([betas.source[day] for betas in found], axis=1)
            yield {
                "ticker": np.repeat(np.array(prices.tickers, dtype=object)[rows[row]], len(found)),
                "session_date": np.repeat(prices.session_dates[first + day], len(found)),
                "window_sessions": np.tile([length for length, _ in lengths], len(row)),
                "factor_source": names[source],
                "is_asynchronous": asynchronous[source],
                **{
                    name: np.stack([getattr(betas, name)[row, day] for betas in found], axis=1)
                    for name in (
                        *("alpha", "beta_ai", "beta_btc", "r2", "corr_ai_btc"),
                        *("idiosyncratic_sd", "sd_ai", "sd_btc", "ai_tilt"),
                        *("n_sessions", "n_basket_firms", "status"),
                    )
                },
            }

    return arrow_stream.stream(arrow_stream.ROLLING_BETAS, columns())


def _lives(has_close: Flags) -> Flags:
    """Sessions from each share's first close to its last: (shares × sessions)."""
    before = np.logical_or.accumulate(has_close, axis=1)
    after = np.logical_or.accumulate(has_close[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(before & after)


def _pool_columns(pools: Pools, group_ids: Sequence[str]) -> Columns:
    """Columns of pools by window, group and test."""
    outcomes = pools.run()
    shape = (*pools.n_firms.shape, len(outcomes))

    def of_pools(values: Any) -> Any:
        return np.broadcast_to(np.asarray(values)[..., None], shape)

    window_ids = np.array([window.window_id for window in pools.windows], dtype=object)
    return {
        "window_id": np.broadcast_to(window_ids[:, None, None], shape),
        "group_id": np.broadcast_to(np.array(group_ids, dtype=object)[:, None], shape),
        "test_id": np.broadcast_to(np.array(list(outcomes), dtype=object), shape),
        "n_dates": pools.n_dates,
        "rank_rows": of_pools(_missing_zeros(pools.n_rank_rows)),
        **{
            name: of_pools(getattr(pools, name))
            for name in (
                *("n_overlapping_dates", "n_firms", "n_firms_dropped", "caar", "median_car"),
                *("share_negative", "rbar", "n_pairs_dropped", "effective_n", "mde_80pct"),
            )
        },
        **{
            name: np.stack([getattr(outcome, name) for outcome in outcomes.values()], axis=-1)
            for name in ("status", "statistic", "df", "p_two_sided", "p_lower", "p_two_sided_t")
        },
    }


def _flat(parts: Iterable[Any]) -> Any:
    return np.concatenate(list(parts))


def _repeated(values: Sequence[str], times: int) -> Texts:
    return np.repeat(np.array(values, dtype=object), times)


def _missing_zeros(counts: Any) -> Floats:
    return np.where(np.asarray(counts) > 0, counts, np.nan)
