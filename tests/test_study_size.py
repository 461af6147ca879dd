"""How many factors dbt is told to make room for."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagster_project import dbt_process
from dagster_project.settings import BUNDLED_DATA_DIR, PROJECT_DIR, Settings
from dagster_project.sources.data_folder import DataFolder
from dagster_project.study_size import DEFAULT_MAX_FACTORS, max_factors, most_factors
from tests.warehouse_builder import run_dbt, settings_for

HEADER = "model_id,factors,is_headline,reason\n"
THREE = HEADER + "one,QQQ,1,r\nthree,QQQ; SPY;bitcoin,0,r\nnone,,0,r\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    (made / "study").mkdir(parents=True)
    return made


def source(folder: Path) -> DataFolder:
    return DataFolder(folder, BUNDLED_DATA_DIR)


@pytest.mark.parametrize(
    ("lists", "most"),
    [
        ([], 0),
        ([""], 0),
        (["QQQ"], 1),
        (["QQQ", "QQQ;bitcoin", "SPY"], 2),
        ([" QQQ ; ; bitcoin ;"], 2),
    ],
)
def test_the_longest_list_counts(lists: list[str], most: int) -> None:
    assert most_factors(lists) == most


def test_the_default_is_that_of_the_dbt_project() -> None:
    text = (PROJECT_DIR / "dbt" / "dbt_project.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["vars"]["max_factors"] == DEFAULT_MAX_FACTORS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (THREE, 3),
        (HEADER + "one,QQQ,1,r\n", DEFAULT_MAX_FACTORS),
        (HEADER, DEFAULT_MAX_FACTORS),
        ("", DEFAULT_MAX_FACTORS),
        (HEADER + "one,QQQ;SPY;IWM,maybe,r\n", DEFAULT_MAX_FACTORS),
        (HEADER + 'one,"QQQ;SPY;IWM,1,r\n', DEFAULT_MAX_FACTORS),
    ],
)
def test_the_file_of_the_folder_decides(folder: Path, text: str, expected: int) -> None:
    (folder / "study" / "models.csv").write_text(text)
    assert max_factors(source(folder)) == expected


def test_a_folder_without_the_file_has_the_projects_models(folder: Path) -> None:
    assert max_factors(source(folder)) == max_factors(source(BUNDLED_DATA_DIR))


def test_the_projects_own_models_fit_the_default() -> None:
    assert max_factors(source(BUNDLED_DATA_DIR)) == DEFAULT_MAX_FACTORS


# --- what dbt gets -----------------------------------------------------------------------


class Recorder:
    """Stands in for dbt and keeps what it was asked."""

    asked: list[str]

    def __init__(self, **_options: Any) -> None:
        pass

    def invoke(self, arguments: list[str]) -> None:
        type(self).asked = arguments


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch):
    import dbt.cli.main

    monkeypatch.setattr(dbt.cli.main, "dbtRunner", Recorder)

    def ask(settings: Settings, **how: Any) -> list[str]:
        dbt_process.run_dbt(settings, ["parse"], **how)
        return Recorder.asked

    return ask


def test_dbt_is_told_of_a_larger_model_whatever_the_command(
    asked, folder: Path, tmp_path: Path
) -> None:
    (folder / "study" / "models.csv").write_text(THREE)
    settings = settings_for(tmp_path / "out", folder)
    assert asked(settings)[:3] == ["parse", "--vars", '{"max_factors": 3}']


def test_dbt_keeps_its_default_for_a_study_that_fits(asked, folder: Path, tmp_path: Path) -> None:
    (folder / "study" / "models.csv").write_text(HEADER + "one,QQQ,1,r\n")
    assert "--vars" not in asked(settings_for(tmp_path / "out", folder))


@pytest.mark.parametrize(("factors", "told"), [(5, ['{"max_factors": 5}']), (2, [])])
def test_a_caller_may_name_the_number(
    asked, folder: Path, tmp_path: Path, factors: int, told: list[str]
) -> None:
    (folder / "study" / "models.csv").write_text(THREE)
    arguments = asked(settings_for(tmp_path / "out", folder), factors=factors)
    assert [after for flag, after in pairwise(arguments) if flag == "--vars"] == told


@pytest.mark.parametrize(("factors", "seen"), [(None, "2"), (4, "4")])
def test_sql_sees_the_number_also_in_a_project_parsed_before(
    tmp_path: Path, factors: int | None, seen: str
) -> None:
    result = run_dbt(
        settings_for(tmp_path),
        ["compile", "--inline", "select {{ var('max_factors') }}"],
        factors=factors,
    )
    assert result.success, result.exception
    assert result.result.results[0].node.compiled_code == f"select {seen}"
