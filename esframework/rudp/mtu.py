"""How large a datagram may be: path MTU discovery by probes that may be lost (RFC 8899, datagram PLPMTUD).

    state       what is tried                                 goes on
    searching   the next larger candidate, one at a time,     with the next one when it arrived; settled when it was
                up to 3 times each                            lost 3 times, or the system refused it, or none is left
    settled     nothing                                       searching after 600 s
    cooling     nothing; 1200 bytes again                     searching after 60 s

    black hole  more than 3 times in a row only packets larger than 1200 bytes were lost, or nothing at all was heard,
                and none of them arrived in between: cooling

1200 bytes always pass. A lost probe says nothing about congestion. Knows packets only by their sizes, and refuses to
know who sends them.
"""

from __future__ import annotations

from esframework.limits import rudp as limits
from esframework.rudp.congestion import Packet


class Mtu:
    """`size` is the largest datagram that is known to pass, in bytes of UDP's content."""

    def __init__(self, now: float, candidates: tuple[int, ...] = limits.PROBED_DATAGRAMS) -> None:
        self.size = limits.BASE_DATAGRAM
        self.black_holes = 0
        self._candidates = candidates
        self._too_large: int | None = None
        self._on_its_way: int | None = None
        self._tries = 0
        self._search_at = now
        self._large_losses = 0

    def next_timer(self) -> float | None:
        """When to ask `probe`; None while a probe is on its way."""
        return None if self._on_its_way is not None else self._search_at

    def probe(self, now: float) -> int | None:
        """The size of a probe that should leave now; None when none should."""
        if self._on_its_way is not None or now < self._search_at:
            return None
        for candidate in self._candidates:
            if candidate > self.size and (self._too_large is None or candidate < self._too_large):
                return candidate
        # Settled. When the time has come, what was too large is tried again.
        self._too_large = None
        self._search_at = now + limits.MTU_RAISE_TIME
        return None

    def probe_sent(self, size: int) -> None:
        """A probe of this size left."""
        self._on_its_way = size

    def refused(self, size: int, now: float) -> None:
        """The system would not send a datagram of this size, probe or not."""
        if size <= self.size:
            self._fall_back(now)
        elif size == self._on_its_way:
            self._give_up(size)

    def learn(self, acked: list[Packet], lost: list[Packet], now: float) -> None:
        """What an acknowledgement or a timer said of packets."""
        for packet in acked:
            if packet[4]:
                self._arrived(packet[2])
            elif packet[2] > limits.BASE_DATAGRAM:
                self._large_losses = 0
        smallest = 0
        for packet in lost:
            if packet[4]:
                self._lost(packet[2])
            elif not smallest or packet[2] < smallest:
                smallest = packet[2]
        if smallest > limits.BASE_DATAGRAM:
            self._suspect(now)

    def timed_out(self, now: float) -> None:
        """Nothing was heard for a probe time-out."""
        if self.size > limits.BASE_DATAGRAM:
            self._suspect(now)

    def _arrived(self, size: int) -> None:
        if size == self._on_its_way:
            self._on_its_way = None
            self._tries = 0
            self.size = max(self.size, size)

    def _lost(self, size: int) -> None:
        if size != self._on_its_way:
            return
        self._on_its_way = None
        self._tries += 1
        if self._tries >= limits.MTU_PROBES:
            self._give_up(size)

    def _give_up(self, size: int) -> None:
        self._on_its_way = None
        self._tries = 0
        self._too_large = size

    def _suspect(self, now: float) -> None:
        if self.size == limits.BASE_DATAGRAM:
            # They left before the size went back.
            return
        self._large_losses += 1
        if self._large_losses > limits.BLACK_HOLE_LOSSES:
            self.black_holes += 1
            self._fall_back(now)

    def _fall_back(self, now: float) -> None:
        self.size = limits.BASE_DATAGRAM
        self._on_its_way = None
        self._tries = self._large_losses = 0
        self._too_large = None
        self._search_at = now + limits.BLACK_HOLE_TIME
