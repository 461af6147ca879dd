"""Settings come from the environment once, are absolute, and impossible ones are refused."""

from __future__ import annotations

import dataclasses
import errno
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dagster_project.errors import SettingsError
from dagster_project.settings import (
    BUNDLED_DATA_DIR,
    PROJECT_DIR,
    prepare_output_folders,
    read_settings,
)


def test_without_any_variable_the_bundled_figures_are_used():
    settings = read_settings({})
    assert settings.data_dir == BUNDLED_DATA_DIR
    assert settings.is_bundled_data
    assert settings.source_mode == "bundled"
    assert not settings.allow_smaller
    assert settings.keep_publications == 3
    assert settings.archive_dir == PROJECT_DIR / "data/archive"
    assert (settings.contact, settings.source_urls, settings.replay_at) == ("", (), None)
    assert settings.secrets == ()
    assert settings.warehouse_path == PROJECT_DIR / "data/warehouse/miner_warehouse.duckdb"
    assert settings.published_path == PROJECT_DIR / "data/published/miner_marts.duckdb"
    assert settings.dagster_home == PROJECT_DIR / "data/dagster_home"


def test_outputs_stand_in_the_data_folder_unless_told_otherwise(tmp_path):
    settings = read_settings({"MINER_DATA_DIR": str(tmp_path)})
    assert not settings.is_bundled_data
    assert settings.warehouse_path.is_relative_to(tmp_path)
    elsewhere = read_settings(
        {"MINER_DATA_DIR": str(tmp_path), "MINER_OUTPUT_DIR": str(tmp_path / "out")}
    )
    assert elsewhere.warehouse_path.is_relative_to(tmp_path / "out")
    assert elsewhere.data_dir == tmp_path


