"""Ctrl-C and SIGTERM end a command with one sentence, whatever it is doing.

Both raise KeyboardInterrupt (in a run of Dagster its own error). Dagster replaces handlers while
it runs and does not keep which signal came, so the numbers are read from where Python writes them.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import sys
from typing import NoReturn

_written, _read = socket.socketpair()
for _side in (_written, _read):
    _side.setblocking(False)
_seen: list[int] = []


def listen() -> None:
    """Take both signals from now on, those a shell made its background jobs ignore too."""
    signal.set_wakeup_fd(_written.fileno(), warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    sys.unraisablehook = _told_unless_stopped


def _told_unless_stopped(unraisable: sys.UnraisableHookArgs) -> None:
    """A signal may hit a callback that cannot raise; ``check`` comes to it later."""
    if not received():
        sys.__unraisablehook__(unraisable)


def received() -> int:
    """The first of the two signals that this process received; 0 for none."""
    with contextlib.suppress(BlockingIOError):
        _seen.extend(_read.recv(1024))
    return next((one for one in _seen if one in {signal.SIGINT, signal.SIGTERM}), 0)


def check() -> None:
    """Raise KeyboardInterrupt where one of them came before and whoever ran then swallowed it."""
    if received():
        raise KeyboardInterrupt


def leave() -> NoReturn:
    """End this process with the status that a shell expects after such a signal.

    Not by the end of ``main``: Python would then kill itself by SIGINT where the signal hit code
    inside of ``eval``, and abort where a thread of a C++ library still runs.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(128 + (received() or signal.SIGINT))
