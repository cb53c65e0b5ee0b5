"""The task-queue handler model: plain functions in a pool of threads, in no promised order (manual, chapter 11).

When the queue is full, by messages or by bytes, reading pauses on the connections that fill it. Knows handlers as
functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from esframework import limits
from esframework.interfaces import IHandlerModel, PausedBy
from esframework.plugins.models import Lane, Observer, as_deferred, report_failure, tell
from esframework.plugins.quiet import Quiet

_log = Logger()


@dataclass(frozen=True, slots=True)
class TaskQueueInfo:
    """Messages waiting for a worker now, and the most there ever were; worker threads in all; handlers at work: in a
    thread, or as a coroutine or Deferred that is open in the reactor."""

    waiting: int
    highest: int
    threads: int
    working: int


class _Job:
    """One message on its way through the queue. `epoch` is the run of the model in which it came."""

    __slots__ = ("name", "style", "information_type", "function", "content", "answer", "size", "epoch", "deferred")

    def __init__(
        self,
        name: str | None,
        style: str,
        information_type: int,
        function: Callable[..., Any],
        content: bytes | None,
        answer: Callable[[Any], None] | None,
        epoch: object,
    ) -> None:
        self.name = name
        self.style = style
        self.information_type = information_type
        self.function = function
        self.content = content
        self.answer = answer
        self.size = len(content or b"")
        self.epoch = epoch
        self.deferred: Deferred[Any] | None = None


@implementer(IHandlerModel)
class TaskQueueModel:
    """Runs handlers in `threads` threads; up to `length` messages wait, and all that are not finished have up to
    `most_bytes`.

    A handler may return a coroutine or Deferred: it is awaited in the reactor, and until then counts as one that waits.
    Closing waits `grace` seconds for handlers.
    """

    def __init__(
        self,
        reactor: Any,
        threads: int = limits.WORKER_THREADS,
        length: int = limits.TASK_QUEUE_LENGTH,
        observer: Observer | None = None,
        most_bytes: int = limits.TASK_QUEUE_BYTES,
        grace: float = limits.CLOSE_GRACE,
    ) -> None:
        self._reactor = reactor
        self._length = length
        self._most_bytes = most_bytes
        self._observer = observer
        self._threads = threads
        self._grace = grace
        self._pool = self._new_pool()
        self._held: set[Lane] = set()
        self._waiting = 0
        self._working: set[_Job] = set()
        self._open = 0
        self._bytes = 0
        self._highest = 0
        self._epoch = object()
        self._stops: list[Deferred[None]] = []
        self._giving_up: IDelayedCall | None = None
        self._at_shutdown: Any = None
        self._quiet = Quiet(reactor)
        self.failures = 0

    def start(self) -> None:
        """Begin to work; again after `stop` has fired, if wanted."""
        self._pool.start()
        # An engine that its program forgets to close must not keep the process alive with its threads.
        self._at_shutdown = self._reactor.addSystemEventTrigger("during", "shutdown", self._end_with_the_reactor)

    def stop(self) -> Deferred[None]:
        """Drop what waits; fires when the handlers at work have ended, or else after the grace: the log then says
        which have not, and those that are open in the reactor are cancelled.

        The pool is ended in a thread: a handler may itself be waiting for a call that the reactor must make.
        """
        if self._at_shutdown is not None:
            self._reactor.removeSystemEventTrigger(self._at_shutdown)
            self._at_shutdown = None
        self._end_pool()
        stopped: Deferred[None] = Deferred()
        self._stops.append(stopped)
        if self._giving_up is None:
            self._giving_up = self._reactor.callLater(self._grace, self._give_up)
        self._stop_when_idle()
        return stopped

    def _new_pool(self) -> ThreadPool:
        pool = ThreadPool(minthreads=0, maxthreads=self._threads, name="esframework-handlers")
        # A handler that never ends must not keep the process alive.
        pool.threadFactory = partial(Thread, daemon=True)  # type: ignore[assignment]  # any callable that makes threads
        return pool

    def _end_pool(self) -> Thread:
        self._epoch = object()
        pool, self._pool = self._pool, self._new_pool()
        ending = Thread(target=pool.stop, name="esframework-handlers-stop", daemon=True)
        ending.start()
        return ending

    def _end_with_the_reactor(self) -> None:
        self._at_shutdown = None
        ending = self._end_pool()
        ending.join(self._grace)
        if ending.is_alive():
            self._name_the_stuck()

    def _give_up(self) -> None:
        self._giving_up = None
        self._name_the_stuck()
        stops, self._stops = self._stops, []
        for job in list(self._working):
            if job.deferred is not None:
                job.deferred.cancel()
        for stopped in stops:
            stopped.callback(None)

    def _name_the_stuck(self) -> None:
        stuck = Counter((job.style, job.information_type) for job in self._working)
        for (style, information_type), count in stuck.items():
            _log.warn(
                "closing goes on without {count} handlers of {style} {information_type}: not finished after {grace} s",
                count=count,
                style=style,
                information_type=information_type,
                grace=self._grace,
            )

    def _stop_when_idle(self) -> None:
        if self._waiting or self._working or not self._stops:
            return
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        stops, self._stops = self._stops, []
        for stopped in stops:
            stopped.callback(None)

    def info(self) -> TaskQueueInfo:
        """The queue now."""
        return TaskQueueInfo(self._waiting, self._highest, self._threads, len(self._working))

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
        job = _Job(sender.name, style, information_type, function, content, answer, self._epoch)
        self._waiting += 1
        self._bytes += job.size
        self._highest = max(self._highest, self._waiting)
        if self._waiting + self._open >= self._length or self._bytes >= self._most_bytes:
            sender.lane.pause_reading(PausedBy.QUEUE)
            self._held.add(sender.lane)
        self._pool.callInThread(self._work, job)

    def _work(self, job: _Job) -> None:
        if job.epoch is not self._epoch:
            self._reactor.callFromThread(self._dropped, job)
            return
        self._reactor.callFromThread(self._begun, job)
        record = None if self._observer is None else self._observer.begun(job.style, job.information_type)
        try:
            result = job.function(job.name, job.information_type, job.content)
        except BaseException:
            # A handler that calls sys.exit must be counted out, too, and ends no thread of ours.
            result = Failure()
        self._reactor.callFromThread(self._returned, job, record, result)

    def _dropped(self, job: _Job) -> None:
        self._waiting -= 1
        self._leave(job)

    def _begun(self, job: _Job) -> None:
        self._waiting -= 1
        self._working.add(job)
        self._resume_reading()

    def _returned(self, job: _Job, record: Any, result: Any) -> None:
        deferred = as_deferred(result)
        if deferred is None:
            self._settled(result, job, record)
            return
        self._open += 1
        job.deferred = deferred
        deferred.addBoth(self._closed, job, record)

    def _closed(self, result: Any, job: _Job, record: Any) -> None:
        self._open -= 1
        self._settled(result, job, record)

    def _settled(self, result: Any, job: _Job, record: Any) -> None:
        failed = isinstance(result, Failure)
        if self._observer is not None:
            self._observer.ended(record, failed)
        if failed:
            self.failures += 1
            report_failure(self._quiet, result, job.style, job.information_type)
        if job.answer is not None:
            tell(job.answer, result)
        self._working.discard(job)
        self._leave(job)

    def _leave(self, job: _Job) -> None:
        self._bytes -= job.size
        self._resume_reading()
        self._stop_when_idle()

    def _resume_reading(self) -> None:
        if not self._held or self._waiting + self._open > self._length // 2 or self._bytes > self._most_bytes // 2:
            return
        held, self._held = self._held, set()
        for lane in held:
            lane.resume_reading(PausedBy.QUEUE)
