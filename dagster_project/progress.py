"""The lines a person follows while `make run` works."""

from __future__ import annotations

import logging
import sys
import time
from typing import TextIO

import dagster as dg


class ProgressHandler(logging.Handler):
    """One line per step when it ends, with what it did and how long it took."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(level=logging.DEBUG)
        self._stream = stream
        self._started: dict[str, float] = {}
        self._said: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", None) or {}
        step = meta.get("step_key")
        if not step:
            return
        event = meta.get("dagster_event")
        if event is None:
            self._follow_message(step, str(meta.get("orig_message") or ""))
        elif event.event_type is dg.DagsterEventType.STEP_START:
            self._started[step] = time.monotonic()
            if step == "dbt_models":
                self._say("  building and checking the models with dbt")
        elif event.event_type is dg.DagsterEventType.STEP_SUCCESS:
            self._say(self._line("ok", step))
        elif event.event_type is dg.DagsterEventType.STEP_FAILURE:
            self._say(self._line("FAILED", step))

    def _follow_message(self, step: str, message: str) -> None:
        self._said[step] = message
        if step == "dbt_models" and message.startswith(("warn: ", "fail: ", "error: ")):
            self._say(f"    {message}")

    def _line(self, outcome: str, step: str) -> str:
        seconds = time.monotonic() - self._started.get(step, time.monotonic())
        name = step.replace("__", "/")
        said = "" if step == "dbt_models" else self._said.get(step, "")
        return f"  {outcome:6} {name:34} {seconds:5.1f} s  {said}".rstrip()

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def _terminal(context: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("miner_warehouse.progress", level=logging.DEBUG)
    logger.addHandler(ProgressHandler(sys.stdout))
    return logger


progress_logger = dg.LoggerDefinition(
    _terminal, config_schema={}, description="One line per step on the terminal."
)
