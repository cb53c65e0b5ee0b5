"""How large packages are, how fast they follow each other, and how fast that makes a transfer."""

from __future__ import annotations

from collections import deque

from esframework import limits


class Line:
    """How large packages on one connection are: they grow while they leave quickly and shrink when they do not, so that
    on any line one takes about `limits.FILE_PACKAGE_TIME`. All who send by it at once share it, and take turns: so each
    gets as much of it as the others."""

    def __init__(self) -> None:
        self.package_size = limits.FIRST_FILE_PACKAGE

    def left(self, seconds: float) -> None:
        """A package took that long to leave."""
        if seconds < limits.FILE_PACKAGE_TIME / 2:
            self.package_size = min(limits.MOST_FILE_PACKAGE, self.package_size * 2)
        elif seconds > limits.FILE_PACKAGE_TIME * 2:
            self.package_size = max(limits.LEAST_FILE_PACKAGE, self.package_size // 2)


class Pace:
    """What one transfer may send, and when: packages of a `fixed` size, or of what suits its line, with at most `most`
    bytes. `rate_limit` is in bytes a second, 0 for none; a package has no more than a second permits, so that even the
    slowest transfer moves before anybody gives it up. `interval` seconds are between two packages."""

    def __init__(self, fixed: int | None, interval: float, rate_limit: int, most: int) -> None:
        self.line = Line()
        self._fixed = fixed
        self._interval = interval
        self._rate_limit = rate_limit
        self._most = max(limits.LEAST_FILE_PACKAGE, most)
        if rate_limit:
            self._most = min(self._most, rate_limit)
        self._due = 0.0

    @property
    def package_size(self) -> int:
        """Bytes of content that a package may have."""
        return min(self._most, self.line.package_size if self._fixed is None else self._fixed)

    @property
    def is_free(self) -> bool:
        """Whether packages may follow each other at once."""
        return not self._rate_limit and self._interval <= 0

    def delay(self, length: int, now: float) -> float:
        """Seconds to wait before a package of that length; it counts as sent then."""
        wait = max(0.0, self._due - now)
        spent = length / self._rate_limit if self._rate_limit else 0.0
        # A little may be caught up on, so that a limit is reached although timers are late.
        self._due = max(self._due, now - limits.FILE_RATE_SLACK) + max(spent, self._interval)
        return wait

    def left(self, seconds: float) -> None:
        """A package took that long to leave."""
        if self._fixed is None:
            self.line.left(seconds)


class Speed:
    """Bytes a second over the last few seconds."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()

    def at(self, now: float, total: int) -> None:
        """So many bytes in all by now."""
        self._points.append((now, total))
        while len(self._points) > 2 and now - self._points[1][0] >= limits.FILE_SPEED_TIME:
            self._points.popleft()

    @property
    def per_second(self) -> float:
        """0 until enough is known."""
        if len(self._points) < 2:
            return 0.0
        (since, before), (until, after) = self._points[0], self._points[-1]
        return (after - before) / (until - since) if until > since else 0.0
