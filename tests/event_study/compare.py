"""Hold the marts of one study against the oracle."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd

from tests.event_study.oracle import Fit, Model, Study
from tests.event_study.oracle_groups import Figures, GroupResult

FIRM_FIGURES = (
    "raw_return",
    "expected_return",
    "car",
    "bhar",
    "car_sd_pred",
    "car_t_simple",
    "car_t_pred",
    "car_p_pred",
    "sq_p_lower",
    "sq_p_two_sided",
    "n_quantile_sums",
)
GROUP_FIGURES = (
    "n_firms",
    "n_firms_dropped",
    "n_events",
    "n_dates",
    "n_overlapping_dates",
    "caar",
    "median_car",
    "share_negative",
    "rbar",
    "n_pairs_dropped",
    "effective_n",
)
TESTS = (
    "cross_sectional_t",
    "patell",
    "bmp",
    "generalized_sign",
    "kolari_pynnonen",
    "patell_adjusted",
    "portfolio_t",
    "portfolio_crude",
    "corrado_rank",
    "corrado_zivney",
    "grank_t",
    "sample_quantile",
)
RANK_TESTS = ("corrado_rank", "corrado_zivney")
STUDENT = ("cross_sectional_t", "bmp", "portfolio_t", "portfolio_crude", "grank_t")
MISSING = float("nan")


def assert_same(actual: object, expected: object, what: str, relative: float = 1e-9) -> None:
    """Equal to ``relative``, missing where the other is missing."""
    missing = actual is None or pd.isna(actual)
    assert missing == bool(pd.isna(expected)), f"{what}: {actual} against {expected}"
    if not missing:
        difference = abs(float(actual) - float(expected))
        allowed = 1e-14 + relative * abs(float(expected))
        assert difference <= allowed, f"{what}: {actual} against {expected}"


def _rows(connection: duckdb.DuckDBPyConnection, mart: str, key: str, value: str) -> pd.DataFrame:
    return connection.execute(f"select * from marts.{mart} where {key} = ?", [value]).df()


def _number(model: Model, *, bitcoin: bool) -> int | None:
    """Place of the model's bitcoin factor, or of its first other one."""
    numbers = [n for n, f in enumerate(model.factors, start=1) if (f == "bitcoin") == bitcoin]
    return numbers[0] if numbers else None


def _compare_fit(row: object, fit: Fit, study: Study, position: int, what: str) -> None:
    model = fit.model
    estimated = model.method != "market_adjusted"
    assert row.n_est == fit.n, f"{what}: n_est"
    assert row.n_masked == fit.n_masked, f"{what}: n_masked"
    assert row.df_resid == fit.df, f"{what}: df_resid"
    assert_same(row.resid_sd, fit.s, f"{what} resid_sd")
    assert_same(row.alpha, fit.params[0] if estimated else MISSING, f"{what} alpha")
    assert_same(row.r2, fit.r2 if estimated else MISSING, f"{what} r2")
    for column, number in (
        ("beta_market", _number(model, bitcoin=False)),
        ("beta_btc", _number(model, bitcoin=True)),
    ):
        slope = fit.params[number] if estimated and number else MISSING
        assert_same(getattr(row, column), slope, f"{what} {column}")
    if "bitcoin" in model.factors:
        assert row.factor_source == study.bitcoin_source(position), what
    else:
        assert pd.isna(row.factor_source), what


def compare_firms(
    connection: duckdb.DuckDBPyConnection, study: Study, event_id: str
) -> dict[str, set[str]]:
    """Compare every firm, model and window of the event; returns the statuses met by model."""
    rows = _rows(connection, "fct_selloff_firm", "event_id", event_id)
    rows = rows[rows.model_id.isin([model.model_id for model in study.models])]
    assert len(rows) == len(study.firms) * len(study.windows) * len(study.models)
    position = study.position(event_id)
    windows = study.windows.set_index("window_id")
    met: dict[str, set[str]] = {model.model_id: set() for model in study.models}
    for row in rows.itertuples():
        what = f"{event_id} {row.ticker} {row.model_id} {row.window_id}"
        model = study.model(row.model_id)
        fit = study.firm_fit(row.ticker, position, model)
        if isinstance(fit, str):
            assert row.status == fit, what
            for name in ("car", "bhar", "car_t_pred", "car_p_pred", "sq_p_lower", "alpha"):
                assert pd.isna(getattr(row, name)), f"{what} {name}"
            met[row.model_id].add(row.status)
            continue
        window = windows.loc[row.window_id]
        expected = study.window_row(
            fit, study.series(row.ticker, model.return_kind), position, window
        )
        status = study.window_status(window, position)
        if status == "ok" and np.isnan(expected["car"]):
            status = "incomplete_window"
        assert row.status == status, what
        met[row.model_id].add(status)
        _compare_fit(row, fit, study, position, what)
        for name in FIRM_FIGURES:
            if status == "ok":
                assert_same(getattr(row, name), expected[name], f"{what} {name}")
        assert status == "ok" or pd.isna(row.car), what
    return met


