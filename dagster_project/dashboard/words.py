"""Figures and words as people read them. What is not known says so; it is never a zero."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

import pandas as pd

UNKNOWN = "not known"

Form = Callable[[object], str]


def is_unknown(value: object) -> bool:
    """True for None, NaN, NaT and pandas' own missing value."""
    return value is None or bool(pd.isna(value))  # type: ignore[call-overload]  # any scalar


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _number(value: object) -> float | None:
    return None if is_unknown(value) else float(value)  # type: ignore[arg-type]  # a number by then


def text(value: object) -> str:
    """Words as they are; dates as YYYY-MM-DD; truth as yes or no."""
    if is_unknown(value):
        return UNKNOWN
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return "yes" if value else "no"
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute) == (0, 0)
        return f"{value:%Y-%m-%d}" if midnight else f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def change(value: object) -> str:
    """A return or another fraction with its sign, in percent: −11.9%."""
    number = _number(value)
    return UNKNOWN if number is None else _signed(f"{100 * number + 0.0:+.1f}%")


def share(value: object) -> str:
    """A part of a whole, in percent: 45.4%."""
    number = _number(value)
    return UNKNOWN if number is None else f"{100 * number:.1f}%"


def p_value(value: object) -> str:
    """A probability: 0.115, or below 0.001."""
    number = _number(value)
    if number is None:
        return UNKNOWN
    return "below 0.001" if number < 0.001 else f"{number:.3f}"


def count(value: object) -> str:
    """A whole number with thousands apart."""
    number = _number(value)
    return UNKNOWN if number is None else _signed(f"{number:,.0f}")


def decimal(places: int) -> Form:
    """A number with so many decimals."""

    def form(value: object) -> str:
        number = _number(value)
        return UNKNOWN if number is None else _signed(f"{number:,.{places}f}")

    return form


def usd(value: object) -> str:
    """Dollars, shortened: $8.66, $1,450, $9.1m, $37.6bn."""
    number = _number(value)
    if number is None:
        return UNKNOWN
    sign, size = ("−" if number < 0 else ""), abs(number)
    if size >= 1e9:
        return f"{sign}${size / 1e9:,.1f}bn"
    if size >= 1e6:
        return f"{sign}${size / 1e6:,.1f}m"
    return f"{sign}${size:,.0f}" if size >= 1000 else f"{sign}${size:,.2f}"


def megawatts(value: object) -> str:
    """Power: 590 MW."""
    number = _number(value)
    return UNKNOWN if number is None else f"{number:,.0f} MW"


# The name of a column of the marts says its unit, so the form follows from it.
_BY_SUFFIX: tuple[tuple[str, Form], ...] = (
    ("_usd_ph", decimal(2)),
    ("_usd", usd),
    ("_mw", megawatts),
    ("_eh_s", decimal(1)),
    ("_share", share),
    ("_date", text),
)
_CHANGES = {
    "raw_return", "expected_return", "car", "car_running", "caar", "abnormal_return", "ar",
    "market_return", "btc_return", "intraday_low_return", "hashprice_change",
    "hashprice_change_30d", "raw_return_running", "car_running_low", "car_running_high",
    "market_return_running", "btc_return_running", "fitted_car", "fitted_car_low",
    "fitted_car_high", "relative_difference",
}  # fmt: skip
_SHARES = {
    "hpc_mw_share", "fee_share_of_revenue", "realisation_rate", "fee_share_before",
    "fee_share_after", "mde_80pct", "car_sd_running", "npv_share_of_market_cap",
    "largest_relative_difference", "network_share", "hpc_revenue_share",
}  # fmt: skip
_PROBABILITIES = {
    "p_two_sided", "car_p_pred", "headline_p", "p_portfolio", "sq_p", "spearman_p", "q_bh",
}  # fmt: skip
_TWO_DECIMALS = {
    "spearman", "statistic", "npv_to_yearly_profit", "anchor_npv_to_yearly_profit", "ai_tilt",
    "slope_t_portfolio", "headline_statistic", "beta_market", "hashprice_usd_ph_before",
    "hashprice_usd_ph_after", "hashprice_log_change", "subsidy_part", "fee_part", "price_part",
    "difficulty_part", "effective_n", "rbar",
}  # fmt: skip


def form_of(column: str) -> Form | None:
    """How a column of the marts is written, by its name; None: as its type says."""
    if column in _CHANGES:
        return change
    if column in _PROBABILITIES:
        return p_value
    if column in _SHARES:
        return share
    if column in _TWO_DECIMALS:
        return decimal(2)
    return next((form for suffix, form in _BY_SUFFIX if column.endswith(suffix)), None)


def written(column: str, value: object) -> str:
    """A value as it stands in a table."""
    form = form_of(column)
    if form is not None:
        return form(value)
    if is_unknown(value) or isinstance(value, (str, bool, date)):
        return text(value)
    number = float(value) if isinstance(value, (int, float)) else None
    if number is None:
        return text(value)
    if number == int(number) and abs(number) < 1e15:
        return _signed(f"{number:,.0f}")
    return _signed(f"{number:,.4g}" if abs(number) < 100 else f"{number:,.1f}")


_ACRONYMS = {
    "usd": "USD", "mw": "MW", "hpc": "AI/HPC", "npv": "NPV", "btc": "bitcoin", "eh": "EH",
    "ph": "PH", "p": "p", "car": "abnormal return", "caar": "mean abnormal return", "ai": "AI",
    "url": "link", "pct": "%", "n": "number of", "mde": "smallest effect seen", "ev": "EV",
    "r2": "R²", "it": "IT", "pue": "PUE", "hhi": "concentration (HHI)",
}  # fmt: skip
_HEADINGS = {
    "car": "Abnormal return",
    "car_p_pred": "p",
    "car_running": "Abnormal, cumulated",
    "raw_return_running": "Return, cumulated",
    "mde_80pct": "Smallest move seen in 4 of 5",
    "p_two_sided": "p (two-sided)",
    "raw_return": "Return",
    "hpc_contracted_mw": "AI power under contract",
    "hpc_mw_share": "Share of power",
    "says": "What it says",
    "source_url": "Source",
    "t0": "Priced on",
    "ar": "Abnormal return that session",
    "npv_usd": "Value (NPV)",
    "ticker": "Ticker",
    "rel_day": "Session",
}


def heading(column: str) -> str:
    """A column's name as words: ``hashprice_usd_ph`` is Hashprice USD PH."""
    if column in _HEADINGS:
        return _HEADINGS[column]
    words = " ".join(_ACRONYMS.get(part, part) for part in column.split("_"))
    return words[:1].upper() + words[1:]


def plain(words: object) -> str:
    """Words that Markdown shows as they are: no formula, link, picture, colour or emoji in them."""
    return re.sub(r"([\\`*_{}\[\]()<>#+!|$:~&-])", r"\\\1", str(words).replace("\n", " "))
