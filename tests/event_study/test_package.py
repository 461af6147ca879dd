"""What the package promises as a whole: what it imports, and the same bits for any threads."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project import event_study
from dagster_project.settings import PROJECT_DIR

PACKAGE = Path(event_study.__path__[0])
NAME = "dagster_project.event_study"
# The face for notebooks takes and gives pandas; the modules on arrays know NumPy alone.
PANDAS_IN = {"study.py"}


def _imports(path: Path) -> set[str]:
    """Every module a file names in an import, those inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            assert node.module
            # `from scipy import special` is an import of scipy.special.
            whole = node.module in ("scipy", "dagster_project")
            found |= (
                {f"{node.module}.{alias.name}" for alias in node.names} if whole else {node.module}
            )
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_a_module_imports_numpy_scipy_special_and_the_package_alone(path: Path) -> None:
    allowed = {"numpy", "scipy.special", NAME, *sys.stdlib_module_names}
    if path.name in PANDAS_IN:
        allowed |= {"pandas"}
    others = [
        name
        for name in _imports(path)
        if not any(name == module or name.startswith(f"{module}.") for module in allowed)
    ]
    assert others == []


def _run(script: str, **environment: str) -> bytes:
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        cwd=PROJECT_DIR,
        capture_output=True,
        check=True,
    ).stdout


def test_importing_the_package_does_not_load_what_is_slow() -> None:
    """scipy.stats alone costs half a second of every run, the project's own modules more."""
    script = f"import sys, {NAME}; print(' '.join(sys.modules))"
    loaded = set(_run(script).decode().split())
    assert "numpy" in loaded
    assert loaded.isdisjoint({"scipy.stats", "dagster", "duckdb", "dbt", "pyarrow.parquet"})
    ours = {name for name in loaded if name.startswith("dagster_project.")}
    assert {name for name in ours if not f"{name}.".startswith(f"{NAME}.")} == set()


STUDY = """
import sys
import numpy as np
from dagster_project.event_study.dates import GroupTests
from dagster_project.event_study.event import EventPanel
from dagster_project.event_study.gradient import gradients
from dagster_project.event_study.market import FactorSeries, Market, Parameters
from dagster_project.event_study.models import Model
from dagster_project.event_study.rolling import Basket, choose_sources, rolling_betas
from dagster_project.event_study.scan import scan
from dagster_project.event_study.tests import pooled
from dagster_project.event_study.windows import Window

random = np.random.default_rng(3)
factors = 0.01 * random.standard_normal((3, 330))
returns = 0.02 * random.standard_normal((60, 330)) + factors.sum(axis=0)
returns[30:][random.random((30, 330)) < 0.05] = np.nan
returns[:, 300] = 0.01 * random.standard_normal(60)
series = {f"F{n}": [FactorSeries("x", 1, False, row)] for n, row in enumerate(factors)}
market = Market(returns, series, (0, 329))
model, bounds = Model("three", ("F0", "F1", "F2")), Parameters(span=(-1, 5))
panel = EventPanel(market, model, bounds, 300)
windows = [Window("a", 0, 0, -1, 5), Window("b", -1, 5, -1, 5)]
firms = np.arange(60)
write = sys.stdout.buffer.write
for name in ("alpha", "betas", "residuals", "resid_sd", "r2"):
    write(np.ascontiguousarray(getattr(panel.fit, name)).tobytes())
for result in panel.windows(windows):
    write(result.car.tobytes() + result.car_sd_pred.tobytes())
groups = [firms, firms[20:40]]
pools = pooled([lambda: GroupTests(panel, windows, groups, [60, 20])], windows, bounds)
for outcome in pools.run().values():
    write(outcome.statistic.tobytes() + outcome.p_two_sided.tobytes())
for found in gradients(panel, windows, firms, random.random(60), permutations=99):
    write(repr(found).encode())
days = scan(Market(returns, series, (250, 329)), model, bounds, firms)
write(days.portfolio_t.tobytes() + days.p_two_sided.tobytes())
basket = Basket.without(returns, firms < 9, firms)
sources = [FactorSeries("x", 1, False, factors[0])]
chosen = choose_sources(sources, np.ones(330, dtype=bool), 120)
betas = rolling_betas(returns, basket, sources, chosen, 120, 90)
write(betas.beta_ai.tobytes() + betas.r2.tobytes() + betas.ai_tilt.tobytes())
"""


def test_threads_change_no_bit() -> None:
    """A study of 60 firms under one thread of the linear algebra library and under four."""
    one, four = (
        _run(STUDY, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads) for threads in "14"
    )
    assert len(one) > 500_000
    assert one == four
