"""The task-queue handler model: plain functions in a pool of threads, in no promised order (manual, chapter 11).

When the queue is full, reading pauses on the connections that fill it. Knows handlers as functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from esframework import limits
from esframework.interfaces import IHandlerModel
from esframework.plugins.models import Lane, Observer, as_deferred, tell

_log = Logger()

PAUSED_BY_QUEUE = 16


@dataclass(frozen=True, slots=True)
class TaskQueueInfo:
    """Messages waiting for a worker now, and the most there ever were; worker threads in all and at work."""

    waiting: int
    highest: int
    threads: int
    working: int


@implementer(IHandlerModel)
class TaskQueueModel:
    """Runs handlers in `threads` threads; up to `length` messages wait.

    A handler may return a coroutine or Deferred: it is awaited in the reactor.
    """

    def __init__(
        self,
        reactor: Any,
        threads: int = limits.WORKER_THREADS,
        length: int = limits.TASK_QUEUE_LENGTH,
        observer: Observer | None = None,
    ) -> None:
        self._reactor = reactor
        self._length = length
        self._observer = observer
        self._threads = threads
        self._pool = self._new_pool()
        self._held: set[Lane] = set()
        self._waiting = 0
        self._working = 0
        self._highest = 0
        self._at_shutdown: Any = None
        self._is_stopping = False
        self.failures = 0

    def start(self) -> None:
        """Begin to work; again after `stop` has fired, if wanted."""
        self._is_stopping = False
        self._pool.start()
        # An engine that its program forgets to close must not keep the process alive with its threads.
        self._at_shutdown = self._reactor.addSystemEventTrigger("during", "shutdown", self._pool.stop)

    def stop(self) -> Deferred[None]:
        """Drop what waits; fires when the handlers that run have ended.

        They are waited for in a thread: a handler may itself be waiting for a call that the reactor must make.
        """
        if self._at_shutdown is not None:
            self._reactor.removeSystemEventTrigger(self._at_shutdown)
            self._at_shutdown = None
        self._is_stopping = True
        pool, self._pool = self._pool, self._new_pool()
        stopped: Deferred[None] = Deferred()

        def wait() -> None:
            pool.stop()
            self._reactor.callFromThread(stopped.callback, None)

        Thread(target=wait, name="esframework-handlers-stop", daemon=True).start()
        return stopped

    def _new_pool(self) -> ThreadPool:
        return ThreadPool(minthreads=0, maxthreads=self._threads, name="esframework-handlers")

    def info(self) -> TaskQueueInfo:
        """The queue now."""
        return TaskQueueInfo(self._waiting, self._highest, self._threads, self._working)

    def sweep(self, now: float) -> None:
        """Nothing has a deadline here: a thread cannot be ended."""

    def forget(self, lane: Lane) -> None:
        """A connection is gone."""
        self._held.discard(lane)

    def run(
        self,
        sender: Any,
        style: str,
        information_type: int,
        function: Callable[..., Any],
        content: bytes | None,
        answer: Callable[[Any], None] | None = None,
    ) -> None:
        self._waiting += 1
        self._highest = max(self._highest, self._waiting)
        if self._waiting >= self._length:
            sender.lane.pause_reading(PAUSED_BY_QUEUE)
            self._held.add(sender.lane)
        self._pool.callInThread(self._work, sender.name, style, information_type, function, content, answer)

    def _work(
        self,
        name: str | None,
        style: str,
        information_type: int,
        function: Callable[..., Any],
        content: bytes | None,
        answer: Callable[[Any], None] | None,
    ) -> None:
        self._reactor.callFromThread(self._begun)
        if self._is_stopping:
            self._reactor.callFromThread(self._dropped)
            return
        record = None if self._observer is None else self._observer.begun(style, information_type)
        try:
            result = function(name, information_type, content)
        except Exception:
            result = Failure()
        self._reactor.callFromThread(self._ended, style, information_type, record, result, answer)

    def _begun(self) -> None:
        self._waiting -= 1
        self._working += 1
        if self._held and self._waiting <= self._length // 2:
            held, self._held = self._held, set()
            for lane in held:
                lane.resume_reading(PAUSED_BY_QUEUE)

    def _dropped(self) -> None:
        self._working -= 1

    def _ended(
        self, style: str, information_type: int, record: Any, result: Any, answer: Callable[[Any], None] | None
    ) -> None:
        self._working -= 1
        deferred: Deferred[Any] | None = as_deferred(result)
        if deferred is not None:
            deferred.addBoth(lambda value: self._settle(style, information_type, record, value, answer))
        else:
            self._settle(style, information_type, record, result, answer)

    def _settle(
        self, style: str, information_type: int, record: Any, result: Any, answer: Callable[[Any], None] | None
    ) -> None:
        failed = isinstance(result, Failure)
        if self._observer is not None:
            self._observer.ended(record, failed)
        if failed:
            self.failures += 1
            _log.failure(
                "the handler of {style} {information_type} failed",
                result,
                style=style,
                information_type=information_type,
            )
        if answer is not None:
            tell(answer, result)
