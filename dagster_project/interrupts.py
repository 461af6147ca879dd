"""Ctrl-C and SIGTERM end a command with one sentence, whatever it is doing.

Both raise KeyboardInterrupt (in a run of Dagster its own error). Dagster replaces handlers while
it runs and does not keep which signal came, so the numbers are read from where Python writes them.
"""

from __future__ import annotations

import contextlib
import signal
import socket

_written, _read = socket.socketpair()
_seen: list[int] = []


def listen() -> None:
    """Take both signals from now on, those a shell made its background jobs ignore too."""
    for side in (_written, _read):
        side.setblocking(False)
    signal.set_wakeup_fd(_written.fileno(), warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def received() -> int:
    """The first of the two signals that this process received; 0 for none."""
    with contextlib.suppress(BlockingIOError):
        _seen.extend(_read.recv(1024))
    return next((one for one in _seen if one in {signal.SIGINT, signal.SIGTERM}), 0)


def exit_status() -> int:
    """What a shell expects of a program that such a signal ended."""
    return 128 + (received() or signal.SIGINT)
