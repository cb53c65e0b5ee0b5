"""A reactor whose time moves only when it is told to. Knows delayed calls and calls from threads; no sockets."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock
from twisted.python import threadable
from twisted.python.failure import Failure
from zope.interface import implementer

_MOST_CALLS_AT_ONCE = 1_000_000


class ImmediatePool:
    """A pool of no threads: it does the work where it is asked for it."""

    def callInThreadWithCallback(
        self, on_result: Callable[[bool, Any], object], work: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> None:
        """As Twisted's pools do: `on_result(succeeded, result or Failure)`."""
        try:
            result = work(*args, **kwargs)
        except Exception:
            on_result(False, Failure())
        else:
            on_result(True, result)


@implementer(IReactorFromThreads)
class VirtualReactor(Clock):
    """Twisted's `Clock`, but each call runs at its own time: `advance(30)` is thirty seconds of ordinary life.

    What a delayed call raises comes out of `advance` and `settle`, where a real reactor would only log it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._from_threads: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._triggers: set[object] = set()
        self._pool = ImmediatePool()
        if threadable.ioThread is None:
            # No reactor runs in this process: calls of engines from worker threads are to hop to the test's thread.
            threadable.registerAsIOThread()

    @property
    def next_call_at(self) -> float | None:
        """When the earliest delayed call is due, None without any."""
        earliest = self._earliest()
        return None if earliest is None else earliest.getTime()

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> DelayedCall:
        """Part of IReactorTime. Keeps the calls in order, so that a network of hundreds of engines stays quick."""
        call = DelayedCall(
            self.rightNow + delay, callable, args, kw, self.calls.remove, lambda _: self._sortCalls(), self.seconds
        )
        insort(self.calls, call)
        return call

    def advance(self, amount: float) -> None:
        """Let `amount` seconds pass, and run everything at its time."""
        end = self.rightNow + amount
        self.settle()
        while (at := self.next_call_at) is not None and at <= end:
            self.rightNow = max(self.rightNow, at)
            self.settle()
        self.rightNow = end

    def jump(self, amount: float) -> None:
        """Let `amount` seconds pass during which the reactor was held up: what is due then comes late, all at once."""
        self.rightNow += amount
        self.settle()

    def settle(self) -> None:
        """Run what is due now, and what that makes due at once, until nothing is."""
        for _ in range(_MOST_CALLS_AT_ONCE):
            if not (self._run_from_thread() or self._run_due()):
                return
        raise RuntimeError(f"more than {_MOST_CALLS_AT_ONCE} calls without any time passing: something calls itself")

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        """Part of IReactorFromThreads: may be called in any thread; runs in the test's."""
        self._from_threads.put(lambda: callable(*args, **kwargs))

    def addSystemEventTrigger(
        self, phase: str, event_type: str, callable: Callable[..., Any], *args: object, **kwargs: object
    ) -> object:
        """Part of IReactorCore: what is to be done when the reactor stops, which this one never does."""
        trigger = object()
        self._triggers.add(trigger)
        return trigger

    def getThreadPool(self) -> ImmediatePool:
        """Part of IReactorThreads, as engines use it: work for a thread is done at once, before any time passes, and
        what comes of it is told in the next turn.
        """
        return self._pool

    def removeSystemEventTrigger(self, trigger: object) -> None:
        """Part of IReactorCore; raises KeyError for what was not added."""
        self._triggers.remove(trigger)

    def wait_for_thread(self, real_seconds: float) -> bool:
        """Wait for a call from a thread, and run it; False when none came."""
        try:
            call = self._from_threads.get(timeout=real_seconds)
        except Empty:
            return False
        call()
        return True

    def _run_from_thread(self) -> bool:
        try:
            call = self._from_threads.get_nowait()
        except Empty:
            return False
        call()
        return True

    def _run_due(self) -> bool:
        call = self._earliest()
        if call is None or call.getTime() > self.rightNow:
            return False
        self.calls.pop(0)
        call.called = 1
        call.func(*call.args, **call.kw)
        return True

    def _sortCalls(self) -> None:
        # By the time at which each was to be before it was put off, as all of Twisted's reactors keep them.
        self.calls.sort()

    def _earliest(self) -> DelayedCall | None:
        # A call that was put off keeps its place until its turn comes.
        while self.calls and self.calls[0].delayed_time > 0:
            self.calls[0].activate_delay()
            self._sortCalls()
        return self.calls[0] if self.calls else None
