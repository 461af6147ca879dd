"""Hold the marts of one event against the oracle."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd

from tests.dbt_models.oracle import Study

FIRM_FIGURES = (
    "raw_return",
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
    "caar",
    "median_car",
    "share_negative",
    "rbar",
    "n_pairs_dropped",
)


def assert_same(actual: object, expected: object, what: str, relative: float = 1e-9) -> None:
    """Equal to ``relative``, missing where the other is missing."""
    missing = actual is None or pd.isna(actual)
    assert missing == bool(pd.isna(expected)), f"{what}: {actual} against {expected}"
    if not missing:
        np.testing.assert_allclose(
            float(actual), float(expected), rtol=relative, atol=1e-14, err_msg=what
        )


def compare_firms(connection: duckdb.DuckDBPyConnection, study: Study, event_id: str) -> set[str]:
    """Compare every firm and window of the event; returns the statuses that were met."""
    rows = connection.execute(
        "select * from marts.fct_selloff_firm where event_id = ?", [event_id]
    ).df()
    assert len(rows) == len(study.firms) * len(study.windows)
    position = study.position(event_id)
    met = set()
    for row in rows.itertuples():
        what = f"{event_id} {row.ticker} {row.window_id}"
        fit = study.firm_fit(row.ticker, position)
        if isinstance(fit, str):
            assert row.status == fit, what
            for name in ("car", "bhar", "car_t_pred", "car_p_pred", "sq_p_lower", "alpha"):
                assert pd.isna(getattr(row, name)), f"{what} {name}"
            met.add(row.status)
            continue
        window = study.windows.set_index("window_id").loc[row.window_id]
        expected = study.window_row(fit, study.returns[row.ticker], position, window)
        status = "incomplete_window" if np.isnan(expected["car"]) else "ok"
        assert row.status == status, what
        met.add(status)
        assert row.n_est == fit.n, what
        assert_same(row.alpha, fit.result.params[0], f"{what} alpha")
        assert_same(row.beta_market, fit.result.params[1], f"{what} beta")
        assert_same(row.r2, fit.result.rsquared, f"{what} r2")
        assert_same(row.resid_sd, fit.s, f"{what} resid_sd")
        assert row.df_resid == fit.n - 2
        if status == "ok":
            for name in FIRM_FIGURES:
                assert_same(getattr(row, name), expected[name], f"{what} {name}")
        else:
            assert pd.isna(row.car), what
    return met


def compare_tests(connection: duckdb.DuckDBPyConnection, study: Study, event_id: str) -> int:
    """Compare every test of the study's groups and windows; returns the number of statistics."""
    rows = connection.execute(
        "select * from marts.fct_selloff_tests where study_id = ?", [event_id]
    ).df()
    rows = rows[rows.group_id.isin(study.groups.group_id)]
    assert len(rows) == len(study.groups) * len(study.windows) * 6
    table = rows.set_index(["group_id", "window_id", "test_id"]).sort_index()
    n_compared = 0
    for group in study.groups.itertuples():
        for window in study.windows.itertuples():
            expected = study.tests(event_id, group, window)
            row = table.loc[(group.group_id, window.window_id)]
            what = f"{event_id} {group.group_id} {window.window_id}"
            for name in GROUP_FIGURES:
                if name in expected:
                    for value in row[name]:
                        assert_same(value, expected[name], f"{what} {name}")
            for test_id in ("cross_sectional_t", "bmp", "kolari_pynnonen", "patell", "portfolio_t"):
                statistic = expected.get(test_id, float("nan"))
                assert_same(row.statistic[test_id], statistic, f"{what} {test_id}")
                n_compared += not np.isnan(statistic)
            if "effective_n" in expected:
                assert_same(row.effective_n["bmp"], expected["effective_n"], f"{what} effective_n")
            pairs = {
                ("cross_sectional_t", "p_two_sided"): "cross_sectional_p",
                ("portfolio_t", "p_two_sided"): "portfolio_p",
                ("portfolio_t", "mde_80pct"): "mde_80pct",
                ("sample_quantile", "p_two_sided"): "sample_quantile_p",
                ("sample_quantile", "p_lower"): "sample_quantile_p_lower",
            }
            for (test_id, column), name in pairs.items():
                assert_same(
                    row[column][test_id], expected.get(name, float("nan")), f"{what} {name}"
                )
    return n_compared
