"""Filters that may change or drop custom information. One that fails drops: a check that crashed did not pass."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from esframework.managers.custom.contracts import Information
from esframework.plugins.hooks import Subscription

_log = Logger()

Filter = Callable[[Information], "Information | None"]


class Filters:
    """An ordered list of filters; each gets what the one before it let through."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._filters: list[Filter] = []
        self._changed = changed

    def __bool__(self) -> bool:
        return bool(self._filters)

    def add(self, filter: Filter) -> Subscription:
        """Let `filter(information)` see everything: it returns it, a changed copy (`dataclasses.replace`), or None to
        drop it.

        The handle returned removes it again.
        """
        self._filters.append(filter)
        self._changed()
        return Subscription(self._filters, filter, self._changed)

    def apply(self, information: Information) -> Information | None:
        """What is left of it, or None."""
        current: Information | None = information
        for filter in tuple(self._filters):
            try:
                current = filter(current) if current is not None else None
            except Exception:
                _log.failure("a filter failed; information type {type} is dropped", type=information.information_type)
                return None
        return current
