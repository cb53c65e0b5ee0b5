"""Lanes that others wait for: what came by one way is handled before what comes by another. Knows no way."""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred

from esframework.plugins.models import OpenJob


class AwaitedLane:
    """Part of a `models.Lane`; whoever pauses and resumes it calls `tell_if_idle` whenever a handler has finished."""

    def __init__(self) -> None:
        super().__init__()
        self.open_job: OpenJob | None = None
        self.backlog: deque[Any] | None = None
        self.backlog_bytes = 0
        self._waiting_for_idle: list[Deferred[None]] = []

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being handled and nothing waits."""
        return self.open_job is None and not self.backlog

    def idle(self) -> Deferred[None] | None:
        """None when nothing is being handled and nothing waits; else fires when that is so."""
        if self.is_idle:
            return None
        waiting: Deferred[None] = Deferred()
        self._waiting_for_idle.append(waiting)
        return waiting

    def tell_if_idle(self) -> None:
        """Tell those who wait, if it is so."""
        if self._waiting_for_idle and self.is_idle:
            waiting, self._waiting_for_idle = self._waiting_for_idle, []
            for each in waiting:
                each.callback(None)
