"""The asking side of a query benchmark, the same for everybody: N coroutines that ask, wait and ask again.

It refuses to know the loop: a coroutine here only awaits what the contestant's own call returns.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Awaitable, Callable

SIZE = 16
ANSWERER = "answerer"


def arguments() -> argparse.Namespace:
    """The command line that all query programs share."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("serve", "answer", "ask"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--outstanding", type=int, default=64)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--target", help="whom to ask; the server when left out")
    return parser.parse_args()


def tell(line: dict[str, object]) -> None:
    """Print one JSON line to the true standard output: Autobahn puts its log in place of `sys.stdout`."""
    print(json.dumps(line), file=sys.__stdout__, flush=True)


def ready() -> None:
    """Say that this program can be asked."""
    tell({"event": "ready"})


class Asking:
    """One measurement: counts the answers and their waits inside the measured time."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.payload = b"q" * SIZE
        self.start = time.perf_counter() + options.warm_up
        self.end = self.start + options.seconds
        self.waits: list[float] = []
        self._cpu: float | None = None

    async def ask(self, call: Callable[[bytes], Awaitable[object]]) -> None:
        """Ask until the time is over; any wrong answer is an error."""
        clock, payload, waits = time.perf_counter, self.payload, self.waits
        while (begun := clock()) < self.end:
            answer = await call(payload)
            if answer != payload:
                raise AssertionError(f"a query was answered with {answer!r}")
            done = clock()
            if begun >= self.start and done <= self.end:
                if self._cpu is None:
                    self._cpu = time.process_time()
                waits.append(done - begun)

    def report(self) -> None:
        """Print the figures as one JSON line."""
        waits = sorted(self.waits)
        seconds = self.end - self.start
        if not waits:
            raise AssertionError("no query was answered")
        cpu = time.process_time() - (self._cpu or 0.0)
        figures: dict[str, object] = {
            "event": "result",
            "queries": len(waits),
            "seconds": seconds,
            "per_second": len(waits) / seconds,
            "p50_us": waits[len(waits) // 2] * 1e6,
            "p99_us": waits[len(waits) * 99 // 100] * 1e6,
            "max_us": waits[-1] * 1e6,
            "cpu_seconds": cpu,
        }
        tell(figures)
