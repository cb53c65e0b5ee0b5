"""Presence: users come online one after another, and each one's contacts who are there are told of it."""

from __future__ import annotations

from benchmarks import generator
from benchmarks.measurement import Goal, RowResult
from benchmarks.peers.ours import contacts_server
from benchmarks.running import CpuClock, Pace, Server, started


def measure(name: str, users: int, contacts: int, seconds: float, goals: tuple[Goal, ...], pace: Pace) -> RowResult:
    """The row: ours alone; a round is `seconds` of arriving, whatever the pace.

    Of two contacts the one that was there first is told of the other, so there are half as many notices as there are
    contacts in all. Latency is from sending a log-on to a contact's hearing of it.
    """
    work = f"{users} users with {contacts} contacts each come within {seconds:g} s"
    result = RowResult(name, work, "notices/s", goals)
    for _ in range(min(pace.rounds, 3)):
        # Each round a server of its own: who was just told to have gone is not told at once to have come.
        with started((contacts_server(users, contacts),), result) as servers:
            for server in servers:
                result.add(server.contestant.name, _once(server, users, contacts, seconds))
    return result


def _once(server: Server, users: int, contacts: int, seconds: float) -> dict[str, float]:
    clock = CpuClock(server.process)
    log = server.folder / "load.log"
    with generator.start("arrive", "es6", server.port, log, connections=users, seconds=seconds) as load:
        line = load.result(seconds + 120)
    return {
        "per_second": line["per_second"],
        "arrived_percent": 100 * line["messages"] / (users * contacts / 2),
        "p50_us": line["latency_us"]["p50"],
        "p99_us": line["latency_us"]["p99"],
        "max_us": line["latency_us"]["max"],
    } | clock.metrics(line["seconds"], line["cpu_seconds"], line["messages"])
