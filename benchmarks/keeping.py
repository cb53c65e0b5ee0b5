"""Keeps offline messages in a store, so many at once, for some seconds; says how many a second, and how long each took.

`python -m benchmarks.keeping WHERE AT_ONCE WARM_UP SECONDS`; prints one JSON line. A message is acknowledged once it is
committed and synced.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from esframework.interfaces import Quota, StoredMessage
from esframework.stores.sql import SqlStores

SIZE = 100
TARGETS = 1000
QUOTA = Quota(1_000_000, 1_000_000_000)  # never reached, and counted all the same


class Keeping:
    """One measurement."""

    def __init__(self, where: str, at_once: int, warm_up: float, seconds: float) -> None:
        self.stores = SqlStores(where)
        self.at_once = at_once
        self.begin = time.perf_counter() + warm_up
        self.end = self.begin + seconds
        self.taken: list[float] = []

    async def run(self) -> dict[str, float]:
        """Keep until the time is over; the figures."""
        await self.stores.open()
        await gatherResults([Deferred.fromCoroutine(self._one_after_the_other(n)) for n in range(self.at_once)])
        await self.stores.close()
        taken = sorted(self.taken)
        return {
            "per_second": len(taken) / (self.end - self.begin),
            "p50_us": taken[len(taken) // 2] * 1e6,
            "p99_us": taken[len(taken) * 99 // 100] * 1e6,
            "max_us": taken[-1] * 1e6,
        }

    async def _one_after_the_other(self, number: int) -> None:
        content = bytes(SIZE)
        while (begun := time.perf_counter()) < self.end:
            target = f"user{number % TARGETS}"
            message = StoredMessage(f"m{number}", target, "alice", None, 0, content, time.time(), 4e9)
            await self.stores.offline.keep(message, QUOTA)
            number += self.at_once
            ended = time.perf_counter()
            if self.begin <= ended < self.end:
                self.taken.append(ended - begun)


async def main(where: str, at_once: str, warm_up: str, seconds: str) -> None:
    """Measure and print."""
    figures = await Keeping(where, int(at_once), float(warm_up), float(seconds)).run()
    print(json.dumps({"event": "result", **figures}), flush=True)


if __name__ == "__main__":
    arguments: Any = sys.argv[1:]
    react(lambda reactor: Deferred.fromCoroutine(main(*arguments)))
