"""Offline store writes: messages kept a second on SQLite and PostgreSQL, each synced before it counts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from benchmarks.measurement import OURS, Goal, RowResult
from benchmarks.process import BenchmarkError, Process, python_module
from benchmarks.running import Pace

AT_ONCE = 1000
"""Senders that wait for their message to be kept: a server with a few thousand users at its busiest."""

ALONE = "one at a time"
"""How fast the disk alone lets one sender be."""


def measure(name: str, on_postgresql: bool, goals: tuple[Goal, ...], pace: Pace) -> RowResult:
    """The whole row: many senders, and one, in turn, each on a new database."""
    where = "PostgreSQL" if on_postgresql else "SQLite"
    result = RowResult(name, f"offline messages kept and synced, {AT_ONCE:,} open, {where}", "messages/s", goals)
    missing = on_postgresql and not (find_spec("pgserver") and find_spec("psycopg"))
    if missing:
        result.absent[OURS] = "pgserver and psycopg are not installed: pip install 'esframework[test]'"
        return result
    for _ in range(pace.rounds):
        for contestant, at_once in ((OURS, AT_ONCE), (ALONE, 1)):
            with _postgresql() if on_postgresql else _sqlite() as url:
                result.add(contestant, _measure_once(url, at_once, pace))
    return result


def _measure_once(url: str, at_once: int, pace: Pace) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = python_module("benchmarks.keeping", url, at_once, pace.warm_up, pace.seconds)
        with Process("keeping", command, Path(folder) / "output.log") as process:
            line = process.result(60 + pace.warm_up + pace.seconds)
    figures = {key: float(value) for key, value in line.items() if key != "event"}
    if not figures:
        raise BenchmarkError("keeping: no figures")
    return figures


@contextmanager
def _sqlite() -> Iterator[str]:
    # Not in /tmp, which is memory on many machines: nothing is synced there.
    with tempfile.TemporaryDirectory(prefix=".offline-", dir=Path.cwd()) as folder:
        yield f"sqlite:///{folder}/stores.sqlite"


@contextmanager
def _postgresql() -> Iterator[str]:
    import pgserver

    folder = Path(tempfile.mkdtemp(prefix="esframework-bench-"))
    server = pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}"
    finally:
        server.cleanup()
