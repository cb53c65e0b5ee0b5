"""Logging that peers can provoke, kept small: the first of a kind is logged, then one in an interval. Counting is
others'."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from twisted.internet.interfaces import IReactorTime

_INTERVAL: Final = 10.0
"""Seconds between two entries of one kind: often enough to see that it goes on."""

_MOST_KINDS: Final = 1024
"""Kinds told apart; peers choose the numbers in them."""


class Quiet:
    """Decides which of many like events are worth an entry."""

    def __init__(self, clock: IReactorTime, interval: float = _INTERVAL) -> None:
        self._clock = clock
        self._interval = interval
        self._kinds: dict[Hashable, tuple[float, int]] = {}

    def admits(self, kind: Hashable) -> int | None:
        """How many of `kind` went unlogged since the last entry, when this one is to be logged; None when it is not."""
        now = self._clock.seconds()
        since, passed_over = self._kinds.get(kind, (now - self._interval, 0))
        if now - since < self._interval:
            self._kinds[kind] = (since, passed_over + 1)
            return None
        if len(self._kinds) >= _MOST_KINDS:
            self._kinds.clear()
        self._kinds[kind] = (now, 0)
        return passed_over
