"""Which source implementation answers, by the setting ``MINER_SOURCE``."""

from __future__ import annotations

from datetime import UTC, datetime

from dagster_project.errors import SettingsError
from dagster_project.settings import BUNDLED_DATA_DIR, Settings
from dagster_project.sources.base import Source
from dagster_project.sources.data_folder import DataFolder
from dagster_project.sources.exchange_calendar import ExchangeCalendar

IMPLEMENTATIONS = {"bundled": DataFolder}


def open_source(settings: Settings) -> Source:
    """The source of every raw table but the exchange calendar."""
    implementation = IMPLEMENTATIONS.get(settings.source_mode)
    if implementation is None:
        raise SettingsError(
            f"No source answers for MINER_SOURCE={settings.source_mode}.",
            mend=f"choose one of: {', '.join(IMPLEMENTATIONS)}",
        )
    return implementation(settings.data_dir, BUNDLED_DATA_DIR)


def open_calendar(settings: Settings) -> ExchangeCalendar:
    """The exchange calendar, from the year before the first figure on."""
    return ExchangeCalendar(open_source(settings).span().start, datetime.now(UTC).date())
