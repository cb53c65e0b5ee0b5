"""A link of our own making: two network namespaces, a TUN device in each, and `pump.c` between them.

The namespaces have no names. They are held by descriptors of this process, and programs enter them through
/proc/PID/fd; so the kernel takes them and their devices away however this process ends, and no two runs can meet. A
pump is started for each measurement, with the numbers and the seed of that one. Refuses to know what travels.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.generator import compiled
from benchmarks.process import BenchmarkError, Process

PUMP = Path(__file__).with_name("pump.c")
DEVICE = "line0"
LEFT, RIGHT = "10.77.0.1", "10.77.0.2"
MTU = 1500
LATE_MS = 2.0
"""Milliseconds by which 99 % of the packets may be later than was meant; beyond, a measurement counts as disturbed."""

CLONE_NEWNET = 0x4000_0000

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Way:
    """One direction. Rate in bit/s (0: none), seconds there, jitter at most, chance of loss, queue in
    bandwidth-delay products of the whole round trip."""

    mbit: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    queue: float = 1.5

    def numbers(self) -> list[str]:
        """As the pump wants them."""
        rate = self.mbit * 1e6 / 8
        # A queue holds two full packets at least, or the line could not be filled at all.
        size = max(self.queue * rate * 2 * self.delay, 2 * MTU)
        return [str(number) for number in (rate, size, self.delay, self.jitter, self.loss)]


def missing() -> str | None:
    """What this machine lacks for a link, in one line; None when nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root: run it with sudo"
    for program, package in (("ip", "iproute2"), ("cc", "gcc")):
        if shutil.which(program) is None:
            return f"{program} is not installed ({package} on Debian and Ubuntu)"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun is not there: modprobe tun, or give the container the device"
    try:
        os.close(_namespace("127.0.0.1"))
    except (OSError, BenchmarkError) as error:
        return f"no network namespace can be made here: {error}"
    return None


class Link:
    """Two ends, named by what programs enter: `left` and `right` are paths of namespaces."""

    def __init__(self) -> None:
        self._held = [_namespace(LEFT)]
        try:
            self._held.append(_namespace(RIGHT))
        except BaseException:
            self.close()
            raise
        self.left, self.right = (f"/proc/{os.getpid()}/fd/{held}" for held in self._held)

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let both namespaces go."""
        while self._held:
            os.close(self._held.pop())

    @contextmanager
    def pumped(self, there: Way, back: Way, seed: int, log: Path) -> Iterator[Pump]:
        """The link works like this as long as the block lasts."""
        binary = compiled(PUMP)
        command = [str(binary), self.left, self.right, DEVICE, str(seed), *there.numbers(), *back.numbers()]
        with Process("the link", command, log) as process:
            process.wait_for_line()
            yield (pump := Pump(process))
            process.stop()
            pump.ways = process.lines[-1].get("ways", [])


class Pump:
    """A link at work. `ways`: what became of the packets of each direction, once it has ended."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.ways: list[dict[str, Any]] = []

    @property
    def late_ms(self) -> float:
        """By how much the later one percent of the packets was late at least, in the worse direction."""
        return max((float(way["late_p99_ms"]) for way in self.ways), default=0.0)


def enter(path: str) -> None:
    """Move this thread into a namespace; raises OSError when that is not allowed."""
    held = os.open(path, os.O_RDONLY)
    try:
        _check(_libc.setns(held, CLONE_NEWNET))
    finally:
        os.close(held)


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _namespace(address: str) -> int:
    """A descriptor of a new namespace with a loopback and a device of that address."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _check(_libc.unshare(CLONE_NEWNET))
        try:
            made = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            try:
                _configure(address)
            except BaseException:
                os.close(made)
                raise
            return made
        finally:
            _check(_libc.setns(home, CLONE_NEWNET))
    finally:
        os.close(home)


def _configure(address: str) -> None:
    commands = (
        "link set lo up",
        f"tuntap add dev {DEVICE} mode tun",
        f"addr add {address}/30 dev {DEVICE}",
        f"link set dev {DEVICE} mtu {MTU} txqueuelen 5000 up",
    )
    for command in commands:
        done = subprocess.run(["ip", *command.split()], capture_output=True, text=True)
        if done.returncode:
            raise BenchmarkError(f"ip {command}: {done.stderr.strip()}")
    # Or what one connection learnt of the link would be taken for true by the next, whose link is another one.
    Path("/proc/sys/net/ipv4/tcp_no_metrics_save").write_text("1")
