"""Work on one file, in the reactor's threads, one piece of work after another. Knows no file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.threads import deferToThreadPool

T = TypeVar("T")


class FileWorker:
    """Does what it is given in the order in which it was given."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._turn = DeferredLock()

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Fires with what `work` returns, or fails with what it raises.

        A thread cannot be stopped: cancelling gives up the answer, and what comes next still waits for this.
        """
        answer: Deferred[T] = Deferred()
        pool = self._reactor.getThreadPool()
        self._turn.run(deferToThreadPool, self._reactor, pool, work).addCallbacks(answer.callback, answer.errback)
        return answer
