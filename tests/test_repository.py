"""Promises of the repository itself: locks, commands, and nothing of one machine in it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

PROJECT_DIR = Path(__file__).resolve().parent.parent
# What development and Spark add to the runtime; the last two have an environment of their own.
RUNTIME, DEVELOPMENT, SPARK, DOCS, SUPERSET = LOCKS = (
    "runtime",
    "dev",
    "spark",
    "docs",
    "superset",
)
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>\S+)", re.MULTILINE)


def _read(name: str) -> str:
    return (PROJECT_DIR / name).read_text(encoding="utf-8")


def _lock(name: str) -> str:
    return _read(f"requirements/{name}.lock")


def _pins(lock: str) -> dict[str, str]:
    return {match["name"]: match["version"] for match in PIN.finditer(_lock(lock))}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements(entries: list[str]) -> set[str]:
    return {_normal(re.split(r"[<>=!~\[; ]", entry, maxsplit=1)[0]) for entry in entries}


def _tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - the developer's own git
        cwd=PROJECT_DIR,
        capture_output=True,
        check=False,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout: which files are the project's is unknown")
    paths = [PROJECT_DIR / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_every_package_by_hash_and_names_no_registry(lock: str) -> None:
    text = _lock(lock)
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links", text)
    blocks = re.split(r"\n(?=[a-z0-9])", "\n" + text)[1:]
    # A package may be pinned twice, for older and newer releases of Python.
    pins = len(PIN.findall(text))
    assert len(blocks) == pins > (50 if lock in {RUNTIME, DEVELOPMENT} else 0)
    unpinned = [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block]
    assert unpinned == []


def _declared(extra: str | None = None, *, group: str | None = None) -> set[str]:
    declared = tomllib.loads(_read("pyproject.toml"))
    if group:
        return _requirements(declared["dependency-groups"][group])
    project = declared["project"]
    return _requirements(
        project["optional-dependencies"][extra] if extra else project["dependencies"]
    )


def test_locks_come_from_the_declared_requirements() -> None:
    runtime = set(_pins(RUNTIME))
    light = set(tomllib.loads(_read("pyproject.toml"))["project"]["optional-dependencies"])
    for extra in light - {"spark"}:
        assert _declared(extra) <= runtime, extra
    assert _declared() | _declared(group="install") <= runtime
    assert _declared(group="dev") <= runtime | set(_pins(DEVELOPMENT))
    assert _declared("spark") <= set(_pins(SPARK))
    for alone in (DOCS, SUPERSET):
        assert _declared(group=alone) <= set(_pins(alone))


def test_a_package_of_one_environment_is_pinned_once() -> None:
    runtime, development, spark = (_pins(lock) for lock in (RUNTIME, DEVELOPMENT, SPARK))
    assert not set(runtime) & (set(development) | set(spark))
    assert not set(development) & set(spark)


def test_the_shell_reads_what_the_library_writes() -> None:
    assert _pins(RUNTIME)["duckdb-cli"] == _pins(RUNTIME)["duckdb"]


def test_superset_reads_with_the_duckdb_that_the_pipeline_writes_with() -> None:
    assert _pins(SUPERSET)["duckdb"] == _pins(RUNTIME)["duckdb"]


def test_dagster_family_is_in_step() -> None:
    pins = _pins(RUNTIME)
    core = ("dagster", "dagster-webserver", "dagster-graphql", "dagster-pipes", "dagster-shared")
    assert len({pins[name] for name in core}) == 1
    assert pins["dagster-dbt"].rpartition(".")[2] == pins["dagster"].rpartition(".")[2]


def test_help_lists_every_command_and_only_those() -> None:
    printed = subprocess.run(
        ["make", "--silent", "help"],  # noqa: S607 - the developer's own make
        cwd=PROJECT_DIR,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    listed = set(re.findall(r"^  make ([a-z-]+)", printed, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: ([a-z-]+)$", _read("Makefile"), re.MULTILINE))
    assert listed == phony - {"lint-documents"}
    assert {"run", "ui", "test", "help"} <= listed


def test_linter_hooks_run_from_the_environment_and_download_nothing() -> None:
    repositories = yaml.safe_load(_read(".pre-commit-config.yaml"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    assert {hook["language"] for hook in repositories[0]["hooks"]} == {"system"}


def test_dbt_project_needs_no_packages() -> None:
    present = [
        name
        for name in ("packages.yml", "dependencies.yml", "package-lock.yml")
        if (PROJECT_DIR / "dbt" / name).exists() or (PROJECT_DIR / name).exists()
    ]
    assert present == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    # A path below a home, or of a temporary or working folder, exists on one machine only.
    # Spelled in pieces, so that this file does not find itself.
    folders = "|".join(("home/[a-z]", "root/", "Users/[A-Za-z]", "work/", "tmp/[a-z]"))
    absolute = re.compile(rf"(?<![\w./:}}\-*])/(?:{folders})")
    found = []
    for path in _tracked_files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # a picture
        found += [
            f"{path.relative_to(PROJECT_DIR)}:{number}: {line.strip()[:80]}"
            for number, line in enumerate(lines, start=1)
            if absolute.search(line)
        ]
    assert found == []


def test_what_the_pipeline_makes_is_not_in_git() -> None:
    made = ("data/warehouse/", "data/published/", "data/dagster_home/", "data/archive/")
    made += ("dbt/target/", ".venv/")
    names = [path.relative_to(PROJECT_DIR).as_posix() for path in _tracked_files()]
    assert [name for name in names if name.startswith(made)] == []
