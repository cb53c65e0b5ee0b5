"""Limits on who may knock and how fast: connections in all and per address, failed log-ons per address and minute,
frames per second.

Knows addresses and numbers, not users. Loopback counts only where the options say so.
"""

from __future__ import annotations

from collections import Counter

from twisted.internet.interfaces import IDelayedCall

from esframework import limits
from esframework.net.stream import is_loopback
from esframework.server.options import ServerOptions

_MINUTE = 60.0


class Admission:
    """Counts connections and failures by address; what it counts is bounded by `limits.MAX_TRACKED_ADDRESSES`."""

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._connections: Counter[str] = Counter()
        self._failures: dict[str, tuple[float, int]] = {}
        self.count = 0

    @property
    def is_full(self) -> bool:
        """Whether no further connection may be accepted."""
        return 0 < self._options.max_connections <= self.count

    def enter(self, host: str) -> str | None:
        """Count a new connection; the reason why it must be refused, or None. `leave` must follow either way."""
        was_full = self.is_full
        self.count += 1
        self._connections[host] += 1
        if was_full:
            return "max_connections"
        allowed = self._options.max_connections_per_address
        if 0 < allowed < self._connections[host] and self._counts(host):
            return "max_connections_per_address"
        return None

    def leave(self, host: str) -> None:
        """A connection is gone."""
        self.count -= 1
        self._connections[host] -= 1
        if self._connections[host] <= 0:
            del self._connections[host]

    def wait_before_log_on(self, host: str, now: float) -> float:
        """Seconds that an address must wait before it may try to log on; 0 when it may."""
        allowed = self._options.max_log_on_tries
        since, failures = self._failures.get(host, (now, 0))
        if allowed <= 0 or not self._counts(host) or failures < allowed:
            return 0.0
        return max(0.0, since + _MINUTE - now)

    def log_on_failed(self, host: str, now: float) -> None:
        """Count a failed log-on."""
        if not self._counts(host):
            return
        since, failures = self._failures.get(host, (now, 0))
        if now - since >= _MINUTE:
            since, failures = now, 0
        if len(self._failures) >= limits.MAX_TRACKED_ADDRESSES:
            self._failures.clear()
        self._failures[host] = (since, failures + 1)

    def forget_old(self, now: float) -> None:
        """Drop failures of more than a minute ago."""
        old = [host for host, (since, _) in self._failures.items() if now - since >= _MINUTE]
        for host in old:
            del self._failures[host]

    def _counts(self, host: str) -> bool:
        return self._options.limit_loopback or not is_loopback(host)


class FrameWindow:
    """Frames of one second: says when a peer sends more than `limit` of them; `pause` ends its punishment."""

    __slots__ = ("_limit", "_begun", "_frames", "pause")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._begun = 0.0
        self._frames = 0
        self.pause: IDelayedCall | None = None

    def admits(self, frames: int, now: float) -> bool:
        """Count `frames`; False when this second's are used up."""
        if now - self._begun >= 1.0:
            self._begun, self._frames = now, 0
        self._frames += frames
        return self._frames <= self._limit
