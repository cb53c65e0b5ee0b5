"""How long there and back takes, and how much that varies (RFC 9002, section 5).

    first sample      smoothed = sample, variation = sample / 2
    later ones        adjusted  = sample - delay of the acknowledgement, unless that is below the minimum
                      variation = 3/4 variation + 1/4 |smoothed - adjusted|
                      smoothed  = 7/8 smoothed  + 1/8 adjusted
    probe time-out    smoothed + max(4 variation, 1 ms) + what an acknowledgement may be delayed
    given up after    9/8 of max(smoothed, latest), at least 1 ms

Refuses to know packets.
"""

from __future__ import annotations

from esframework.limits import rudp as limits


class Rtt:
    """Estimates in seconds. `initial` is what is known before: the round trip of a probe, if there was one."""

    __slots__ = ("latest", "smoothed", "variation", "minimum", "first_sample_at")

    def __init__(self, initial: float = limits.INITIAL_RTT) -> None:
        self.latest = initial
        self.smoothed = initial
        self.variation = initial / 2
        self.minimum = 0.0
        self.first_sample_at: float | None = None

    def update(self, latest: float, ack_delay: float, now: float) -> None:
        """An acknowledgement came `latest` seconds after its packet left; it was held back for `ack_delay` of them."""
        self.latest = latest
        if self.first_sample_at is None:
            self.first_sample_at = now
            self.minimum = self.smoothed = latest
            self.variation = latest / 2
            return
        if latest < self.minimum:
            self.minimum = latest
        ack_delay = min(ack_delay, limits.MAX_ACK_DELAY)
        adjusted = latest - ack_delay if latest >= self.minimum + ack_delay else latest
        self.variation += (abs(self.smoothed - adjusted) - self.variation) / 4
        self.smoothed += (adjusted - self.smoothed) / 8

    def pto(self, max_ack_delay: float = limits.MAX_ACK_DELAY) -> float:
        """Seconds without an acknowledgement after which to ask for one."""
        return self.smoothed + max(4 * self.variation, limits.TIMER_GRANULARITY) + max_ack_delay

    def loss_delay(self) -> float:
        """Seconds after which a packet is lost when a later one was acknowledged."""
        return max(limits.TIME_THRESHOLD * max(self.smoothed, self.latest), limits.TIMER_GRANULARITY)

    def forget_minimum(self) -> None:
        """The path may have become another one: the next sample is the shortest."""
        self.minimum = self.latest
