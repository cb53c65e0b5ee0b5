"""When to say which packets came: seldom while all is well, at once when something is missing.

A packet that comes late, filling a gap, is no reason to hurry: on a path that changes the order a conversation of small
messages would take a third more datagrams for it. Other than RFC 9000, 13.2.1, asks for.

Knows packet numbers and times; what was in the packets is told only as far as they want an answer.
"""

from __future__ import annotations

from math import inf

from esframework.limits import rudp as limits
from esframework.rudp.packet import put_ack
from esframework.rudp.ranges import RangeSet


class Acknowledger:
    """Reads the numbers that came from `received`, which the opener of datagrams keeps.

    `deadline`: when an acknowledgement is due, `inf` if none is. `has_news`: something would be new to the other end,
    and rides along with whatever leaves.
    """

    def __init__(self, received: RangeSet) -> None:
        self.deadline = inf
        self.has_news = False
        self._received = received
        self._newest = -1
        self._newest_at = 0.0
        self._count = 0
        # What the other end is known to know.
        self._known = 0
        self._pinged_at = -inf
        self._busy_since = 0.0
        self._busy_count = 0
        self._every = limits.ACK_EVERY

    def came(self, number: int, is_eliciting: bool, now: float, round_trip: float) -> None:
        """A packet came for the first time."""
        is_gap = number > self._newest + 1
        is_late = number < self._newest
        if number > self._newest:
            self._newest = number
            self._newest_at = now
        if not is_eliciting:
            return
        self.has_news = True
        self._count += 1
        self._busy_count += 1
        if now - self._busy_since >= limits.ACK_RATE_TIME:
            self._measure(now)
        if is_gap or self._count >= (limits.ACK_EVERY if is_late else self._every):
            self.deadline = now
        elif self._count == 1:
            is_busy = self._every > limits.ACK_EVERY
            self.deadline = now + (min(limits.MAX_ACK_DELAY, round_trip / 4) if is_busy else limits.MAX_ACK_DELAY)

    def put(self, packet: bytearray, now: float) -> int:
        """Say what came; gives the newest number, for `known` when the packet has arrived."""
        put_ack(packet, self._received.newest(limits.MAX_ACK_RANGES, self._known), max(0.0, now - self._newest_at))
        self.deadline = inf
        self.has_news = False
        self._count = 0
        return self._newest

    def known(self, newest: int) -> None:
        """The other end knows of all up to `newest`, and need not be told of them again."""
        self._known = max(self._known, newest)

    def wants_answer(self, now: float, round_trip: float) -> bool:
        """Whether the next acknowledgement should itself be acknowledged, since they have become long."""
        if len(self._received) < limits.ACK_RANGES_ANSWERED or now - self._pinged_at < round_trip:
            return False
        if len(self._received.newest(limits.ACK_RANGES_ANSWERED, self._known)) < limits.ACK_RANGES_ANSWERED:
            return False
        self._pinged_at = now
        return True

    def _measure(self, now: float) -> None:
        rate = self._busy_count / (now - self._busy_since)
        self._every = limits.ACK_EVERY_WHEN_BUSY if rate > limits.ACK_BUSY_RATE else limits.ACK_EVERY
        self._busy_since = now
        self._busy_count = 0
