"""The exposure gradient a second time: statsmodels for every slope, enumeration for every rank p.

The firms' abnormal returns and exposures are read from their own marts, which have tests of their
own; regressions, portfolios and permutations are made anew from the published closes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import permutations
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from dagster_project.settings import BUNDLED_DATA_DIR
from tests.dbt_models.compare import assert_same
from tests.dbt_models.oracle import Study

COMPARED_EVENTS = (
    "msft-2gw-mar",
    "corz-coreweave-200",  # short estimation windows; Core Scientific's starts at its relisting
    "corz-coreweave-112",  # five firms
    "coreweave-ipo",
    "msft-ohio-pause",  # after the spot ETF's last return: bitcoin by its UTC close
    "corz-merger-agreed",  # seven firms
)
NAN = float("nan")
DRAWS = 4999


@pytest.fixture(scope="module")
def marts(built_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_warehouse), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def gradient_study() -> GradientStudy:
    return GradientStudy(BUNDLED_DATA_DIR)


class GradientStudy(Study):
    """The study with all its models, as far as portfolios of weights need them."""

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.models = pd.read_csv(data / "study" / "models.csv").set_index("model_id")
        coins = pd.read_csv(data / "snapshot" / "btc_daily.csv", parse_dates=["date_utc"])
        coins = coins.set_index("date_utc").close.reindex(self.sessions)
        self.coin_returns = coins / coins.shift(1) - 1

    def factors(self, model: pd.Series, source: str | None) -> pd.DataFrame:
        """The model's factor returns, one column each."""
        names = [] if pd.isna(model.factors) else model.factors.split(";")
        coin = self.returns["IBIT"] if source == "spot_etf" else self.coin_returns
        columns = {name: coin if name == "bitcoin" else self.returns[name] for name in names}
        return pd.DataFrame(columns, index=self.sessions)

    def named_firms(self, event: pd.Series) -> set[str]:
        named = set() if pd.isna(event.tickers_named) else set(event.tickers_named.split(";"))
        for name in [] if pd.isna(event.groups_named) else event.groups_named.split(";"):
            named |= {ticker for ticker, role in self.companies.role.items() if role == name}
            for group in self.groups[self.groups.group_id == name].itertuples():
                named |= set(self.fixed_members(group))
        return named

    def masked_sessions(self, firms: list[str], event_id: str) -> pd.DatetimeIndex:
        """Sessions beside other news that names one of the firms."""
        masked = set()
        for other, event in self.events.iterrows():
            position = self.position(other)
            in_data = self.closes.index[position] <= self.prices.session_date.max()
            if other != event_id and in_data and self.named_firms(event) & set(firms):
                masked |= set(self.sessions[max(position - 1, 0) : position + 2])
        return pd.DatetimeIndex(sorted(masked))

    def portfolio(
        self,
        weights: pd.Series,
        event_id: str,
        model_id: str,
        source: str | None,
        window: pd.Series,
    ) -> dict:
        """t, its p and the sample-quantile p of a portfolio whose weights sum to zero."""
        model, position = self.models.loc[model_id], self.position(event_id)
        firms = list(weights.index)
        # With a firm missing the weights no longer sum to zero: no return.
        returns = (self.returns[firms] * weights).sum(axis=1, skipna=False)
        factors = self.factors(model, source)
        sessions = self.estimation_sessions(position)
        rows = pd.concat([returns.rename("y"), factors], axis=1).reindex(sessions).dropna()
        if model.mask_other_events:
            rows = rows[~rows.index.isin(self.masked_sessions(firms, event_id))]
        span = self.sessions[position + window.first_day : position + window.last_day + 1]
        y, length = returns.reindex(span), len(span)
        if model.method == "market_adjusted":
            # The market's return cancels between the long and the short side.
            residuals, car = rows.y, y.sum()
            df, variance = len(rows) - 1, rows.y.var(ddof=1) * length
        else:
            design = sm.add_constant(rows.drop(columns="y"), has_constant="add")
            fit = sm.OLS(rows.y, design).fit()
            day = np.column_stack([np.ones(length), factors.reindex(span)])
            residuals, car = fit.resid, float((y - day @ fit.params.to_numpy()).sum())
            d = day.sum(axis=0)
            df = int(fit.df_resid)
            variance = fit.mse_resid * (length + d @ fit.normalized_cov_params.to_numpy() @ d)
        runs = residuals.reindex(sessions).rolling(length, min_periods=length).sum().dropna()
        t = car / np.sqrt(variance)
        return {
            "car": car,
            "t": t,
            "p": 2 * stats.t.sf(abs(t), df),
            "sq_p": (1 + (runs.abs() >= abs(car)).sum()) / (1 + len(runs)),
        }


def exposed_side(exposure: np.ndarray) -> np.ndarray:
    median, largest = np.median(exposure), exposure.max()
    return exposure > median if median < largest else exposure == largest


@cache
def exact_rank_p(exposure_ranks: tuple[float, ...], car_ranks: tuple[float, ...]) -> float:
    """Two-sided p of the rank correlation over every permutation."""
    left = 2 * np.array(exposure_ranks) - len(exposure_ranks) - 1
    right = 2 * np.array(car_ranks) - len(car_ranks) - 1
    products = np.array(list(permutations(right))) @ left
    return float((abs(products) >= abs(left @ right)).mean())


