"""One delayed call for any number of deadlines. Knows no machine: it calls back when the earliest deadline has come."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Alarm:
    """Calls `ring(now)` once the time set has come; then it is silent until it is set again."""

    def __init__(self, clock: IReactorTime, ring: Callable[[float], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._call: IDelayedCall | None = None
        self._at = 0.0

    def set(self, deadline: float | None) -> None:
        """Ring at `deadline` or earlier: an earlier time already set is kept. None changes nothing."""
        if deadline is None:
            return
        if self._call is not None:
            if self._at <= deadline:
                return
            self._call.cancel()
        self._at = deadline
        self._call = self._clock.callLater(max(0.0, deadline - self._clock.seconds()), self._rung)

    def cancel(self) -> None:
        """Be silent."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _rung(self) -> None:
        self._call = None
        self._ring(self._clock.seconds())
