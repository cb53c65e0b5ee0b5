"""An application's handlers alone: so many callers at once, no network (manual, experience 00, part 3).

Plain functions are called in threads, one a caller, as the task-queue model does; what may be awaited is called in the
reactor, as the direct model does. Knows handlers as `ICustomHandler`, and nothing of what they do.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from inspect import iscoroutine, iscoroutinefunction
from operator import attrgetter
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.internet.threads import blockingCallFromThread

from esframework.cli.benching.load import NOT_ANSWERED, wait_at_most
from esframework.cli.benching.measuring import Histogram
from esframework.errors import LocalError
from esframework.plugins.models import as_deferred

SLICE: Final = 0.001
"""Seconds for which one caller in the reactor may go on before others have their turn."""

SETTLE_SECONDS: Final = 2.0
"""How long calls that run may take after the end; a thread that hangs is left behind."""

DEFERRED_IN_THREAD: Final = "returned a Deferred in a thread: --run-in reactor is expected"


class NoHandler(LocalError, ValueError):
    """What was named is no handler; names it, and says what is expected."""


def find_handler(path: str) -> Any:
    """The handler at `module:object`: an object, a class or a function that makes one. A module in the current folder
    is found too. Raises NoHandler."""
    module_name, colon, name = path.partition(":")
    if not (module_name and colon and name):
        raise NoHandler(f"{path!r} is not of the form module:object")
    # A console script does not look into the current folder, where the application is.
    sys.path.insert(0, "")
    try:
        found = attrgetter(name)(import_module(module_name))
        if isinstance(found, type) or not _is_handler(found):
            found = found() if callable(found) else found
    except Exception as error:
        # Whatever it raises while it is imported or made, it is what was named that is wrong.
        raise NoHandler(f"{path}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove("")
    if not _is_handler(found):
        raise NoHandler(f"{path} is {found!r}, which has no handle_information and handle_query")
    return found


def _is_handler(candidate: Any) -> bool:
    return callable(getattr(candidate, "handle_information", None)) and callable(
        getattr(candidate, "handle_query", None)
    )


@dataclass(frozen=True, slots=True)
class Work:
    """What callers do: the handler's function and the message that it gets, by how many callers, for how long, where.

    `in_threads` None: coroutine functions are called in the reactor, all others in threads.
    """

    function: Callable[..., Any]
    information_type: int
    content: bytes
    callers: int
    seconds: float
    in_threads: bool | None = None

    @property
    def runs_in_threads(self) -> bool:
        """Where the function is called."""
        return not iscoroutinefunction(self.function) if self.in_threads is None else self.in_threads


@dataclass(slots=True)
class _Tally:
    """What one caller has done, in all and in each second."""

    done: int = 0
    per_second: Counter[int] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=Histogram)
    errors: Counter[str] = field(default_factory=Counter)
    ended: float | None = None

    def returned(self, seconds: float, in_second: int) -> None:
        """A call has returned after so many seconds, in that second of the whole."""
        self.latency.record(seconds)
        self.per_second[in_second] += 1
        self.done += 1


class HandlerLoad:
    """Callers at work, each with one message after the other; see `Load`.

    They look at the time themselves: a reactor whose threads are all busy is late with everything.
    """

    def __init__(self, reactor: Any, work: Work) -> None:
        self._reactor = reactor
        self._now: Callable[[], float] = reactor.seconds
        self._work = work
        self._running = False
        self._began = 0.0
        self._tallies = {f"caller{number}": _Tally() for number in range(work.callers)}
        self._callers: list[Deferred[None]] = []
        self.skipped = 0
        self.received = None

    @property
    def total(self) -> int:
        """Calls that returned."""
        return sum(tally.done for tally in self._tallies.values())

    @property
    def sent(self) -> int:
        """Calls that ended in any way."""
        return self.total + sum(self.errors.values())

    @property
    def latency(self) -> Histogram:
        """Of all callers."""
        merged = Histogram()
        for tally in self._tallies.values():
            merged.merge(tally.latency)
        return merged

    @property
    def errors(self) -> Counter[str]:
        """What handlers raised, by its words."""
        return sum((Counter(dict(tally.errors)) for tally in self._tallies.values()), Counter())

    @property
    def seconds(self) -> float:
        """From the first call until the last caller was done."""
        ends = [self._now() if tally.ended is None else tally.ended for tally in self._tallies.values()]
        return max(ends) - self._began

    @property
    def per_second(self) -> tuple[int, ...]:
        """Calls that returned in each whole second."""
        counts = sum((Counter(dict(tally.per_second)) for tally in self._tallies.values()), Counter())
        return tuple(counts[second] for second in range(max(1, int(self._work.seconds))))

    def begin(self) -> None:
        """Start to call."""
        self._running = True
        self._began = self._now()
        start = self._start_thread if self._work.runs_in_threads else self._start_coroutine
        self._callers = [start(source, tally) for source, tally in self._tallies.items()]

    def end(self) -> None:
        """Begin no more calls."""
        self._running = False

    def settle(self) -> Deferred[None]:
        """Fires when all callers have come back, or after a while without them."""
        return Deferred.fromCoroutine(self._settle())

    async def _settle(self) -> None:
        ended: Deferred[None] = DeferredList(self._callers).addCallback(lambda _: None)
        if not await wait_at_most(self._reactor, ended, SETTLE_SECONDS):
            for tally in self._tallies.values():
                if tally.ended is None:
                    tally.errors[f"{NOT_ANSWERED}: still in the handler {SETTLE_SECONDS:g} s after the end"] += 1

    def _goes_on(self, time: float) -> bool:
        return self._running and time - self._began < self._work.seconds

    def _start_thread(self, source: str, tally: _Tally) -> Deferred[None]:
        ended: Deferred[None] = Deferred()
        # Not the reactor's pool: it has too few threads, and would wait at the end for one that hangs.
        threading.Thread(target=self._call_in_thread, args=(source, tally, ended), daemon=True, name=source).start()
        return ended

    def _start_coroutine(self, source: str, tally: _Tally) -> Deferred[None]:
        return Deferred.fromCoroutine(self._call_in_reactor(source, tally))

    def _call_in_thread(self, source: str, tally: _Tally, ended: Deferred[None]) -> None:
        function, information_type, content = self._work.function, self._work.information_type, self._work.content
        while self._goes_on(began := self._now()):
            try:
                result = function(source, information_type, content)
                if iscoroutine(result):
                    blockingCallFromThread(self._reactor, Deferred.fromCoroutine, result)
                elif isinstance(result, Deferred):
                    raise TypeError(DEFERRED_IN_THREAD)
            except Exception as error:
                tally.errors[_words(error)] += 1
            else:
                returned = self._now()
                tally.returned(returned - began, int(returned - self._began))
        tally.ended = self._now()
        self._reactor.callFromThread(ended.callback, None)

    async def _call_in_reactor(self, source: str, tally: _Tally) -> None:
        function, information_type, content = self._work.function, self._work.information_type, self._work.content
        turn = self._now()
        while self._goes_on(began := self._now()):
            if began - turn > SLICE:
                # Handlers that never wait would keep everybody else, and the end, waiting.
                await deferLater(self._reactor, 0)
                turn = began = self._now()
            try:
                waiting = as_deferred(function(source, information_type, content))
                if waiting is not None:
                    has_waited = not waiting.called
                    await waiting
                    # Whoever waited let the others have their turn.
                    turn = self._now() if has_waited else turn
            except Exception as error:
                tally.errors[_words(error)] += 1
            else:
                ended = self._now()
                tally.returned(ended - began, int(ended - self._began))
        tally.ended = self._now()


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"