def test_relative_and_home_paths_become_absolute(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in ("mine", "./mine", "~/mine", f"  {tmp_path}/mine/ "):
        assert read_settings({"MINER_DATA_DIR": text}).data_dir == tmp_path / "mine"


def test_an_empty_variable_counts_as_unset():
    names = (
        "MINER_DATA_DIR",
        "MINER_OUTPUT_DIR",
        "MINER_SOURCE",
        "MINER_ALLOW_SMALLER",
        "MINER_KEEP_PUBLICATIONS",
        "MINER_THREADS",
        "MINER_CONTACT",
        "MINER_ARCHIVE_DIR",
        "MINER_REPLAY_AT",
        "MINER_URL_COINBASE",
        "MINER_TIINGO_KEY",
        "HTTPS_PROXY",
    )
    assert read_settings(dict.fromkeys(names, "")) == read_settings({})


def test_a_missing_data_folder_or_a_file_in_its_place_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("absent", "file"):
        with pytest.raises(SettingsError, match="does not exist or is not a folder") as refused:
            read_settings({"MINER_DATA_DIR": str(tmp_path / name)})
        assert refused.value.where == f"MINER_DATA_DIR={tmp_path / name}"
        assert "data/README.md" in refused.value.mend


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MINER_SOURCE", "guesswork", "is not a source"),
        ("MINER_ALLOW_SMALLER", "maybe", "neither yes nor no"),
        ("MINER_KEEP_PUBLICATIONS", "0", "whole number of at least 1"),
        ("MINER_KEEP_PUBLICATIONS", "-1", "whole number of at least 1"),
        ("MINER_KEEP_PUBLICATIONS", "many", "whole number of at least 1"),
        ("MINER_THREADS", "0", "whole number of at least 1"),
        ("MINER_THREADS", "²", "whole number of at least 1"),
        ("MINER_REPLAY_AT", "yesterday", "is not an instant"),
        ("MINER_CONTACT", "nobody", "neither an e-mail nor a web address"),
        ("MINER_CONTACT", "me@example.org\r\nX-Evil: 1", "neither an e-mail nor a web address"),
        ("MINER_CONTACT", "me@example.org)", "neither an e-mail nor a web address"),
        ("MINER_CONTACT", "mé@example.org", "neither an e-mail nor a web address"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(name, value, expected):
    with pytest.raises(SettingsError, match=expected) as refused:
        read_settings({name: value})
    assert f"{name}={value!r}" in refused.value.what
    assert refused.value.mend


@pytest.mark.parametrize(
    ("text", "expected"), [("1", True), ("YES", True), ("on", True), ("0", False), ("off", False)]
)
def test_switches(text, expected):
    assert read_settings({"MINER_ALLOW_SMALLER": text}).allow_smaller is expected


def test_settings_cannot_be_changed_on_the_way():
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_settings({}).allow_smaller = True


def test_dbt_gets_the_same_working_file_and_no_telemetry(tmp_path):
    settings = read_settings({"MINER_OUTPUT_DIR": str(tmp_path)})
    environment = settings.dbt_environment()
    assert environment["MINER_WAREHOUSE_PATH"] == str(settings.warehouse_path)
    assert environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"
    # Empty: all processors, whatever a shell around it says.
    assert environment["MINER_THREADS"] == ""
    assert read_settings({"MINER_THREADS": "3"}).dbt_environment()["MINER_THREADS"] == "3"


def test_output_folders_are_made_and_left_without_traces(tmp_path):
    settings = read_settings({"MINER_OUTPUT_DIR": str(tmp_path / "a" / "b")})
    prepare_output_folders(settings)
    prepare_output_folders(settings)
    folders = (settings.warehouse_path.parent, settings.published_dir, settings.dagster_home)
    assert [list(folder.iterdir()) for folder in folders] == [[], [], []]


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_an_output_folder_that_cannot_be_written_says_what_to_set(tmp_path, monkeypatch, code):
    settings = read_settings({"MINER_OUTPUT_DIR": str(tmp_path)})

    def refuses(*_arguments, **_options):
        # Root writes everywhere, so that taking the permission away would test nothing there.
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "touch", refuses)
    with pytest.raises(SettingsError, match="cannot be written") as refused:
        prepare_output_folders(settings)
    assert os.strerror(code) in refused.value.what
    assert "MINER_OUTPUT_DIR" in refused.value.mend
    assert refused.value.where == str(settings.warehouse_path.parent)


def test_a_file_where_an_output_folder_must_be(tmp_path):
    (tmp_path / "warehouse").write_text("")
    with pytest.raises(SettingsError, match="cannot be written"):
        prepare_output_folders(read_settings({"MINER_OUTPUT_DIR": str(tmp_path)}))


def test_live_settings(tmp_path):
    settings = read_settings(
        {
            "MINER_SOURCE": "live",
            "MINER_CONTACT": " me@example.org ",
            "MINER_OUTPUT_DIR": str(tmp_path),
            "MINER_REPLAY_AT": "2026-03-31T16:00:00-04:00",
            "MINER_URL_KRAKEN": "http://127.0.0.1:2",
            "MINER_URL_BLOCKCHAIN_COM": " http://127.0.0.1:1/ ",
        }
    )
    assert settings.source_mode == "live"
    assert settings.contact == "me@example.org"
    assert settings.archive_dir == tmp_path / "archive"
    assert settings.replay_at == datetime(2026, 3, 31, 20, tzinfo=UTC)
    assert settings.source_urls == (
        ("blockchain_com", "http://127.0.0.1:1/"),
        ("kraken", "http://127.0.0.1:2"),
    )
    without_zone = read_settings({"MINER_REPLAY_AT": "2026-03-31T16:00:00"})
    assert without_zone.replay_at == datetime(2026, 3, 31, 16, tzinfo=UTC)
    apart = read_settings({"MINER_ARCHIVE_DIR": str(tmp_path / "kept")})
    assert apart.archive_dir == tmp_path / "kept"


KEY = "k3y-that-nobody-may-see"


def test_shares_may_be_asked_for_from_before_bitcoin():
    assert read_settings({"MINER_LIVE_SINCE": "1995-06-01"}).live_since == date(1995, 6, 1)
    for never in ("1989-12-31", "2999-01-01", "soon"):
        with pytest.raises(SettingsError, match="MINER_LIVE_SINCE"):
            read_settings({"MINER_LIVE_SINCE": never})


def test_keys_are_read_and_never_shown():
    settings = read_settings(
        {"MINER_TIINGO_KEY": f" {KEY} ", "HTTPS_PROXY": f"http://me:{KEY}-2@proxy.example.org:8080"}
    )
    assert settings.tiingo_key.reveal() == KEY
    assert [secret.reveal() for secret in settings.secrets] == [KEY, f"{KEY}-2"]
    assert KEY not in repr(settings)
    assert KEY not in str(dataclasses.asdict(settings))


@pytest.mark.parametrize("value", ["short", f"{KEY} {KEY}", f"{KEY}\n{KEY}", f"{KEY}ü"])
def test_a_key_that_cannot_be_one_is_refused_without_repeating_it(value):
    with pytest.raises(SettingsError, match="MINER_TIINGO_KEY is not a key") as refused:
        read_settings({"MINER_TIINGO_KEY": value})
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({"HTTPS_PROXY": "http://proxy:8080"}, "http://proxy:8080"),
        ({"https_proxy": "proxy:8080"}, "http://proxy:8080"),
        ({"ALL_PROXY": "https://proxy", "HTTPS_PROXY": " "}, "https://proxy"),
        ({"HTTP_PROXY": "http://proxy:8080"}, ""),
    ],
)
def test_the_machines_proxy_is_used(environment, address):
    assert read_settings(environment).proxy.reveal() == address


