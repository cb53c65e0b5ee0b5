"""Network namespaces of Linux without names: each lives as long as somebody holds its file descriptor.

So nothing can stay behind: a process that ends, however it ends, lets go of its namespaces, and the kernel takes their
devices, rules and connections away. Programs started in one die with the process that started them. This knows nothing
of NATs, and of the network of the machine itself only the way back to it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
"""What a program is started with, so that it does not outlive the process that holds its namespace."""

_DISCARD = 9
_PATIENCE = 10.0
_libc = ctypes.CDLL(None, use_errno=True)


def _succeeded(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


class Namespace:
    """A network of its own, at first with nothing but loopback, without IPv6."""

    def __init__(self, name: str) -> None:
        """:raises OSError: this process may not make one, as it is not root's."""
        self.name = name
        self._programs: list[subprocess.Popen[bytes]] = []
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _succeeded(_libc.unshare(CLONE_NEWNET), "a network namespace cannot be made")
            try:
                self._descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            finally:
                _succeeded(_libc.setns(here, CLONE_NEWNET), "there is no way back from a network namespace")
        finally:
            os.close(here)
        self.set("net.ipv6.conf.all.disable_ipv6", 1)
        self.set("net.ipv6.conf.default.disable_ipv6", 1)
        self.ip("link set lo up")

    @property
    def path(self) -> str:
        """Where `ip link ... netns` and `nsenter --net=` find it, as long as it is held."""
        return f"/proc/{os.getpid()}/fd/{self._descriptor}"

    @property
    def number(self) -> int:
        """What the kernel calls it: /proc/PID/ns/net of the processes in it says the same."""
        return os.fstat(self._descriptor).st_ino

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets made and programs started by this thread meanwhile belong to the namespace, and stay there."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _succeeded(_libc.setns(self._descriptor, CLONE_NEWNET), f"{self.name} cannot be entered")
            try:
                yield
            finally:
                _succeeded(_libc.setns(here, CLONE_NEWNET), f"there is no way back from {self.name}")
        finally:
            os.close(here)

    def run(self, arguments: Sequence[str], written: str = "") -> str:
        """Runs a program to its end; what it said.

        :raises RuntimeError: it failed; with its complaint, and with what was written to it.
        """
        with self.inside():
            done = subprocess.run([*DIES_WITH_US, *arguments], input=written, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)} in {self.name}: {done.stderr}{written}")
        return done.stdout

    def start(self, arguments: Sequence[str], log: Path, ready: str) -> None:
        """Starts a program that goes on as long as the namespace is held; what it says is written to `log`.

        :raises TimeoutError: it does not say within ten seconds that it is `ready`.
        """
        with self.inside(), log.open("w") as written:
            self._programs.append(subprocess.Popen([*DIES_WITH_US, *arguments], stdout=written, stderr=written))
        deadline = time.monotonic() + _PATIENCE
        while ready not in log.read_text():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{arguments[0]} in {self.name} did not say {ready!r}: {log.read_text()}")
            time.sleep(0.01)

    def ip(self, *commands: str) -> str:
        """Runs commands of `ip`, all of them in one process."""
        return self.run(("ip", "-batch", "-"), "\n".join(commands) + "\n")

    def nft(self, rules: str) -> None:
        """Adds rules, all of them or none."""
        self.run(("nft", "-f", "-"), rules)

    def allow_ipv6(self) -> None:
        """Gives it IPv6, and its devices addresses of their own links."""
        self.set("net.ipv6.conf.all.disable_ipv6", 0)
        self.set("net.ipv6.conf.default.disable_ipv6", 0)

    def set(self, name: str, value: int) -> None:
        """Sets a number of the kernel's that each namespace has its own of (`net.ipv4.ip_forward`)."""
        with self.inside():
            Path("/proc/sys", *name.split(".")).write_text(str(value))

    def udp_socket(self, address: tuple[str, int] = ("0.0.0.0", 0)) -> socket.socket:
        """A UDP socket in here, for whoever wants one without a process of its own."""
        return self._bound(socket.SOCK_DGRAM, address)

    def tcp_socket(self, address: tuple[str, int] = ("0.0.0.0", 0)) -> socket.socket:
        """A TCP socket in here whose port others may use too: bound, neither connected nor listening."""
        return self._bound(socket.SOCK_STREAM, address)

    def _bound(self, kind: int, address: tuple[str, int]) -> socket.socket:
        with self.inside():
            bound = socket.socket(socket.AF_INET, kind)
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
        return bound

    def reach(self, neighbour: str, device: str) -> None:
        """Waits until packets come to an address and back, by a new device.

        The kernel tells itself of a new device by and by, and loses what is sent until then.

        :raises TimeoutError: they do not.
        """
        asking_again = f"net.ipv{6 if ':' in neighbour else 4}.neigh.{device}.retrans_time_ms"
        self.set(asking_again, 20)
        self._reach(neighbour)
        self.set(asking_again, 1000)

    def _reach(self, neighbour: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        family = socket.AF_INET6 if ":" in neighbour else socket.AF_INET
        with self.inside():
            sock = socket.socket(family, socket.SOCK_DGRAM)
        with sock:
            sock.settimeout(0.005)
            sock.connect((neighbour, _DISCARD))
            while time.monotonic() < deadline:
                try:
                    sock.send(b"")
                    sock.recv(1)
                except ConnectionRefusedError:  # so it was there, and told us that nobody listens
                    return
                except OSError as error:
                    if not isinstance(error, TimeoutError) and error.errno != errno.EHOSTUNREACH:
                        raise
        raise TimeoutError(f"{neighbour} is not reached from {self.name} within {_PATIENCE:g} s")

    def close(self) -> None:
        """Lets go of it, and ends what was started: with the last process in it, it is gone."""
        for program in self._programs:
            program.kill()
            program.wait()
        os.close(self._descriptor)
