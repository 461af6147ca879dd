"""What a person reads when PostgreSQL is not named, has no driver, or the files go back alone."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import pytest

from dagster_project.__main__ import _parser
from dagster_project.errors import PublicationRefused, SettingsError
from dagster_project.postgres import roll_back, show_in_postgres
from dagster_project.secret import Secret
from dagster_project.settings import BUNDLED_DATA_DIR, Settings, prepare_output_folders
from dagster_project.warehouse.publish import publish
from tests.warehouse.conftest import MARTS, NOON, RESULTS


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=BUNDLED_DATA_DIR, output_dir=tmp_path)
    prepare_output_folders(made)
    with duckdb.connect(str(made.warehouse_path)) as connection:
        connection.execute(MARTS + RESULTS)
    return made


def _publish(settings: Settings, revision: str) -> str:
    return publish(
        settings.warehouse_path,
        settings.published_dir,
        code_revision=revision,
        keep=3,
        allow_smaller=False,
        now=NOON,
    ).publication_id


def test_without_an_address_the_setting_is_named(settings):
    with pytest.raises(SettingsError, match="No PostgreSQL database is named") as refused:
        show_in_postgres(settings)
    assert "MINER_POSTGRES_URL=" in refused.value.mend


def test_a_missing_driver_is_said_and_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in ("publish_postgres", "postgres_roles"):
        monkeypatch.delitem(sys.modules, f"dagster_project.warehouse.{name}", raising=False)
    settings = Settings(
        data_dir=BUNDLED_DATA_DIR,
        output_dir=tmp_path,
        postgres_url=Secret("postgresql://miner@127.0.0.1/marts"),
    )
    with pytest.raises(SettingsError, match="driver is not installed") as refused:
        show_in_postgres(settings)
    assert "make postgres" in refused.value.mend
    assert "'.[postgres]'" in refused.value.mend


def test_going_back_says_what_readers_see_and_what_else_there_is(settings):
    first, second = _publish(settings, "a"), _publish(settings, "b")
    assert roll_back(settings) == [
        f"Readers of the files now see publication {first}.",
        f"On disk besides: {second} (make rollback TO=...).",
    ]
    assert roll_back(settings, second)[0].endswith(f"{second}.")


def test_a_publication_that_is_not_there_names_those_that_are(settings):
    first = _publish(settings, "a")
    with pytest.raises(PublicationRefused, match="There is no such publication") as refused:
        roll_back(settings, "20200101T000000Z-00000000")
    assert first in refused.value.mend


def test_the_commands_take_what_the_makefile_gives_them():
    arguments = _parser().parse_args(["rollback", "--to", "20200101T000000Z-00000000"])
    assert arguments.to == "20200101T000000Z-00000000"
    assert _parser().parse_args(["rollback"]).to == ""
    assert _parser().parse_args(["postgres"]).action
