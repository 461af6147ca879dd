"""Several machines in one: Linux network namespaces, each with an address and a name of its own.

::

    with Machines(folder) as machines:
        master = machines.add("master")
        process = master.start(["spark-class", ...], log="master.log")

A machine is a namespace of network, of mounts and of the host's name. It has a cable to a switch
that all share and no other way out, so nothing that two of them say to each other can go over the
loopback interface. It sees its own folder and none of the others'; its ``/etc/hosts`` names itself
alone, by a loopback address, as Debian writes it.

Needs root on Linux and iproute2. Nothing is made in the machine's own network: the switch, too, is
in a namespace.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

NETWORK = "10.73.0"
_PREFIX = "miner-test-"
# Of a machine's second cable, which leads to no other machine.
ELSEWHERE = "10.74.0.2"
_STOP_SECONDS = 10


def _ip(*arguments: str) -> str:
    command = [shutil.which("ip") or "ip", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _why_none() -> str:
    """Why there can be no such machines here; empty where there can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if shutil.which("ip") is None:
        return "no ip here (Debian: apt-get install iproute2)"
    try:
        with tempfile.TemporaryDirectory() as folder, Machines(Path(folder)) as machines:
            done = machines.add("tried").run(["true"])
    except OSError as error:
        return f"this system does not let root make network namespaces: {error}"
    return "" if done.returncode == 0 else f"no command runs in a namespace: {done.stdout}"


def why_no_machines() -> str:
    """Why a test of several machines must be skipped; empty where it must run.

    In continuous integration by root on Linux nothing is a reason.
    """
    if os.environ.get("CI") and sys.platform == "linux" and os.geteuid() == 0:
        return ""
    return _why_none()


@dataclass
class Machine:
    """One of them. ``folder`` is what it alone sees."""

    name: str
    address: str
    folder: Path
    namespace: str
    _set_up: Path
    _started: list[subprocess.Popen[str]] = field(default_factory=list)

    def _command(self, command: Sequence[str]) -> list[str]:
        return [
            *("ip", "netns", "exec", self.namespace, "unshare", "--mount", "--uts"),
            *("sh", str(self._set_up), *command),
        ]

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )

    def start(
        self, command: Sequence[str], log: str, environment: Mapping[str, str], cwd: Path
    ) -> subprocess.Popen[str]:
        """A process of this machine, whose words go to ``log`` in its folder."""
        with (self.folder / log).open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                self._command(command),
                cwd=cwd,
                env={**environment, "TMPDIR": str(self.folder / "tmp")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def stop(self) -> None:
        """End what was started here, with all that it started."""
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            # Whatever is left of it lives in this machine's network, and nothing else does.
            with contextlib.suppress(OSError):
                for pid in _ip("netns", "pids", self.namespace).split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
            process.wait(_STOP_SECONDS)


class Machines:
    """Machines and the switch between them, for the time of the block.

    Their folders lie in ``folder``. What a killed test left is taken away first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "machines"
        self._set_ups = folder / "set_ups"
        self._machines: list[Machine] = []
        self._own = f"{_PREFIX}{os.getpid()}-{secrets.token_hex(3)}-"
        self._switch = f"{self._own}switch"

    def __enter__(self) -> Self:
        _clear_leftovers()
        for folder in (self._folder, self._set_ups):
            folder.mkdir(parents=True)
        try:
            _ip("netns", "add", self._switch)
            _ip("-n", self._switch, "link", "add", "switch", "type", "bridge")
            _ip("-n", self._switch, "link", "set", "switch", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        for machine in reversed(self._machines):
            machine.stop()
        _remove([name for name in _namespaces() if name.startswith(self._own)])

    def _cable(self, namespace: str, number: int, device: str, address: str) -> str:
        at_switch = f"port{number}{device}"
        made = ("type", "veth", "peer", "name", device, "netns", namespace)
        _ip("-n", self._switch, "link", "add", at_switch, *made)
        _ip("-n", self._switch, "link", "set", at_switch, "up")
        _ip("-n", namespace, "addr", "add", f"{address}/24", "dev", device)
        _ip("-n", namespace, "link", "set", device, "up")
        return at_switch

    def add(self, name: str, *, second_network: bool = False) -> Machine:
        """Another machine. ``second_network``: with an interface before that to the others."""
        number = len(self._machines) + 2
        namespace = f"{self._own}{name}"
        address = f"{NETWORK}.{number}"
        _ip("netns", "add", namespace)
        _ip("-n", namespace, "link", "set", "lo", "up")
        if second_network:
            self._cable(namespace, number, "eth0", ELSEWHERE)
        port = self._cable(namespace, number, "eth1", address)
        _ip("-n", self._switch, "link", "set", port, "master", "switch")
        folder = self._folder / name
        (folder / "tmp").mkdir(parents=True)
        machine = Machine(name, address, folder, namespace, self._set_up(name, folder))
        self._machines.append(machine)
        return machine

    def _set_up(self, name: str, folder: Path) -> Path:
        """A script that makes the machine what it is and becomes the command it is given."""
        hosts, names = self._set_ups / f"{name}.hosts", self._set_ups / "no_name_servers"
        hosts.write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
        names.write_text("")
        aside = self._set_ups / f"{name}.folder"
        aside.mkdir()
        everything, own, kept = (shlex.quote(str(one)) for one in (self._folder, folder, aside))
        script = self._set_ups / f"{name}.sh"
        script.write_text(
            "set -e\n"
            f"hostname {name}\n"
            f"mount --bind {shlex.quote(str(hosts))} /etc/hosts\n"
            f"mount --bind {shlex.quote(str(names))} /etc/resolv.conf\n"
            # The folder of all goes out of sight, but for the part that is this machine's own.
            f"mount --bind {own} {kept}\n"
            f"mount -t tmpfs tmpfs {everything}\n"
            f"mkdir {own}\n"
            f"mount --bind {kept} {own}\n"
            f"umount {kept}\n"
            'exec "$@"\n'
        )
        return script


def _namespaces() -> list[str]:
    return [line.split()[0] for line in _ip("netns", "list").splitlines() if line.strip()]


def _remove(namespaces: Sequence[str]) -> None:
    for name in namespaces:
        with contextlib.suppress(OSError):
            for pid in _ip("netns", "pids", name).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            _ip("netns", "del", name)


def _clear_leftovers() -> None:
    """Take away the namespaces of tests whose process no longer lives."""
    left = []
    for name in _namespaces():
        owner = name.removeprefix(_PREFIX).partition("-")[0]
        if name.startswith(_PREFIX) and owner.isdigit() and not Path(f"/proc/{owner}").exists():
            left.append(name)
    _remove(left)
