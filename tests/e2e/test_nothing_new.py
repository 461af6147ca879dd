"""A run that could only repeat the last one says so and builds nothing; anything else builds."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dagster_project import last_build, run
from dagster_project.last_build import inputs_fingerprint, standing_build
from dagster_project.secret import Secret
from dagster_project.settings import BUNDLED_DATA_DIR, Settings, read_settings

from .conftest import FirstRun


def _answer(printed: str) -> str:
    """From the event's title to the list of what comes next."""
    return printed[printed.index("TD Cowen") : printed.index("Next:")]


def test_a_second_run_prints_the_same_answer_and_builds_nothing(first_run: FirstRun) -> None:
    status, printed = first_run.study.call("run")
    assert status == 0, printed
    manifest = json.loads((first_run.study.published.parent / "manifest.json").read_text())
    assert "is up to date" in printed
    assert manifest["publication_id"] in printed
    assert "raw/" not in printed
    assert _answer(printed) == _answer(first_run.printed)


@pytest.fixture
def settings(first_run: FirstRun, tmp_path: Path) -> Settings:
    """A copy of the first run's results beside a copy of the figures."""
    out, data = tmp_path / "out", tmp_path / "data"
    first = first_run.study
    shutil.copytree(first.published.parent, out / "published", symlinks=True)
    for folder in ("snapshot", "ledger", "study"):
        shutil.copytree(BUNDLED_DATA_DIR / folder, data / folder)
    made = read_settings({"MINER_OUTPUT_DIR": str(out), "MINER_DATA_DIR": str(data)})
    made.warehouse_path.parent.mkdir()
    made.warehouse_path.write_text("stands for the working file, which is large")
    about = made.warehouse_path.stat()
    # The first run read the bundled folder; its record is made to speak of the copies.
    said = json.loads(first.warehouse.with_name("last_build.json").read_text())
    said |= {
        "inputs": inputs_fingerprint(made),
        "working_file": [about.st_mtime_ns, about.st_size],
    }
    made.warehouse_path.with_name("last_build.json").write_text(json.dumps(said))
    return made


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def _change_the_study(settings: Settings) -> None:
    path = settings.data_dir / "study" / "windows.csv"
    path.write_text(path.read_text().replace("[0,0]", "[0,0] "))


CHANGES: dict[str, Callable[[Settings], object]] = {
    "a fact": lambda s: _append(s.data_dir / "ledger" / "events.csv", "\n"),
    "a missing series": lambda s: (s.data_dir / "snapshot" / "btc_daily.csv").unlink(),
    "the study": _change_the_study,
    "a new optional file": lambda s: (s.data_dir / "snapshot" / "btc_hourly.csv").touch(),
    "the working file": lambda s: os.utime(s.warehouse_path, (1, 1)),
    "no working file": lambda s: s.warehouse_path.unlink(),
    "a published table": lambda s: _append(
        next((s.published_dir / "current" / "parquet").glob("*.parquet")).resolve(), "x"
    ),
    "no publication": lambda s: (s.published_dir / "current").unlink(),
    "a damaged record": lambda s: s.warehouse_path.with_name("last_build.json").write_text("{"),
    "a foreign record": lambda s: s.warehouse_path.with_name("last_build.json").write_text("{}"),
}


def test_an_untouched_copy_stands(settings: Settings) -> None:
    standing = standing_build(settings, inputs_fingerprint(settings))
    assert standing is not None
    assert standing.checks.failed == 0
    assert standing.checks.passed > 40


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_builds_again(settings: Settings, change: str) -> None:
    CHANGES[change](settings)
    assert standing_build(settings, inputs_fingerprint(settings)) is None


def test_postgresql_gets_what_the_files_have(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Report:
        def summary(self) -> str:
            return "PostgreSQL: loaded"

    asked = []
    monkeypatch.setattr(run, "show_in_postgres", lambda of: asked.append(of) or Report())
    named = replace(settings, postgres_url=Secret("postgresql://miner@127.0.0.1/marts"))
    assert run.run_everything(settings) == run.run_everything(named) == 0
    assert asked == [named]
    assert capsys.readouterr().out.count("PostgreSQL: loaded") == 1


def test_vendors_are_always_asked(first_run: FirstRun) -> None:
    live = read_settings(
        {"MINER_OUTPUT_DIR": str(first_run.study.output_dir), "MINER_SOURCE": "live"}
    )
    assert inputs_fingerprint(live) is None
    assert standing_build(live, None) is None


def test_changed_code_builds_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "dagster_project"
    code.mkdir()
    (code / "load.py").write_text("a = 1\n")
    monkeypatch.setattr(last_build, "PROJECT_DIR", tmp_path)
    settings = read_settings({})
    before = inputs_fingerprint(settings)
    (code / "load.py").write_text("a = 2\n")
    assert inputs_fingerprint(settings) != before
