"""Events that notify, filters that may change or drop, permissions that fail closed.

A subscriber that crashes is logged and the others run. Knows nothing of what is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVarTuple

from twisted.logger import Logger

_log = Logger()
Arguments = TypeVarTuple("Arguments")


class Subscription:
    """The handle of one subscriber."""

    __slots__ = ("_subscribers", "_callback", "_changed", "_is_cancelled")

    def __init__(
        self,
        subscribers: list[Any],
        callback: Callable[..., object],
        changed: Callable[[], None] | None,
    ) -> None:
        self._subscribers = subscribers
        self._callback = callback
        self._changed = changed
        self._is_cancelled = False

    def cancel(self) -> None:
        """Be told no more; cancelling twice is harmless."""
        if self._is_cancelled:
            return
        self._is_cancelled = True
        self._subscribers.remove(self._callback)
        if self._changed is not None:
            self._changed()


class Event(Generic[*Arguments]):
    """Something that happens; `subscribe(callback)` and be called with its arguments, in the reactor's thread."""

    __slots__ = ("name", "_subscribers", "_changed")

    def __init__(self, name: str, changed: Callable[[], None] | None = None) -> None:
        """`changed` is told when subscribers come or go, so that nobody makes arguments that nobody reads."""
        self.name = name
        self._subscribers: list[Callable[..., object]] = []
        self._changed = changed

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        return bool(self._subscribers)

    def __repr__(self) -> str:
        return f"<Event {self.name}: {len(self._subscribers)} subscribers>"

    def subscribe(self, callback: Callable[[*Arguments], object]) -> Subscription:
        """Call `callback` whenever this happens, until the handle returned is cancelled."""
        self._subscribers.append(callback)
        if self._changed is not None:
            self._changed()
        return Subscription(self._subscribers, callback, self._changed)

    def fire(self, *arguments: *Arguments) -> None:
        """Tell all subscribers, in the order in which they came; one that raises is logged."""
        for callback in tuple(self._subscribers):
            try:
                callback(*arguments)
            except Exception:
                _log.failure("a subscriber of {event} failed", event=self.name)
