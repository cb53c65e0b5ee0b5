"""When an attempt that failed is made again. Knows times only."""

from __future__ import annotations

from collections.abc import Callable

from esframework.limits import rudp as limits


class Retry:
    """`chance()` gives a number from 0 to 1: the two ends of many failed attempts do not try all at one moment."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self.failures = 0
        self._chance = chance

    def failed(self, now: float) -> float:
        """When to try again, as one more attempt has failed: after 60, 300, then 900 s, each more or less a fifth."""
        delay = limits.RETRY_AFTER[min(self.failures, len(limits.RETRY_AFTER) - 1)]
        self.failures += 1
        return now + delay * (0.8 + 0.4 * self._chance())

    def reset(self) -> None:
        """An attempt succeeded, or an end has other addresses now: what failed before says nothing. Try at once."""
        self.failures = 0
