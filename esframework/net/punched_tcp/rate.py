"""How fast a path takes bytes, measured while there is something to send all the time; and how many leave at a time.

Knows sizes and times only.
"""

from __future__ import annotations

from esframework.limits import sealed as limits


class Rate:
    """`bytes_a_second`: 0 before anything was measured. `turn`: bytes that leave in one turn of the reactor."""

    __slots__ = ("bytes_a_second", "turn", "_since", "_bytes", "_had_enough")

    def __init__(self) -> None:
        self.bytes_a_second = 0.0
        self.turn = limits.LEAST_TURN
        self._since = 0.0
        self._bytes = 0
        self._had_enough = False

    def left(self, size: int, was_last: bool, now: float) -> bool:
        """So many bytes left; `was_last`: there were no more. Whether the rate was measured anew."""
        is_new = False
        if not self._had_enough:
            # A new time begins with these, which say nothing yet of how long they take.
            self._had_enough = not was_last
            self._since = now
            self._bytes = 0
            return False
        self._bytes += size
        if now - self._since >= limits.RATE_TIME:
            measured = self._bytes / (now - self._since)
            share = limits.NEW_RATE if self.bytes_a_second else 1.0
            self.bytes_a_second += share * (measured - self.bytes_a_second)
            self.turn = max(limits.LEAST_TURN, min(limits.MOST_TURN, int(self.bytes_a_second * limits.TURN_TIME)))
            self._since = now
            self._bytes = 0
            is_new = True
        if was_last:
            self._had_enough = False
        return is_new
