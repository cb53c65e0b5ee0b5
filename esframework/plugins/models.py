"""The direct handler model: handlers run in the reactor, one message of a connection after another (manual, chapter
11).

While a handler's Deferred is open, further application messages of that connection queue; when the queue is long,
reading pauses. Knows handlers as functions, and a connection as its `lane`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from inspect import iscoroutine
from math import inf
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework import limits
from esframework.interfaces import IHandlerModel, PausedBy
from esframework.plugins.quiet import Quiet

_log = Logger()

FENCE: Final = "fence"
"""Style of what waits in one lane until another one is idle: handlers there have their own limit."""


_Job = tuple[Any, str, int, Callable[..., Any], "bytes | None", "Callable[[Any], None] | None"]


class Lane(Protocol):
    """What the model needs of a connection; the model alone writes `open_job`, `backlog` and `backlog_bytes`."""

    open_job: OpenJob | None
    backlog: deque[_Job] | None
    backlog_bytes: int

    def pause_reading(self, party: PausedBy) -> None: ...
    def resume_reading(self, party: PausedBy) -> None: ...
    def handler_overdue(self) -> None: ...


class Observer(Protocol):
    """What diagnostics implement to see handlers at work."""

    def begun(self, style: str, information_type: int) -> Any: ...
    def ended(self, record: Any, failed: bool) -> None: ...


class OpenJob:
    """A handler whose Deferred has not fired yet."""

    __slots__ = ("lane", "deferred", "started", "style", "information_type", "is_waiting")

    def __init__(self, lane: Lane, deferred: Deferred[Any], started: float, style: str, information_type: int) -> None:
        self.lane = lane
        self.deferred = deferred
        self.started = started
        self.style = style
        self.information_type = information_type
        self.is_waiting = False


def tell(answer: Callable[[Any], None], result: Any) -> None:
    """Give a handler's result to `answer`; that it cannot be sent must not hold up the messages behind."""
    try:
        answer(result)
    except Exception:
        _log.failure("an answer could not be sent")


def as_deferred(result: Any) -> Deferred[Any] | None:
    """The Deferred of what a function returned, when it must be awaited."""
    if isinstance(result, Deferred):
        return result
    return Deferred.fromCoroutine(result) if iscoroutine(result) else None


def report_failure(quiet: Quiet, failure: Failure, style: str, information_type: int) -> None:
    """Log that a handler raised; seldom, since whoever sends the right bytes can make it do so again and again."""
    passed_over = quiet.admits((style, information_type, failure.type))
    if passed_over is not None:
        _log.failure(
            "the handler of {style} {information_type} failed ({passed_over} more since the last such entry)",
            failure,
            style=style,
            information_type=information_type,
            passed_over=passed_over,
        )


@implementer(IHandlerModel)
class DirectModel:
    """Runs handlers in the reactor's thread.

    `limit` is how many seconds a handler's Deferred may stay open (<= 0: for ever); `failures` counts handlers that
    raised.
    """

    def __init__(
        self, clock: IReactorTime, limit: float = limits.HANDLER_LIMIT, observer: Observer | None = None
    ) -> None:
        self._clock = clock
        self._limit = limit
        self._observer = observer
        self._open: set[OpenJob] = set()
        self._quiet = Quiet(clock)
        self.failures = 0
        if observer is not None:
            self._call = self._observed_call  # type: ignore[method-assign]

    def run(
        self,
        sender: Any,
        style: str,
        information_type: int,
        function: Callable[..., Any],
        content: bytes | None,
        answer: Callable[[Any], None] | None = None,
    ) -> None:
        lane = sender.lane
        if lane.open_job is None:
            self._call(sender, style, information_type, function, content, answer)
        else:
            self._queue(lane, (sender, style, information_type, function, content, answer))

    def sweep(self, now: float) -> None:
        """End what has been open for too long."""
        if self._limit <= 0:
            return
        for job in [job for job in self._open if now - job.started >= self._limit]:
            _log.warn(
                "a handler of {style} {information_type} has not finished after {limit} s; its connection is ended",
                style=job.style,
                information_type=job.information_type,
                limit=self._limit,
            )
            job.lane.handler_overdue()
            job.deferred.cancel()

    def forget(self, lane: Lane) -> None:
        """A connection is gone: what it still had waiting is dropped."""
        lane.backlog = None
        lane.backlog_bytes = 0

    def _call(
        self,
        sender: Any,
        style: str,
        information_type: int,
        function: Callable[..., Any],
        content: bytes | None,
        answer: Callable[[Any], None] | None,
    ) -> None:
        try:
            result = function(sender.name, information_type, content)
        except Exception:
            self._failed(style, information_type, Failure(), answer)
            return
        if result is None and answer is None:
            return
        deferred = as_deferred(result)
        if deferred is not None:
            self._await(sender.lane, style, information_type, deferred, answer)
        elif answer is not None:
            tell(answer, result)

    def _observed_call(
        self,
        sender: Any,
        style: str,
        information_type: int,
        function: Callable[..., Any],
        content: bytes | None,
        answer: Callable[[Any], None] | None,
    ) -> None:
        observer = self._observer
        assert observer is not None
        record = observer.begun(style, information_type)
        try:
            result = function(sender.name, information_type, content)
        except Exception:
            observer.ended(record, True)
            self._failed(style, information_type, Failure(), answer)
            return
        deferred = None if result is None else as_deferred(result)
        if deferred is None:
            observer.ended(record, False)
            if answer is not None:
                tell(answer, result)
            return

        def ended(value: Any) -> Any:
            observer.ended(record, isinstance(value, Failure))
            return value

        self._await(sender.lane, style, information_type, deferred.addBoth(ended), answer)

    def _await(
        self,
        lane: Lane,
        style: str,
        information_type: int,
        deferred: Deferred[Any],
        answer: Callable[[Any], None] | None,
    ) -> None:
        started = inf if style == FENCE else self._clock.seconds()
        job = OpenJob(lane, deferred, started, style, information_type)
        lane.open_job = job
        self._open.add(job)

        def finished(result: Any) -> None:
            self._open.discard(job)
            lane.open_job = None
            if isinstance(result, Failure):
                self._failed(style, information_type, result, answer)
            elif answer is not None:
                tell(answer, result)
            # A Deferred that had fired already is no wait: whoever called goes on by itself, without recursion.
            if job.is_waiting:
                self._continue(lane)

        deferred.addBoth(finished)
        job.is_waiting = True

    def _failed(
        self, style: str, information_type: int, failure: Failure, answer: Callable[[Any], None] | None
    ) -> None:
        self.failures += 1
        report_failure(self._quiet, failure, style, information_type)
        if answer is not None:
            tell(answer, failure)

    def _queue(self, lane: Lane, job: _Job) -> None:
        if lane.backlog is None:
            lane.backlog = deque()
        lane.backlog.append(job)
        lane.backlog_bytes += len(job[4] or b"")
        if len(lane.backlog) > limits.BACKLOG_FRAMES or lane.backlog_bytes > limits.BACKLOG_BYTES:
            lane.pause_reading(PausedBy.BACKLOG)

    def _continue(self, lane: Lane) -> None:
        while lane.backlog and lane.open_job is None:
            job = lane.backlog.popleft()
            lane.backlog_bytes -= len(job[4] or b"")
            self._call(*job)
        if not lane.backlog:
            lane.backlog = None
        waiting = len(lane.backlog or ())
        if waiting <= limits.BACKLOG_FRAMES // 2 and lane.backlog_bytes <= limits.BACKLOG_BYTES // 2:
            lane.resume_reading(PausedBy.BACKLOG)
