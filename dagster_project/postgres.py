"""PostgreSQL beside the published files, where the settings name one: show it, go back with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster_project.errors import PublicationRefused, SettingsError, WarehouseProjectError
from dagster_project.settings import Settings
from dagster_project.warehouse import publish as publication

if TYPE_CHECKING:
    from dagster_project.warehouse.publish_postgres import PostgresReport


def show_in_postgres(settings: Settings) -> PostgresReport:
    """Bring PostgreSQL to the publication on disk.

    Raises SettingsError where none is named or its driver is not installed, otherwise as
    ``publish_postgres`` does.
    """
    if not settings.postgres_url:
        raise SettingsError(
            "No PostgreSQL database is named.",
            mend="set MINER_POSTGRES_URL=postgresql://user@host/database",
        )
    try:
        from dagster_project.warehouse.publish_postgres import publish_postgres
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "psycopg":
            raise
        raise SettingsError(
            "PostgreSQL's driver is not installed.",
            mend="give 'make postgres' once; without make: pip install '.[postgres]'",
        ) from error
    return publish_postgres(
        settings.published_dir, settings.postgres_url, reader=settings.postgres_reader
    )


def roll_back(settings: Settings, to: str = "") -> list[str]:
    """Every target back to the publication before the present one (or ``to``); what readers see.

    PostgreSQL is asked for first, so that a server that is away stops the command before
    anything has changed. Raises PublicationRefused, saying what readers of each target see.
    """
    if settings.postgres_url:
        show_in_postgres(settings)
    name = publication.rollback(settings.published_dir, to)
    lines = [f"Readers of the files now see publication {name}."]
    if settings.postgres_url:
        try:
            report = show_in_postgres(settings)
        except WarehouseProjectError as refused:
            raise PublicationRefused(
                f"{lines[0][:-1]}, but PostgreSQL's still see the one before: {refused.what}",
                where=refused.where,
                mend=refused.mend,
            ) from refused
        how = "loaded anew" if report.reloaded else "it was kept"
        lines.append(f"Readers of PostgreSQL now see publication {report.publication_id} ({how}).")
    others = [
        p.publication_id
        for p in publication.list_publications(settings.published_dir)
        if not p.is_current
    ]
    if others:
        lines.append(f"On disk besides: {', '.join(others)} (make rollback TO=...).")
    return lines
