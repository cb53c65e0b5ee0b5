"""Idle: ten thousand clients that only beat; memory and CPU they cost, then traffic through all of them."""

from __future__ import annotations

import time
from typing import Any

from benchmarks import generator
from benchmarks.measurement import Goal, RowResult
from benchmarks.peers.bare import BARE_EAGER
from benchmarks.peers.ours import SERVICE
from benchmarks.process import BenchmarkError, raise_descriptor_limit
from benchmarks.running import CpuClock, Pace, Server, started

SETTLE_SECONDS = 1.0  # what logging on left in queues and timers is no idle CPU
SPARE_DESCRIPTORS = 200


def _warm(server: Server) -> None:
    """Load every module and fill every pool once, so that the base holds no first-time cost."""
    log = server.folder / "load.log"
    with generator.start("relay", "es6", server.port, log, connections=100, warm_up=0, seconds=1) as load:
        load.result(60)
    time.sleep(SETTLE_SECONDS)


def measure_once(server: Server, connections: int, hold: float, rate: int, drive: float) -> dict[str, float]:
    """Log on, hold, drive; as metrics."""
    _warm(server)
    base, held_since, metrics = server.process.resident_bytes(), 0.0, {}
    clock = CpuClock(server.process)
    log = server.folder / "load.log"
    with generator.start(
        "idle", "es6", server.port, log,
        connections=connections, seconds=hold, rate=rate, warm_up=1, drive_seconds=drive,
    ) as load:  # fmt: skip
        line: dict[str, Any] = {}
        for line in load.follow(120 + hold + drive + connections / 200):
            if line["event"] == "logged_on":
                time.sleep(SETTLE_SECONDS)
                metrics["bytes_per_connection"] = (server.process.resident_bytes() - base) / connections
                metrics["log_ons_per_second"] = connections / line["log_on_seconds"]
                clock.restart()
                held_since = time.monotonic()
            elif line["event"] == "held":
                idle = clock.metrics(time.monotonic() - held_since, 0)
                metrics["idle_cpu_percent"] = idle["server_cpu"] * 100
            elif line["event"] == "measuring":
                clock.restart()
    if line.get("event") != "result" or line["misordered"]:
        raise BenchmarkError(f"{server.contestant.name}: {line.get('misordered')} messages out of order")
    metrics |= clock.metrics(line["seconds"], line["cpu_seconds"], line["messages"])
    metrics |= {
        "per_second": line["per_second"],
        "offered": line["offered"],
        "lost": line["sent"] - line["held_back"] - line["arrived"],
        "base_bytes": base,
        "p50_us": line["latency_us"]["p50"],
        "p99_us": line["latency_us"]["p99"],
        "max_us": line["latency_us"]["max"],
    }
    return metrics


def measure(name: str, connections: int, rate: int, goals: tuple[Goal, ...], pace: Pace, hold: float) -> RowResult:
    """The whole row: ours and the yardstick, each in a fresh process a round, one after the other."""
    raise_descriptor_limit(connections + SPARE_DESCRIPTORS)
    work = f"{connections:,} logged-on idle connections, then messages through all of them"
    result = RowResult(name, work, "messages/s", goals)
    for _ in range(min(pace.rounds, 2)):
        for contestant in (SERVICE, BARE_EAGER):
            with started((contestant,), result) as servers:
                for server in servers:
                    result.add(contestant.name, measure_once(server, connections, hold, rate, pace.seconds))
    return result
