"""The wheel and the one timer."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from esframework.server.sweep import Sweeper, Wheel
from esframework.testing import LoggedFailures


class Item:
    """Something with a deadline every `every` seconds."""

    def __init__(self, every: float | None = None) -> None:
        self.due = 0
        self.every = every
        self.swept: list[tuple[float, float]] = []

    def sweep(self, now: float, heard_since: float) -> float | None:
        self.swept.append((now, heard_since))
        return None if self.every is None else now + self.every


@pytest.mark.parametrize("when", [0.0, 0.5, 1.0, 2.999, 10.0])
def test_an_item_comes_out_not_before_it_is_due_and_within_a_second(when: float) -> None:
    wheel, item = Wheel(), Item()
    wheel.add(item, when)
    came = next(second for second in range(1, 20) if wheel.turn(float(second)))
    assert when <= came <= when + 1
    assert wheel.turn(99.0) == []


def test_a_removed_item_does_not_come_out() -> None:
    wheel, one, other = Wheel(), Item(), Item()
    wheel.add(one, 5.0)
    wheel.add(other, 5.0)
    wheel.remove(one)
    wheel.remove(one)
    assert wheel.turn(9.0) == [other]


def test_what_is_due_in_the_past_comes_out_at_the_next_turn() -> None:
    wheel, item = Wheel(), Item()
    wheel.turn(100.0)
    wheel.add(item, 3.0)
    assert wheel.turn(101.0) == [item]


def test_items_are_swept_when_they_say_and_only_then() -> None:
    clock = Clock()
    sweeper = Sweeper(clock, list)
    once, often = Item(), Item(every=4.0)
    sweeper.start()
    sweeper.wheel.add(once, 5.0)
    sweeper.wheel.add(often, 4.0)
    clock.pump([1.0] * 20)
    sweeper.stop()
    assert len(once.swept) == 1
    assert 3 <= len(often.swept) <= 5
    assert clock.getDelayedCalls() == []


def test_a_late_sweep_says_since_when_it_has_been_listening() -> None:
    clock = Clock()
    sweeper, item = Sweeper(clock, list), Item(every=1.0)
    sweeper.start()
    sweeper.wheel.add(item, 0.0)
    clock.pump([1.0] * 3)
    assert {heard_since for _, heard_since in item.swept} == {0.0}
    clock.advance(100.0)
    assert item.swept[-1] == (103.0, 103.0)
    clock.pump([1.0] * 3)
    assert item.swept[-1][1] == 103.0
    sweeper.stop()


def test_other_sweeps_are_called_each_second_and_one_that_fails_stops_nothing() -> None:
    clock, failures = Clock(), LoggedFailures()
    called: list[float] = []

    def fail(now: float) -> None:
        raise ValueError

    sweeper = Sweeper(clock, lambda: [fail, called.append])
    failures.start()
    sweeper.start()
    clock.pump([1.0] * 3)
    sweeper.stop()
    failures.stop()
    assert called == [1.0, 2.0, 3.0]
    assert len(failures.take(ValueError)) == 3


def test_starting_and_stopping_twice_are_harmless() -> None:
    clock = Clock()
    sweeper = Sweeper(clock, list)
    sweeper.start()
    sweeper.start()
    assert len(clock.getDelayedCalls()) == 1
    sweeper.stop()
    sweeper.stop()
    assert clock.getDelayedCalls() == []
