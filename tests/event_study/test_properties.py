"""What must not change a result, does not: order, scale, strangers, the calendar, the factors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dagster_project.event_study.event import EventPanel
from dagster_project.event_study.models import Model
from tests.event_study.builders import NAN, panel, pool, window

EXAMPLES = settings(max_examples=15, deadline=None)
N_DAYS, N_AROUND = 45, 3
DAY, LONG = window(0, 0), window(-1, 1)
MODELS = (
    Model("mean", (), "mean_adjusted"),
    Model("adjusted", ("F1",), "market_adjusted", leverage="one_over_n"),
    Model("one", ("F1",)),
    Model("three", ("F1", "F2", "F3")),
)
# A statistic turns its sign with the returns; a sample's place among quiet days does not.
FIGURES = ("caar", "rbar", "mde_80pct", "effective_n")


@dataclass(frozen=True)
class Drawn:
    """Firms and factors (rows × days), estimation days first."""

    model: Model
    returns: np.ndarray
    factors: np.ndarray

    def panel(self, **options: object) -> EventPanel:
        names = ("F1", "F2", "F3")
        return panel(
            self.returns[:, :N_DAYS],
            self.returns[:, N_DAYS:],
            factors=dict(zip(names, self.factors, strict=True)),
            model=self.model,
            first_day=-1,
            min_sessions=20,
            min_common=15,
            **options,
        )

    def with_returns(self, change: Callable[[np.ndarray], np.ndarray]) -> Drawn:
        return replace(self, returns=change(self.returns))


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    n_firms = draw(st.integers(3, 8))
    factors = 0.02 * random.standard_normal((3, N_DAYS + N_AROUND))
    returns = 0.03 * random.standard_normal((n_firms, N_DAYS + N_AROUND))
    returns += random.uniform(-1, 2, (n_firms, 3)) @ factors
    returns[random.random(returns.shape) < draw(st.sampled_from([0, 0.03]))] = NAN
    return Drawn(draw(st.sampled_from(MODELS)), returns, factors)


def statistics(*panels: EventPanel, over=LONG, **options: object) -> dict[str, float]:
    """Every statistic and figure of a group, NaN where it has none."""
    found = pool(*panels, over=over, **options)
    tests = {name: outcome.statistic for name, outcome in found.run().items()}
    return tests | {name: getattr(found, name) for name in FIGURES}


def assert_same(left: dict[str, float], right: dict[str, float], rtol: float) -> None:
    for name, value in left.items():
        assert_allclose(right[name], value, rtol=rtol, atol=1e-10, err_msg=name)


@EXAMPLES
@given(case=drawn(), seed=st.integers(0, 2**31))
def test_the_order_of_firms_means_nothing(case: Drawn, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(case.returns))
    shuffled = case.with_returns(lambda returns: returns[order])
    before, after = case.panel(), shuffled.panel()
    for one, other in zip(before.windows([DAY, LONG]), after.windows([DAY, LONG]), strict=True):
        for name in ("car", "bhar", "car_sd_pred", "status"):
            assert_array_equal(getattr(one, name)[order], getattr(other, name), err_msg=name)
    assert_same(statistics(before), statistics(after), 1e-9)


@EXAMPLES
@given(case=drawn(), seed=st.integers(0, 2**31))
def test_a_stranger_means_nothing(case: Drawn, seed: int) -> None:
    """A firm of no group changes no bit of the others' results."""
    stranger = 0.03 * np.random.default_rng(seed).standard_normal((1, N_DAYS + N_AROUND))
    stranger[0, seed % N_DAYS] = NAN
    added = case.with_returns(lambda returns: np.concatenate([stranger, returns]))
    own = list(range(1, len(case.returns) + 1))
    before, after = statistics(case.panel()), statistics(added.panel(), firms=own)
    assert_array_equal(list(after.values()), list(before.values()))


@EXAMPLES
@given(case=drawn(), skipped=st.integers(1, 400))
def test_the_place_in_the_calendar_means_nothing(case: Drawn, skipped: int) -> None:
    moved = case.panel(skipped_sessions=skipped)
    before, after = statistics(case.panel()), statistics(moved)
    assert_array_equal(list(after.values()), list(before.values()))


@EXAMPLES
@given(case=drawn(), power=st.integers(-6, 6))
def test_the_unit_of_returns_means_nothing(case: Drawn, power: int) -> None:
    """Returns and factors in other units: effects scale, statistics stay. (Ranks tie values that
    differ by less than 1e-12, so units are not a million apart.)
    """
    unit = 2.0**power
    scaled = replace(case, returns=case.returns * unit, factors=case.factors * unit)
    before, after = statistics(case.panel()), statistics(scaled.panel())
    for name in ("caar", "mde_80pct", "sample_quantile"):
        before[name] *= unit
    assert_same(before, after, 1e-9)


