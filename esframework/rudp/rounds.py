"""The rounds of an attempt: when one begins and ends, at the leader and at its follower.

The leader announces a round by the server and begins half a round trip of the relay later; the follower begins when the
announcement comes: both at the same moment, if there and back take equally long (as DCUtR of libp2p does it). Each
round is announced anew, so that one bad estimate spoils one round. Knows times only.
"""

from __future__ import annotations

from math import inf

from esframework.limits import rudp as limits
from esframework.rudp.stages import Step


class Rounds:
    """`number` is that of the round that began last, `deadline` when `expired` has something to say."""

    def __init__(self, is_leader: bool) -> None:
        self.number = 0
        self.is_running = False
        self.deadline = inf
        self._is_leader = is_leader

    def wait(self, now: float, relay_round_trip: float) -> None:
        """The leader announces the next one now; a follower waits to hear of it."""
        self.is_running = False
        head_start = min(max(0.0, relay_round_trip / 2), limits.LONGEST_HEAD_START)
        self.deadline = now + (head_start if self._is_leader else limits.SYNC_WAIT)

    def may_begin(self, number: int) -> bool:
        """Whether a round is a later one than the last, and there are so many."""
        return self.number < number <= limits.ROUNDS

    def begin(self, number: int, now: float) -> None:
        """A round begins. The follower's last one is longer: its leader may just have chosen a path when it ends."""
        self.number = number
        self.is_running = True
        is_longer = not self._is_leader and number == limits.ROUNDS
        self.deadline = now + limits.ROUND_TIME + (limits.NOMINATION_TIME if is_longer else 0.0)

    def expired(self, now: float) -> Step | None:
        """What it means that it is so late, if it means anything."""
        if now < self.deadline:
            return None
        if not self.is_running:
            return Step.ROUND_BEGINS if self._is_leader else Step.ROUNDS_OVER
        return Step.ROUNDS_OVER if self.number >= limits.ROUNDS else Step.ROUND_OVER
