"""Symbols under which vendors file a share, as they change over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

EVERY_VENDOR = "*"


@dataclass(frozen=True)
class SymbolAlias:
    """One row of ``ledger/symbol_aliases.csv``; None is no bound."""

    ticker: str
    vendor: str
    symbol: str
    valid_from_date: date | None
    valid_to_date: date | None
    is_verified: bool

    def holds(self, vendor: str, day: date) -> bool:
        """Does the vendor file the share under this symbol on this day?"""
        return (
            self.vendor in {vendor, EVERY_VENDOR}
            and (self.valid_from_date is None or self.valid_from_date <= day)
            and (self.valid_to_date is None or day <= self.valid_to_date)
        )


def aliases_of(frame: pd.DataFrame) -> tuple[SymbolAlias, ...]:
    """Rows of an extract of table symbol_aliases."""

    def day(value: object) -> date | None:
        return value.date() if isinstance(value, pd.Timestamp) else None

    names = ("ticker", "vendor", "symbol", "valid_from_date", "valid_to_date", "is_verified")
    rows = frame[list(names)].itertuples(index=False)
    return tuple(
        SymbolAlias(str(t), str(v), str(s), day(first), day(last), bool(verified))
        for t, v, s, first, last, verified in rows
    )


def symbols_to_ask(
    ticker: str, vendor: str, asked_on: date, aliases: Sequence[SymbolAlias]
) -> tuple[str, ...]:
    """Symbols to ask ``vendor`` for, in this order, until one is known there.

    The day of asking decides, not the days asked for: vendors file a share's whole history
    under its present symbol. A verified alias stands alone, because an exchange may have given
    the old symbol to another company since. An alias that nobody verified comes after the
    ticker itself, so it is believed only where the vendor knows nothing else.
    """
    holding = sorted(
        (alias for alias in aliases if alias.ticker == ticker and alias.holds(vendor, asked_on)),
        # The newest first, a vendor's own before those of all.
        key=lambda alias: (
            -(alias.valid_from_date or date.min).toordinal(),
            alias.vendor == EVERY_VENDOR,
            alias.symbol,
        ),
    )
    verified = [alias.symbol for alias in holding if alias.is_verified]
    if verified:
        return tuple(dict.fromkeys(verified))
    return tuple(dict.fromkeys([ticker, *(alias.symbol for alias in holding)]))
