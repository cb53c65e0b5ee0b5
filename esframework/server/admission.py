"""Limits on who may connect and how fast: connections in all and per address, frames per second.

Knows addresses and numbers, not users. Loopback counts only where the options say so.
"""

from __future__ import annotations

from collections import Counter

from twisted.internet.interfaces import IDelayedCall

from esframework.net.addresses import network_of
from esframework.net.stream import is_loopback
from esframework.server.options import ServerOptions


class Admission:
    """Counts connections, in all and by address."""

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._connections: Counter[str] = Counter()
        self.count = 0

    @property
    def is_full(self) -> bool:
        """Whether no further connection may be accepted."""
        return 0 < self._options.max_connections <= self.count

    @property
    def room(self) -> int | None:
        """How many further connections may be accepted; None: no limit."""
        most = self._options.max_connections
        return None if most <= 0 else max(0, most - self.count)

    def enter(self, host: str) -> str | None:
        """Count a new connection; the reason why it must be refused, or None. `leave` must follow either way."""
        was_full = self.is_full
        self.count += 1
        network = network_of(host)
        self._connections[network] += 1
        if was_full:
            return "max_connections"
        allowed = self._options.max_connections_per_address
        if 0 < allowed < self._connections[network] and self._counts(host):
            return "max_connections_per_address"
        return None

    def leave(self, host: str) -> None:
        """A connection is gone."""
        self.count -= 1
        network = network_of(host)
        self._connections[network] -= 1
        if self._connections[network] <= 0:
            del self._connections[network]

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
