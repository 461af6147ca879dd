"""A command that is stopped ends with one sentence, wherever the signal hits it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

LISTEN = "import atexit, os, signal; from dagster_project import interrupts; interrupts.listen()\n"


def _run(code: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", LISTEN + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_leaving_tells_the_shell_which_signal_it_was(number: signal.Signals) -> None:
    status, printed = _run(
        "atexit.register(print, 'tidied')\n"
        "try:\n"
        # Python remembers of an interrupted eval that it has to kill itself in the end.
        f"    eval('os.kill(os.getpid(), {number.value})')\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped', end=' ')\n"
        "    interrupts.leave()\n"
    )
    assert (status, printed) == (128 + number, "stopped tidied\n")


def test_a_swallowed_signal_is_found_later() -> None:
    status, printed = _run(
        "import weakref\n"
        "class Thing: pass\n"
        "thing = Thing()\n"
        "held = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGTERM))\n"
        "interrupts.check()\n"
        "del thing\n"
        "print('went on', end=' ')\n"
        "try:\n"
        "    interrupts.check()\n"
        "except KeyboardInterrupt:\n"
        "    interrupts.leave()\n"
    )
    assert (status, printed) == (128 + signal.SIGTERM, "went on ")


def test_a_process_that_does_not_listen_goes_on() -> None:
    code = "from dagster_project import interrupts; interrupts.check(); print('went on')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "went on\n"


def test_other_errors_in_callbacks_are_told() -> None:
    status, printed = _run(
        "import weakref\n"
        "class Thing: pass\n"
        "thing = Thing()\n"
        "held = weakref.ref(thing, lambda _: 1 / 0)\n"
        "del thing\n"
    )
    assert status == 0
    assert "ZeroDivisionError" in printed


def test_an_error_that_a_library_makes_of_the_signal_is_no_failure() -> None:
    status, printed = _run(
        "import sys\n"
        "from dagster_project import __main__ as command\n"
        "def work(_):\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        os.getpid()\n"
        "    except KeyboardInterrupt:\n"
        "        raise RuntimeError('Query interrupted')\n"
        "command._run = work\n"
        "sys.argv = ['dagster_project', 'run']\n"
        "sys.exit(command.main())\n"
    )
    assert (status, printed) == (
        130,
        "\nStopped. What was loaded and published before is untouched.\n",
    )
