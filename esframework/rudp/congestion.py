"""How much may be on its way: the interface of congestion controllers, and NewReno as the reference (RFC 9002, app. B).

    slow start             window + acknowledged bytes
    congestion avoidance   window + datagram size * acknowledged bytes / window
    loss                   threshold = window = window / 2, once a round trip (what was sent before the last such
                           time says nothing new)
    persistent congestion  the least window
    application limited    no growth: a window that is not used was not tried

    window     10 datagrams at first, 2 at least          rate       1.25 * window / smoothed round trip

Knows packets as they are acknowledged and lost, and refuses to know streams, timers and what is in flight; `bbr` has
the other controller.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeAlias

from esframework.limits import rudp as limits
from esframework.rudp.rtt import Rtt

Packet: TypeAlias = tuple[int, float, int, Any, bool, tuple[int, float, float, bool]]
"""(number, sent at, size, frames, is an MTU probe, what was known of delivery when it left), as `recovery` keeps it."""


class Sample(NamedTuple):
    """What one acknowledgement says of the path."""

    size: int
    """Bytes acknowledged."""

    rate: float
    """Bytes a second at which they and others got through; 0 when that cannot be told."""

    is_app_limited: bool
    """Whether there was too little to send, so that the path may carry more."""

    rtt: float
    """Seconds there and back, as measured; 0 when it was not."""

    delivered: int
    """Bytes acknowledged since the beginning."""

    delivered_before: int
    """The same when the newest acknowledged packet left: a round trip ends when that reaches its begin."""

    in_flight: int
    """Bytes on their way now."""


class Congestion(Protocol):
    """A congestion controller; sizes are bytes, times seconds. One is for one path."""

    datagram_size: int
    """Bytes of a full datagram; whoever learns of another size sets it."""

    @property
    def window(self) -> int:
        """Bytes that may be on their way."""

    @property
    def rate(self) -> float:
        """Bytes a second at which they may leave, for the pacer."""

    def acked(self, packets: list[Packet], sample: Sample, now: float) -> None:
        """These packets, at least one, were acknowledged."""

    def lost(self, packets: list[Packet], now: float) -> None:
        """These packets, at least one and no MTU probe, were lost; called before `acked` for the same
        acknowledgement."""

    def persistent(self, now: float) -> None:
        """Nothing got through for a long time."""


def initial_window(datagram_size: int) -> int:
    """Bytes that may be on their way before anything is known."""
    return min(
        limits.INITIAL_WINDOW_PACKETS * datagram_size,
        max(limits.INITIAL_WINDOW_BYTES, limits.MINIMUM_WINDOW_PACKETS * datagram_size),
    )


class NewReno:
    """The reference controller; provides `Congestion`."""

    def __init__(self, rtt: Rtt, datagram_size: int = limits.BASE_DATAGRAM) -> None:
        self.datagram_size = datagram_size
        self._rtt = rtt
        self._window = initial_window(datagram_size)
        self._threshold: int | None = None
        self._recovery_began_at = -1.0

    @property
    def window(self) -> int:
        """See `Congestion`."""
        return self._window

    @property
    def rate(self) -> float:
        """See `Congestion`."""
        return limits.PACING_GAIN * self._window / max(self._rtt.smoothed, limits.TIMER_GRANULARITY)

    def acked(self, packets: list[Packet], sample: Sample, now: float) -> None:
        """See `Congestion`."""
        if sample.is_app_limited:
            return
        window = self._window
        for _, sent_at, size, _, _, _ in packets:
            if sent_at <= self._recovery_began_at:
                continue
            if self._threshold is None or window < self._threshold:
                window += size
            else:
                window += self.datagram_size * size // window
        self._window = window

    def lost(self, packets: list[Packet], now: float) -> None:
        """See `Congestion`."""
        newest_sent_at = max(packet[1] for packet in packets)
        if newest_sent_at <= self._recovery_began_at:
            return
        self._recovery_began_at = now
        self._threshold = int(self._window * limits.LOSS_REDUCTION)
        self._window = max(self._threshold, self._least)

    def persistent(self, now: float) -> None:
        """See `Congestion`."""
        self._window = self._least
        self._recovery_began_at = -1.0

    @property
    def _least(self) -> int:
        return limits.MINIMUM_WINDOW_PACKETS * self.datagram_size
