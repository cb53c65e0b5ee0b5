"""Monotonic time for a reactor."""

from __future__ import annotations

import time

from twisted.internet.task import Clock

from esframework.net.clock import use_monotonic_time


def test_a_fresh_reactor_measures_by_a_clock_that_cannot_jump() -> None:
    reactor = Clock()
    use_monotonic_time(reactor)
    assert reactor.seconds is time.monotonic


def test_calls_that_wait_already_keep_their_distance() -> None:
    reactor = Clock()
    call = reactor.callLater(100, lambda: None)
    for _ in range(2):
        use_monotonic_time(reactor)
        assert 99 < call.getTime() - time.monotonic() <= 100
    call.delay(5)
    assert 104 < call.getTime() - time.monotonic() <= 105
