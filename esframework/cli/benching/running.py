"""One stress test from its plan to its report: server, connections, load, measurement, and the way back.

The parts know nothing of each other; they meet here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import LoopingCall, deferLater
from twisted.internet.threads import deferToThread

from esframework.cli.benching.asking import Asking, close_clients, log_on_clients
from esframework.cli.benching.flood import Flood
from esframework.cli.benching.handlers import HandlerLoad, Work
from esframework.cli.benching.load import Load
from esframework.cli.benching.measuring import ProcessMeter, SecondCounter
from esframework.cli.benching.opening import Opened, open_connections, raise_descriptor_limit
from esframework.cli.benching.own_server import OwnServer
from esframework.cli.benching.progress import Progress
from esframework.cli.benching.relay import Relay
from esframework.cli.benching.report import HANDLERS, Report
from esframework.cli.benching.schemes import Plan

UNITS: Final = {"flood": "messages", "relay": "messages", "query": "answers"}
LATENCY_OF: Final = {"flood": "ping beside it", "relay": "through the server", "query": "question to answer"}


@dataclass(frozen=True, slots=True)
class Target:
    """The server under test. Without `endpoint` one is started; `process_id` is one on this machine to be watched."""

    endpoint: str | IStreamClientEndpoint | None = None
    password: str = ""
    process_id: int | None = None


@dataclass(slots=True)
class Measured:
    """What `measure` saw: seconds until all was over, what each second brought, CPU of this process in percent."""

    seconds: float
    per_second: tuple[int, ...]
    own_cpu_percent: float
    interrupted: bool


async def run_bench(reactor: Any, plan: Plan, target: Target, progress: Progress) -> Report:
    """Do the test, and leave nothing behind.

    Raises what opening the connections raises when none succeeds, OwnServerFailed and TooFewDescriptors. When it is
    cancelled while it measures, it ends early and reports; before that it raises CancelledError.
    """
    raise_descriptor_limit(plan.connections + 1)
    async with _server(plan, target) as (endpoint, process_id, handled):
        async with _load(reactor, plan, target.password, endpoint, progress) as (load, failures):
            meter = None if process_id is None else ProcessMeter(process_id)
            measured = await measure(reactor, load, plan.seconds, meter, progress)
            count = await handled()
    return Report(
        work=plan.mode,
        settings=_settings(plan),
        unit=UNITS[plan.mode],
        seconds=measured.seconds,
        sent=load.sent,
        total=load.total,
        received=load.received,
        per_second=measured.per_second,
        latency=load.latency.summary(),
        latency_of=LATENCY_OF[plan.mode],
        skipped=load.skipped,
        handled=count,
        errors=dict(failures + load.errors),
        server=None if meter is None else meter.figures(),
        own_cpu_percent=measured.own_cpu_percent,
        interrupted=measured.interrupted,
    )


async def measure(reactor: Any, load: Load, seconds: float, meter: ProcessMeter | None, progress: Progress) -> Measured:
    """Drive a load for so many seconds, then wait until it has settled; being cancelled ends the seconds early."""
    counter, interrupted = SecondCounter(), False

    def tick() -> None:
        if meter is not None:
            meter.sample(reactor.seconds())
        grown = counter.tick(load.total)
        progress.show(f"{len(counter.seconds)} s: {grown:,} a second")

    ticking = LoopingCall(tick)
    ticking.clock = reactor
    began, cpu = reactor.seconds(), time.process_time()
    if meter is not None:
        meter.begin(began)
    load.begin()
    ticking.start(1.0, now=False)
    try:
        await deferLater(reactor, seconds)
    except CancelledError:
        interrupted = True
    load.end()
    ticking.stop()
    if not counter.seconds:
        counter.tick(load.total)
    await load.settle()
    ended = reactor.seconds()
    if meter is not None:
        meter.sample(ended)
    own = 100 * (time.process_time() - cpu) / (ended - began)
    progress.clear()
    return Measured(ended - began, tuple(counter.seconds), own, interrupted)


async def run_handlers(reactor: Any, work: Work, settings: Mapping[str, Any], progress: Progress) -> Report:
    """Let callers call handlers, alone; `settings` are repeated in the report. Cancelled, it ends early and reports."""
    load = HandlerLoad(reactor, work)
    measured = await measure(reactor, load, work.seconds, None, progress)
    return Report(
        work=HANDLERS,
        settings={**settings, "in": "threads" if work.runs_in_threads else "the reactor"},
        unit="calls",
        seconds=load.seconds,
        sent=load.sent,
        total=load.total,
        received=load.received,
        per_second=load.per_second,
        latency=load.latency.summary(),
        latency_of="call to return",
        errors=dict(load.errors),
        own_cpu_percent=measured.own_cpu_percent,
        interrupted=measured.interrupted,
    )


@asynccontextmanager
async def _server(
    plan: Plan, target: Target
) -> AsyncIterator[tuple[str | IStreamClientEndpoint, int | None, Callable[[], Awaitable[int | None]]]]:
    """The server's endpoint, its process if it can be watched, and how to ask what its handler was given."""
    if target.endpoint is not None:
        yield target.endpoint, target.process_id, _not_known
        return
    own = OwnServer(plan.max_user_id)
    try:
        await deferToThread(own.start)
        yield own.endpoint, own.process_id, lambda: deferToThread(own.handled)
    finally:
        await deferToThread(own.stop)


async def _not_known() -> None:
    """A server that is not ours does not say what it handled."""


@asynccontextmanager
async def _load(
    reactor: Any, plan: Plan, password: str, endpoint: str | IStreamClientEndpoint, progress: Progress
) -> AsyncIterator[tuple[Load, Counter[str]]]:
    """The load over open connections, and by what words connections failed."""
    if plan.mode == "query":
        clients = await log_on_clients(reactor, plan, password, endpoint)
        try:
            yield Asking(reactor, plan, clients), Counter()
        finally:
            await close_clients(clients)
        return

    def opened_so_far(number: int) -> None:
        if progress.is_on and number % 50 == 0:
            progress.show(f"{number:,} of {plan.connections:,} connections")

    names = [*plan.user_names, plan.probe_name] if plan.mode == "flood" else plan.user_names
    opened = Opened()
    try:
        await open_connections(reactor, opened, plan, names, password, endpoint, opened_so_far)
        connections = opened.connections
        if plan.mode == "relay":
            yield Relay(reactor, plan, connections), opened.failures
        else:
            # Whoever came in last measures: when some could not come in, there may be none by the probe's name.
            yield Flood(reactor, plan, connections[:-1] or connections, connections[-1]), opened.failures
    finally:
        await opened.close(reactor)


def _settings(plan: Plan) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "connections": plan.connections,
        "interval_ms": round(plan.interval * 1000, 3),
        "size": plan.size,
        "generation": plan.generation,
    }
    if plan.mode != "flood":
        settings["outstanding"] = plan.outstanding
        settings["in_pairs"] = plan.in_pairs
    return settings