def test_a_proxy_of_another_kind_is_refused_without_repeating_its_password():
    with pytest.raises(SettingsError, match="not the address of an HTTP proxy") as refused:
        read_settings({"HTTPS_PROXY": f"socks5://me:{KEY}@proxy:1080"})
    assert KEY not in str(refused.value)


POSTGRES_URL = "postgresql://miner:Geheim%40wort%2F1@db.example.org:5433/marts?sslmode=verify-full"


def test_postgres_is_named_by_its_address_and_its_password_is_never_shown():
    settings = read_settings({"MINER_POSTGRES_URL": POSTGRES_URL})
    assert settings.postgres_url.reveal() == POSTGRES_URL
    assert settings.postgres_reader == "miner_reader"
    assert "Geheim" not in f"{settings} {settings!r} {dataclasses.asdict(settings)}"
    # Both spellings are words that no log may hold.
    assert {secret.reveal() for secret in settings.secrets} == {
        "Geheim%40wort%2F1",
        "Geheim@wort/1",
    }
    assert not read_settings({}).postgres_url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db/marts",
        "postgres://miner@[::1]:5432/marts",
        "postgresql:///marts?host=/run/postgresql",
    ],
)
def test_addresses_of_postgres(url):
    settings = read_settings({"MINER_POSTGRES_URL": url})
    assert settings.postgres_url.reveal() == url
    assert settings.secrets == ()


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("mysql://miner:Geheimwort@db/marts", "does not begin with postgresql://"),
        ("host=db password=Geheimwort", "does not begin with postgresql://"),
        ("postgresql://miner:Geheimwort@db", "names no database"),
        ("postgresql://miner:Geheimwort@db/", "names no database"),
        ("postgresql://miner:Geheimwort@db/../../etc", "names no database"),
        ("postgresql://miner:Geheimwort@/marts", "names no host"),
        ("postgresql://miner:Geheim/wort@db/marts", "it is not an address"),
        ("postgresql://miner:Geheimwort@db:x/marts", "it is not an address"),
        ("postgresql://miner:Geheimwort@db/marts#Geheimwort", "names no database"),
        ("postgresql://miner:Geheimwort@db/marts\nx", "unprintable"),
        ("postgresql://miner:Geheimwort@db/marts?options=-csearch_path%3Dx", "options"),
        ("postgresql://miner:Geheimwort@db/marts?passfile=/etc/x", "passfile"),
        ("postgresql://miner:Geheimwort@db/marts?Geheimwort=1", "not allowed"),
    ],
)
def test_an_address_that_postgres_cannot_have_is_refused_without_repeating_it(url, fault):
    with pytest.raises(SettingsError, match="MINER_POSTGRES_URL cannot be used") as refused:
        read_settings({"MINER_POSTGRES_URL": url})
    assert fault in refused.value.what
    assert "Geheim" not in str(refused.value)


