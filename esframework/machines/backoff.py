"""How long to wait before the next try: exponential with full jitter, so that a thousand clients do not come back at
once."""

from __future__ import annotations

from collections.abc import Callable

from esframework import limits


class Backoff:
    """Waits of `random() * bound`, the bound doubling from `first` to `longest` seconds with each failure.

    `random` gives floats in [0, 1).
    """

    def __init__(
        self,
        random: Callable[[], float],
        first: float = limits.RECONNECT_FIRST_DELAY,
        longest: float = limits.RECONNECT_LONGEST_DELAY,
    ) -> None:
        self._random = random
        self._first = first
        self._longest = longest
        self.failures = 0

    def next_delay(self) -> float:
        """Seconds to wait now; counts one more failure."""
        bound = min(self._longest, self._first * 2.0 ** min(self.failures, 32))
        self.failures += 1
        return self._random() * bound

    def reset(self) -> None:
        """A try succeeded."""
        self.failures = 0
