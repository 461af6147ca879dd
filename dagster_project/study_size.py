"""How large a study's models are, which dbt must know before it writes their SQL.

A regression is unrolled into SQL by its number of factors, so the number is part of the
program and not of the data. It is read from the file that the load reads.
"""

from __future__ import annotations

from collections.abc import Iterable

from dagster_project.contracts import BY_NAME
from dagster_project.errors import SourceError
from dagster_project.sources.base import OnePart

# Equal to `max_factors` under `vars:` in dbt/dbt_project.yml.
DEFAULT_MAX_FACTORS = 2


def most_factors(factor_lists: Iterable[str]) -> int:
    """Number of entries in the longest of some lists separated by ';'."""
    counts = (sum(bool(entry.strip()) for entry in text.split(";")) for text in factor_lists)
    return max(counts, default=0)


def max_factors(folder: OnePart) -> int:
    """Factors that the SQL must have room for: those of the study, at least the default.

    A file that cannot be read gives the default; the load says what is wrong with it.
    """
    try:
        frame = folder.extract(BY_NAME["study_models"]).frame
    except SourceError:
        return DEFAULT_MAX_FACTORS
    return max(DEFAULT_MAX_FACTORS, most_factors(frame["factors"].dropna()))
