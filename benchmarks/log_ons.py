"""A storm of log-ons: all clients at once, by password, by session token and at an open server; and what somebody who
is online already notices of it.

By password it is bound by Argon2, on purpose: what is looked at is that messages are not held up meanwhile.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.measurement import OURS, Goal, RowResult
from benchmarks.peers import Contestant
from benchmarks.peers.ours import service_absent, service_command
from benchmarks.process import BenchmarkError, Process, python_module, raise_descriptor_limit
from benchmarks.running import CpuClock, Pace, Server, started
from benchmarks.storm import EARLY, PASSWORD, user_name
from esframework.interfaces import Account
from esframework.stores.passwords import PasswordHashing
from esframework.stores.sql.account_table import SqlAccountRows
from esframework.stores.sql.database import FILE_NAME, Part, open_database
from esframework.stores.sql.versions import prepare

TOKENS, OPEN = "by session token", "open server"
PATIENCE = 600.0
SPARE_DESCRIPTORS = 200


def _contestants(clients: int) -> tuple[Contestant, ...]:
    def closed(port: int, folder: Path) -> list[str]:
        _make_accounts(folder / "data", clients)
        return [word for word in service_command(port, folder) if word != "--open"]

    return (
        Contestant(OURS, "passwords", closed, service_absent),
        Contestant(TOKENS, "tokens", closed, service_absent),
        Contestant(OPEN, "passwords", service_command, service_absent),
    )


def _make_accounts(data: Path, clients: int) -> None:
    """Accounts that share one password, which is hashed once."""
    data.mkdir(parents=True)
    database = open_database(data / FILE_NAME)
    prepare(database)
    password_hash = PasswordHashing().hash(PASSWORD)
    with database.writing(Part.ACCOUNTS) as connection:
        rows = SqlAccountRows(connection)
        for name in (EARLY, *map(user_name, range(clients))):
            rows.add(Account(name), password_hash)
    database.close()


def measure_once(server: Server, clients: int) -> dict[str, float]:
    """One storm, with somebody who pings all the while; as metrics."""
    log = server.folder / "load.log"
    arguments = ("--port", server.port, "--clients", clients)
    ping = Process("ping", python_module("benchmarks.storm", "ping", *arguments), log)
    storm = Process("storm", python_module("benchmarks.storm", server.contestant.protocol, *arguments), log)
    metrics: dict[str, float] = {}
    clock, most = CpuClock(server.process), 0
    with ping, storm:
        base = server.process.resident_bytes()
        for line in storm.follow(PATIENCE):
            most = max(most, server.process.resident_bytes())
            if line["event"] == "begin":
                clock.restart()
                first = len(ping.lines)
            elif line["event"] == "result":
                metrics |= clock.metrics(line["seconds"], line["cpu_seconds"], clients)
                metrics |= {"per_second": clients / line["seconds"], "told_to_wait": line["told_to_wait"]}
        waits = sorted(line["microseconds"] for line in ping.lines[first:])
    if not waits or "per_second" not in metrics:
        raise BenchmarkError(f"{server.contestant.name}: {log.read_text()[-500:]}")
    for name, share in (("p50_us", 0.5), ("p99_us", 0.99), ("max_us", 1.0)):
        metrics[name] = waits[min(len(waits) - 1, int(len(waits) * share))]
    metrics["growth_bytes"] = most - base
    return metrics


def measure(name: str, clients: int, goals: tuple[Goal, ...], pace: Pace) -> RowResult:
    """The whole row; each storm meets a server that has just started."""
    raise_descriptor_limit(clients + SPARE_DESCRIPTORS)
    work = f"{clients:,} clients log on at once; p50 to max are pings of somebody who is online already"
    result = RowResult(name, work, "log-ons/s", goals)
    for _ in range(min(pace.rounds, 3)):
        for contestant in _contestants(clients):
            with started((contestant,), result) as servers:
                for server in servers:
                    result.add(contestant.name, measure_once(server, clients))
    return result
