"""Pairs that talk through the server: the first of each sends, the second receives, each message tells when it left.

A pair has at most so many messages under way; a new one leaves for each that arrives, or at an interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from twisted.internet.defer import Deferred

from esframework.cli.benching.connection import LoadConnection
from esframework.cli.benching.load import LOST, NOT_ANSWERED, Barrier, Rounds, wait_at_most
from esframework.cli.benching.measuring import Histogram
from esframework.cli.benching.schemes import STAMP_SIZE, Plan
from esframework.wire.frames import Frame
from esframework.wire.types import MessageType

_STAMP: Final = Struct("<d")
_BEFORE_CONTENT: Final = 8
"""Bytes of an information's body before its content."""

SETTLE_SECONDS: Final = 5.0
"""How long messages may still be under way after the end."""


class Relay:
    """Messages between `connections` two by two; see `Load`."""

    def __init__(self, reactor: Any, plan: Plan, connections: list[LoadConnection]) -> None:
        self._reactor = reactor
        self.now: Callable[[], float] = reactor.seconds
        self._outstanding = plan.outstanding
        self._running = False
        self.sent = 0
        self.delivered = 0
        self.latency = Histogram()
        self.errors: Counter[str] = Counter()
        by_name = {connection.user_id: connection for connection in connections}
        names = plan.user_names
        self._pairs = [
            _Pair(self, plan, by_name[sender], by_name[receiver])
            for sender, receiver in zip(names[::2], names[1::2], strict=True)
            if sender in by_name and receiver in by_name
        ]
        self._rounds = Rounds(reactor, len(self._pairs), plan.interval, self._send) if plan.interval > 0 else None
        self._held_back = 0
        self._barrier: Barrier | None = None

    @property
    def total(self) -> int:
        """Messages delivered."""
        return self.delivered

    @property
    def received(self) -> int:
        """Messages delivered."""
        return self.delivered

    @property
    def skipped(self) -> int:
        """Messages that were due and not sent, because too many were under way or this program was late."""
        return self._held_back + (0 if self._rounds is None else self._rounds.skipped)

    @property
    def is_steady(self) -> bool:
        """Whether each delivered message is followed by another."""
        return self._running and self._rounds is None

    def begin(self) -> None:
        """Start to send."""
        self._running = True
        if self._rounds is not None:
            self._rounds.begin()
            return
        for pair in self._pairs:
            pair.send(self._outstanding)

    def end(self) -> None:
        """Send no more."""
        self._running = False
        if self._rounds is not None:
            self._rounds.end()

    def settle(self) -> Deferred[None]:
        """Fires when nothing is under way any more."""
        return Deferred.fromCoroutine(self._settle())

    async def _settle(self) -> None:
        barrier = self._barrier = Barrier(sum(pair.under_way for pair in self._pairs))
        if not await wait_at_most(self._reactor, barrier.passed, SETTLE_SECONDS):
            self.errors[f"not delivered {SETTLE_SECONDS:g} s after the end"] += barrier.open

    def arrived(self, number: int) -> None:
        """So many messages are where they should be, or lost for good."""
        if self._barrier is not None:
            self._barrier.open -= number
            self._barrier.look()

    def _send(self, index: int) -> None:
        pair = self._pairs[index]
        if pair.under_way < self._outstanding:
            pair.send(1)
        else:
            self._held_back += 1


class _Pair:
    """One sender and its receiver."""

    def __init__(self, relay: Relay, plan: Plan, sender: LoadConnection, receiver: LoadConnection) -> None:
        self._relay = relay
        self._sender = sender
        self._stamp_at = sender.layout.header_size + _BEFORE_CONTENT
        frame = sender.information(plan.information_type, bytes(plan.size), receiver.user_id)
        self._head = frame[: self._stamp_at]
        self._tail = frame[self._stamp_at + STAMP_SIZE :]
        self._is_broken = False
        self.under_way = 0
        receiver.on_frames = self._came
        sender.on_lost = receiver.on_lost = self._lost

    def send(self, number: int) -> None:
        """Send so many messages at once."""
        if not self._is_broken:
            self.under_way += number
            self._relay.sent += number
            self._sender.send((self._head + _STAMP.pack(self._relay.now()) + self._tail) * number)

    def _came(self, frames: list[Frame]) -> None:
        relay, stamp_at = self._relay, self._stamp_at
        arrived = relay.now()
        least = stamp_at + STAMP_SIZE
        number = 0
        for message_type, _, _, _, raw in frames:
            if message_type == MessageType.INFORMATION_POSTED and len(raw) >= least:
                relay.latency.record(arrived - _STAMP.unpack_from(raw, stamp_at)[0])
                number += 1
        self.under_way -= number
        relay.delivered += number
        relay.arrived(number)
        if number and relay.is_steady:
            self.send(number)

    def _lost(self) -> None:
        self._relay.errors[LOST] += 1
        self._relay.errors[NOT_ANSWERED] += self.under_way
        lost, self.under_way = self.under_way, 0
        self._is_broken = True
        self._relay.arrived(lost)
