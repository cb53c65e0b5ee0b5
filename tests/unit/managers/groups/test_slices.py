"""Work in slices: at once while there is room, then in order and turn by turn, and never too much in memory."""

from __future__ import annotations

from twisted.internet.task import Clock

from esframework.managers.groups.slices import PAUSE, SLICE, Slices


class Bench:
    """Slices whose work writes down its number."""

    def __init__(self, most: int = 10 * SLICE) -> None:
        self.clock = Clock()
        self.done: list[int] = []
        self.slices = Slices(self.clock, most)

    def do(self, number: int, size: int) -> None:
        self.slices.do(size, lambda: self.done.append(number))


def test_little_work_is_done_at_once() -> None:
    bench = Bench()
    for number in range(10):
        bench.do(number, SLICE // 10 - 1)
    assert bench.done == list(range(10))
    bench.clock.advance(0)
    assert bench.clock.getDelayedCalls() == []


def test_what_a_turn_has_no_room_for_follows_in_order_with_pauses() -> None:
    bench = Bench()
    for number in range(6):
        bench.do(number, SLICE // 2)
    assert bench.done == [0, 1]
    bench.clock.advance(0)
    assert bench.done == [0, 1, 2, 3]
    bench.do(6, 1)
    assert bench.done == [0, 1, 2, 3]
    bench.clock.advance(PAUSE)
    assert bench.done == [0, 1, 2, 3, 4, 5]
    bench.clock.advance(PAUSE)
    assert bench.done == [0, 1, 2, 3, 4, 5, 6]
    bench.clock.advance(PAUSE)
    assert bench.clock.getDelayedCalls() == []


def test_one_work_larger_than_a_slice_is_done_whole() -> None:
    bench = Bench()
    bench.do(0, 100 * SLICE // 20)
    assert bench.done == [0]


def test_what_is_beyond_the_limit_is_done_at_once_and_in_order() -> None:
    bench = Bench(most=3 * SLICE)
    for number in range(8):
        bench.do(number, SLICE)
    assert bench.done == [0, 1, 2, 3, 4]
    for _ in range(4):
        bench.clock.advance(PAUSE)
    assert bench.done == list(range(8))


def test_closing_forgets_what_waits_and_leaves_no_timer() -> None:
    bench = Bench()
    for number in range(5):
        bench.do(number, SLICE)
    bench.slices.close()
    bench.clock.advance(1)
    assert bench.done == [0]
    assert bench.clock.getDelayedCalls() == []
