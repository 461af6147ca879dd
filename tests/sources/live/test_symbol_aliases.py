"""Which symbol is asked for, by the day of asking and by who vouches for it."""

from __future__ import annotations

from datetime import date

from dagster_project.contracts import BY_NAME
from dagster_project.settings import BUNDLED_DATA_DIR
from dagster_project.sources.data_folder import DataFolder
from dagster_project.sources.live.symbol_aliases import (
    SymbolAlias,
    aliases_of,
    symbols_to_ask,
)

DAY = date(2026, 5, 1)


def alias(symbol: str, vendor: str = "*", first=None, last=None, verified=True) -> SymbolAlias:
    return SymbolAlias("AAA", vendor, symbol, first, last, verified)


def asked(*aliases: SymbolAlias, ticker: str = "AAA", day: date = DAY) -> tuple[str, ...]:
    return symbols_to_ask(ticker, "yahoo", day, aliases)


def test_without_aliases_the_ticker_is_the_symbol():
    assert asked() == ("AAA",)
    assert asked(alias("BBB"), ticker="CCC") == ("CCC",)
    assert asked(alias("BBB", vendor="tiingo")) == ("AAA",)


def test_a_verified_alias_stands_alone_while_it_holds():
    renamed = alias("BBB", first=date(2026, 4, 6))
    assert asked(renamed) == ("BBB",)
    assert asked(renamed, day=date(2026, 4, 6)) == ("BBB",)
    assert asked(renamed, day=date(2026, 4, 5)) == ("AAA",)
    assert asked(alias("BBB", last=date(2026, 4, 30))) == ("AAA",)
    assert asked(alias("BBB", last=DAY)) == ("BBB",)


def test_an_unverified_alias_comes_after_the_ticker():
    assert asked(alias("BBB", verified=False)) == ("AAA", "BBB")
    assert asked(alias("BBB", verified=False), alias("CCC")) == ("CCC",)


def test_the_newest_alias_comes_first_and_a_vendors_own_before_those_of_all():
    old, new = alias("OLD", first=date(2025, 1, 2)), alias("NEW", first=date(2026, 1, 2))
    assert asked(old, new) == asked(new, old) == ("NEW", "OLD")
    own, general = alias("OWN", vendor="yahoo"), alias("ALL")
    assert asked(general, own) == ("OWN", "ALL")
    assert asked(alias("BBB"), alias("BBB", vendor="yahoo")) == ("BBB",)


def test_the_bundled_row_holds_from_its_day_on():
    table = BY_NAME["symbol_aliases"]
    bundled = aliases_of(DataFolder(BUNDLED_DATA_DIR, BUNDLED_DATA_DIR).extract(table).frame)
    assert symbols_to_ask("BITF", "yahoo", DAY, bundled) == ("KEEL",)
    assert symbols_to_ask("BITF", "tiingo", date(2025, 3, 26), bundled) == ("BITF",)
    assert bundled[0].valid_to_date is None
