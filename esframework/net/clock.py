"""Monotonic time for a reactor: Twisted's own clock is the wall's, which may be set back or forward at any time."""

from __future__ import annotations

import time
from typing import Any


def use_monotonic_time(reactor: Any) -> None:
    """Let a reactor measure its delayed calls by a clock that cannot jump; for programs that own their reactor.

    Calls that wait already are moved over with it. Doing it twice is harmless.
    """
    shift = time.monotonic() - reactor.seconds()
    for call in reactor.getDelayedCalls():
        call.time += shift
        call.seconds = time.monotonic
    reactor.seconds = time.monotonic
