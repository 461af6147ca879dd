"""What a reader picked, kept in the page's address so that a view can be shared.

An address is typed by anybody: a value that is not among the choices is put aside with a polite
word and never reaches SQL, and only its plain letters are repeated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date

import streamlit as st

_LONGEST = 40
_PICKED = "picked_on_the_page"


def _shown(asked: str) -> str:
    """The plain letters of what was asked for: an address must not put words or links on a page."""
    letters = re.sub(r"[^A-Za-z0-9 .,_-]", "", asked)[:_LONGEST].strip()
    return letters.replace("_", "\\_") or "that"


def _refuse(label: str, asked: str, instead: str) -> None:
    st.warning(
        f"The address asks for {label.lower()} “{_shown(asked)}”, which is not to be had here. "
        f"Shown instead: {instead}.",
        icon=":material/info:",
    )


def _keys(name: str) -> tuple[str, str]:
    return f"chosen_{name}", f"address_{name}"


def _pick() -> None:
    st.session_state[_PICKED] = True


def drawn() -> None:
    """Tell that the page was drawn, or was given up for another choice: the next run may again be
    one that somebody's address asked for."""
    st.session_state[_PICKED] = False


def _asked(name: str) -> str | None:
    """What the address says that has not been taken up yet; None where nothing is new.

    A run that a choice on the page began is sent the address from before that choice, or from the
    middle of a run that the choice cut short: there the choice is newer than the address.
    """
    chosen, taken_up = _keys(name)
    asked = st.query_params.get(name)
    if asked is None or asked == st.session_state.get(taken_up):
        return None
    if st.session_state.get(_PICKED) and chosen in st.session_state:
        return None
    return str(asked)


def _remember(name: str, value: str, default: str) -> None:
    """Put a choice into the address; the default leaves the address short."""
    if value == default:
        if name in st.query_params:
            del st.query_params[name]
        st.session_state[_keys(name)[1]] = None
    else:
        if st.query_params.get(name) != value:
            st.query_params[name] = value
        st.session_state[_keys(name)[1]] = value


def choose(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    default: str | None = None,
    words: Mapping[str, str] | None = None,
    help_text: str | None = None,
) -> str:
    """One of ``options`` (not empty); ``words`` says how each reads. ``name`` is its place in the
    address."""
    key = _keys(name)[0]
    fallback = default if default is not None and default in options else options[0]
    spoken = words or {}
    asked = _asked(name)
    if asked is not None:
        st.session_state[key] = asked if asked in options else fallback
        if asked not in options:
            _refuse(label, asked, spoken.get(fallback, fallback).replace("_", "\\_"))
    elif st.session_state.get(key) not in options:
        st.session_state[key] = fallback
    picked = st.selectbox(
        label,
        list(options),
        key=key,
        format_func=lambda option: spoken.get(option, option),
        help=help_text,
        on_change=_pick,
    )
    value = picked or fallback  # a box with options always has one
    _remember(name, value, fallback)
    return value


def choose_day(label: str, name: str, first: date, last: date, default: date) -> date:
    """A day from ``first`` to ``last``."""
    key = _keys(name)[0]
    fallback = min(max(default, first), last)
    asked = _asked(name)
    if asked is not None:
        try:
            day = date.fromisoformat(asked)
        except ValueError:
            day = date.min
        if not first <= day <= last:
            _refuse(label, asked, fallback.isoformat())
            day = fallback
        st.session_state[key] = day
    elif not first <= st.session_state.get(key, date.min) <= last:
        st.session_state[key] = fallback
    picked = st.date_input(
        label, min_value=first, max_value=last, key=key, format="YYYY-MM-DD", on_change=_pick
    )
    _remember(name, picked.isoformat(), fallback.isoformat())
    return picked


def choose_number(
    label: str,
    name: str,
    low: float,
    high: float,
    step: float,
    default: float,
    *,
    written: str = "%g",
    help_text: str | None = None,
) -> float:
    """A number from ``low`` to ``high`` by a slider; a default outside of them widens them."""
    key = _keys(name)[0]
    low, high = min(low, default), max(high, default)
    asked = _asked(name)
    if asked is not None:
        try:
            number = float(asked)
        except ValueError:
            number = math.nan
        if not low <= number <= high:  # also for a number that is none
            _refuse(label, asked, f"{default:g}")
            number = default
        st.session_state[key] = number
    elif not low <= st.session_state.get(key, math.nan) <= high:
        st.session_state[key] = default
    value = st.slider(
        label,
        low,
        high,
        step=step,
        key=key,
        format=written,
        help=help_text,
        width="stretch",
        on_change=_pick,
    )
    _remember(name, f"{value:g}", f"{default:g}")
    return float(value)
