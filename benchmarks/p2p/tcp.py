"""Kernel TCP with a congestion control of its name, in a role of `traffic`; TCP_NODELAY where messages are sent."""

from __future__ import annotations

import argparse
import select
import socket
import struct
import time

from benchmarks.p2p.traffic import CHUNK, Arrivals, Asking, options, say

TCP_CONGESTION = 13
SEGMENTS_OUT = slice(136, 140)
"""tcpi_segs_out in struct tcp_info (linux/tcp.h)."""


def main() -> None:
    """Do what the command line says."""
    chosen = options()
    {"receive": receive, "send": send, "ask": ask, "echo": echo}[chosen.role](chosen)


def _accept(chosen: argparse.Namespace) -> socket.socket:
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, chosen.algorithm.encode())
        listening.bind((chosen.here, chosen.port))
        listening.listen()
        say(ready=True)
        return listening.accept()[0]


def _connect(chosen: argparse.Namespace) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, chosen.algorithm.encode())
    made.connect((chosen.there, chosen.port))
    return made


def receive(chosen: argparse.Namespace) -> None:
    """Count what comes."""
    with _accept(chosen) as accepted:
        accepted.settimeout(0.1)
        arrivals = Arrivals(chosen.seconds)
        while not arrivals.is_over():
            try:
                data = accepted.recv(1 << 18)
            except TimeoutError:
                continue
            if not data or arrivals.came(len(data)):
                break
        arrivals.report()


def send(chosen: argparse.Namespace) -> None:
    """Send for ever."""
    with _connect(chosen) as connected:
        while True:
            connected.sendall(CHUNK)


def echo(chosen: argparse.Namespace) -> None:
    """Send back what comes, until nothing does."""
    with _accept(chosen) as accepted:
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := accepted.recv(1 << 16):
            accepted.sendall(data)


def ask(chosen: argparse.Namespace) -> None:
    """Ask each 20 ms."""
    with _connect(chosen) as connected:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asking = Asking(chosen.count)
        while not asking.is_over:
            if data := asking.due():
                connected.sendall(data)
            when = asking.next_at
            wait = max(0.0, when - time.monotonic()) if when is not None else 0.1
            if select.select([connected], [], [], wait)[0]:
                asking.came(connected.recv(1 << 16))
        information = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        asking.report(struct.unpack("=I", information[SEGMENTS_OUT])[0])


if __name__ == "__main__":
    main()
