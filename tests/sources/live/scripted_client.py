"""A client that answers from a function, for tests of what vendors make of answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from dagster_project.contracts import BY_NAME, Window
from dagster_project.sources.live.http_errors import HttpRefused, HttpUnavailable
from dagster_project.sources.live.vendor import Busy, VendorAnswer

FIXTURES = Path(__file__).parent / "fixtures"
# Later than every figure of the fixtures, so that nothing is still open.
LONG_AFTER = datetime(2026, 11, 23, 12, tzinfo=UTC)


def body_of(name: str) -> Any:
    """A fixture, decoded."""
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class ScriptedReply:
    """What a vendor reads of an answer."""

    url: str
    body: bytes
    retrieved_at: datetime
    waited_s: float = 0.25
    attempts: int = 2


@dataclass
class ScriptedClient:
    """Answers with ``script(path, params)``: bytes as they are, an error raised, else as JSON.

    ``asked`` lists the questions in order.
    """

    script: Callable[[str, Mapping[str, str]], Any]
    at: datetime = LONG_AFTER
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def get(
        self,
        host: str,
        path_or_url: str,
        params: Mapping[str, str] | None = None,
        *,
        accept: tuple[str, ...] = ("application/json",),
        secret_headers: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        busy: Busy | None = None,
    ) -> ScriptedReply:
        assert secret_headers is None
        self.asked.append((host, path_or_url, dict(params or {})))
        said = self.script(path_or_url, params or {})
        if isinstance(said, HttpRefused | HttpUnavailable):
            said.attempts, said.waited_s = 2, 0.25
        if isinstance(said, Exception):
            raise said
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        return ScriptedReply(f"https://{host}.invalid{path_or_url}", body, self.at)


def always(said: Any) -> Callable[[str, Mapping[str, str]], Any]:
    """A script that answers every question alike."""
    return lambda path, params: said


def window(first: str, last: str) -> Window:
    return Window(date.fromisoformat(first), date.fromisoformat(last))


def rows(answer: VendorAnswer) -> list[dict[str, Any]]:
    """The answer row by row; its columns have one length."""
    assert len({len(values) for values in answer.columns.values()}) == 1
    names = list(answer.columns)
    return [
        dict(zip(names, row, strict=True)) for row in zip(*answer.columns.values(), strict=True)
    ]


def days(answer: VendorAnswer) -> list[str]:
    return [str(day) for day in answer.columns.get("date_utc", [])]


TABLES = BY_NAME
