"""One timer for all connections: heartbeats, log-on deadlines, stalled writes, and what managers want done now and
then.

Knows no rule: it calls `sweep` on each.
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
    """What a connection offers."""

    def sweep(self, now: float, heard_since: float) -> None: ...


class Sweeper:
    """Sweeps every `interval` seconds while it runs.

    When the timer itself comes late, nobody was listening meanwhile, so peers are not taken for silent (manual,
    experience 02: time-outs in batches).
    """

    def __init__(
        self,
        clock: IReactorTime,
        connections: Callable[[], Iterable[Sweepable]],
        others: Callable[[], Iterable[Callable[[float], None]]],
        interval: float = limits.SWEEP_INTERVAL,
    ) -> None:
        self._clock = clock
        self._connections = connections
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
        for connection in list(self._connections()):
            connection.sweep(now, self._heard_since)
        for other in self._others():
            try:
                other(now)
            except Exception:
                _log.failure("a manager's sweep failed")
