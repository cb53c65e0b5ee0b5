"""TCP's usual congestion controller as others run it (RFC 9438, HyStart for its start): who shares lines with ours.

For simulations only: it counts packets of one size, and leaves the pace to the acknowledgements, as the kernel's does.
"""

from __future__ import annotations

from esframework.rudp.congestion import Packet, Sample
from esframework.rudp.rtt import Rtt

SCALE = 0.4
KEPT = 0.7
FAST_CONVERGENCE = (1 + KEPT) / 2
FRIENDLY = 3 * (1 - KEPT) / (1 + KEPT)
UNPACED = 1e9


class Cubic:
    """Provides `congestion.Congestion`."""

    def __init__(self, rtt: Rtt, datagram_size: int = 1200) -> None:
        self.datagram_size = datagram_size
        self._rtt = rtt
        self._packets = 10.0
        self._threshold: float | None = None
        self._most = 0.0
        self._epoch: float | None = None
        self._until_most = 0.0
        self._friendly = 0.0
        self._recovery_began_at = -1.0
        self._shortest = 1e9

    @property
    def window(self) -> int:
        """See `Congestion`."""
        return int(self._packets) * self.datagram_size

    @property
    def rate(self) -> float:
        """See `Congestion`."""
        return UNPACED

    def acked(self, packets: list[Packet], sample: Sample, now: float) -> None:
        """See `Congestion`."""
        for packet in packets:
            if packet[1] <= self._recovery_began_at:
                continue
            if self._threshold is None or self._packets < self._threshold:
                self._packets += 1
            else:
                self._avoid_congestion(now)
        if self._threshold is None and sample.rtt:
            self._shortest = min(self._shortest, sample.rtt)
            if sample.rtt > self._shortest + min(max(0.004, self._shortest / 8), 0.016) and self._packets > 16:
                self._threshold = self._packets

    def _avoid_congestion(self, now: float) -> None:
        if self._epoch is None:
            self._epoch = now
            self._friendly = self._packets
            self._most = max(self._most, self._packets)
            self._until_most = float(((self._most - self._packets) / SCALE) ** (1 / 3))
        self._friendly += FRIENDLY / self._packets
        since = now - self._epoch + self._rtt.smoothed - self._until_most
        wanted = min(SCALE * since**3 + self._most, 1.5 * self._packets)
        self._packets = max(self._packets + max(wanted - self._packets, 0.01) / self._packets, self._friendly)

    def lost(self, packets: list[Packet], now: float) -> None:
        """See `Congestion`."""
        if max(packet[1] for packet in packets) <= self._recovery_began_at:
            return
        self._recovery_began_at = now
        self._most = self._packets * (FAST_CONVERGENCE if self._packets < self._most else 1.0)
        self._threshold = self._packets = max(2.0, KEPT * self._packets)
        self._epoch = None

    def persistent(self, now: float) -> None:
        """See `Congestion`."""
        self._packets = 2.0
