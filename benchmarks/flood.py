"""Flood: clients that write to the server as fast as they can; what counts is what its handler counted."""

from __future__ import annotations

import time

from benchmarks import generator
from benchmarks.measurement import Goal, RowResult
from benchmarks.peers import Contestant
from benchmarks.peers.bare import BARE_COUNTING
from benchmarks.peers.ours import COUNTING, COUNTING_DIAGNOSED
from benchmarks.process import BenchmarkError
from benchmarks.running import CpuClock, Pace, Server, started

CONNECTIONS = 12


def measure_once(server: Server, pace: Pace) -> dict[str, float]:
    """One flood, as metrics; the rate lies between the first and the last count inside the measured time."""
    log = server.folder / "load.log"
    clock, begun, ended = CpuClock(server.process), 0.0, 0.0
    with generator.start(
        "flood", "es6", server.port, log, connections=CONNECTIONS, warm_up=pace.warm_up, seconds=pace.seconds
    ) as load:
        for line in load.follow(pace.warm_up + pace.seconds + 60):
            if line["event"] == "measuring":
                begun = time.monotonic()
                clock.restart()
            elif line["event"] == "result":
                ended = time.monotonic()
                shares = clock.metrics(line["seconds"], line["cpu_seconds"])
    counts = [count for count in server.process.lines if begun <= count["seconds"] <= ended]
    if len(counts) < 2:
        raise BenchmarkError(f"{server.contestant.name} told its count only {len(counts)} times in {pace.seconds} s")
    counted = counts[-1]["count"] - counts[0]["count"]
    rate = counted / (counts[-1]["seconds"] - counts[0]["seconds"])
    return {"per_second": rate, "server_cpu_us": shares["server_cpu"] / rate * 1e6 if rate else 0.0} | shares


def measure(name: str, diagnostics: bool, goals: tuple[Goal, ...], pace: Pace) -> RowResult:
    """The whole row: ours with or without diagnostics, and the yardstick."""
    work = f"one-way to the server's handler, {CONNECTIONS} connections flat out"
    result = RowResult(name, work + (", diagnostics on" if diagnostics else ""), "messages/s", goals)
    ours: Contestant = COUNTING_DIAGNOSED if diagnostics else COUNTING
    with started((ours, BARE_COUNTING), result) as servers:
        for _ in range(pace.rounds):
            for server in servers:
                result.add(server.contestant.name, measure_once(server, pace))
    return result
