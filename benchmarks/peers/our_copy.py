"""Ours: `client.files` to the server, or to another client by way of it, with all the checks that it always makes.

While it copies, the sender pings over the same connection, the receiver where there is one; a ping's time counts from
when it was due.

Run as ``python -m benchmarks.peers.our_copy serve|receive|send|ping --port 4530 ...``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from twisted.internet import reactor as the_reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import LoopingCall

from benchmarks.copying import Copying, Copyist, run_sender
from benchmarks.measurement import OURS
from benchmarks.peers.ours import engines_absent
from benchmarks.peers.twisted_program import forever, run
from benchmarks.process import Process, free_port, python_module
from esframework import ClientEngine, ServerEngine

MODULE = "benchmarks.peers.our_copy"
RECEIVER = "receiver"
PING_INTERVAL = 0.01

reactor: Any = the_reactor


def say(**facts: object) -> None:
    """One line."""
    print(json.dumps(facts), flush=True)


async def logged_on(name: str, port: int) -> ClientEngine:
    """A client."""
    client = ClientEngine()
    await client.log_on(name, "secret", f"tcp:127.0.0.1:{port}")
    return client


async def serve(options: argparse.Namespace) -> None:
    """Take every file that is for the server, and relay the others."""
    server: Any = ServerEngine()
    server.files.offered.subscribe(lambda offer: offer.accept(options.into / offer.name))
    server.startService()
    await server.listen(f"tcp:{options.port}:interface=127.0.0.1")
    await forever()


async def receive(options: argparse.Namespace) -> None:
    """Take every file, as so many users."""
    for number in range(options.count):
        client: Any = await logged_on(f"{RECEIVER}{number}", options.port)
        client.files.offered.subscribe(lambda offer: offer.accept(options.into / offer.name))
    say(event="ready")
    await forever()


class Pings:
    """Pings at fixed times, and how long each took; the last of them may still be on their way."""

    def __init__(self, client: Any, target: str | None) -> None:
        self._client = client
        self._target = target
        self.microseconds: list[float] = []
        self._due = reactor.seconds()
        self._next = reactor.callLater(0, self._ping)

    def _ping(self) -> None:
        while self._due <= reactor.seconds():
            answer = self._client.basic.ping(self._target)
            answer.addCallback(lambda _, due=self._due: self.microseconds.append((reactor.seconds() - due) * 1e6))
            answer.addErrback(lambda _: None)
            self._due += PING_INTERVAL
        self._next = reactor.callLater(max(0.0, self._due - reactor.seconds()), self._ping)

    def stop(self) -> dict[str, float]:
        """The figures."""
        self._next.cancel()
        return percentiles(self.microseconds)


def percentiles(microseconds: Sequence[float]) -> dict[str, float]:
    """The figures of waits."""
    waits = sorted(microseconds) or [0.0]
    shares = (("p50_us", 0.5), ("p99_us", 0.99), ("max_us", 1.0))
    return {name: waits[min(len(waits) - 1, int(len(waits) * share))] for name, share in shares}


async def send(options: argparse.Namespace) -> None:
    """Send as many times at once as there are to be clients, to the server and to users in turn; how long it took."""
    targets = [f"{RECEIVER}{number}" if number < options.relayed else None for number in range(options.count)]
    clients: list[Any] = [await logged_on(f"sender{number}", options.port) for number in range(options.count)]
    say(event="ready")
    pings = Pings(clients[0], targets[0])
    began, cpu = time.perf_counter(), time.process_time()
    await gatherResults(
        [
            Deferred.fromCoroutine(copy(client, target, options.source, number if options.count > 1 else None))
            for number, (client, target) in enumerate(zip(clients, targets, strict=True))
        ],
        consumeErrors=True,
    )
    seconds = time.perf_counter() - began
    say(event="result", seconds=seconds, cpu_seconds=time.process_time() - cpu, **pings.stop())


async def copy(client: Any, target: str | None, source: Path, number: int | None) -> None:
    """Send once, under a name of its own where there are several."""
    name = None if number is None else f"{number}-{source.name}"
    transfer = await client.files.send(target, source, name=name)
    await transfer.done()


async def ping(options: argparse.Namespace) -> None:
    """Ping the server as somebody who sends nothing, and tell the figures of each second."""
    client = await logged_on("bystander", options.port)
    pings = Pings(client, None)
    told = 0

    def tell() -> None:
        nonlocal told
        say(event="pings", microseconds=[round(wait) for wait in pings.microseconds[told:]])
        told = len(pings.microseconds)

    LoopingCall(tell).start(0.25)
    await forever()


def start_server(stack: ExitStack, folder: Path, into: Path) -> tuple[Process, int]:
    """Ours, and its port."""
    port = free_port()
    command = python_module(MODULE, "serve", "--port", port, "--into", into)
    server = stack.enter_context(Process(OURS, command, folder / "serve.log"))
    server.wait_for_port(port)
    return server, port


def start_receivers(stack: ExitStack, folder: Path, into: Path, port: int, count: int) -> Process:
    """Users who take every file."""
    command = python_module(MODULE, "receive", "--port", port, "--into", into, "--count", count)
    receivers = stack.enter_context(Process(f"{OURS}, receiving", command, folder / "receive.log"))
    receivers.wait_for_line()
    return receivers


def _start(stack: ExitStack, folder: Path, into: Path, relayed: int) -> Copying:
    server, port = start_server(stack, folder, into)
    processes = [server]
    if relayed:
        processes.append(start_receivers(stack, folder, into, port, 1))

    def copy(source: Path) -> dict[str, float]:
        command = python_module(MODULE, "send", "--port", port, "--source", source, "--relayed", relayed)
        return run_sender(OURS, command, folder / "send.log")

    return Copying(copy, tuple(processes))


OUR_COPY = Copyist(OURS, lambda stack, folder, into: _start(stack, folder, into, 0), engines_absent)
OUR_RELAYED = Copyist(OURS, lambda stack, folder, into: _start(stack, folder, into, 1), engines_absent)


def main() -> None:
    """One of the programs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("role", choices=("serve", "receive", "send", "ping"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--count", type=int, default=1, help="clients")
    parser.add_argument("--relayed", type=int, default=0, help="how many of them send to users")
    options = parser.parse_args()
    run(lambda: {"serve": serve, "receive": receive, "send": send, "ping": ping}[options.role](options))


if __name__ == "__main__":
    main()
