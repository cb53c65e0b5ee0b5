"""Who is measured: a program and its algorithm, and how a flow of it is started between the ends of a link.

A contestant that is not installed names the reason and is left out. Refuses to know what is measured.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.p2p.link import LEFT, RIGHT, Link
from benchmarks.p2p.traffic import PORT
from benchmarks.process import BenchmarkError, Process, free_port, python_module

LINGER = 40.0
"""Seconds beyond those of the measurement in which a program must be done: TCP tries a lost SYN again after 1, 3, 7."""


def _allowed(algorithm: str) -> Callable[[], str | None]:
    def absent() -> str | None:
        there = Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
        return (
            None
            if algorithm in there
            else f"this kernel has no congestion control {algorithm} (modprobe tcp_{algorithm})"
        )

    return absent


def _has_aioquic() -> str | None:
    return None if importlib.util.find_spec("aioquic") else "not installed (pip install '.[bench]')"


@dataclass(frozen=True, slots=True)
class Contestant:
    """`module` is the program beside this file. `absent` tells why it cannot take part (one line), or None."""

    name: str
    module: str
    algorithm: str
    absent: Callable[[], str | None] = lambda: None

    def command(self, role: str, *arguments: object) -> list[str]:
        """How it is started in a role."""
        module = f"benchmarks.p2p.{self.module}"
        return python_module(module, role, "--algorithm", self.algorithm, *arguments)


OURS = Contestant("ours", "ours", "measuring")
OURS_REFERENCE = Contestant("ours, NewReno", "ours", "newreno")
TCP = tuple(Contestant(f"TCP {name}", "tcp", name, _allowed(name)) for name in ("cubic", "reno", "bbr"))
TCP_CUBIC, TCP_RENO, TCP_BBR = TCP
QUIC = tuple(Contestant(f"aioquic {name}", "quic", name, _has_aioquic) for name in ("cubic", "reno"))


@contextmanager
def flow(
    contestant: Contestant,
    link: Link,
    roles: tuple[str, str],
    folder: Path,
    *arguments: object,
    port: int = PORT,
) -> Iterator[tuple[Process, Process]]:
    """Two programs of a contestant in two roles: one at the left that begins, one at the right that waits."""
    left = ("--namespace", link.left, "--here", LEFT, "--there", RIGHT, "--port", port, *arguments)
    right = ("--namespace", link.right, "--here", RIGHT, "--there", LEFT, "--port", port, *arguments)
    with _started(contestant, roles, left, right, folder, port) as both:
        yield both


@contextmanager
def unlinked(contestant: Contestant, folder: Path, *arguments: object) -> Iterator[tuple[Process, Process]]:
    """A sender and a receiver of a contestant on loopback, without a link of ours."""
    ends = ("--port", free_port(), *arguments)
    with _started(contestant, ("send", "receive"), ends, ends, folder, PORT) as both:
        yield both


@contextmanager
def _started(
    contestant: Contestant,
    roles: tuple[str, str],
    left: tuple[object, ...],
    right: tuple[object, ...],
    folder: Path,
    port: int,
) -> Iterator[tuple[Process, Process]]:
    name = f"{contestant.name.replace(' ', '-').replace(',', '')}-{port}"
    beginning, waiting = roles
    command = contestant.command(waiting, *right)
    with Process(f"{contestant.name}, who waits", command, folder / f"{name}-{waiting}.log") as second:
        second.wait_for_line()
        command = contestant.command(beginning, *left)
        with Process(f"{contestant.name}, who begins", command, folder / f"{name}-{beginning}.log") as first:
            yield first, second


def bulk(contestant: Contestant, link: Link, seconds: float, round_trip: float, folder: Path) -> dict[str, Any]:
    """What the receiver says of a stream from left to right."""
    arguments = ("--seconds", seconds, "--round-trip", round_trip)
    with flow(contestant, link, ("send", "receive"), folder, *arguments) as (sender, receiver):
        return answer(receiver, seconds, sender)


def echoes(contestant: Contestant, link: Link, count: int, round_trip: float, folder: Path) -> dict[str, Any]:
    """What the asking end says of messages and their answers."""
    arguments = ("--count", count, "--round-trip", round_trip)
    with flow(contestant, link, ("ask", "echo"), folder, *arguments) as (asking, echoing):
        return answer(asking, count * 0.02, echoing)


def answer(process: Process, seconds: float, other: Process) -> dict[str, Any]:
    """The last line of a program. The other one's last words are told when there is none."""
    try:
        return process.result(seconds + LINGER)
    except BenchmarkError as error:
        raise BenchmarkError(f"{error}; the other end: {other.last_words()}") from error
