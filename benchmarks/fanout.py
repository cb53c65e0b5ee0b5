"""Fan-out: one client broadcasts to all the others, through each server in turn."""

from __future__ import annotations

from typing import Any

from benchmarks import generator
from benchmarks.measurement import Goal, RowResult
from benchmarks.peers.mosquitto import MOSQUITTO
from benchmarks.peers.nats import NATS
from benchmarks.peers.ours import contacts_server
from benchmarks.process import BenchmarkError
from benchmarks.running import CpuClock, Pace, Server, started


def measure_once(server: Server, members: int, outstanding: int, pace: Pace) -> dict[str, float]:
    """One run of the generator against one server, as metrics; what counts is copies that arrived."""
    log = server.folder / "load.log"
    clock = CpuClock(server.process)
    with generator.start(
        "fanout", server.contestant.protocol, server.port, log,
        warm_up=pace.warm_up, seconds=pace.seconds, connections=members + 1, outstanding=outstanding,
    ) as load:  # fmt: skip
        line: dict[str, Any] = {}
        for line in load.follow(pace.warm_up + pace.seconds + 60):
            if line["event"] == "measuring":
                clock.restart()
    if line.get("event") != "result" or line["misordered"]:
        raise BenchmarkError(f"{server.contestant.name}: {line.get('misordered')} copies out of order")
    return {
        "per_second": line["per_second"],
        "p50_us": line["latency_us"]["p50"],
        "p99_us": line["latency_us"]["p99"],
        "max_us": line["latency_us"]["max"],
    } | clock.metrics(line["seconds"], line["cpu_seconds"], line["messages"])


def measure(name: str, members: int, outstanding: int, goals: tuple[Goal, ...], pace: Pace) -> RowResult:
    """The whole row: every contestant once a round."""
    work = f"broadcast to {members} members, {outstanding} outstanding"
    result = RowResult(name, work, "deliveries/s", goals)
    with started((contacts_server(members + 1, 0), MOSQUITTO, NATS), result) as servers:
        for _ in range(pace.rounds):
            for server in servers:
                result.add(server.contestant.name, measure_once(server, members, outstanding, pace))
    return result
