"""One clear message where Java or the packages are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.errors import SparkFailed
from dagster_project.spark import java


def _fake_java(folder: Path, words: str, status: int = 0) -> Path:
    command = folder / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit {status}\n")
    command.chmod(0o755)
    return command


def test_no_java_is_said_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(SparkFailed, match="there is none here") as caught:
        java.java_command()
    assert "openjdk-17-jre-headless" in caught.value.mend
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    with pytest.raises(SparkFailed, match="JAVA_HOME="):
        java.java_command()


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        ('openjdk version "11.0.2" 2019', 0, "this is Java 11"),
        ('java version "1.8.0_292"', 0, "this is Java 8"),
        ("no runtime present", 1, "does not start"),
    ],
)
def test_a_java_that_cannot_run_spark_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, status: int, problem: str
) -> None:
    _fake_java(tmp_path, words, status)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SparkFailed, match=problem):
        java.java_command()


def test_java_17_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = _fake_java(tmp_path, 'openjdk version "17.0.15" 2025-04-15')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert java.java_command() == str(command)


def test_missing_packages_are_said_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(java, "find_spec", lambda name: None)
    with pytest.raises(SparkFailed, match="not installed") as caught:
        java.spark_home()
    assert "make run TARGET=spark" in caught.value.mend
