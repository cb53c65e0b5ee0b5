"""The manual's stress test: every connection sends information to the server, at an interval or flat out.

Latency is that of pings on a connection of its own, so that it tells how quickly the server answers while it is
flooded. Knows what was sent; what the server did with it, only the server knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from esframework.cli.benching.connection import LoadConnection
from esframework.cli.benching.load import LOST, NOT_ANSWERED, Barrier, Rounds, wait_at_most
from esframework.cli.benching.measuring import Histogram
from esframework.cli.benching.schemes import Plan
from esframework.wire.frames import Frame
from esframework.wire.types import MessageType

CHUNK: Final = 64 * 1024 + 1
"""Bytes written at a time when sending flat out: just enough that Twisted's transports ask for a pause."""

PING_INTERVAL: Final = 0.05
"""Seconds between two pings: twenty a second are no load, and two hundred in ten seconds are enough for a p99."""

SETTLE_SECONDS: Final = 10.0
"""How long the server may take to work off what was sent to it."""


class Flood:
    """A flood over `connections`, measured by `probe`; see `Load`."""

    def __init__(self, reactor: Any, plan: Plan, connections: list[LoadConnection], probe: LoadConnection) -> None:
        self._reactor = reactor
        self._connections = connections
        self._probe = _Probe(reactor, probe)
        self._running = False
        self._frames = [connection.information(plan.information_type, bytes(plan.size)) for connection in connections]
        self._rounds = Rounds(reactor, len(connections), plan.interval, self._send) if plan.interval > 0 else None
        self._barrier: Barrier | None = None
        self._busy = 0
        self.sent = 0
        self.latency = self._probe.latency
        self.errors: Counter[str] = Counter()
        for connection in connections:
            connection.on_frames = self._came
            connection.on_lost = self._lost
        probe.on_lost = self._probe_lost

    @property
    def total(self) -> int:
        """Messages sent."""
        return self.sent

    @property
    def received(self) -> None:
        """Nobody answers a flood."""

    @property
    def skipped(self) -> int:
        """Messages that were due and not sent, because the server did not read or this program was late."""
        return self._busy + (0 if self._rounds is None else self._rounds.skipped)

    def begin(self) -> None:
        """Start to send."""
        self._running = True
        self._probe.begin()
        if self._rounds is not None:
            self._rounds.begin()
            return
        for connection, frame in zip(self._connections, self._frames, strict=True):
            pump = self._pump(connection, frame)
            connection.on_writable = pump
            pump()

    def end(self) -> None:
        """Send no more."""
        self._running = False
        self._probe.end()
        if self._rounds is not None:
            self._rounds.end()

    def settle(self) -> Deferred[None]:
        """Fires when the server has worked off everything: when it has answered a ping behind it on each connection."""
        return Deferred.fromCoroutine(self._settle())

    async def _settle(self) -> None:
        alive = [connection for connection in self._connections if not connection.is_lost]
        barrier = self._barrier = Barrier(len(alive))
        for connection in alive:
            connection.send(connection.frame(MessageType.PING_BY_SERVER, b"", message_id=1))
        if not await wait_at_most(self._reactor, barrier.passed, SETTLE_SECONDS):
            self.errors[f"{NOT_ANSWERED} {SETTLE_SECONDS:g} s after the end"] += barrier.open

    def _pump(self, connection: LoadConnection, frame: bytes) -> Callable[[], None]:
        number = -(-CHUNK // len(frame))
        chunk = frame * number

        def pump() -> None:
            while self._running and not connection.is_paused and not connection.is_lost:
                # Not `send`: what the kernel takes at once brings no pause, and nobody else would have a turn.
                connection.transport.write(chunk)  # type: ignore[union-attr]
                self.sent += number

        return pump

    def _send(self, index: int) -> None:
        connection = self._connections[index]
        if connection.is_paused:
            self._busy += 1
        elif not connection.is_lost:
            connection.send(self._frames[index])
            self.sent += 1

    def _came(self, frames: list[Frame]) -> None:
        if self._barrier is not None:
            for frame in frames:
                if frame[0] == MessageType.PING_ANSWER:
                    self._barrier.one_over()

    def _probe_lost(self) -> None:
        self.errors[f"{LOST} of the one that measures latency"] += 1

    def _lost(self) -> None:
        self.errors[LOST] += 1
        if self._barrier is not None:
            self._barrier.one_over()


class _Probe:
    """Pings the server again and again."""

    def __init__(self, reactor: Any, connection: LoadConnection) -> None:
        self._connection = connection
        self._asked: dict[int, float] = {}
        self._loop = LoopingCall(self._ask)
        self._loop.clock = reactor
        self._now: Callable[[], float] = reactor.seconds
        self._number = 0
        self.latency = Histogram()
        connection.on_frames = self._came

    def begin(self) -> None:
        self._loop.start(PING_INTERVAL)

    def end(self) -> None:
        if self._loop.running:
            self._loop.stop()

    def _ask(self) -> None:
        if not self._connection.is_lost:
            self._number += 1
            self._asked[self._number] = self._now()
            self._connection.send(self._connection.frame(MessageType.PING_BY_SERVER, b"", message_id=self._number))

    def _came(self, frames: list[Frame]) -> None:
        arrived = self._now()
        for message_type, message_id, *_ in frames:
            asked = self._asked.pop(message_id, None) if message_type == MessageType.PING_ANSWER else None
            if asked is not None:
                self.latency.record(arrived - asked)
