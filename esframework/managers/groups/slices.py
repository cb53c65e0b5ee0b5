"""Work done at once while this turn of the reactor has room for it, and else in later turns, in its order.

Knows work as functions that say beforehand how much they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from esframework import limits

SLICE: Final = 5000
"""Notices in one turn of the reactor: some milliseconds' work."""

PAUSE: Final = 0.005
"""Seconds between two slices, in which everything else goes on."""


class Slices:
    """Does `SLICE` much in a turn. What waits beyond `most` is done at once: memory is bounded, and order is kept."""

    def __init__(self, clock: IReactorTime, most: int = limits.MAX_NOTICES_WAITING) -> None:
        self._clock = clock
        self._most = most
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        self._size = 0
        self._spent = 0
        self._timer: IDelayedCall | None = None

    def do(self, size: int, work: Callable[[], None]) -> None:
        """Do work of this size when it is its turn."""
        self._waiting.append((size, work))
        self._size += size
        self._work_off()
        if self._timer is None:
            self._timer = self._clock.callLater(0, self._next_turn)

    def close(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._size = self._spent = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next_turn(self) -> None:
        self._timer = None
        self._spent = 0
        if self._waiting:
            self._work_off()
            self._timer = self._clock.callLater(PAUSE, self._next_turn)

    def _work_off(self) -> None:
        while self._waiting and (self._spent < SLICE or self._size > self._most):
            size, work = self._waiting.popleft()
            self._size -= size
            self._spent += size
            work()