def slopes(exposure: np.ndarray, car: np.ndarray) -> dict:
    """The slope, its HC3 t and what leaving out each firm makes of it."""
    fit = sm.OLS(car, sm.add_constant(exposure)).fit()
    alone = fit.get_influence().hat_matrix_diag > 1 - 1e-9
    left_out = []
    for i in np.flatnonzero(~alone):
        rest = np.arange(len(car)) != i
        left_out.append(sm.OLS(car[rest], sm.add_constant(exposure[rest])).fit().params[1])
    return {
        "slope": fit.params[1],
        "slope_t_hc3": NAN if alone.any() else fit.params[1] / fit.HC3_se[1],
        "n_loo_undefined": alone.sum(),
        "loo_min": min(left_out),
        "loo_max": max(left_out),
    }


@pytest.mark.parametrize(
    "event_id",
    [
        COMPARED_EVENTS[0],
        *(pytest.param(event_id, marks=pytest.mark.slow) for event_id in COMPARED_EVENTS[1:]),
    ],
)
def test_gradients_agree_with_statsmodels(marts, gradient_study, event_id):
    study = gradient_study
    before = study.sessions[study.position(event_id) - 1]
    exposures = marts.execute(
        "select ticker, hpc_contracted_mw, hpc_mw_share from marts.fct_ai_exposure "
        "where as_of_date = ?",
        [before.date()],
    ).df().set_index("ticker")  # fmt: skip
    firm_rows = marts.execute(
        "select ticker, model_id, window_id, car, factor_source from marts.fct_selloff_firm "
        "where event_id = ? and status = 'ok'",
        [event_id],
    ).df()
    rows = marts.execute(
        "select * from marts.fct_exposure_gradient where study_id = ? and status = 'ok'",
        [event_id],
    ).df()
    assert len(rows) >= 50
    assert set(rows.model_id) == set(study.models.index)
    for row in rows.itertuples():
        what = f"{event_id} {row.group_id} {row.model_id} {row.window_id} {row.metric}"
        group = study.groups.set_index("group_id").loc[row.group_id]
        members = (
            study.named_firms(study.events.loc[event_id])
            if group.rule_kind == "named"
            else study.fixed_members(group)
        )
        firms = firm_rows[
            (firm_rows.model_id == row.model_id)
            & (firm_rows.window_id == row.window_id)
            & firm_rows.ticker.isin(members)
        ].set_index("ticker")
        firms = firms.join(exposures[row.metric].rename("exposure")).dropna(subset="exposure")
        exposure, car = firms.exposure.to_numpy(), firms.car.to_numpy()
        assert row.n == len(firms) >= 5, what

        expected = slopes(exposure, car)
        expected["spearman"] = stats.spearmanr(exposure, car).statistic
        top = exposed_side(exposure)
        expected["long_short_return"] = car[top].mean() - car[~top].mean()
        window = study.windows.set_index("window_id").loc[row.window_id]
        sources = set(firms.factor_source.dropna())
        arguments = (event_id, row.model_id, sources.pop() if sources else None, window)
        weights = pd.Series(np.linalg.pinv(sm.add_constant(exposure))[1], index=firms.index)
        slope = study.portfolio(weights, *arguments)
        expected |= {
            "slope_t_portfolio": slope["t"],
            "p_portfolio": slope["p"],
            "sq_p": slope["sq_p"],
        }
        sides = pd.Series(np.where(top, 1 / top.sum(), -1 / (~top).sum()), index=firms.index)
        expected["long_short_t"] = study.portfolio(sides, *arguments)["t"]
        for name, value in expected.items():
            assert_same(getattr(row, name), value, f"{what} {name}")
        if not study.models.mask_other_events[row.model_id]:
            # Least squares is linear: without holes a slope of returns is a return of slopes.
            # (Estimation windows that differ between the firms break this; then it is no error.)
            complete = study.returns[list(firms.index)].reindex(
                study.estimation_sessions(study.position(event_id))
            )
            if complete.notna().all(axis=None):
                assert_same(row.slope, slope["car"], f"{what} slope as a portfolio", 1e-8)

        exact = exact_rank_p(tuple(stats.rankdata(exposure)), tuple(stats.rankdata(car)))
        error = 4.5 * np.sqrt(exact * (1 - exact) / DRAWS) + 1 / DRAWS
        assert row.spearman_p == pytest.approx(exact, abs=error), what


def test_the_compared_gradients_hold_every_case(marts):
    """Errors that are defined and those that are not, three groups, five to seven firms."""
    counts = marts.execute(
        "select count(*) filter (where n_loo_undefined = 0), "
        "count(*) filter (where n_loo_undefined > 0), count(distinct group_id), min(n), max(n) "
        "from marts.fct_exposure_gradient where status = 'ok' and list_contains(?, study_id)",
        [list(COMPARED_EVENTS)],
    ).fetchone()
    assert min(counts[:2]) > 50
    assert counts[2:] == (3, 5, 7)


def test_the_enumeration_is_that_of_scipy():
    """SciPy's own permutation test of the same statistic over every permutation."""
    exposure = np.array([0, 0, 0, 60, 590, 0])
    car = np.array([0.01, -0.02, 0.005, -0.07, -0.09, 0.02])
    ranks = tuple(stats.rankdata(exposure)), tuple(stats.rankdata(car))
    tested = stats.permutation_test(
        (np.array(ranks[1]),),
        lambda shuffled: abs(np.corrcoef(ranks[0], shuffled)[0, 1]) + 1e-12,
        permutation_type="pairings",
        n_resamples=np.inf,
        alternative="greater",
    )
    assert exact_rank_p(*ranks) == pytest.approx(tested.pvalue, abs=1e-12)
