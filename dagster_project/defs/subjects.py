"""Which assets are shown together: groups by subject, from the raw table to the mart.

A group that a person can read when it is opened has two dozen assets at most; layers are tags
(``layer:staging``) and the first part of a key. A name decides, without the prefix of its layer; a
model may name another group in its yml (``meta: {dagster: {group: ...}}``).
"""

from __future__ import annotations

import re

LAYER_TAG = "layer"
# The first that fits the whole name, without stg_, int_, fct_ or dim_, counts.
_SUBJECTS = (
    ("scenarios", r"(study_)?scenario.*|valuation_scenario"),
    ("claims", r"(press_|study_)?claims?(_.*)?"),
    ("filings", r"(study_)?(filing|xbrl)_.*|known_.*|quarterly_.*"),
    ("betas", r"(study_)?(basket|rolling)s?(_.*)?"),
    ("scan", r"(study_)?scan(s|ned)?(_.*)?|abnormal_days"),
    ("gradient", r"gradient_.*|exposure_(gradient|ranking)|occasions?(_.*)?"),
    ("quality", r"source_.*|study_vendors|.*reconciliation.*"),
    (
        "prices",
        r"(equity|implausible)_.*|companies|company|exchange_sessions|sessions?|symbol_aliases",
    ),
    ("network", r"(btc|bitcoin|network|hashrate)_.*"),
    ("economics", r"(miner|mining|halving)_.*"),
    ("exposure", r"(ai_)?exposure(_.*)?|market_days"),
    (
        "ledger",
        r"(capex|company_facts?|hyperscaler|hpc|deal|search_coverage)(_.*)?",
    ),
    ("selloff", r"selloff_.*"),
    (
        "events",
        r"market_events|events?|event_named_.*|study|study_(parameters|models|windows|groups|event_.*)",
    ),
    ("event_study", r"(study|event|firm|factor|group|portfolio|sample)_.*"),
)
_COMPILED = tuple((subject, re.compile(pattern)) for subject, pattern in _SUBJECTS)
_PREFIX = re.compile(r"^(stg|int|fct|dim)_")
OTHER = "other"


def subject_of(table: str) -> str:
    """The group of a raw table or model; ``other`` where no subject claims its name."""
    bare = _PREFIX.sub("", table)
    return next((subject for subject, form in _COMPILED if form.fullmatch(bare)), OTHER)
