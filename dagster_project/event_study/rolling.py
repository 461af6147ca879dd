"""Rolling betas of shares to a basket of AI shares and to bitcoin, from one bivariate regression.

Sums over a window are the end of one block and the beginning of the next, so the cost does not
grow with the window's length, nothing from outside the window enters, and a row does not depend on
which others are computed with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from dagster_project.event_study.arrays import Flags, Floats, Integers, Texts, divided
from dagster_project.event_study.market import FactorSeries

# What no share does in a day: such a return is an error of the data and is left out.
_IMPOSSIBLE_RETURN = 500.0
# Moments that keep less than this of their digits are computed again from the window's own rows.
_DELICATE = 1e-4
# Windows computed again at once.
_EXACT_AT_ONCE = 10_000
# Below these shares of the squares, only rounding is left.
_NO_VARIATION, _COLLINEAR, _NO_RESIDUAL = 1e-20, 1e-12, 1e-20


@dataclass(frozen=True)
class Basket:
    """Equal-weight mean of member shares: ``members`` are rows of ``returns`` (shares × sessions).

    Weights are equal over the members that have a return on the session. A share that is a member
    is measured against the others, everyone else against the whole basket.
    """

    returns: Floats
    n_firms: Integers

    @staticmethod
    def without(returns: Floats, members: Flags, rows: Integers) -> Basket:
        """The basket that each of ``rows`` is measured against: arrays (rows × sessions)."""
        seen = ~np.isnan(returns[members])
        total, count = np.where(seen, returns[members], 0.0).sum(axis=0), seen.sum(axis=0)
        own = returns[rows]
        is_in = members[rows][:, None] & ~np.isnan(own)
        counts = count[None] - is_in
        return Basket(divided(total[None] - np.where(is_in, own, 0.0), counts), counts)


def window_sums(values: Floats, n: int) -> Floats:
    """Sums over the last ``n`` columns, fewer at the beginning: (rows × columns) both ways."""
    return _over_windows(np.add, values, n, 0.0)


def window_minima(values: Floats, n: int) -> Floats:
    """Smallest of the last ``n`` columns."""
    return _over_windows(np.minimum, values, n, np.inf)


def _over_windows(combine: np.ufunc, values: Floats, n: int, neutral: float) -> Floats:
    n_rows, n_columns = values.shape
    n_blocks = -(-n_columns // n)
    blocks = np.full((n_rows, n_blocks * n), neutral)
    blocks[:, :n_columns] = values
    blocks = blocks.reshape(n_rows, n_blocks, n)
    from_start = combine.accumulate(blocks, axis=2).reshape(n_rows, -1)
    to_end = combine.accumulate(blocks[:, :, ::-1], axis=2)[:, :, ::-1].reshape(n_rows, -1)
    found = from_start[:, :n_columns].copy()
    # A window that is a block has no earlier part.
    ends = np.arange(n - 1, n_columns)
    ends = ends[(ends + 1) % n != 0]
    found[:, ends] = combine(found[:, ends], to_end[:, ends - n + 1])
    return found


def choose_sources(
    sources: Sequence[FactorSeries], has_shares: Flags, window_sessions: int
) -> Integers:
    """One bitcoin source for each session's window, whatever the share, as an index; -1 for none.

    The first by priority that has a return wherever any share has one, else the last that has any
    at all: betas of one day could not be compared across sources.
    """
    wanted = window_sums(has_shares[None].astype(float), window_sessions)[0]
    chosen = np.full(len(has_shares), -1)
    best = np.full(len(has_shares), np.inf)
    for index, series in enumerate(sources):
        found = window_sums(
            (has_shares & ~np.isnan(series.returns))[None].astype(float), window_sessions
        )[0]
        rank = np.where(found == wanted, series.priority, 100 - series.priority)
        rank = np.where(found > 0, rank, np.inf)
        better = rank < best
        chosen[better], best[better] = index, rank[better]
    return chosen


@dataclass(frozen=True)
class RollingBetas:
    """Results of one window length; arrays are (shares × sessions), NaN where not defined.

    ``status``: ``ok``, ``short_window``, ``no_basket``, ``no_bitcoin``, ``no_variation``,
    ``collinear`` or ``no_residual``. ``source`` (sessions) is the bitcoin source's index, -1 for
    none.
    """

    source: Integers
    status: Texts
    n_sessions: Integers
    n_basket_firms: Floats
    alpha: Floats
    beta_ai: Floats
    beta_btc: Floats
    r2: Floats
    corr_ai_btc: Floats
    idiosyncratic_sd: Floats
    sd_ai: Floats
    sd_btc: Floats
    ai_tilt: Floats


def rolling_betas(
    shares: Floats,
    basket: Basket,
    sources: Sequence[FactorSeries],
    source: Integers,
    window_sessions: int,
    min_sessions: int,
) -> RollingBetas:
    """Betas over the window that ends with each session.

    ``shares`` and ``basket`` are (shares × sessions) simple returns; ``source`` is the result of
    ``choose_sources``. A session counts with all three returns or not at all.
    """
    moments = _Moments.empty(shares.shape)
    slopes = _Slopes.empty(shares.shape)
    for index in np.unique(source[source >= 0]):
        returns = np.stack(
            [shares, basket.returns, np.broadcast_to(sources[index].returns, shares.shape)]
        )
        with np.errstate(invalid="ignore"):
            usable = (np.abs(returns) < _IMPOSSIBLE_RETURN).all(axis=0)
        returns = np.where(usable, returns, 0.0)
        own = _Moments.over_windows(returns, usable, basket.n_firms, window_sessions)
        found = _solve(own)
        rows, columns = np.nonzero(
            (source == index)[None] & (own.n >= min_sessions) & _is_delicate(own, found)
        )
        _solve_exactly(returns, usable, rows, columns, window_sessions, own, found)
        moments.take(own, source == index)
        slopes.take(found, source == index)

    n_shares = window_sums((~np.isnan(shares)).astype(float), window_sessions)
    n_basket = window_sums((~np.isnan(basket.returns)).astype(float), window_sessions)
    with np.errstate(invalid="ignore", divide="ignore"):
        y_square = moments.yy + moments.y_mean**2
        status = np.select(
            [
                n_shares == 0,
                n_basket == 0,
                np.broadcast_to(source < 0, shares.shape),
                moments.n < min_sessions,
                moments.yy <= _NO_VARIATION * y_square,
                (moments.aa <= _COLLINEAR * (moments.aa + moments.ai_mean**2))
                | (slopes.btc_left <= _COLLINEAR * (moments.bb + moments.btc_mean**2)),
                slopes.residual_var <= _NO_RESIDUAL * y_square,
            ],
            [
                "short_window",
                "no_basket",
                "no_bitcoin",
                "short_window",
                "no_variation",
                "collinear",
                # The share is one of the factors itself.
                "no_residual",
            ],
            default="ok",
        )
        ok = status == "ok"

        def where_ok(values: Floats) -> Floats:
            return np.where(ok, values, np.nan)

        n = moments.n
        ai_sd, btc_sd = np.sqrt(moments.aa), np.sqrt(moments.bb)
        # A share that moves against a factor does not lean towards it.
        ai_pull, btc_pull = np.maximum(slopes.ai * ai_sd, 0), np.maximum(slopes.btc * btc_sd, 0)
        return RollingBetas(
            source=source,
            status=status,
            n_sessions=n.astype(int),
            n_basket_firms=np.where(n > 0, moments.n_basket_firms, np.nan),
            alpha=where_ok(
                moments.y_mean - slopes.ai * moments.ai_mean - slopes.btc * moments.btc_mean
            ),
            beta_ai=where_ok(slopes.ai),
            beta_btc=where_ok(slopes.btc),
            r2=where_ok(1 - slopes.residual_var / moments.yy),
            corr_ai_btc=where_ok(moments.ab / (ai_sd * btc_sd)),
            idiosyncratic_sd=where_ok(np.sqrt(slopes.residual_var * n / (n - 3))),
            sd_ai=where_ok(ai_sd * np.sqrt(n / (n - 1))),
            sd_btc=where_ok(btc_sd * np.sqrt(n / (n - 1))),
            ai_tilt=where_ok(divided(ai_pull, ai_pull + btc_pull)),
        )


class _Table:
    """A dataclass of equally shaped arrays, filled part by part."""

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Self:
        return cls(*(np.zeros(shape) for _ in fields(cls)))  # type: ignore[arg-type]

    def take(self, values: Self, columns: Flags) -> None:
        for name in (field.name for field in fields(self)):  # type: ignore[arg-type]
            getattr(self, name)[:, columns] = getattr(values, name)[:, columns]

    def put(self, rows: Integers, columns: Integers, values: Self) -> None:
        for name in (field.name for field in fields(self)):  # type: ignore[arg-type]
            getattr(self, name)[rows, columns] = getattr(values, name)


@dataclass(frozen=True)
class _Moments(_Table):
    """Sessions that count, means, and variances and covariances over n (not n - 1)."""

    n: Floats
    n_basket_firms: Floats
    y_mean: Floats
    ai_mean: Floats
    btc_mean: Floats
    yy: Floats
    aa: Floats
    bb: Floats
    ay: Floats
    by: Floats
    ab: Floats

    @classmethod
    def over_windows(
        cls, returns: Floats, usable: Flags, n_basket_firms: Integers, window_sessions: int
    ) -> _Moments:
        """Moments of every window from sums; ``returns`` are share, basket and bitcoin."""
        y, ai, btc = returns

        def sums(values: Floats) -> Floats:
            return window_sums(values, window_sessions)

        n = sums(usable.astype(float))
        some = np.where(n > 0, n, np.nan)
        y_mean, ai_mean, btc_mean = sums(y) / some, sums(ai) / some, sums(btc) / some
        return cls(
            n,
            window_minima(np.where(usable, n_basket_firms, np.inf), window_sessions),
            y_mean,
            ai_mean,
            btc_mean,
            yy=sums(y * y) / some - y_mean**2,
            aa=sums(ai * ai) / some - ai_mean**2,
            bb=sums(btc * btc) / some - btc_mean**2,
            ay=sums(ai * y) / some - ai_mean * y_mean,
            by=sums(btc * y) / some - btc_mean * y_mean,
            ab=sums(ai * btc) / some - ai_mean * btc_mean,
        )


@dataclass(frozen=True)
class _Slopes(_Table):
    """Slopes, what they leave of the share's variance, and what the basket leaves of bitcoin's."""

    ai: Floats
    btc: Floats
    residual_var: Floats
    btc_left: Floats


def _solve(m: _Moments) -> _Slopes:
    with np.errstate(invalid="ignore", divide="ignore"):
        btc_left = m.bb - m.ab * m.ab / m.aa
        btc = (m.by - m.ab * m.ay / m.aa) / btc_left
        ai = (m.ay - m.ab * btc) / m.aa
        return _Slopes(ai, btc, m.yy - ai * m.ay - btc * m.by, btc_left)


def _is_delicate(m: _Moments, slopes: _Slopes) -> Flags:
    """Windows in which the differences above have lost digits."""
    with np.errstate(invalid="ignore"):
        keeps_digits = (
            (m.yy > _DELICATE * m.y_mean**2)
            & (m.aa > _DELICATE * m.ai_mean**2)
            & (slopes.btc_left > _DELICATE * (m.bb + m.btc_mean**2))
            & (slopes.residual_var > _DELICATE * m.yy)
        )
    return np.asarray(~keeps_digits)


def _solve_exactly(
    returns: Floats,
    usable: Flags,
    rows: Integers,
    columns: Integers,
    window_sessions: int,
    moments: _Moments,
    slopes: _Slopes,
) -> None:
    """Moments and slopes of single windows from their own centred rows, with one refinement."""
    back = np.arange(1 - window_sessions, 1)
    for start in range(0, len(rows), _EXACT_AT_ONCE):
        row, column = (part[start : start + _EXACT_AT_ONCE] for part in (rows, columns))
        place = column[:, None] + back
        counts = usable[row[:, None], np.maximum(place, 0)] & (place >= 0)
        n = counts.sum(axis=1).astype(float)
        windows = np.where(counts, returns[:, row[:, None], np.maximum(place, 0)], 0.0)
        means = windows.sum(axis=2) / n
        y, ai, btc = np.where(counts, windows - means[:, :, None], 0.0)

        def mean(left: Floats, right: Floats, n: Floats = n) -> Floats:
            return np.asarray(np.einsum("wt,wt->w", left, right)) / n

        exact = _Moments(
            n=n,
            n_basket_firms=moments.n_basket_firms[row, column],
            y_mean=means[0],
            ai_mean=means[1],
            btc_mean=means[2],
            yy=mean(y, y),
            aa=mean(ai, ai),
            bb=mean(btc, btc),
            ay=mean(ai, y),
            by=mean(btc, y),
            ab=mean(ai, btc),
        )
        first = _solve(exact)
        with np.errstate(invalid="ignore"):
            left = y - first.ai[:, None] * ai - first.btc[:, None] * btc
        change = _solve(replace(exact, yy=mean(left, left), ay=mean(ai, left), by=mean(btc, left)))
        moments.put(row, column, exact)
        slopes.put(
            row,
            column,
            _Slopes(
                first.ai + change.ai,
                first.btc + change.btc,
                np.maximum(change.residual_var, 0),
                first.btc_left,
            ),
        )