def compare_betas(connection: duckdb.DuckDBPyConnection, study: Study, event_id: str) -> int:
    """Compare the slope on every factor; returns the number of slopes."""
    rows = _rows(connection, "fct_selloff_betas", "event_id", event_id)
    regressions = [model for model in study.models if model.method == "ols"]
    assert len(rows) == len(study.firms) * sum(len(model.factors) for model in regressions)
    position = study.position(event_id)
    n_compared = 0
    for row in rows.itertuples():
        what = f"{event_id} {row.ticker} {row.model_id} factor {row.factor_number}"
        model = study.model(row.model_id)
        assert row.factor == model.factors[row.factor_number - 1], what
        fit = study.firm_fit(row.ticker, position, model)
        slope = MISSING
        if not isinstance(fit, str):
            slope = fit.params[row.factor_number]
            n_compared += 1
            source = study.bitcoin_source(position) if row.factor == "bitcoin" else "exchange_close"
            assert row.factor_source == source, what
        assert_same(row.beta, slope, what)
    return n_compared


def _compare_test(row: pd.Series, test_id: str, expected: GroupResult, what: str) -> None:
    figures = expected.tests.get(test_id, Figures())
    missing = np.isnan(figures.p_two_sided)
    assert (row.status == "ok") == (not missing), f"{what}: {row.status}"
    assert_same(row.p_two_sided, figures.p_two_sided, f"{what} p_two_sided")
    assert_same(row.p_lower, figures.p_lower, f"{what} p_lower")
    # Over several dates the sample quantile has no statistic in units of return.
    if test_id != "sample_quantile" or expected.n_dates == 1:
        assert_same(row.statistic, figures.statistic, f"{what} statistic")
    if test_id in STUDENT and not missing:
        assert_same(row.df, figures.df, f"{what} df")
    if test_id in RANK_TESTS and not missing:
        assert row.rank_rows == expected.rank_rows, f"{what} rank_rows"
    if test_id == "portfolio_t":
        assert_same(row.mde_80pct, expected.mde_80pct, f"{what} mde_80pct")


def compare_tests(connection: duckdb.DuckDBPyConnection, study: Study, study_id: str) -> int:
    """Compare every test of the study's groups, models and windows; an event or a set.

    Returns the number of statistics compared.
    """
    rows = _rows(connection, "fct_selloff_tests", "study_id", study_id)
    rows = rows[
        rows.group_id.isin(study.groups.group_id)
        & rows.model_id.isin([model.model_id for model in study.models])
        & rows.window_id.isin(study.windows.window_id)
    ]
    n_samples = len(study.groups) * len(study.models) * len(study.windows)
    assert len(rows) == n_samples * len(TESTS)
    table = rows.set_index(["group_id", "model_id", "window_id", "test_id"]).sort_index()
    n_compared = 0
    for group in study.groups.itertuples():
        for model in study.models:
            for window in study.windows.itertuples():
                expected = study.tests(study_id, group, model, window)
                sample = table.loc[(group.group_id, model.model_id, window.window_id)]
                what = f"{study_id} {group.group_id} {model.model_id} {window.window_id}"
                for name in GROUP_FIGURES:
                    for value in sample[name].unique():
                        assert_same(value, getattr(expected, name), f"{what} {name}")
                for test_id in TESTS:
                    _compare_test(sample.loc[test_id], test_id, expected, f"{what} {test_id}")
                n_compared += sum(not np.isnan(t.p_two_sided) for t in expected.tests.values())
    return n_compared
