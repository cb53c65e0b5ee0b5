"""A thread pool with a bounded queue, for work that blocks: a database's, or a password's hash.

Whoever comes when the queue is full is sent away at once with `ComeBackLater`, so that a flood costs memory
for `jobs` jobs and no more. Knows nothing of what the work is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final, ParamSpec, Protocol, TypeVar, cast

from twisted.internet.defer import Deferred, fail
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from esframework.errors import ComeBackLater, StoreClosed
from esframework.wire.retry import with_retry

P = ParamSpec("P")
T = TypeVar("T")

SHORTEST_DELAY: Final = 5.0
"""Seconds: a queue that was full is empty again by then."""

LONGEST_DELAY: Final = 15.0
"""Seconds: those who were sent away together return spread over the ten seconds between the two."""


class ThreadReactor(Protocol):
    """What of a reactor is used here."""

    def callFromThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None: ...

    def addSystemEventTrigger(
        self, phase: str, eventType: str, callable: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any: ...

    def removeSystemEventTrigger(self, triggerID: Any) -> None: ...


class BoundedPool:
    """At most `threads` jobs run and at most `jobs` run or wait; `name` is how refusals call it.

    The threads start with the first job and end with `close()`, at the latest when the reactor stops.
    `jitter` gives numbers from 0 to 1. All methods are for the reactor's thread.
    """

    log = Logger()

    def __init__(
        self,
        name: str,
        threads: int,
        jobs: int,
        *,
        reactor: ThreadReactor | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.limit = jobs
        self.open_jobs = 0
        self.refused = 0
        self._threads = ThreadPool(minthreads=0, maxthreads=threads, name=name)
        self._reactor = reactor
        self._jitter = jitter
        self._trigger: Any = None
        self._closed = False
        self._last: Callable[[], None] | None = None
        self._waiting_for_the_end: list[Deferred[None]] = []

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Call `work` in a thread and fire with what it returns or raises.

        Fails with `ComeBackLater` when the queue is full and with `StoreClosed` after `close()`. Cancelling
        gives the answer up; work that has not begun then is skipped.
        """
        if self._closed:
            return fail(StoreClosed(f"{self.name} is closed"))
        if self.open_jobs >= self.limit:
            self.refused += 1
            delay = SHORTEST_DELAY + (LONGEST_DELAY - SHORTEST_DELAY) * self._jitter()
            return fail(ComeBackLater(with_retry(f"{self.name} is busy", delay), delay))
        return self._submit(work, *args, **kwargs)

    def close(self, last: Callable[[], None] | None = None) -> Deferred[None]:
        """Take no more jobs, let those that were taken end, run `last` in a thread, end the threads; then
        fire.

        `last` is skipped where there never was a job, and when `close` was called before; what it raises is
        logged.
        """
        if not self._closed:
            self._closed = True
            self._last = last
        ended: Deferred[None] = Deferred()
        self._waiting_for_the_end.append(ended)
        self._end_when_idle()
        return ended

    def _submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        answer: Deferred[T] = Deferred()

        def wanted_work() -> T | None:
            return None if answer.called else work(*args, **kwargs)

        self.open_jobs += 1
        running = deferToThreadPool(self._started(), self._threads, wanted_work)
        running.addBoth(self._job_ended)
        running.addCallbacks(cast(Callable[[Any], None], answer.callback), answer.errback)
        return answer

    def _started(self) -> Any:
        """The reactor, with the threads running."""
        if self._reactor is None:
            from twisted.internet import reactor

            self._reactor = cast(ThreadReactor, reactor)
        if not self._threads.started:
            self._threads.start()
            self._trigger = self._reactor.addSystemEventTrigger("after", "shutdown", self._threads.stop)
        return self._reactor

    def _job_ended(self, result: T) -> T:
        self.open_jobs -= 1
        if self._closed and self._reactor is not None:
            # In the next turn: whoever waits for this job hears of it before those who wait for the end.
            self._reactor.callFromThread(self._end_when_idle)
        return result

    def _end_when_idle(self) -> None:
        if self.open_jobs:
            return
        last, self._last = self._last, None
        if last is not None and self._threads.started:
            self._submit(last).addErrback(self._last_failed)
            return
        if self._threads.started and self._reactor is not None:
            self._reactor.removeSystemEventTrigger(self._trigger)
            self._threads.stop()
        waiting, self._waiting_for_the_end = self._waiting_for_the_end, []
        for ended in waiting:
            ended.callback(None)

    def _last_failed(self, reason: Failure) -> None:
        self.log.failure("{name} did not close cleanly", failure=reason, name=self.name)
