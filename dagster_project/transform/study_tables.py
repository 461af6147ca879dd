"""Tables of the event study: relations of the warehouse in, Arrow streams of results out.

The dbt models under ``models/intermediate`` that are written in Python call these functions and
nothing else. Statistics are those of ``dagster_project.event_study``; this module turns tables
into its arrays and back, event by event, so that memory does not grow with the number of events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
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
from dagster_project.event_study.market import FactorSeries, Market, Parameters
from dagster_project.event_study.models import Model
from dagster_project.event_study.rolling import Basket, choose_sources, rolling_betas
from dagster_project.event_study.scan import false_discovery_rates, scan
from dagster_project.event_study.tests import Pools, pooled
from dagster_project.event_study.windows import Window, rolling_sums, sample_quantiles

# Rows of a batch; a batch takes some ten megabytes.
_BATCH_ROWS = 50_000
# Shares whose rolling betas are computed at once.
_SHARES_AT_ONCE = 128
# A study's bitcoin factor goes by this name in study/models.csv.
_BITCOIN = "bitcoin"

_Columns = dict[str, Any]


# ---- Tables in ----


def _rows(relation: DuckDBPyRelation, columns: str = "*") -> list[dict[str, Any]]:
    """A small relation as dictionaries."""
    chosen = relation.project(columns)
    return [dict(zip(chosen.columns, row, strict=True)) for row in chosen.fetchall()]


def _series(
    relation: DuckDBPyRelation, key: str, number: str, value: str
) -> Iterator[tuple[str, Integers, Floats]]:
    """Per key, its session numbers and values, NaN for NULL: one row per key is fetched."""
    listed = relation.aggregate(
        f"{key}, list({number}) as numbers, list(coalesce({value}, 'nan'::double)) as figures", key
    )
    columns = listed.fetchnumpy()
    for name, numbers, figures in zip(*columns.values(), strict=True):
        yield name, np.asarray(numbers, dtype=int), np.asarray(figures, dtype=float)


@dataclass(frozen=True)
class Prices:
    """Returns of all shares on the calendar: (shares × sessions), and where a share has a close."""

    tickers: list[str]
    returns: Floats
    has_close: Flags
    session_dates: Texts
    first_number: int

    @staticmethod
    def read(equity_returns: DuckDBPyRelation, sessions: DuckDBPyRelation) -> Prices:
        calendar = sessions.order("session_number").fetchnumpy()
        numbers = np.asarray(calendar["session_number"], dtype=int)
        first = int(numbers[0]) if len(numbers) else 1
        listed = sorted(_series(equity_returns, "ticker", "session_number", "simple_return"))
        returns = np.full((len(listed), len(numbers)), np.nan)
        has_close = np.zeros(returns.shape, dtype=bool)
        for row, (_, places, values) in enumerate(listed):
            returns[row, places - first] = values
            has_close[row, places - first] = True
        return Prices(
            [ticker for ticker, _, _ in listed],
            returns,
            has_close,
            np.asarray(calendar["session_date"]).astype("datetime64[D]"),
            first,
        )

    @property
    def price_span(self) -> tuple[int, int]:
        """First and last column with any close."""
        days = np.flatnonzero(self.has_close.any(axis=0))
        return (int(days[0]), int(days[-1])) if len(days) else (0, -1)

    def place(self, relation: DuckDBPyRelation) -> Floats:
        """One series of a relation (session_number, simple_return) on the calendar."""
        placed = np.full(self.returns.shape[1], np.nan)
        for _, numbers, values in _series(relation, "1", "session_number", "simple_return"):
            placed[numbers - self.first_number] = values
        return placed

    def sources(self, relation: DuckDBPyRelation) -> list[FactorSeries]:
        """Series of a relation by factor source, the first by priority first."""
        kinds = relation.project("factor_source, source_priority, is_asynchronous").distinct()
        return [
            FactorSeries(
                source,
                priority,
                is_asynchronous,
                self.place(relation.filter(f"factor_source = '{source}'")),
            )
            for source, priority, is_asynchronous in sorted(kinds.fetchall(), key=lambda k: k[1])
        ]


@dataclass(frozen=True)
class Event:
    """An event with prices: its session is the column ``t0`` of the market."""

    event_id: str
    t0: int
    prior_status: Texts


@dataclass(frozen=True)
class Occasion:
    """A date of a study: one event, or the events of a set that share a session."""

    occasion_id: str
    leading_event_id: str
    n_events: int


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
        self.tickers = np.array(sorted(row["ticker"] for row in _rows(firms)), dtype=object)
        row_of = {ticker: row for row, ticker in enumerate(prices.tickers)}
        absent = np.full((1, prices.returns.shape[1]), np.nan)
        returns = np.concatenate([prices.returns, absent])
        has_close = np.concatenate([prices.has_close, np.zeros(absent.shape, dtype=bool)])
        # A studied firm without any price has an empty row: the last.
        rows = np.array([row_of.get(ticker, -1) for ticker in self.tickers], dtype=int)
        self._has_close = has_close[rows]
        names = {factor for row in _rows(models, "factor_list") for factor in row["factor_list"]}
        self.market = Market(
            returns[rows],
            {
                name: prices.sources(factor_returns.filter(f"factor = '{name}'"))
                for name in sorted(names)
            },
            prices.price_span,
        )
        self.models = [_model(row) for row in _rows(models.order("model_id"))]
        self.windows = [_window(row) for row in _rows(windows.order("window_id"))]
        self.parameters = _parameters(_rows(parameters)[0], self.windows, significance_level)
        self.events = {event.event_id: event for event in self._read_events(events)}
        self._named = self._read_named(named_firms)

    def _read_events(self, events: DuckDBPyRelation) -> Iterator[Event]:
        in_data = events.filter("data_status = 'in_data'").order("event_id")
        for row in _rows(in_data, "event_id, t0_number"):
            t0 = row["t0_number"] - self._first_number
            yield Event(
                row["event_id"],
                t0,
                np.select(
                    [~self._has_close[:, t0], np.isnan(self.market.returns[:, t0])],
                    ["no_price", "no_return"],
                    default="ok",
                ),
            )

    def _read_named(self, named_firms: DuckDBPyRelation) -> dict[int, list[tuple[str, int]]]:
        """Events with prices that name each firm, as (event, column of its session)."""
        row_of = {ticker: row for row, ticker in enumerate(self.tickers)}
        named: dict[int, list[tuple[str, int]]] = {}
        for row in _rows(named_firms, "event_id, ticker"):
            event = self.events.get(row["event_id"])
            if event is not None and row["ticker"] in row_of:
                named.setdefault(row_of[row["ticker"]], []).append((event.event_id, event.t0))
        return named

    def _masked(self, event: Event) -> list[tuple[int, int]]:
        """Sessions beside each firm's other events within this event's estimation window."""
        bounds = self.parameters
        first, last = (
            event.t0 + day for day in (bounds.estimation_first_day, bounds.estimation_last_day)
        )
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
            self.parameters,
            event.t0,
            event.prior_status,
            self._masked(event) if model.mask_other_events else (),
        )

    # ---- Results of firms ----

    def _by_event(self, columns: Callable[[EventPanel], _Columns]) -> Iterator[_Columns]:
        """Columns of every event and model, each with one entry per firm and further key."""
        for event_id in self.events:
            for model in self.models:
                found = columns(self.panel(event_id, model))
                yield {"event_id": event_id, "model_id": model.model_id, **found}

    def estimates(self) -> pa.RecordBatchReader:
        """One row per event with prices, model and firm: the fitted model."""

        def columns(panel: EventPanel) -> _Columns:
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

        return _stream(ESTIMATES, self._by_event(columns))

    def _date_of(self, panel: EventPanel, day: Integers) -> Texts:
        dates = np.full(len(day), np.datetime64("NaT"), dtype="datetime64[D]")
        known = day >= 0
        dates[known] = self._session_dates[panel.estimation_sessions[day[known]]]
        return dates

    def betas(self) -> pa.RecordBatchReader:
        """One row per event, firm, model and factor number of the models that estimate slopes."""

        def columns() -> Iterator[_Columns]:
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

        return _stream(BETAS, columns())

    def window_results(self) -> pa.RecordBatchReader:
        """One row per event, firm, model and window: CAR, BHAR, their errors and p-values."""

        def columns(panel: EventPanel) -> _Columns:
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

        return _stream(WINDOW_RESULTS, self._by_event(columns))

    def daily(self) -> pa.RecordBatchReader:
        """One row per event, firm, model and session around the event: the parts of its return."""

        def columns(panel: EventPanel) -> _Columns:
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

        return _stream(DAILY, self._by_event(columns))

    # ---- Results of groups ----

    def group_tests(
        self,
        groups: DuckDBPyRelation,
        members: DuckDBPyRelation,
        occasions: DuckDBPyRelation,
        study_occasions: DuckDBPyRelation,
    ) -> pa.RecordBatchReader:
        """One row per study with prices, group, model, window and test."""
        by_occasion = {o.occasion_id: o for o in _occasions(occasions)}
        memberships = self._memberships(groups, members)
        studies: dict[str, list[Occasion]] = {}
        for row in _rows(
            study_occasions.filter("is_in_data").order("study_id, occasion_id"),
            "study_id, occasion_id",
        ):
            studies.setdefault(row["study_id"], []).append(by_occasion[row["occasion_id"]])

        def columns() -> Iterator[_Columns]:
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

        return _stream(GROUP_TESTS, columns())

    def _memberships(self, groups: DuckDBPyRelation, members: DuckDBPyRelation) -> Memberships:
        row_of = {ticker: row for row, ticker in enumerate(self.tickers)}
        listed: dict[tuple[str, str], list[str]] = {}
        for row in _rows(
            members.aggregate(
                "occasion_id, group_id, list(ticker order by ticker) as tickers",
                "occasion_id, group_id",
            )
        ):
            listed[row["occasion_id"], row["group_id"]] = row["tickers"]
        return Memberships(
            [row["group_id"] for row in _rows(groups.order("group_id"), "group_id")],
            {key: len(tickers) for key, tickers in listed.items()},
            {
                key: np.array([row_of[t] for t in tickers if t in row_of], dtype=int)
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

        def columns() -> Iterator[_Columns]:
            for occasion in _occasions(occasions):
                if occasion.n_events > 1:
                    continue
                rows, _ = memberships.of(occasion.occasion_id)
                for model in self.models:
                    yield from self._path(occasion, model, memberships.group_ids, rows, windows)

        return _stream(PORTFOLIO_PATHS, columns())

    def _path_windows(self) -> list[Window]:
        """From the first session of any window up to each session of any window."""
        first = min(window.first_day for window in self.windows)
        last = max(window.last_day for window in self.windows)
        return [_cumulated(first, day, self.parameters) for day in range(first, last + 1)]

    def _path(
        self,
        occasion: Occasion,
        model: Model,
        group_ids: Sequence[str],
        rows: Sequence[Integers],
        windows: Sequence[Window],
    ) -> Iterator[_Columns]:
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
        row_of = {ticker: row for row, ticker in enumerate(self.tickers)}
        exposures: dict[str, dict[str, Floats]] = {}
        for row in _rows(metrics, "occasion_id, ticker, metric, metric_value"):
            by_metric = exposures.setdefault(row["occasion_id"], {})
            known = by_metric.setdefault(row["metric"], np.full(len(self.tickers), np.nan))
            known[row_of[row["ticker"]]] = row["metric_value"]

        def columns() -> Iterator[_Columns]:
            for occasion in _occasions(occasions):
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

        return _stream(EXPOSURE_GRADIENTS, columns())

    def scanned_days(
        self, scans: DuckDBPyRelation, group_members: DuckDBPyRelation
    ) -> pa.RecordBatchReader:
        """One row per scan and session from the first price to the last."""
        row_of = {ticker: row for row, ticker in enumerate(self.tickers)}
        listed: dict[str, list[int]] = {}
        for row in _rows(group_members.order("ticker"), "group_id, ticker"):
            if row["ticker"] in row_of:
                listed.setdefault(row["group_id"], []).append(row_of[row["ticker"]])
        models = {model.model_id: model for model in self.models}

        def columns() -> Iterator[_Columns]:
            for row in _rows(scans.order("scan_id"), "scan_id, group_id, model_id"):
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

        return _stream(SCANNED_DAYS, columns())


@dataclass(frozen=True)
class Memberships:
    """Firms of every occasion and group: rows of the market, and how many tickers are listed."""

    group_ids: list[str]
    counts: Mapping[tuple[str, str], int]
    rows: Mapping[tuple[str, str], Integers]

    def of(self, occasion_id: str) -> tuple[list[Integers], list[int]]:
        keys = [(occasion_id, group_id) for group_id in self.group_ids]
        nobody = np.empty(0, dtype=int)
        return [self.rows.get(key, nobody) for key in keys], [self.counts.get(k, 0) for k in keys]


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
    members = np.isin(prices.tickers, [row["ticker"] for row in _rows(basket_members, "ticker")])
    has_shares = np.asarray((~np.isnan(returns)).any(axis=0))
    lengths = [
        (row["window_sessions"], row["min_sessions"])
        for row in _rows(windows.order("window_sessions"), "window_sessions, min_sessions")
    ]
    chosen = {length: choose_sources(sources, has_shares, length) for length, _ in lengths}
    names = np.array([*(series.source for series in sources), None], dtype=object)
    asynchronous = np.array([*(series.is_asynchronous for series in sources), None], dtype=object)

    def columns() -> Iterator[_Columns]:
        for start in range(0, len(returns), _SHARES_AT_ONCE):
            rows = np.arange(start, min(start + _SHARES_AT_ONCE, len(returns)))
            shares = returns[rows]
            basket = Basket.without(returns, members, rows)
            has_close = prices.has_close[rows, span]
            first_close = has_close.argmax(axis=1)
            last_close = has_close.shape[1] - 1 - has_close[:, ::-1].argmax(axis=1)
            days = np.arange(has_close.shape[1])
            lives = (days >= first_close[:, None]) & (days <= last_close[:, None])
            row, day = np.nonzero(lives)
            for length, min_sessions in lengths:
                found = rolling_betas(shares, basket, sources, chosen[length], length, min_sessions)
                yield {
                    "ticker": np.array(prices.tickers, dtype=object)[rows[row]],
                    "session_date": prices.session_dates[first + day],
                    "window_sessions": length,
                    "factor_source": names[found.source[day]],
                    "is_asynchronous": asynchronous[found.source[day]],
                    **{
                        name: getattr(found, name)[row, day]
                        for name in (
                            *("alpha", "beta_ai", "beta_btc", "r2", "corr_ai_btc"),
                            *("idiosyncratic_sd", "sd_ai", "sd_btc", "ai_tilt"),
                            *("n_sessions", "n_basket_firms", "status"),
                        )
                    },
                }

    return _stream(ROLLING_BETAS, columns())


def _model(row: Mapping[str, Any]) -> Model:
    return Model(
        row["model_id"],
        tuple(row["factor_list"]),
        row["method"],
        row["return_kind"],
        row["leverage"],
        row["mask_other_events"],
    )


def _window(row: Mapping[str, Any]) -> Window:
    return Window(
        row["window_id"],
        row["first_day"],
        row["last_day"],
        row["rank_first_day"],
        row["rank_last_day"],
        row["overlaps_estimation"],
    )


def _parameters(
    row: Mapping[str, Any], windows: Sequence[Window], significance_level: float
) -> Parameters:
    # The summary needs the days -1 to 1 whatever windows are configured.
    return Parameters(
        **{
            name: int(row[name])
            for name in (
                *("estimation_first_day", "estimation_last_day", "min_estimation_sessions"),
                *("short_window_sessions", "min_common_sessions"),
            )
        },
        significance_level=significance_level,
        span=(
            min([-1, *(window.rank_first_day for window in windows)]),
            max([1, *(window.rank_last_day for window in windows)]),
        ),
    )


def _cumulated(first_day: int, last_day: int, bounds: Parameters) -> Window:
    overlaps = first_day <= bounds.estimation_last_day and last_day >= bounds.estimation_first_day
    return Window(str(last_day), first_day, last_day, first_day, last_day, overlaps)


def _occasions(occasions: DuckDBPyRelation) -> list[Occasion]:
    return [
        Occasion(row["occasion_id"], row["leading_event_id"], len(row["event_ids"]))
        for row in _rows(occasions.order("occasion_id"), "occasion_id, leading_event_id, event_ids")
    ]


def _pool_columns(pools: Pools, group_ids: Sequence[str]) -> _Columns:
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


# ---- Tables out ----


def _schema(**types: str) -> pa.Schema:
    named = {
        "text": pa.string(),
        "flag": pa.bool_(),
        "whole": pa.int64(),
        "number": pa.float64(),
        "date": pa.date32(),
    }
    return pa.schema(
        [(name, named[kind]) for kind, names in types.items() for name in names.split()]
    )


ESTIMATES = _schema(
    text="event_id ticker model_id factor_source status",
    date="est_first_date est_last_date",
    whole="n_est n_masked df_resid",
    flag="is_short_window is_asynchronous",
    number="alpha beta_market beta_btc r2 resid_sd",
)
BETAS = _schema(
    text="event_id ticker model_id factor factor_source status",
    whole="factor_number",
    flag="is_asynchronous",
    number="beta",
)
WINDOW_RESULTS = _schema(
    text="event_id ticker model_id window_id status",
    number="raw_return expected_return car bhar car_sd_pred car_t_simple car_t_pred car_p_pred "
    "sq_p_lower sq_p_two_sided",
    whole="n_quantile_sums",
)
DAILY = _schema(
    text="event_id ticker model_id status",
    whole="rel_day",
    number="ret market_return expected ar s_pred sar p_two_sided market_part bitcoin_part "
    "intercept_part",
)
GROUP_TESTS = _schema(
    text="study_id group_id model_id window_id test_id status",
    whole="n_dates n_overlapping_dates n_firms n_firms_dropped n_pairs_dropped rank_rows",
    number="caar median_car share_negative rbar effective_n mde_80pct statistic df p_two_sided "
    "p_lower p_two_sided_t",
)
PORTFOLIO_PATHS = _schema(
    text="event_id group_id model_id status",
    whole="rel_day n_firms",
    number="ar raw_return_running car_running car_sd_running car_running_low car_running_high",
)
EXPOSURE_GRADIENTS = _schema(
    text="event_id group_id model_id window_id metric status",
    whole="n n_loo_undefined",
    number="slope slope_t_hc3 slope_t_portfolio p_portfolio sq_p spearman spearman_p loo_min "
    "loo_max long_short_return long_short_t",
)
SCANNED_DAYS = _schema(
    text="scan_id factor_source status",
    whole="session_number n_firms n_est df",
    flag="is_short_window is_asynchronous",
    number="portfolio_return expected_return abnormal_return s_pred portfolio_t p_two_sided "
    "p_lower q_bh q_by",
)
ROLLING_BETAS = _schema(
    text="ticker factor_source status",
    date="session_date",
    whole="window_sessions n_sessions n_basket_firms",
    flag="is_asynchronous",
    number="alpha beta_ai beta_btc r2 corr_ai_btc idiosyncratic_sd sd_ai sd_btc ai_tilt",
)


def _stream(schema: pa.Schema, parts: Iterable[_Columns]) -> pa.RecordBatchReader:
    """Parts as batches of at least some thousand rows; NaN is NULL.

    A column of a part may be an array, a list, or one value for all of its rows.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        waiting: list[pa.RecordBatch] = []
        n_waiting = 0
        for part in parts:
            batch = _batch(schema, part)
            waiting.append(batch)
            n_waiting += batch.num_rows
            if n_waiting >= _BATCH_ROWS:
                yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
                waiting, n_waiting = [], 0
        yield from pa.Table.from_batches(waiting, schema).combine_chunks().to_batches()

    return pa.RecordBatchReader.from_batches(schema, batches())


def _batch(schema: pa.Schema, columns: _Columns) -> pa.RecordBatch:
    n_rows = max(np.size(v) for v in columns.values() if isinstance(v, np.ndarray | list))
    return pa.RecordBatch.from_arrays(
        [_array(columns[field.name], field.type, n_rows) for field in schema], schema=schema
    )


def _array(values: Any, kind: pa.DataType, n_rows: int) -> pa.Array:
    if not isinstance(values, np.ndarray | list):
        return pa.repeat(pa.scalar(values, kind, from_pandas=True), n_rows)
    flat = np.ravel(values) if isinstance(values, np.ndarray) else values
    if pa.types.is_integer(kind):
        # NaN stands for NULL in a column of whole numbers.
        flat = np.asarray(flat, dtype=float)
        return pa.array(flat, pa.float64(), from_pandas=True).cast(kind)
    return pa.array(flat, kind, from_pandas=True)


def _flat(parts: Iterable[Any]) -> Any:
    return np.concatenate(list(parts))


def _repeated(values: Sequence[str], times: int) -> Texts:
    return np.repeat(np.array(values, dtype=object), times)


def _missing_zeros(counts: Any) -> Floats:
    return np.where(np.asarray(counts) > 0, counts, np.nan)
