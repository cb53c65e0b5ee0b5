"""Limits on who may knock and how fast: connections in all and per address, failed log-ons per address and minute,
frames per second.

Knows addresses and numbers, not users. Loopback counts only where the options say so. IPv6 counts by /64: whoever has
one IPv6 address has the 2^64 around it, too.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address

from twisted.internet.interfaces import IDelayedCall

from esframework import limits
from esframework.net.stream import is_loopback
from esframework.server.options import ServerOptions

_MINUTE = 60.0


def network_of(host: str) -> str:
    """What a host is counted as: an IPv6 address as its /64 (one mapped from IPv4 as that), all else as itself."""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host)
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(address.packed[:8] + bytes(8))}/64"


class Admission:
    """Counts connections and tries to log on by address.

    Tries are remembered for `limits.MAX_TRACKED_ADDRESSES` addresses; the one whose minute began first makes room.
    """

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._connections: Counter[str] = Counter()
        self._tries: dict[str, tuple[float, int]] = {}
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

    def begin_log_on(self, host: str, now: float) -> float:
        """Reserve a try to log on; 0 when it is reserved, else the seconds that this address must wait.

        The try counts as failed until `log_on_succeeded` gives it back: otherwise any number of tries that are
        verified at the same time would pass.
        """
        wait = self._wait_of(host, now)
        if wait <= 0:
            self._count_try(host, now)
        return wait

    def log_on_succeeded(self, host: str) -> None:
        """Give the try back that `begin_log_on` reserved."""
        network = network_of(host)
        since, tries = self._tries.get(network, (0.0, 0))
        if tries > 1:
            self._tries[network] = (since, tries - 1)
        else:
            self._tries.pop(network, None)

    def _wait_of(self, host: str, now: float) -> float:
        allowed = self._options.max_log_on_tries
        since, tries = self._tries.get(network_of(host), (now, 0))
        if allowed <= 0 or not self._counts(host) or tries < allowed:
            return 0.0
        return max(0.0, since + _MINUTE - now)

    def _count_try(self, host: str, now: float) -> None:
        if not self._counts(host):
            return
        network = network_of(host)
        since, tries = self._tries.get(network, (now, 0))
        if now - since >= _MINUTE:
            del self._tries[network]
            since, tries = now, 0
        if network not in self._tries and len(self._tries) >= limits.MAX_TRACKED_ADDRESSES:
            # In the order in which their minutes began: the first is the oldest.
            del self._tries[next(iter(self._tries))]
        self._tries[network] = (since, tries + 1)

    def forget_old(self, now: float) -> None:
        """Drop tries of more than a minute ago."""
        old = [network for network, (since, _) in self._tries.items() if now - since >= _MINUTE]
        for network in old:
            del self._tries[network]

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
