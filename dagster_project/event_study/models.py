"""Models of expected returns: what they are, and how all series are fitted at once.

A model explains a series by an intercept and any number of factors. One function, ``fit``, serves
shares, equal-weight portfolios, exposure portfolios and the scan for abnormal days.

Sources: Brown and Warner (1985); MacKinlay (1997).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from dagster_project.event_study.arrays import (
    Flags,
    Floats,
    Integers,
    Texts,
    divided,
    dot,
    row_products,
    squared_sums,
)

# What is left of a factor below this share of its squares cannot be told from rounding.
_COLLINEAR = 1e-12
# Squared residuals below this share of the squared returns are rounding.
_NO_VARIANCE = 1e-20


@dataclass(frozen=True)
class Model:
    """A model of expected returns.

    ``method``: ``ols`` (intercept and a slope per factor), ``mean_adjusted`` (intercept alone) or
    ``market_adjusted`` (expected is the return of the first factor; nothing is estimated).
    ``return_kind``: ``simple`` or ``log``. ``leverage``: ``model``, or ``one_over_n`` for a
    market-adjusted model whose prediction variance counts the mean's own error, as some packages
    do. ``mask_other_events`` drops the sessions next to a firm's other events from its estimate.
    """

    model_id: str
    factors: tuple[str, ...] = ()
    method: Literal["ols", "mean_adjusted", "market_adjusted"] = "ols"
    return_kind: Literal["simple", "log"] = "simple"
    leverage: Literal["model", "one_over_n"] = "model"
    mask_other_events: bool = False

    @property
    def regressors(self) -> tuple[str, ...]:
        """Factors that get a slope."""
        return self.factors if self.method == "ols" else ()

    @property
    def n_coefficients(self) -> int:
        """Degrees of freedom that the estimate uses."""
        return len(self.regressors) + 1

    def of_kind(self, simple_returns: Floats) -> Floats:
        """Simple returns in the kind of return that the model explains."""
        return np.log1p(simple_returns) if self.return_kind == "log" else simple_returns


@dataclass(frozen=True)
class Design:
    """The factors of one estimation window, orthogonalised by modified Gram-Schmidt.

    ``factors`` (factors × days) are the returns of all factors, without holes. ``scores``
    (regressors × days) are what is left of each regressor after its mean and the earlier ones.
    """

    model: Model
    factors: Floats
    means: Floats = field(init=False)
    sweeps: Floats = field(init=False)
    scores: Floats = field(init=False)
    is_collinear: bool = field(init=False)

    def __post_init__(self) -> None:
        k = len(self.model.regressors)
        n_days = self.factors.shape[1]
        left = self.factors[:k]
        means = left.mean(axis=1) if n_days else np.zeros(k)
        scale = squared_sums(left)
        scores = left - means[:, None]
        sweeps = np.zeros((k, k))
        collinear = n_days == 0
        for m in range(k):
            squares = dot(scores[m], scores[m])
            collinear |= squares <= _COLLINEAR * scale[m]
            for j in range(m + 1, k):
                sweeps[j, m] = dot(scores[j], scores[m]) / squares if squares else 0.0
                scores[j] -= sweeps[j, m] * scores[m]
        # A frozen dataclass computes its own fields here and nowhere else.
        for name, value in (
            ("means", means),
            ("sweeps", sweeps),
            ("scores", scores),
            ("is_collinear", bool(collinear and k)),
        ):
            object.__setattr__(self, name, value)

    def scores_of(self, factors: Floats) -> Floats:
        """The same sweep over other days: (factors × days) gives (regressors × days)."""
        k = len(self.means)
        scores = factors[:k] - self.means[:, None]
        for m in range(k):
            for j in range(m + 1, k):
                scores[j] -= self.sweeps[j, m] * scores[m]
        return scores


@dataclass(frozen=True)
class Fit:
    """Estimates of all series under one design; every array has one row per series.

    ``status`` is ``ok``, ``insufficient``, ``collinear``, ``no_variance`` or a reason that came
    before the fit; estimates of a series that is not ``ok`` are NaN. ``residuals`` (series × days)
    has NaN where the series has a hole.
    ``first_day`` and ``last_day`` are columns of the estimation window, -1 where there are none.
    """

    design: Design
    n_est: Integers
    first_day: Integers
    last_day: Integers
    status: Texts
    level: Floats
    slopes: Floats
    score_means: Floats
    lower: Floats
    inverse_pivots: Floats
    alpha: Floats
    betas: Floats
    residuals: Floats
    residual_mean: Floats
    resid_sd: Floats
    r2: Floats
    mean_leverage: Floats

    @property
    def ok(self) -> Flags:
        return np.asarray(self.status == "ok")

    @property
    def is_complete(self) -> Flags:
        """Whether the series has every day of the estimation window."""
        return np.asarray(self.n_est == self.residuals.shape[1])

    @property
    def df_resid(self) -> Floats:
        """Degrees of freedom of the residuals, NaN where the series has no estimate."""
        return np.where(self.ok, self.n_est - self.design.model.n_coefficients, np.nan)

    def expected(self, factors: Floats, net_weights: Floats | float = 1.0) -> Floats:
        """Expected returns on days with ``factors`` (factors × days): (series × days).

        ``net_weights`` (series, or one for all) is what a series costs: a portfolio that is long
        as much as it is short expects nothing of a market-adjusted market.
        """
        deviations = self.design.scores_of(factors)[None] - self.score_means[:, :, None]
        expected = self.level[:, None] + np.einsum("sk,skd->sd", self.slopes, deviations)
        if self.design.model.method == "market_adjusted":
            expected = expected + np.multiply.outer(
                np.broadcast_to(net_weights, self.level.shape), factors[0]
            )
        return np.asarray(expected)

    def leverage(self, score_sums: Floats, n_days: int) -> Floats:
        """Variance that estimation error adds to a sum of ``n_days`` forecasts, in units of s².

        ``score_sums`` (regressors × cases) sums the design's scores over the days of each case;
        the result is (series × cases). With d the sum of (1, x): d'(X'X)⁻¹d.
        """
        deviations = score_sums[None] - n_days * self.score_means[:, :, None]
        total = np.broadcast_to(
            (n_days * n_days * self.mean_leverage)[:, None],
            (len(self.level), score_sums.shape[1]),
        ).copy()
        swept: list[Floats] = []
        for m in range(len(self.design.means)):
            left = deviations[:, m]
            for j in range(m):
                left = left - self.lower[:, m, j, None] * swept[j]
            swept.append(left)
            total += left**2 * self.inverse_pivots[:, m, None]
        return total


def fit(
    design: Design,
    returns: Floats,
    min_sessions: int,
    *,
    net_weights: Floats | float = 1.0,
    prior_status: Texts | None = None,
) -> Fit:
    """Least squares of every series on the design: ``returns`` is (series × days), NaN for holes.

    The cross products of each series' own days are eliminated factor by factor. Since the scores
    are orthogonal over the complete window, the elimination only has to correct for holes, and
    nothing is lost to rounding. A series with fewer than ``min_sessions`` days, or without a day
    more than coefficients, is ``insufficient``. ``prior_status`` (series) are reasons that come
    before the fit's own, ``ok`` where there is none.
    """
    model = design.model
    scores = design.scores
    k = len(scores)
    if model.method == "market_adjusted":
        regressed = returns - np.multiply.outer(
            np.broadcast_to(net_weights, len(returns)), design.factors[0]
        )
    else:
        regressed = returns
    seen = ~np.isnan(regressed)
    n = seen.sum(axis=1)
    mean = divided(np.where(seen, regressed, 0.0).sum(axis=1), n)
    centred = np.where(seen, regressed - mean[:, None], 0.0)
    score_means, squares, scale = _moments(scores, seen, n)
    products = row_products(centred, scores)
    total_squares = squared_sums(centred)

    lower = np.zeros((len(n), k, k))
    inverse = np.zeros((len(n), k))
    collinear = np.full(len(n), design.is_collinear)
    left_products = products.copy()
    for m in range(k):
        pivot = squares[:, m, m]
        is_pivot = pivot > _COLLINEAR * scale[:, m]
        collinear |= ~is_pivot
        inverse[:, m] = np.where(is_pivot, divided(1.0, pivot), 0.0)
        for j in range(m + 1, k):
            lower[:, j, m] = squares[:, j, m] * inverse[:, m]
            left_products[:, j] -= lower[:, j, m] * left_products[:, m]
        for j in range(m + 1, k):
            for i in range(m + 1, j + 1):
                squares[:, j, i] -= lower[:, j, m] * squares[:, i, m]
    slopes = np.zeros((len(n), k))
    for m in reversed(range(k)):
        slopes[:, m] = left_products[:, m] * inverse[:, m]
        for j in range(m + 1, k):
            slopes[:, m] -= lower[:, j, m] * slopes[:, j]

    is_market_adjusted = model.method == "market_adjusted"
    level = np.zeros(len(n)) if is_market_adjusted else mean
    residual_mean = mean if is_market_adjusted else np.zeros(len(n))
    residuals = (
        centred - np.einsum("sk,skt->st", slopes, scores[None] - score_means[:, :, None])
        if k
        else centred
    )
    residuals = np.where(seen, residuals + residual_mean[:, None], np.nan)
    deviations = np.where(seen, residuals - residual_mean[:, None], 0.0)
    # Rounding leaves residuals of least squares with a mean that is not exactly zero.
    sse = squared_sums(deviations) - deviations.sum(axis=1) ** 2 / np.maximum(n, 1)
    return_squares = squared_sums(np.where(seen, returns, 0.0))

    status = np.select(
        [
            n < max(min_sessions, model.n_coefficients + 1),
            collinear,
            sse <= _NO_VARIANCE * return_squares,
        ],
        ["insufficient", "collinear", "no_variance"],
        default="ok",
    )
    if prior_status is not None:
        status = np.where(prior_status == "ok", status, prior_status)
    ok = status == "ok"

    def where_ok(values: Floats) -> Floats:
        return np.where(ok.reshape(-1, *[1] * (values.ndim - 1)), values, np.nan)

    betas = slopes.copy()
    for m in reversed(range(k)):
        for j in range(m + 1, k):
            betas[:, m] -= design.sweeps[j, m] * betas[:, j]
    alpha = level - (slopes * score_means).sum(axis=1) - (betas * design.means).sum(axis=1)
    without_mean_error = is_market_adjusted and model.leverage == "model"
    has_days = n > 0
    return Fit(
        design=design,
        n_est=n,
        first_day=np.where(has_days, seen.argmax(axis=1) if seen.size else 0, -1),
        last_day=np.where(
            has_days, seen.shape[1] - 1 - (seen[:, ::-1].argmax(axis=1) if seen.size else 0), -1
        ),
        status=status,
        level=where_ok(level),
        slopes=where_ok(slopes),
        score_means=where_ok(score_means),
        lower=lower,
        inverse_pivots=where_ok(inverse),
        alpha=where_ok(alpha),
        betas=where_ok(betas),
        residuals=where_ok(residuals),
        residual_mean=where_ok(residual_mean),
        resid_sd=where_ok(
            np.sqrt(
                np.maximum(
                    divided(sse, np.where(n > model.n_coefficients, n - model.n_coefficients, 0)), 0
                )
            )
        ),
        r2=where_ok(1 - divided(sse, total_squares if model.method == "ols" else np.zeros(len(n)))),
        mean_leverage=where_ok(np.zeros(len(n)) if without_mean_error else divided(1.0, n)),
    )


def _moments(scores: Floats, seen: Flags, n: Integers) -> tuple[Floats, Floats, Floats]:
    """Means, centred cross products and uncentred squares of the scores on each series' days.

    Series that have every day share theirs, so only the others cost a pass over their days.
    """
    k, n_days = scores.shape
    means = np.zeros((len(n), k))
    squares = np.zeros((len(n), k, k))
    scale = np.zeros((len(n), k))
    complete = n == n_days
    means[complete] = scores.mean(axis=1) if n_days else 0.0
    centred = scores - means[complete][0][:, None] if complete.any() else scores
    squares[complete] = row_products(centred, centred)
    scale[complete] = squared_sums(scores)
    holed = ~complete
    if holed.any():
        days = seen[holed].astype(float)
        counts = n[holed]
        means[holed] = divided(row_products(days, scores), counts[:, None])
        for j in range(k):
            for i in range(j + 1):
                raw = row_products(days, (scores[j] * scores[i])[None])[:, 0]
                squares[holed, j, i] = raw - counts * means[holed, j] * means[holed, i]
                if i == j:
                    scale[holed, j] = raw
    return means, squares, scale
