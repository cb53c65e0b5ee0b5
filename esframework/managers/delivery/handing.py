"""Hands messages to the application's handler, one after another, by the engine's handler model.

The same for clients and servers. Knows no frames: who gave a message is told how its handler fared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.python.failure import Failure

from esframework.interfaces import IContext, PausedBy
from esframework.managers.delivery.contracts import Delivered
from esframework.plugins.models import OpenJob
from esframework.wire.types import RequestFailure

Finished = Callable[[int], None]
"""`finished(failure)`: 0, or a `RequestFailure` of a message that was not handled."""


class _Lane:
    """The handler model's lane of these messages. It outlives connections: what was received is handed over without
    one, too, and what the server hands to one that has not finished limits how much that is."""

    open_job: OpenJob | None = None
    backlog: deque[Any] | None = None
    backlog_bytes = 0

    def pause_reading(self, party: PausedBy) -> None:
        """Nothing is read here."""

    def resume_reading(self, party: PausedBy) -> None:
        """Nothing is read here."""

    def handler_overdue(self) -> None:
        """The model cancels the handler, whose message then counts as not handled."""


class _Origin:
    """Whom a message is from, as the handler model wants to know it."""

    __slots__ = ("name", "lane")

    def __init__(self, name: str | None, lane: _Lane) -> None:
        self.name = name
        self.lane = lane


class Handing:
    """A queue of messages for the handler, of which it has one at a time.

    Each goes to `handle_delivery(message)` where the handler has that, else to `handle_information`. A message is
    handled when the handler has returned, and what it returned has fired, without an error.
    """

    def __init__(self, context: IContext, run: Callable[..., None]) -> None:
        """`run` has a function called as `IHandlerModel.run` does."""
        self._context = context
        self._model_run = run
        self._lane = _Lane()
        self._waiting: deque[tuple[str | None, Delivered, Finished]] = deque()
        self._is_going_on = False
        self._is_open = False

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to hand over, and no handler at work."""
        return not self._waiting and not self._is_open

    def add(self, source: str | None, message: Delivered, finished: Finished) -> None:
        """Hand a message over when it is its turn; `source` is what handlers get as theirs."""
        self._waiting.append((source, message, finished))
        self._go_on()

    def close(self) -> None:
        """Hand over no more; nobody is told how a handler that is at work fares."""
        self._waiting.clear()

    def _go_on(self) -> None:
        # A handler that returns at once comes back to here: a loop, so that a thousand of them are no recursion.
        if self._is_going_on:
            return
        self._is_going_on = True
        try:
            while self._waiting and not self._is_open:
                self._run(*self._waiting.popleft())
        finally:
            self._is_going_on = False

    def _run(self, source: str | None, message: Delivered, finished: Finished) -> None:
        handler = self._context.handler
        if handler is None:
            finished(RequestFailure.NO_SUCH_THING)
            return
        self._is_open = True

        def answer(result: Any) -> None:
            self._is_open = False
            finished(RequestFailure.HANDLER_RAISED if isinstance(result, Failure) else 0)
            self._go_on()

        self._model_run(
            _Origin(source, self._lane),
            "delivery",
            message.information_type,
            _function_of(handler, message),
            message.content,
            answer,
        )


def _function_of(handler: Any, message: Delivered) -> Callable[..., Any]:
    whole = getattr(handler, "handle_delivery", None)
    if whole is None:
        function: Callable[..., Any] = handler.handle_information
        return function

    def handle(source: str | None, information_type: int, content: bytes | None) -> Any:
        # Filters may have changed it.
        return whole(replace(message, information_type=information_type, content=content))

    return handle
