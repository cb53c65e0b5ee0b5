"""One delayed call for many deadlines."""

from __future__ import annotations

from twisted.internet.task import Clock

from esframework.net.alarm import Alarm


def alarm() -> tuple[Clock, Alarm, list[float]]:
    clock, rung = Clock(), list[float]()
    return clock, Alarm(clock, rung.append), rung


def test_it_rings_once_at_its_time() -> None:
    clock, ring, rung = alarm()
    ring.set(5.0)
    clock.advance(4.9)
    assert rung == []
    clock.advance(0.1)
    clock.advance(100)
    assert rung == [5.0]


def test_an_earlier_time_counts_and_a_later_one_does_not() -> None:
    clock, ring, rung = alarm()
    for deadline in (5.0, 3.0, 9.0, None):
        ring.set(deadline)
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(3.0)
    assert rung == [3.0]


def test_a_time_that_is_over_rings_at_once() -> None:
    clock, ring, rung = alarm()
    clock.advance(10)
    ring.set(5.0)
    clock.advance(0)
    assert rung == [10.0]


def test_it_can_be_set_again_when_it_rings_and_after_it_was_cancelled() -> None:
    clock = Clock()
    rung: list[float] = []
    ring = Alarm(clock, lambda now: (rung.append(now), ring.set(now + 1))[0])
    ring.set(1.0)
    clock.pump([1.0] * 3)
    assert rung == [1.0, 2.0, 3.0]
    ring.cancel()
    ring.cancel()
    clock.advance(10)
    assert len(rung) == 3
    assert clock.getDelayedCalls() == []
