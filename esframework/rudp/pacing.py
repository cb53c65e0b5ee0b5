"""When the next burst may leave: a bucket that fills at the rate of the congestion controller.

    burst      2 ms worth, and at least 2 packets
    bucket     holds two bursts, or 10 ms worth: what a timer that was late, or a reactor that was busy, made late

A burst that was begun goes on until the bucket is empty; then nothing leaves until there is a whole one again. Packets
that only acknowledge are not paced. Refuses to know packets.
"""

from __future__ import annotations

from typing import Final

from esframework.limits import rudp as limits

_ROUNDING: Final = 1e-3
"""Bytes by which sums of rates and times may miss what they should be."""


class Pacer:
    """Sizes in bytes, rates in bytes a second, times in seconds. The bucket is full at first."""

    __slots__ = ("_tokens", "_filled_at", "_is_waiting")

    def __init__(self, now: float) -> None:
        self._tokens = float("inf")
        self._filled_at = now
        self._is_waiting = False

    def budget(self, rate: float, datagram_size: int, now: float) -> int:
        """Bytes that may leave now; 0 until a burst may."""
        burst = self._burst(rate, datagram_size)
        self._fill(rate, burst, now)
        if self._is_waiting and self._tokens < burst - _ROUNDING:
            return 0
        self._is_waiting = False
        return max(0, int(self._tokens + _ROUNDING))

    def sent(self, size: int, datagram_size: int) -> None:
        """So much left; more than the budget is made up for later."""
        self._tokens -= size
        if self._tokens < datagram_size - _ROUNDING:
            self._is_waiting = True

    def next_at(self, rate: float, datagram_size: int, now: float) -> float:
        """When `budget` will give a burst, if nothing is sent meanwhile: `now` if it does already."""
        burst = self._burst(rate, datagram_size)
        self._fill(rate, burst, now)
        if not self._is_waiting or self._tokens >= burst - _ROUNDING:
            return now
        return now + (burst - self._tokens) / rate

    def _burst(self, rate: float, datagram_size: int) -> float:
        return max(rate * limits.BURST_TIME, limits.BURST_PACKETS * datagram_size)

    def _fill(self, rate: float, burst: float, now: float) -> None:
        most = max(2 * burst, rate * limits.LONGEST_BURST_TIME)
        self._tokens = min(self._tokens + rate * (now - self._filled_at), most)
        self._filled_at = now
