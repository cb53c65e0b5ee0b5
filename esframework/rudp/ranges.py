"""Sets of numbers as a few half-open ranges: packet numbers that came, bytes of a stream that are there.

Almost every number comes right behind the last one; that is one comparison and one assignment. Refuses to know what
the numbers count.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class RangeSet:
    """Numbers, kept as ascending (start, stop) with at least one missing between each two.

    With `most`, no more than so many ranges are kept: the lowest ones are forgotten, and `floor` says below what
    nothing is known any more. Numbers below it are not added.
    """

    __slots__ = ("_starts", "_stops", "_most", "floor")

    def __init__(self, most: int = 0) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._most = most
        self.floor = 0

    def __len__(self) -> int:
        """How many ranges there are."""
        return len(self._starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The ranges, lowest first."""
        return zip(self._starts, self._stops, strict=True)

    def __contains__(self, number: int) -> bool:
        stops = self._stops
        if not stops or number >= stops[-1]:
            return False
        index = bisect_right(stops, number)
        return self._starts[index] <= number

    def __repr__(self) -> str:
        return f"<RangeSet {list(self)}>"

    @property
    def stop(self) -> int:
        """One more than the largest number; `floor` when there is none."""
        return self._stops[-1] if self._stops else self.floor

    def newest(self, most: int, above: int = 0) -> list[tuple[int, int]]:
        """At most `most` ranges, newest first, of the numbers from `above` on."""
        if len(self._starts) == 1:
            start, stop = self._starts[0], self._stops[0]
            return [(max(start, above), stop)] if stop > above else []
        found = []
        for index in range(len(self._stops) - 1, max(-1, len(self._stops) - 1 - most), -1):
            stop = self._stops[index]
            if stop <= above:
                break
            found.append((max(self._starts[index], above), stop))
        return found

    def add(self, start: int, stop: int) -> None:
        """Add the numbers from `start` up to, and without, `stop`; those that are there already stay there."""
        stops = self._stops
        if stops and start == stops[-1] and stop > start:
            stops[-1] = stop
            return
        start = max(start, self.floor)
        if start >= stop:
            return
        starts = self._starts
        # The ranges from `first` to before `last` touch or overlap the new one, and become one with it.
        first = bisect_left(stops, start)
        last = bisect_right(starts, stop)
        if first < last:
            start = min(start, starts[first])
            stop = max(stop, stops[last - 1])
        starts[first:last] = [start]
        stops[first:last] = [stop]
        if self._most and len(starts) > self._most:
            self.forget_below(stops[0])

    def subtract(self, start: int, stop: int) -> None:
        """Take the numbers from `start` up to, and without, `stop` away, as far as they are there."""
        if start >= stop:
            return
        starts, stops = self._starts, self._stops
        first = bisect_right(stops, start)
        last = bisect_left(starts, stop)
        if first >= last:
            return
        kept_starts = []
        kept_stops = []
        if starts[first] < start:
            kept_starts.append(starts[first])
            kept_stops.append(start)
        if stops[last - 1] > stop:
            kept_starts.append(stop)
            kept_stops.append(stops[last - 1])
        starts[first:last] = kept_starts
        stops[first:last] = kept_stops

    def forget_below(self, floor: int) -> None:
        """Know nothing of the numbers below `floor` any more."""
        if floor <= self.floor:
            return
        self.subtract(self.floor, floor)
        self.floor = floor
