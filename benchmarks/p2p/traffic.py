"""What every program of a measurement does the same: its options, counting what arrives, asking and being answered.

A program has one role. `receive` counts bytes from the first one on, for so many seconds, prints them and ends.
`send` sends until it is ended. `ask` sends 8 bytes each 20 ms, whatever became of those before, and notes when each
comes back; `echo` sends back what comes. It refuses to know by which protocol.
"""

from __future__ import annotations

import argparse
import json
import struct
import time
from collections.abc import Sequence
from statistics import fmean

from benchmarks.p2p import link

PORT = 4700
INTERVAL = 0.02
MESSAGE = struct.Struct("!Q")
CHUNK = bytes(range(256)) * 256
PATIENCE = 20.0
"""Seconds after the last message in which answers are waited for."""

ROLES = ("receive", "send", "ask", "echo")


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line of a program; it is in its namespace afterwards."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--namespace", help="a path; without it, where it was started")
    parser.add_argument("--here", default="127.0.0.1")
    parser.add_argument("--there", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--algorithm", default="")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--round-trip", type=float, default=0.05)
    parser.add_argument("--size", type=int, default=1200, help="bytes of a datagram, where the program can tell")
    chosen = parser.parse_args(arguments)
    if chosen.namespace:
        link.enter(chosen.namespace)
    return chosen


def say(**fields: object) -> None:
    """One line of JSON for whoever measures."""
    print(json.dumps(fields), flush=True)


class Arrivals:
    """Bytes that came, by tenths of a second, from the first one on."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._tenths = [0] * (round(seconds * 10) + 1)
        self._began_at: float | None = None
        self._used_before = 0.0

    def came(self, size: int) -> bool:
        """So much came now; whether that is enough."""
        now = time.monotonic()
        if self._began_at is None:
            self._began_at = now
            self._used_before = time.process_time()
        passed = now - self._began_at
        if passed >= self._seconds:
            return True
        self._tenths[int(passed * 10)] += size
        return False

    def is_over(self) -> bool:
        """Whether the time has passed, without anything having come now."""
        return self._began_at is not None and time.monotonic() - self._began_at >= self._seconds

    def report(self) -> None:
        """Print it."""
        say(
            mbit=sum(self._tenths) * 8e-6 / self._seconds,
            cpu_seconds=time.process_time() - self._used_before,
            began_at=self._began_at,
            tenths=self._tenths,
        )


class Asking:
    """Messages, when each is due, and how long its answer took from then on: falling behind shows."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.sent = 0
        self._began_at = time.monotonic()
        self._delays: list[float] = []
        self._rest = b""

    @property
    def next_at(self) -> float | None:
        """When the next message is due; None when all have left."""
        return self._began_at + self.sent * INTERVAL if self.sent < self.count else None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for any more."""
        if len(self._delays) == self.count:
            return True
        return self.sent == self.count and time.monotonic() > self._began_at + self.count * INTERVAL + PATIENCE

    def due(self) -> bytes:
        """The messages that are due now, each counted as sent."""
        out = b""
        while (when := self.next_at) is not None and when <= time.monotonic():
            out += MESSAGE.pack(self.sent)
            self.sent += 1
        return out

    def came(self, data: bytes) -> None:
        """Bytes came back; raises ValueError when they are not those that were sent, in order."""
        now = time.monotonic()
        data = self._rest + data
        whole = len(data) // MESSAGE.size * MESSAGE.size
        for (index,) in MESSAGE.iter_unpack(data[:whole]):
            if index != len(self._delays):
                raise ValueError(f"answer {index} came, and {len(self._delays)} was next")
            self._delays.append(now - self._began_at - index * INTERVAL)
        self._rest = data[whole:]

    def report(self, datagrams: int) -> None:
        """Print it, in milliseconds; `datagrams` are what this end sent for it, acknowledgements included."""
        delays = sorted(delay * 1e3 for delay in self._delays)
        if not delays:
            say(answered=0, count=self.count)
            return
        say(
            answered=len(delays),
            count=self.count,
            average_ms=fmean(delays),
            p50_ms=delays[len(delays) // 2],
            p99_ms=delays[int(len(delays) * 0.99)],
            max_ms=delays[-1],
            datagrams_each=datagrams / self.count,
        )
