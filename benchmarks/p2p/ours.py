"""A channel of ours over UDP, in a role of `traffic`: the pure core, and nothing around it but a socket and a timer.

Keys are agreed on the command line's side, as signalling would have done it; so is the round trip, which real ends know
from their probes.
"""

from __future__ import annotations

import argparse
import os
import select
import socket
import time
from collections.abc import Callable

from benchmarks.p2p.traffic import CHUNK, Arrivals, Asking, options, say
from esframework.limits import rudp as limits
from esframework.rudp.connection import CongestionMaker, Connection, measuring, reference
from esframework.rudp.endpoint import Endpoint
from esframework.rudp.events import Event
from esframework.rudp.keys import AES_GCM, derive
from esframework.rudp.streams import FIRST_FILE, MESSAGES, StreamData

ALGORITHMS: dict[str, CongestionMaker] = {"measuring": measuring, "newreno": reference}
INDICES = {"receive": 1, "echo": 1, "send": 2, "ask": 2}
SOCKET_BUFFER = 4 << 20
MOST_READ = 256


class Ends:
    """A socket with one channel on it."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self.socket.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
        index = INDICES[chosen.role]
        self.socket.bind((chosen.here, chosen.port + (index == 2)))
        self.socket.setblocking(False)
        self.sent = 0
        self.endpoint = Endpoint(os.urandom)
        # Whoever asks has an even index; the two differ, so nobody takes what is not for it.
        is_leader = index == 2
        self.index = index
        self.connection = Connection(
            derive(b"server's secret", b"shared secret", is_leader, b"benchmark", AES_GCM),
            3 - index,
            (chosen.there, chosen.port + (index == 1)),
            time.monotonic(),
            random=os.urandom,
            round_trip=chosen.round_trip,
            congestion=ALGORITHMS[chosen.algorithm],
        )
        self.endpoint.add(index, self.connection)

    def write(self, stream: int, data: bytes) -> None:
        """Have bytes sent with the next turn."""
        self.connection.write(stream, data)
        self.endpoint.touch(self.index)

    def turn(self, until: float | None = None) -> list[Event]:
        """Send what is to be sent, wait for datagrams, a timer of the channel, or `until`; what happened."""
        now = time.monotonic()
        for datagram, address in self.endpoint.datagrams_to_send(now):
            self._send(datagram, address, now)
        due = self.endpoint.next_timer()
        times = [when for when in (due, until) if when is not None]
        wait = max(0.0, min(times) - time.monotonic()) if times else None
        if select.select([self.socket], [], [], wait)[0]:
            self.endpoint.receive_batch(self._read(), time.monotonic())
        now = time.monotonic()
        if due is not None and due <= now:
            self.endpoint.on_timer(now)
        return [event for _, event in self.endpoint.events()]

    def _send(self, datagram: bytes, address: tuple[str, int], now: float) -> None:
        self.sent += 1
        try:
            self.socket.sendto(datagram, address)
        except BlockingIOError:
            return  # as if the network had lost it
        except OSError:
            self.connection.refused_by_system(len(datagram), now)

    def _read(self) -> list[tuple[bytes, tuple[str, int]]]:
        batch: list[tuple[bytes, tuple[str, int]]] = []
        while len(batch) < MOST_READ:
            try:
                batch.append(self.socket.recvfrom(2048))
            except BlockingIOError:
                break
            except ConnectionRefusedError:
                continue  # the other end has not begun
        return batch


def main() -> None:
    """Do what the command line says."""
    chosen = options()
    ends = Ends(chosen)
    say(ready=True)
    roles: dict[str, Callable[[Ends, argparse.Namespace], None]]
    roles = {"receive": receive, "send": send, "ask": ask, "echo": echo}
    roles[chosen.role](ends, chosen)


def receive(ends: Ends, chosen: argparse.Namespace) -> None:
    """Count what comes."""
    arrivals = Arrivals(chosen.seconds)
    while not arrivals.is_over():
        for event in ends.turn(time.monotonic() + 0.1):
            if isinstance(event, StreamData) and arrivals.came(len(event.data)):
                break
    arrivals.report()


def send(ends: Ends, chosen: argparse.Namespace) -> None:
    """Keep a stream full for ever."""
    streams = ends.connection.streams
    while True:
        while streams.unsent < limits.STREAM_WINDOW:
            ends.write(FIRST_FILE, CHUNK)
        ends.turn()


def echo(ends: Ends, chosen: argparse.Namespace) -> None:
    """Send back what comes, for ever."""
    while True:
        for event in ends.turn():
            if isinstance(event, StreamData):
                ends.write(MESSAGES, event.data)


def ask(ends: Ends, chosen: argparse.Namespace) -> None:
    """Ask each 20 ms."""
    while ends.connection.opened_at is None:
        ends.turn()
    ends.sent = 0
    asking = Asking(chosen.count)
    while not asking.is_over:
        if data := asking.due():
            ends.write(MESSAGES, data)
        for event in ends.turn(asking.next_at or time.monotonic() + 0.1):
            if isinstance(event, StreamData):
                asking.came(event.data)
    asking.report(ends.sent)


if __name__ == "__main__":
    main()