@EXAMPLES
@given(case=drawn())
def test_returns_upside_down_turn_every_statistic(case: Drawn) -> None:
    turned = replace(case, returns=-case.returns, factors=-case.factors)
    before, after = statistics(case.panel()), statistics(turned.panel())
    for name in before.keys() - {"rbar", "mde_80pct", "effective_n"}:
        before[name] = -before[name]
    assert_same(before, after, 1e-9)


@EXAMPLES
@given(case=drawn(), slopes=st.tuples(*[st.floats(-3, 3)] * 3), level=st.floats(-0.1, 0.1))
def test_what_the_model_explains_means_nothing(
    case: Drawn, slopes: tuple[float, ...], level: float
) -> None:
    """More of a factor that the model has, or of its constant, is taken off again."""
    case = replace(case, model=MODELS[3])
    moved = case.with_returns(lambda returns: returns + level + np.array(slopes) @ case.factors)
    assert_same(statistics(case.panel()), statistics(moved.panel()), 1e-6)


@EXAMPLES
@given(case=drawn(), shock=st.floats(-0.3, 0.3))
def test_a_common_shock_moves_the_mean_by_its_size(case: Drawn, shock: float) -> None:
    """What was learned before the event does not know of it."""

    def on_t0(returns: np.ndarray) -> np.ndarray:
        moved = returns.copy()
        moved[:, N_DAYS + 1] += shock
        return moved

    before = statistics(case.panel(), over=DAY)
    after = statistics(case.with_returns(on_t0).panel(), over=DAY)
    assert_allclose(after["caar"] - before["caar"], shock, atol=1e-12)
    for name in ("mde_80pct", "rbar", "effective_n"):
        assert_array_equal(after[name], before[name])


@EXAMPLES
@given(case=drawn(), n_dates=st.integers(1, 3))
def test_p_values_are_probabilities_and_agree_with_their_statistic(
    case: Drawn, n_dates: int
) -> None:
    panels = [
        replace(case, returns=np.roll(case.returns, date, axis=0) * (1 + date)).panel(
            skipped_sessions=10 * date
        )
        for date in range(n_dates)
    ]
    n_ok = 0
    for test_id, outcome in pool(*panels, over=LONG).run().items():
        if outcome.status != "ok":
            assert np.isnan([outcome.statistic, outcome.p_two_sided, outcome.p_lower]).all()
            continue
        n_ok += 1
        assert 0 <= outcome.p_lower <= 1, test_id
        assert 0 < outcome.p_two_sided <= 1, test_id
        if test_id != "sample_quantile":
            one_sided = min(outcome.p_lower, 1 - outcome.p_lower)
            assert outcome.p_two_sided == pytest.approx(2 * one_sided, abs=1e-12), test_id
    assert n_ok > 4


@EXAMPLES
@given(case=drawn(), extra=st.integers(1, 5))
def test_one_date_twice_is_two_dates(case: Drawn, extra: int) -> None:
    """The same date at two places: the mean stays, its portfolio's error falls by the root of 2."""
    once = statistics(case.panel())
    twice = statistics(case.panel(), case.panel(skipped_sessions=N_DAYS + extra))
    assert_allclose(twice["caar"], once["caar"], rtol=1e-9)
    assert_allclose(twice["portfolio_t"], once["portfolio_t"] * np.sqrt(2), rtol=1e-9)
    assert_allclose(twice["patell"], once["patell"] * np.sqrt(2), rtol=1e-9)


@EXAMPLES
@given(case=drawn(), firm=st.integers(0, 2), session=st.integers(0, N_DAYS - 1))
def test_masking_changes_only_the_firm_it_masks(case: Drawn, firm: int, session: int) -> None:
    plain, masked = case.panel(), case.panel(masked=[(firm, session)])
    others = np.arange(len(case.returns)) != firm
    for name in ("alpha", "betas", "resid_sd", "residuals"):
        assert_array_equal(
            getattr(plain.fit, name)[others], getattr(masked.fit, name)[others], err_msg=name
        )
    had_return = not np.isnan(case.returns[firm, session])
    assert masked.n_masked.tolist() == [
        int(had_return and row == firm) for row in range(len(others))
    ]
    assert masked.fit.n_est[firm] == plain.fit.n_est[firm] - had_return
