"""Sets of numbers as ranges. See also tests/property/test_rudp_ranges.py, against a plain set."""

from __future__ import annotations

import pytest

from esframework.rudp.ranges import RangeSet


def of(*ranges: tuple[int, int], most: int = 0) -> RangeSet:
    """A set of these ranges, added in this order."""
    made = RangeSet(most)
    for start, stop in ranges:
        made.add(start, stop)
    return made


def test_numbers_that_follow_each_other_are_one_range() -> None:
    assert list(of(*((number, number + 1) for number in range(100)))) == [(0, 100)]


@pytest.mark.parametrize(
    ("added", "result"),
    [
        ((0, 1), [(0, 1), (10, 20), (30, 40)]),
        ((5, 10), [(5, 20), (30, 40)]),
        ((20, 30), [(10, 40)]),
        ((12, 15), [(10, 20), (30, 40)]),
        ((0, 50), [(0, 50)]),
        ((22, 25), [(10, 20), (22, 25), (30, 40)]),
        ((15, 35), [(10, 40)]),
        ((41, 41), [(10, 20), (30, 40)]),
    ],
)
def test_what_touches_becomes_one(added: tuple[int, int], result: list[tuple[int, int]]) -> None:
    ranges = of((10, 20), (30, 40))
    ranges.add(*added)
    assert list(ranges) == result


@pytest.mark.parametrize(
    ("taken", "result"),
    [
        ((0, 10), [(10, 20), (30, 40)]),
        ((0, 15), [(15, 20), (30, 40)]),
        ((12, 15), [(10, 12), (15, 20), (30, 40)]),
        ((15, 35), [(10, 15), (35, 40)]),
        ((10, 40), []),
        ((20, 30), [(10, 20), (30, 40)]),
        ((15, 15), [(10, 20), (30, 40)]),
    ],
)
def test_what_is_taken_away_leaves_the_rest(taken: tuple[int, int], result: list[tuple[int, int]]) -> None:
    ranges = of((10, 20), (30, 40))
    ranges.subtract(*taken)
    assert list(ranges) == result


def test_the_newest_come_first_and_only_as_far_as_asked() -> None:
    ranges = of((0, 5), (10, 20), (30, 40))
    assert ranges.newest(10) == [(30, 40), (10, 20), (0, 5)]
    assert ranges.newest(2) == [(30, 40), (10, 20)]
    assert ranges.newest(10, above=15) == [(30, 40), (15, 20)]
    assert ranges.newest(10, above=40) == []
    assert of((0, 5)).newest(10, above=3) == [(3, 5)]
    assert of((0, 5)).newest(10, above=5) == []


def test_the_lowest_ranges_are_forgotten_and_stay_forgotten() -> None:
    ranges = of((0, 5), (10, 20), (30, 40), (50, 60), most=3)
    assert (list(ranges), ranges.floor) == ([(10, 20), (30, 40), (50, 60)], 5)
    ranges.add(2, 4)
    ranges.add(2, 12)
    assert (list(ranges), ranges.floor) == ([(5, 20), (30, 40), (50, 60)], 5)


def test_one_beyond_the_largest() -> None:
    assert RangeSet().stop == 0
    assert of((3, 9)).stop == 9
    emptied = of((3, 9))
    emptied.forget_below(20)
    assert (emptied.stop, len(emptied)) == (20, 0)
