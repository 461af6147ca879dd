"""Choices that several pages offer."""

from __future__ import annotations

from collections.abc import Mapping

from dagster_project.dashboard.published import Publication
from dagster_project.dashboard.selection import choose
from dagster_project.dashboard.view import answer
from dagster_project.dashboard.words import text


def pick_event(publication: Publication) -> str:
    """An event of the study, the one of the press story unless another is picked."""
    events = answer(publication, "events")
    labels = {
        row["event_id"]: f"{text(row['t0'])} · {row['title']}"
        + ("" if row["data_status"] == "in_data" else " (no prices yet)")
        for row in events.rows
    }
    return choose("Event", "event", list(labels), words=labels)


def pick(
    publication: Publication,
    kind: str,
    label: str,
    *,
    default: str | None = None,
    words: Mapping[str, str] | None = None,
    help_text: str | None = None,
) -> str:
    """A ``group``, ``model`` or ``window`` of the study."""
    choices = answer(publication, "choices").frame
    of_kind = choices[choices["kind"] == kind]
    spoken = dict(zip(of_kind["choice"], of_kind["words"], strict=True)) | dict(words or {})
    return choose(
        label, kind, of_kind["choice"].tolist(), default=default, words=spoken, help_text=help_text
    )
