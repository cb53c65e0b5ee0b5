"""Deferreds of those who wait for receipts: each fires when its message has come far enough, or fails. Knows no frames.

The same for clients and servers.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from esframework.errors import RequestError
from esframework.managers.delivery.contracts import LAST_LEVELS, MessageKey, Receipt
from esframework.managers.delivery.failures import stored, timed_out
from esframework.net.alarm import Alarm
from esframework.plugins.hooks import Event
from esframework.wire.types import Level


class _Wait:
    """Somebody waits for a message to reach `until`."""

    __slots__ = ("deferred", "target", "information_type", "until", "level", "timeout", "deadline")

    def __init__(
        self,
        deferred: Deferred[Receipt],
        target: str | None,
        information_type: int,
        until: Level,
        timeout: float,
        deadline: float,
    ) -> None:
        self.deferred = deferred
        self.target = target
        self.information_type = information_type
        self.until = until
        self.level = Level.QUEUED
        self.timeout = timeout
        self.deadline = deadline


class Tracking:
    """What is waited for in one engine; `give_up(key)` is called for a message that nobody waits for any more, before
    its end.

    `receipt_changed(id, level)` tells of every step of every message, `not_delivered(error)` of each that came to
    another end than it should have; the error is an `Undelivered`.
    """

    def __init__(self, clock: IReactorTime, give_up: Callable[[MessageKey], None]) -> None:
        self._clock = clock
        self._give_up = give_up
        self._waits: dict[MessageKey, _Wait] = {}
        self._alarm = Alarm(clock, self._expire)
        self.receipt_changed: Event[str, Level] = Event("delivery.receipt_changed")
        self.not_delivered: Event[RequestError] = Event("delivery.not_delivered")

    def wait(
        self, key: MessageKey, target: str | None, information_type: int, until: Level, timeout: float | None
    ) -> Deferred[Receipt]:
        """Fires with the receipt that says `until` or more; `timeout` in seconds, None waits as long as it takes.

        Cancelling gives the message up.
        """
        seconds = timeout or 0.0
        deferred: Deferred[Receipt] = Deferred(lambda _: self._cancelled(key))
        deadline = self._clock.seconds() + seconds if seconds > 0 else float("inf")
        self._waits[key] = _Wait(deferred, target, information_type, until, seconds, deadline)
        if seconds > 0:
            self._alarm.set(deadline)
        return deferred

    def reached(self, key: MessageKey, level: Level) -> None:
        """A message has come to a level."""
        if self.receipt_changed:
            self.receipt_changed.fire(str(key), level)
        wait = self._waits.get(key)
        if wait is None:
            return
        wait.level = level
        if level >= wait.until:
            del self._waits[key]
            wait.deferred.callback(Receipt(str(key), level))
        elif level in LAST_LEVELS:
            del self._waits[key]
            wait.deferred.errback(stored(key, wait.target, wait.information_type))

    def failed(self, key: MessageKey, level: Level, error: RequestError) -> None:
        """A message will come no further than a level, which may be as far as somebody wanted."""
        self.not_delivered.fire(error)
        wait = self._waits.pop(key, None)
        if wait is None:
            return
        if level >= wait.until:
            wait.deferred.callback(Receipt(str(key), level))
        else:
            wait.deferred.errback(error)

    def close(self) -> None:
        """Stop the clock."""
        self._alarm.cancel()

    def _cancelled(self, key: MessageKey) -> None:
        self._waits.pop(key, None)
        self._give_up(key)

    def _expire(self, now: float) -> None:
        for key, wait in [(key, wait) for key, wait in self._waits.items() if wait.deadline <= now]:
            del self._waits[key]
            self._give_up(key)
            error = timed_out(key, wait.target, wait.information_type, wait.level, wait.until, wait.timeout)
            self.not_delivered.fire(error)
            wait.deferred.errback(error)
        deadline = min((wait.deadline for wait in self._waits.values()), default=float("inf"))
        if deadline < float("inf"):
            self._alarm.set(deadline)