def test_the_database_of_a_team_is_read_as_strictly_and_its_password_is_a_secret_too():
    name = "MINER_DAGSTER_POSTGRES_URL"
    settings = read_settings({name: POSTGRES_URL})
    assert settings.dagster_postgres_url.reveal() == POSTGRES_URL
    assert not settings.postgres_url
    assert "Geheim" not in f"{settings} {settings!r} {dataclasses.asdict(settings)}"
    assert "Geheim@wort/1" in {secret.reveal() for secret in settings.secrets}
    # What the commands hand on to Dagster's own processes names the driver.
    handed_on = POSTGRES_URL.replace("postgresql:", "postgresql+psycopg2:")
    assert read_settings({name: handed_on}).dagster_postgres_url.reveal() == handed_on
    with pytest.raises(SettingsError, match="MINER_POSTGRES_URL cannot be used"):
        read_settings({"MINER_POSTGRES_URL": handed_on})
    with pytest.raises(
        SettingsError, match=f"{name} cannot be used: it names no database"
    ) as refused:
        read_settings({name: "postgresql://miner:Geheimwort@db"})
    assert "Geheim" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["Robert'); DROP ROLE x; --", 'a"b', "../x", "pg_monitor", "public", "Reader", "x" * 64]
)
def test_a_reader_has_a_plain_name(name):
    with pytest.raises(SettingsError, match="is not a plain role name"):
        read_settings({"MINER_POSTGRES_READER": name})


@pytest.mark.parametrize("variable", ["MINER_DATA_DIR", "MINER_OUTPUT_DIR", "MINER_ARCHIVE_DIR"])
@pytest.mark.parametrize("value", ["a\x00b", "a\nb", "a\x1b[2Jb"])
def test_a_path_with_control_characters_is_refused(variable, value):
    with pytest.raises(SettingsError, match=f"{variable} has letters") as refused:
        read_settings({variable: value})
    assert value not in str(refused.value)


def test_duckdb_computes_unless_told_otherwise(tmp_path):
    settings = read_settings({"MINER_OUTPUT_DIR": str(tmp_path)})
    assert (settings.target, settings.on_spark, settings.spark_master) == ("duckdb", False, "")
    assert settings.spark_dir == str(tmp_path / "spark")


def test_spark_is_one_switch(tmp_path):
    settings = read_settings(
        {
            "MINER_TARGET": " Spark ",
            "SPARK_MASTER": "spark://one:7077,two:7077",
            "MINER_SPARK_DIR": "s3a://bucket/folder/",
        }
    )
    assert settings.on_spark
    assert settings.spark_master == "spark://one:7077,two:7077"
    assert settings.spark_dir == "s3a://bucket/folder"
    assert read_settings({"MINER_SPARK_DIR": str(tmp_path)}).spark_dir == str(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MINER_TARGET", "flink"),
        ("SPARK_MASTER", "localhost:7077"),
        ("SPARK_MASTER", "spark://localhost"),
        ("SPARK_MASTER", "yarn"),
        ("SPARK_MASTER", "spark://host:7077;rm"),
        ("MINER_SPARK_DIR", "s3a://bucket/with space"),
    ],
)
def test_what_spark_cannot_use_is_refused_with_its_name(name, value):
    with pytest.raises(SettingsError, match=name):
        read_settings({name: value})


def test_a_key_in_the_address_of_the_store_is_refused_and_not_repeated():
    with pytest.raises(SettingsError) as caught:
        read_settings({"MINER_SPARK_DIR": "s3a://AKIAKEY:verysecret@bucket/folder"})
    assert "verysecret" not in str(caught.value)
    assert "AKIAKEY" not in str(caught.value)
