"""Settings come from the environment once, are absolute, and impossible ones are refused."""

from __future__ import annotations

import dataclasses
import errno
import os
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
