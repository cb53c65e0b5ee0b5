"""The clients of a storm of log-ons, as a program that prints JSON lines: `passwords`, `tokens` or `ping`.

With `tokens` all log on one after another first, lose their connections together, and come back by themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, DeferredList

from esframework import ClientEngine, ClientOptions
from esframework.errors import LogonFailed

EARLY = "early"
PASSWORD = "correct horse"
PING_INTERVAL = 0.01
TOGETHER = 32
"""Clients that log on side by side where it is not measured: fewer than may wait for their passwords to be checked."""


def user_name(number: int) -> str:
    """The account of a client."""
    return f"user{number}"


def tell(event: str, **facts: float) -> None:
    """One line."""
    print(json.dumps({"event": event, **facts}), flush=True)


def client(reactor: Any) -> ClientEngine:
    """One that is patient and comes back at once."""
    options = ClientOptions(log_on_timeout=120, reconnect_first_delay=0.1, reconnect_longest_delay=1.0)
    return ClientEngine(options=options, reactor=reactor)


async def come_in(reactor: Any, name: str, endpoint: str, waits: list[float]) -> ClientEngine:
    """Log on; when told to come back later, do."""
    engine = client(reactor)
    while True:
        try:
            await engine.log_on(name, PASSWORD, endpoint)
            return engine
        except LogonFailed as refusal:
            if refusal.retry_after is None:
                raise
            waits.append(refusal.retry_after)
            await task.deferLater(reactor, refusal.retry_after, lambda: None)


async def ping(reactor: Any, endpoint: str, clients: int) -> None:
    """Ping for ever, and tell how long each took."""
    engine = await come_in(reactor, EARLY, endpoint, [])
    while True:
        tell("ping", microseconds=await engine.basic.ping() * 1e6)
        await task.deferLater(reactor, PING_INTERVAL, lambda: None)


async def passwords(reactor: Any, endpoint: str, clients: int) -> None:
    """All at once, by their passwords."""
    await task.deferLater(reactor, 2.0, lambda: None)
    waits: list[float] = []
    began, cpu = time.monotonic(), time.process_time()
    tell("begin")
    storm = [Deferred.fromCoroutine(come_in(reactor, user_name(n), endpoint, waits)) for n in range(clients)]
    await DeferredList(storm, fireOnOneErrback=True)
    tell_result(began, cpu, len(waits))


async def tokens(reactor: Any, endpoint: str, clients: int) -> None:
    """All lose their connections, and come back by their session tokens."""
    engines: list[ClientEngine] = []
    for first in range(0, clients, TOGETHER):
        names = map(user_name, range(first, min(first + TOGETHER, clients)))
        came = [Deferred.fromCoroutine(come_in(reactor, name, endpoint, [])) for name in names]
        engines += [engine for _, engine in await DeferredList(came, fireOnOneErrback=True)]
    while not all(engine.accounts.session_token for engine in engines):
        await task.deferLater(reactor, 0.1, lambda: None)
    came = [back(engine) for engine in engines]
    began, cpu = time.monotonic(), time.process_time()
    tell("begin")
    for engine in engines:
        engine.close_connection(reconnect_now=True)
    await DeferredList(came, fireOnOneErrback=True)
    tell_result(began, cpu, 0)


def back(engine: ClientEngine) -> Deferred[Any]:
    """Fires when a client has come back."""
    came: Deferred[Any] = Deferred()
    engine.relogon_completed.subscribe(came.callback)
    return came


def tell_result(began: float, cpu: float, told_to_wait: int) -> None:
    """All are in."""
    seconds, used = time.monotonic() - began, time.process_time() - cpu
    tell("result", seconds=seconds, cpu_seconds=used, told_to_wait=told_to_wait)


def main(arguments: list[str]) -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storm", description=__doc__)
    parser.add_argument("part", choices=("passwords", "tokens", "ping"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, required=True)
    options = parser.parse_args(arguments)
    part = {"passwords": passwords, "tokens": tokens, "ping": ping}[options.part]
    endpoint = f"tcp:127.0.0.1:{options.port}"
    task.react(lambda reactor: Deferred.fromCoroutine(part(reactor, endpoint, options.clients)))


if __name__ == "__main__":
    main(sys.argv[1:])
