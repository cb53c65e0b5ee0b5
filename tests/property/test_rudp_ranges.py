"""A RangeSet is the set of its numbers, whatever is added and taken away in whichever order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esframework.rudp.ranges import RangeSet

CHANGES = st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.integers(0, 12)), max_size=40)


@given(CHANGES, st.integers(0, 70), st.integers(1, 5))
def test_it_is_the_set_of_its_numbers(changes: list[tuple[bool, int, int]], above: int, most: int) -> None:
    ranges = RangeSet()
    plain: set[int] = set()
    for is_added, start, length in changes:
        numbers = range(start, start + length)
        if is_added:
            ranges.add(start, start + length)
            plain.update(numbers)
        else:
            ranges.subtract(start, start + length)
            plain.difference_update(numbers)
    found = list(ranges)
    assert {number for start, stop in found for number in range(start, stop)} == plain
    assert all(start < stop for start, stop in found)
    assert all(before[1] < after[0] for before, after in zip(found, found[1:], strict=False))
    assert [number in ranges for number in range(75)] == [number in plain for number in range(75)]
    assert ranges.stop == max(plain, default=-1) + 1
    clipped = [(max(start, above), stop) for start, stop in reversed(found) if stop > above]
    assert ranges.newest(most, above) == clipped[:most]


@given(CHANGES, st.integers(1, 4))
def test_a_bounded_one_knows_all_above_its_floor_and_nothing_below(
    changes: list[tuple[bool, int, int]], most: int
) -> None:
    ranges = RangeSet(most)
    plain: set[int] = set()
    floor = 0
    for _, start, length in changes:
        ranges.add(start, start + length)
        plain.update(range(start, start + length))
        assert ranges.floor >= floor
        floor = ranges.floor
        assert len(ranges) <= most
        known = {number for start, stop in ranges for number in range(start, stop)}
        assert known <= plain
        assert min(known, default=floor) >= floor
        plain = {number for number in plain if number >= floor}
        assert known == plain
