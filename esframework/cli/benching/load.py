"""What every kind of load has in common: how it is driven, what it counts, and sending in turn at an interval.

Knows no server, and no frames.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from esframework.cli.benching.measuring import Histogram

LOST: Final = "connection lost"
NOT_ANSWERED: Final = "not answered"

_STEP: Final = 0.01
"""Seconds between two looks at what is due; the messages of a round are spread over its interval."""


class Load(Protocol):
    """A load while it runs. `total` is what the rate is made of, and grows; `sent` may run ahead of it."""

    @property
    def errors(self) -> Counter[str]: ...
    @property
    def sent(self) -> int: ...
    @property
    def skipped(self) -> int: ...
    @property
    def latency(self) -> Histogram: ...
    @property
    def total(self) -> int: ...
    @property
    def received(self) -> int | None: ...
    def begin(self) -> None: ...
    def end(self) -> None: ...
    def settle(self) -> Deferred[None]: ...


class Rounds:
    """Calls `send(index)` for each of `number` connections in turn, once an interval (the manual's test).

    Who falls behind by more than a round sends less: `skipped` counts what was left out.
    """

    def __init__(self, reactor: Any, number: int, interval: float, send: Callable[[int], None]) -> None:
        self._number = number
        self._interval = interval
        self._send = send
        self._began = 0.0
        self._position = 0
        self._loop = LoopingCall(self._advance)
        self._loop.clock = reactor
        self._now: Callable[[], float] = reactor.seconds
        self.skipped = 0

    def begin(self) -> None:
        """Start the first round."""
        self._began = self._now()
        self._loop.start(min(_STEP, self._interval))

    def end(self) -> None:
        """Send no more."""
        if self._loop.running:
            self._loop.stop()

    def _advance(self) -> None:
        due = int((self._now() - self._began) / self._interval * self._number) + 1
        late = due - self._position - self._number
        if late > 0:
            self.skipped += late
            self._position += late
        while self._position < due and self._loop.running:
            index = self._position % self._number
            self._position += 1
            self._send(index)


class Barrier:
    """Fires `passed` when a number of things are all over."""

    def __init__(self, number: int) -> None:
        self.passed: Deferred[None] = Deferred()
        self.open = number
        self.look()

    def one_over(self) -> None:
        """One of them is over."""
        self.open -= 1
        self.look()

    def look(self) -> None:
        """Fire when nothing is open any more."""
        if self.open <= 0 and not self.passed.called:
            self.passed.callback(None)


async def wait_at_most(reactor: Any, waiting: Deferred[Any], seconds: float) -> bool:
    """Whether `waiting` fired within so many seconds."""
    either: Deferred[bool] = Deferred()
    timer = reactor.callLater(seconds, either.callback, False)

    def fired(result: object) -> object:
        if not either.called:
            either.callback(True)
        return result

    # Not `addTimeout`: it cancels, and a list of Deferreds takes that as if all had ended.
    waiting.addBoth(fired)
    try:
        return await either
    finally:
        if timer.active():
            timer.cancel()
