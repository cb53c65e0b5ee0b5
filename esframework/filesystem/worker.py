"""Work on one file, in the reactor's threads, one piece of work after another. Knows no file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


class FileWorker:
    """Does what it is given in the order in which it was given."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._waiting: deque[tuple[Callable[[], Any], Deferred[Any]]] = deque()
        self._is_busy = False

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        """Fires with what `work` returns, or fails with what it raises.

        A thread cannot be stopped: cancelling gives up the answer, and what comes next still waits for this.
        """
        answer: Deferred[T] = Deferred()
        self._waiting.append((work, answer))
        if not self._is_busy:
            self._begin()
        return answer

    # By hand, as there are a thousand pieces of work in a file of 1 GiB: with a DeferredLock and deferToThread, a trip
    # to a thread and back costs a third more.
    def _begin(self) -> None:
        work, answer = self._waiting.popleft()
        self._is_busy = True

        def done_in_thread(has_succeeded: bool, result: Any) -> None:
            self._reactor.callFromThread(self._end, answer, result)

        try:
            self._reactor.getThreadPool().callInThreadWithCallback(done_in_thread, work)
        except Exception:
            # The reactor is stopping: there are no threads any more.
            self._end(answer, Failure())

    def _end(self, answer: Deferred[Any], result: Any) -> None:
        self._is_busy = False
        if self._waiting:
            self._begin()
        if isinstance(result, Failure):
            answer.errback(result)
        else:
            answer.callback(result)
