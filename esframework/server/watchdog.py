"""Names what holds up the reactor: a thread that notices when the reactor's beat stays away, and logs its stack.

Knows no handler; the stack says which one it was.
"""

from __future__ import annotations

import sys
import threading
import traceback
from types import FrameType
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from esframework import limits
from esframework.plugins import models

_log = Logger()


class Watchdog:
    """Watches the thread in which it is started.

    `blocked` counts how often the reactor was held up for longer than `limit` seconds.
    """

    def __init__(self, reactor: Any, limit: float = limits.BLOCKED_REACTOR) -> None:
        self._reactor = reactor
        self._limit = limit
        self._beat = LoopingCall(self._mark)
        self._beat.clock = reactor
        self._alive = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched = 0
        self.blocked = 0

    def start(self) -> None:
        """Begin to watch the reactor's thread."""
        self._stop.clear()
        self._beat.start(self._limit / 4, now=False)

    def _watch_from_now(self) -> None:
        # With the first beat: before the reactor runs, nothing holds it up.
        self._watched = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="esframework-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching, and wait for the thread to end."""
        if self._beat.running:
            self._beat.stop()
        self._stop.set()
        # Wakes the thread: without a beat it would wait for its whole limit, and closing with it.
        self._alive.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _mark(self) -> None:
        self._alive.set()
        if self._thread is None:
            self._watch_from_now()

    def _watch(self) -> None:
        reported = False
        while not self._stop.is_set():
            self._alive.clear()
            if self._alive.wait(self._limit):
                reported = False
                self._stop.wait(self._limit / 4)
            elif not reported and not self._stop.is_set():
                reported = True
                self._report()

    def _report(self) -> None:
        frame = sys._current_frames().get(self._watched)
        self.blocked += 1
        _log.warn(
            "the reactor has been held up for over {limit} s by {culprit}:\n{stack}",
            limit=self._limit,
            culprit=_culprit(frame),
            stack="".join(traceback.format_stack(frame)) if frame is not None else "(no stack)",
        )


def _culprit(frame: FrameType | None) -> str:
    """The function that the handler model called, or the innermost one when no handler was running."""
    inner = frame
    while frame is not None and frame.f_back is not None:
        called_by, itself = frame.f_back.f_code.co_filename, frame.f_code.co_filename
        if called_by == models.__file__ != itself:
            inner = frame
        frame = frame.f_back
    if inner is None:
        return "something unknown"
    return f"{inner.f_code.co_qualname} ({inner.f_code.co_filename}:{inner.f_lineno})"
