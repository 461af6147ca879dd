"""Which source implementation answers, by the setting ``MINER_SOURCE``."""

from __future__ import annotations

from datetime import UTC, datetime

from dagster_project.contracts import BY_NAME, CALENDAR_PARAMETER, DEFAULT_CALENDAR
from dagster_project.settings import BUNDLED_DATA_DIR, Settings
from dagster_project.sources.base import Source
from dagster_project.sources.data_folder import DataFolder
from dagster_project.sources.exchange_calendar import ExchangeCalendar


def open_folder(settings: Settings) -> DataFolder:
    """The data folder: ledger and study, whatever the figures come from."""
    return DataFolder(settings.data_dir, BUNDLED_DATA_DIR)


def open_source(settings: Settings) -> Source:
    """The source of every raw table but the exchange calendar."""
    folder = open_folder(settings)
    if settings.source_mode == "bundled":
        return folder
    # Imported here: the vendors' modules are not needed for the bundled figures.
    from dagster_project.sources.live.opening import Replay, open_live

    return (
        open_live(settings, folder) if settings.source_mode == "live" else Replay(settings, folder)
    )


def require_figures(settings: Settings) -> None:
    """Raises SourceError where a replay is asked for and nothing was recorded."""
    if settings.source_mode == "replay":
        from dagster_project.sources.live.opening import Replay

        Replay(settings, open_folder(settings)).require_archive()


def study_calendar(folder: DataFolder) -> str:
    """Name of the exchange calendar that the study asks for. Raises SourceError."""
    frame = folder.extract(BY_NAME["study_parameters"]).frame
    named = frame.loc[frame["parameter"] == CALENDAR_PARAMETER, "value_name"].dropna()
    return str(named.iloc[0]) if len(named) else DEFAULT_CALENDAR


def open_calendar(settings: Settings) -> ExchangeCalendar:
    """The study's exchange calendar, from the year before the first figure on."""
    return ExchangeCalendar(
        open_source(settings).span().start,
        datetime.now(UTC).date(),
        study_calendar(open_folder(settings)),
    )
