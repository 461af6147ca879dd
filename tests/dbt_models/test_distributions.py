"""The distribution macros against SciPy, straight in both engines on a wide grid."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from tests.dbt_models.engines import macros_of

DEGREES = np.r_[1:32, 40, 59, 60, 61, 100, 119, 120, 200, 248, 249, 300, 365, 499, 500]
SMALLEST_P = 1e-12


@pytest.fixture
def macros(engine):
    return macros_of(engine)


@pytest.fixture
def evaluate(engine, spark):
    def as_double(value: float) -> str:
        return f"double('{float(value)!r}')"

    def answers(grid: pd.DataFrame, expression: str) -> np.ndarray:
        if engine == "spark":
            names = ", ".join(grid.columns)
            rows = ", ".join(
                f"({number}, {', '.join(as_double(value) for value in row)})"
                for number, row in enumerate(grid.itertuples(index=False))
            )
            table = f"(values {rows}) as grid (number, {names})"
            found = spark.sql(f"select {expression} as p from {table} order by number").collect()
            return np.array([row.p for row in found], dtype=float)
        with duckdb.connect() as connection:
            connection.register("grid", grid)
            return connection.execute(f"select {expression} as p from grid").df()["p"].to_numpy()

    return answers


def t_grid() -> pd.DataFrame:
    """Statistics spread in p, from the centre down to 1e-13, for every degree of freedom."""
    tails = np.r_[0.9999, 0.99, 0.95, np.linspace(0.9, 0.01, 40), np.logspace(-2.1, -13, 50)]
    rows = [(stats.t.isf(p / 2, df), df) for df in DEGREES for p in tails]
    return pd.DataFrame(rows, columns=["t", "df"])


def exact_two_sided(grid: pd.DataFrame) -> np.ndarray:
    square = grid.t**2
    tail = special.betainc(grid.df / 2, 0.5, grid.df / (grid.df + square))
    # Near the centre df / (df + t^2) rounds to one: the complement keeps its digits there.
    centre = 1 - special.betainc(0.5, grid.df / 2, square / (grid.df + square))
    return np.where(square > 1, tail, centre)


def test_student_t_two_sided(macros, evaluate):
    grid = t_grid()
    exact = exact_two_sided(grid)
    wanted = exact >= SMALLEST_P
    p = evaluate(grid, macros.student_t_two_sided_p("t", "df"))
    assert wanted.sum() > 3000
    np.testing.assert_allclose(p[wanted], exact[wanted], rtol=1e-10)
    mirrored = evaluate(grid.assign(t=-grid.t), macros.student_t_two_sided_p("t", "df"))
    np.testing.assert_array_equal(p, mirrored)


def test_student_t_lower_tail(macros, evaluate):
    grid = t_grid()
    exact = exact_two_sided(grid) / 2
    wanted = exact >= SMALLEST_P
    lower = evaluate(grid.assign(t=-grid.t), macros.student_t_lower_p("t", "df"))
    np.testing.assert_allclose(lower[wanted], exact[wanted], rtol=1e-10)
    upper = evaluate(grid, macros.student_t_lower_p("t", "df"))
    np.testing.assert_allclose(upper, 1 - exact, rtol=1e-10)


def test_student_t_near_zero_and_far_out(macros, evaluate):
    grid = pd.DataFrame({"t": [0.0, 1e-9, 1e6, 1e200, np.inf], "df": [5, 5, 1, 3, 7]})
    p = evaluate(grid, macros.student_t_two_sided_p("t", "df"))
    assert p[0] == 1
    assert p[1] == pytest.approx(1, abs=1e-8)
    # One degree of freedom is the Cauchy distribution: p = 2/pi x atan(1/t).
    assert p[2] == pytest.approx(2 / np.pi * np.arctan(1e-6), rel=1e-12)
    assert 0 <= p[3] < 1e-100
    assert 0 <= p[4] < 1e-100


@pytest.mark.parametrize("macro", ["normal_two_sided_p", "normal_lower_p"])
def test_normal(macros, evaluate, macro):
    z = np.r_[0, 1e-9, np.linspace(1e-3, 7.3, 5000)]
    grid = pd.DataFrame({"z": -z})
    exact = special.erfc(z / np.sqrt(2)) / (2 if macro == "normal_lower_p" else 1)
    p = evaluate(grid, getattr(macros, macro)("z"))
    wanted = exact >= SMALLEST_P
    np.testing.assert_allclose(p[wanted], exact[wanted], rtol=1e-10)
    mirrored = evaluate(-grid, getattr(macros, macro)("z"))
    np.testing.assert_allclose(mirrored, 1 - exact if macro == "normal_lower_p" else p, rtol=1e-12)


def test_student_t_quantile(macros, evaluate):
    probabilities = [1e-6, 0.001, 0.025, 0.2, 0.4, 0.6, 0.8, 0.95, 0.975, 0.995, 0.999999]
    rows = [(p, df) for df in DEGREES for p in probabilities]
    grid = pd.DataFrame(rows, columns=["p", "df"])
    q = evaluate(grid, macros.student_t_quantile("p", "df"))
    np.testing.assert_allclose(q, stats.t.ppf(grid.p, grid.df), rtol=1e-9)


def test_missing_and_meaningless_arguments_give_missing(macros, evaluate):
    grid = pd.DataFrame({"t": [np.nan, 1.0, 1.0, 1.0], "df": [5.0, np.nan, 0.0, -3.0]})
    expression = macros.student_t_two_sided_p(
        "nullif(t, 'nan'::double)", "nullif(df, 'nan'::double)"
    )
    assert np.isnan(evaluate(grid, expression)).all()
    quantiles = pd.DataFrame({"p": [0.0, 1.0, 0.5], "df": [5, 5, 0]})
    assert np.isnan(evaluate(quantiles, macros.student_t_quantile("p", "df"))).all()
