"""Monotonic time for a reactor: Twisted's own clock is the wall's, which may be set back or forward at any time."""

from __future__ import annotations

import time
from typing import Any


def use_monotonic_time(reactor: Any) -> None:
    """Let a reactor measure its delayed calls by a clock that cannot jump; for programs that own their reactor.

    Call it before anything is scheduled: calls that wait already keep the wall's time.
    """
    if not reactor.getDelayedCalls():
        reactor.seconds = time.monotonic
