"""Queries: 64 outstanding, each side a process of its own, by every contestant's own engine on both sides."""

from __future__ import annotations

import importlib.util
from contextlib import ExitStack
from pathlib import Path

from benchmarks.asking import ANSWERER
from benchmarks.measurement import OURS, Goal, RowResult
from benchmarks.peers import Contestant
from benchmarks.peers.crossbar_query import program as crossbar_program
from benchmarks.peers.crossbar_query import router_command
from benchmarks.peers.ours import engines_absent
from benchmarks.process import Process, python_module
from benchmarks.running import CpuClock, Pace, Server, started

OUTSTANDING = 64
MODULES = {
    OURS: "benchmarks.peers.our_query",
    "AMP": "benchmarks.peers.amp_query",
    "grpc.aio": "benchmarks.peers.grpc_query",
    "Crossbar": "benchmarks.peers.crossbar_query",
}


def _serving(name: str) -> Contestant:
    def command(port: int, folder: Path) -> list[str]:
        return python_module(MODULES[name], "serve", "--port", port)

    def absent() -> str | None:
        if name == OURS:
            return engines_absent()
        if name == "grpc.aio" and importlib.util.find_spec("grpc") is None:
            return "grpcio is not installed (pip install grpcio)"
        return None

    return Contestant(name, "", command, absent)


def _crossbar_absent() -> str | None:
    if crossbar_program() and importlib.util.find_spec("autobahn"):
        return None
    return "crossbar and autobahn are not installed (pip install crossbar)"


CROSSBAR = Contestant("Crossbar", "", router_command, _crossbar_absent)
TO_SERVER = (_serving(OURS), _serving("AMP"), _serving("grpc.aio"))
TO_CLIENT = (_serving(OURS), CROSSBAR)


def measure_once(server: Server, pace: Pace, answerer: Process | None = None) -> dict[str, float]:
    """One asking process against one server, as metrics."""
    name = server.contestant.name
    command = python_module(MODULES[name], "ask", "--port", server.port, "--outstanding", OUTSTANDING)
    command += ["--warm-up", str(pace.warm_up), "--seconds", str(pace.seconds)]
    if answerer is not None:
        command += ["--target", ANSWERER]
    clock = CpuClock(server.process, *([answerer] if answerer else []))
    with Process(f"{name}, asking", command, server.folder / "ask.log") as asker:
        line = asker.result(pace.warm_up + pace.seconds + 60)
    wall = pace.warm_up + pace.seconds
    generator = line["cpu_seconds"] * wall / line["seconds"]
    keys = ("per_second", "p50_us", "p99_us", "max_us")
    return {key: line[key] for key in keys} | clock.metrics(wall, generator)


def measure(name: str, to_client: bool, goals: tuple[Goal, ...], pace: Pace) -> RowResult:
    """The whole row: every contestant once a round."""
    direction = "client → client, routed" if to_client else "client → server"
    result = RowResult(name, f"queries {direction}, {OUTSTANDING} outstanding", "queries/s", goals)
    with ExitStack() as stack:
        servers = stack.enter_context(started(TO_CLIENT if to_client else TO_SERVER, result))
        answerers = {server.port: _answering(stack, server) for server in servers} if to_client else {}
        for _ in range(pace.rounds):
            for server in servers:
                result.add(server.contestant.name, measure_once(server, pace, answerers.get(server.port)))
    return result


def _answering(stack: ExitStack, server: Server) -> Process:
    command = python_module(MODULES[server.contestant.name], "answer", "--port", server.port)
    process = stack.enter_context(
        Process(f"{server.contestant.name}, answering", command, server.folder / "answer.log")
    )
    process.wait_for_line()
    return process
