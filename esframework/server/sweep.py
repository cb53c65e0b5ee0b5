"""One timer for all connections: heartbeats, log-on deadlines, stalled writes, and what managers want done now and
then.

A connection is looked at when it is due, not every second: a wheel holds those due in each second. Knows no rule: it
asks each for the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from esframework import limits

_log = Logger()


class Sweepable(Protocol):
    """What a connection offers; the wheel alone writes `due`."""

    due: int

    def sweep(self, now: float, heard_since: float) -> float | None:
        """Meet the deadlines that have come; the time of the next one, or None for no more."""


class Wheel:
    """Things by the second in which they are due."""

    def __init__(self) -> None:
        self._seconds: dict[int, set[Sweepable]] = {}
        self._turned_to = 0

    def add(self, item: Sweepable, when: float) -> None:
        """`item` is due at `when`, to within a second."""
        item.due = max(int(when) + 1, self._turned_to + 1)
        self._seconds.setdefault(item.due, set()).add(item)

    def remove(self, item: Sweepable) -> None:
        """`item` is due no more."""
        second = self._seconds.get(item.due)
        if second is not None:
            second.discard(item)
            if not second:
                del self._seconds[item.due]

    def turn(self, now: float) -> list[Sweepable]:
        """Take out what is due at `now`."""
        self._turned_to = int(now)
        return [item for second in sorted(self._seconds) if second <= now for item in self._seconds.pop(second)]


class Sweeper:
    """Sweeps every `interval` seconds while it runs.

    When the timer itself comes late, nobody was listening meanwhile, so peers are not taken for silent (manual,
    experience 02: time-outs in batches).
    """

    def __init__(
        self,
        clock: IReactorTime,
        others: Callable[[], Iterable[Callable[[float], None]]],
        interval: float = limits.SWEEP_INTERVAL,
    ) -> None:
        self.wheel = Wheel()
        self._clock = clock
        self._others = others
        self._interval = interval
        self._last = 0.0
        self._heard_since = 0.0
        self._loop = LoopingCall(self._sweep)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin."""
        self._last = self._heard_since = self._clock.seconds()
        if not self._loop.running:
            finished: Deferred[LoopingCall] = self._loop.start(self._interval, now=False)
            finished.addErrback(lambda failure: _log.failure("the sweep ended", failure))

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def _sweep(self) -> None:
        now = self._clock.seconds()
        if now - self._last > 3 * self._interval:
            self._heard_since = now
        self._last = now
        for item in self.wheel.turn(now):
            try:
                due = item.sweep(now, self._heard_since)
            except Exception:
                _log.failure("looking after {item} failed", item=item)
                due = now
            if due is not None:
                self.wheel.add(item, due)
        for other in self._others():
            try:
                other(now)
            except Exception:
                _log.failure("a sweep failed")
