"""The table of the work measured and the goals set for it; the only place that says what is fast enough."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import copies, fanout, flood, idle, log_ons, many_copies, offline_writes, presence, queries, relay
from benchmarks.measurement import Goal, RowResult
from benchmarks.running import Pace

IDLE_CONNECTIONS = 10_000
IDLE_RATE = 50_000
IDLE_OFFERED = 51_000  # a little more than the goal, so that the goal can be reached at all
IDLE_BYTES = 4096
IDLE_CPU_PERCENT = 2
STORM_CLIENTS = 1000
STORM_PING_MICROSECONDS = 50_000
PRESENCE_USERS = 2000
PRESENCE_CONTACTS = 50
PRESENCE_SECONDS = 20.0
PRESENCE_LATE_US = 100_000
KEEPS = 3000
FILE_PING_US = 20_000
FILES_AT_ONCE = 20
FILES_AT_ONCE_MIB = 64


def _against(**limits: float) -> tuple[Goal, ...]:
    names = {"nats": "nats-server", "amp": "AMP", "grpc": "grpc.aio", "crossbar": "Crossbar"}
    return tuple(Goal(limit, names.get(key, key)) for key, limit in limits.items())


def _relay(name: str, connections: int, outstanding: int, **limits: float) -> Callable[[Pace], RowResult]:
    return lambda pace: relay.measure(name, connections, outstanding, _against(**limits), pace)


def _fanout(name: str, outstanding: int, **limits: float) -> Callable[[Pace], RowResult]:
    return lambda pace: fanout.measure(name, 1000, outstanding, _against(**limits), pace)


def _copy_goals() -> tuple[Goal, ...]:
    rate = "mib_per_second"
    ping = Goal(FILE_PING_US, metric="p99_us", at_most=True)
    return Goal(1.0, "scp", metric=rate), Goal(0.6, "bare copy", metric=rate), ping


def _at_once_goals() -> tuple[Goal, ...]:
    memory = Goal(FILES_AT_ONCE_MIB, metric="growth_mib", at_most=True)
    return memory, Goal(FILE_PING_US, metric="p99_us", at_most=True)


def _presence(pace: Pace) -> RowResult:
    goals = (Goal(100, metric="arrived_percent"), Goal(PRESENCE_LATE_US, metric="p99_us", at_most=True))
    return presence.measure("presence", PRESENCE_USERS, PRESENCE_CONTACTS, PRESENCE_SECONDS, goals, pace)


def _idle(pace: Pace) -> RowResult:
    goals = (
        Goal(IDLE_BYTES, metric="bytes_per_connection", at_most=True),
        Goal(IDLE_CPU_PERCENT, metric="idle_cpu_percent", at_most=True),
        Goal(IDLE_RATE),
    )
    quick = pace.rounds == 1
    hold = 6.0 if quick else 20.0
    return idle.measure("idle", IDLE_CONNECTIONS, IDLE_OFFERED, goals, pace, hold)


ROWS: dict[str, Callable[[Pace], RowResult]] = {
    "relay-12-1": _relay("relay-12-1", 12, 1, mosquitto=1.0, nats=0.8),
    "relay-12-50": _relay("relay-12-50", 12, 50, mosquitto=5.0, nats=0.3),
    "relay-1000-1": _relay("relay-1000-1", 1000, 1, mosquitto=0.7),
    "flood": lambda pace: flood.measure("flood", False, (Goal(500_000),), pace),
    "flood-diagnostics": lambda pace: flood.measure("flood-diagnostics", True, (Goal(300_000),), pace),
    "queries-server": lambda pace: queries.measure("queries-server", False, _against(amp=1.5, grpc=5.0), pace),
    "queries-client": lambda pace: queries.measure("queries-client", True, _against(crossbar=3.0), pace),
    "offline-sqlite": lambda pace: offline_writes.measure("offline-sqlite", False, (Goal(KEEPS),), pace),
    "offline-postgresql": lambda pace: offline_writes.measure("offline-postgresql", True, (Goal(KEEPS),), pace),
    "idle": _idle,
    "log-ons": lambda pace: log_ons.measure(
        "log-ons", STORM_CLIENTS, (Goal(STORM_PING_MICROSECONDS, metric="p99_us", at_most=True),), pace
    ),
    "broadcast-1000-1": _fanout("broadcast-1000-1", 1, mosquitto=1.0, nats=0.4),
    "broadcast-1000-20": _fanout("broadcast-1000-20", 20, mosquitto=1.0, nats=0.4),
    "presence": _presence,
    "file-to-server": lambda pace: copies.measure_file("file-to-server", False, _copy_goals(), pace),
    "file-relayed": lambda pace: copies.measure_file("file-relayed", True, _copy_goals(), pace),
    "files-at-once": lambda pace: many_copies.measure("files-at-once", FILES_AT_ONCE, _at_once_goals(), pace),
    "folder": lambda pace: copies.measure_folder("folder", (Goal(0.3, "tar stream", metric="files_per_second"),), pace),
}
