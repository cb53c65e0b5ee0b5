"""How long and how often is measured, and several links at a time where what they carry is little.

In one round every contestant of a case finds the same packets lost, counted in each direction from the first one on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.p2p.contestants import Contestant
from benchmarks.p2p.figures import Row
from benchmarks.p2p.link import LATE_MS, Link, Pump, Way
from benchmarks.process import BenchmarkError


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of a stream, messages of a conversation, rounds, and links that work at the same time."""

    seconds: float = 8.0
    messages: int = 1000
    rounds: int = 3
    lanes: int = 3


QUICK = Pace(seconds=4.0, messages=250, rounds=1)


@contextmanager
def linked(there: Way, back: Way, seed: int) -> Iterator[tuple[Link, Pump, Path]]:
    """A link at work, and a folder for what its programs say."""
    with tempfile.TemporaryDirectory(prefix="esframework-bench-") as folder, Link() as link:
        with link.pumped(there, back, seed, Path(folder) / "pump.log") as pump:
            yield link, pump, Path(folder)


def taking_part(contestants: Sequence[Contestant], row: Row) -> list[Contestant]:
    """Those that are there; why others are not is noted in the row."""
    there = []
    for contestant in contestants:
        reason = contestant.absent()
        if reason is None:
            there.append(contestant)
            row.order.append(contestant.name)
        else:
            row.absent[contestant.name] = reason
    return there


def in_lanes(row: Row, jobs: Sequence[Callable[[], None]], lanes: int) -> None:
    """Do all of them, so many at a time. What broke is noted in the row, and the others go on."""
    with ThreadPoolExecutor(lanes) as executor:
        futures = [executor.submit(job) for job in jobs]
        for future in futures:
            try:
                future.result()
            except BenchmarkError as error:
                row.broken.append(str(error))


def watch(row: Row, what: str, pump: Pump) -> None:
    """Note it when the link could not keep its times."""
    if pump.late_ms > LATE_MS:
        row.notes.append(f"{what}: the link was late by {pump.late_ms:.1f} ms (99 %); something else used the cores")
