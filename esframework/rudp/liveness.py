"""Whether the other end is still there: a heartbeat when nothing was answered lately, and the moment of giving up.

    heartbeat    5 s, more or less a fifth, after the last answer, and again
    lost         12 s after anything was heard, or 1 s after a reason to doubt: time to look for the other end elsewhere
    over         15 s after it

Knows times only.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from esframework.limits import rudp as limits

_LOST: Final = limits.SILENCE - limits.PATH_TIMEOUT


class Liveness:
    """`chance()` gives a number from 0 to 1: heartbeats of many channels do not fall together."""

    def __init__(self, now: float, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._heard_at = now
        self._beat_at = 0.0
        self._lost_at = now + _LOST
        self._postpone(now)

    @property
    def deadline(self) -> float:
        """When the next heartbeat, loss of the path, or death, is due."""
        return min(self._beat_at, self._lost_at, self._heard_at + limits.SILENCE)

    @property
    def dies_at(self) -> float:
        """When the other end counts as gone, unless it is heard before."""
        return self._heard_at + limits.SILENCE

    def is_over(self, now: float) -> bool:
        """Whether the other end is gone. Who asks much too late was asleep or busy itself: what came meanwhile may be
        unread, and is waited for a little."""
        if now < self.dies_at:
            return False
        if now - self.dies_at <= limits.LATE:
            return True
        self._heard_at = now - limits.SILENCE + limits.LATE
        return False

    def heard(self, now: float) -> None:
        """Something authentic came."""
        self._heard_at = now
        self._lost_at = now + _LOST

    def is_lost(self, now: float) -> bool:
        """Whether nothing comes by the path any more; said once for each silence, and for each doubt before that."""
        if now < self._lost_at:
            return False
        lost_at = self._heard_at + _LOST
        self._lost_at = lost_at if now < lost_at else inf
        return True

    def doubt(self, now: float) -> None:
        """There is reason to think that the path is lost: it is, unless something is heard soon."""
        self._lost_at = min(self._lost_at, now + limits.DOUBT)

    def answered(self, now: float) -> None:
        """Something that was sent has arrived: no heartbeat is needed for a while."""
        self._postpone(now)

    def beats(self, now: float) -> bool:
        """Whether to ask for a sign of life now; counts as asked."""
        if now < self._beat_at:
            return False
        self._postpone(now)
        return True

    def silence(self, now: float) -> float:
        """Seconds since the other end was heard."""
        return now - self._heard_at

    def _postpone(self, now: float) -> None:
        self._beat_at = now + limits.HEARTBEAT * (0.8 + 0.4 * self._chance())
