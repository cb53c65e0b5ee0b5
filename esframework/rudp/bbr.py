"""A controller that measures the path instead of filling it until something is lost; in the manner of BBR.

    state       packets leave at        window                 until
    startup     2.77 * bandwidth        2.77 * bandwidth * rtt three rounds brought less than a quarter more, or a
                                                               queue stands and overflows
    drain       1 / 2.77                2.77                   what is on its way fits the path
    steady      1.25, 0.75, 6 times 1   2                      one round trip each; for ever
    emptying    1                       1/2                    0.2 s at least, and a round

    bandwidth   the largest rate at which anything was delivered in 10 round trips
    rtt         the shortest in 10 s; when that is older, queues are emptied so that it can be measured again. The
                first is believed for 1 s only where a tenth of a round is lost: a flow that begins in the full queue of
                others has never seen the path without it, and would take it for one that loses at random
    loss        says nothing, up to 15 % of a round and what chance adds to that; beyond, bandwidth is believed to be
                15 % smaller, once a round; three such rounds end the start
    probes      the round at 1.25; if it found a tenth more than was known, the next one follows without the six rounds
                between: a flow that was lost in a full queue when it began is not slow for the next half minute
    crowding    loss in a round in which nothing came back within 1.25 of the shortest time: then a queue is full, and
                not the path bad. The window gets a ceiling at 70 % of itself, as Cubic's does, never below what the
                path holds; it rises by one packet with each other round, as Reno's does
    bursts      what came in one go beyond bandwidth * time is added to the window, the most in 10 rounds: receivers
                and reactors acknowledge many packets together, and others shall leave meanwhile

Sources: Cardwell et al., "BBR: Congestion-Based Congestion Control" (2016), and draft-ietf-ccwg-bbr for loss and
bursts; the gains are 4 ln 2 and the rate at which a queue made by it drains. Crowding is our own: beside two of these
a Cubic flow gets a quarter, where the kernel's bbr leaves it 2 to 9 % (20 Mbit/s, 50 ms, a queue of 1.5 times what the
path holds). Several flows on one path find their shares because they empty the queue at about the same time. Weak, as
BBR is: where a queue holds less than a third of what the path does, losses say nothing of it, and Cubic gets a tenth;
where it holds four times as much and is full, a flow that comes later begins with an eighth. Knows no randomness:
`phase` says where in its cycle a flow begins.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Final

from esframework.limits import rudp as limits
from esframework.rudp.congestion import Packet, Sample, initial_window
from esframework.rudp.rtt import Rtt

STARTUP: Final = "startup"
DRAIN: Final = "drain"
STEADY: Final = "steady"
EMPTYING: Final = "emptying"

_GAIN: Final = 2.77
_CYCLE: Final = (1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
_AFTER_PROBE: Final = 2
"""Where in the cycle a probe and the emptying of its queue are over."""
_STEADY_WINDOW: Final = 2.0
_EMPTY_WINDOW: Final = 0.5
_LEAST_PACKETS: Final = 4
_GROWTH: Final = 1.25
_ROUNDS_WITHOUT_GROWTH: Final = 3
_CROWDED: Final = 1.25
_YIELD: Final = 0.7
_SUSPICIOUS: Final = 2 / 3
"""Times the tolerated loss without crowding, and at least `_FEW` packets, that make the first round trips doubtful."""
_FEW: Final = 3
_AGAIN: Final = 1.1
"""Times the bandwidth from before a probe that the probe must have found, for the next one to follow at once."""

_CHANCE: Final = 3.0
"""Standard deviations beyond the share that may be lost: so many more may be chance, as a short round says little."""


class MaximumFilter:
    """The largest value of the last `rounds` rounds; values are many, and few are kept."""

    __slots__ = ("_rounds", "_values", "value")

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        # Falling values with rising rounds: each is the largest since its own round.
        self._values: list[tuple[int, float]] = []
        self.value = 0.0

    def add(self, value: float, current: int) -> None:
        """A value of the `current` round."""
        values = self._values
        while values and values[-1][1] <= value:
            values.pop()
        values.append((current, value))
        while values[0][0] <= current - self._rounds:
            values.pop(0)
        self.value = values[0][1]

    def scale(self, factor: float) -> None:
        """Believe only so much of everything."""
        self._values = [(when, value * factor) for when, value in self._values]
        self.value *= factor


class Bbr:
    """Provides `congestion.Congestion`. `phase`, 0 to 5, is where its cycle begins: at random, for several flows."""

    def __init__(self, rtt: Rtt, datagram_size: int = limits.BASE_DATAGRAM, *, now: float, phase: int = 0) -> None:
        self.datagram_size = datagram_size
        self.state = STARTUP
        self._rtt = rtt
        self._phase = _AFTER_PROBE + phase % (len(_CYCLE) - _AFTER_PROBE)
        self._began_phase_at = now
        self._tried_from = inf
        self._bandwidth = MaximumFilter(limits.BANDWIDTH_ROUNDS)
        self._shortest = 0.0
        self._shortest_at = now
        self._believed_for = limits.MINIMUM_RTT_TIME
        self._shortest_of_round = inf
        self._ceiling = inf
        self._round = 0
        self._round_ends = 0
        self._round_began = 0
        self._round_lost = 0
        self._round_lost_packets = 0
        self._is_proven = False
        self._full_bandwidth = 0.0
        self._rounds_full = 0
        self._emptied_at: float | None = None
        self._emptied_round = 0
        self._extra = MaximumFilter(limits.BANDWIDTH_ROUNDS)
        self._burst_began_at = now
        self._burst = 0
        self._gain = _GAIN
        self._window = initial_window(datagram_size)

    @property
    def window(self) -> int:
        """See `Congestion`."""
        return self._window

    @property
    def bandwidth(self) -> float:
        """Bytes a second that the path is believed to carry; 0 when nothing is known."""
        return self._bandwidth.value

    @property
    def rate(self) -> float:
        """See `Congestion`."""
        rate = self._gain * self._bandwidth.value
        if self.state == STARTUP:
            # The first rates are those of what there was to send, and say little about the path.
            least = initial_window(self.datagram_size) / max(self._rtt.smoothed, limits.TIMER_GRANULARITY)
            return max(rate, _GAIN * least)
        return rate

    def acked(self, packets: list[Packet], sample: Sample, now: float) -> None:
        """See `Congestion`."""
        if sample.rtt:
            self._shortest_of_round = min(self._shortest_of_round, sample.rtt)
        is_round = sample.delivered_before >= self._round_ends
        if is_round:
            self._end_round(sample)
        if sample.rate and (not sample.is_app_limited or sample.rate >= self._bandwidth.value):
            self._bandwidth.add(sample.rate, self._round)
        self._measure_bursts(sample, now)
        is_old = now > self._shortest_at + self._believed_for
        if sample.rtt and (sample.rtt <= self._shortest or not self._shortest or is_old):
            self._shortest = sample.rtt
            self._shortest_at = now
        self._change_state(sample, is_round, is_old, now)
        self._set_window(sample)

    def lost(self, packets: list[Packet], now: float) -> None:
        """See `Congestion`."""
        self._round_lost += sum(packet[2] for packet in packets)
        self._round_lost_packets += len(packets)

    def persistent(self, now: float) -> None:
        """See `Congestion`."""
        self._window = _LEAST_PACKETS * self.datagram_size

    def _end_round(self, sample: Sample) -> None:
        self._round += 1
        is_crowded = self._shortest > 0 and self._shortest_of_round > _CROWDED * self._shortest
        sent = self._round_lost + sample.delivered - self._round_began
        tolerated = limits.TOLERATED_LOSS * sent / self.datagram_size
        if self._round_lost_packets > tolerated + _CHANCE * sqrt(tolerated):
            self._bandwidth.scale(limits.BACK_OFF)
            self._rounds_full += 1
        elif self.state == STARTUP and (is_crowded or not sample.is_app_limited):
            if self._bandwidth.value >= _GROWTH * self._full_bandwidth:
                self._full_bandwidth = self._bandwidth.value
                self._rounds_full = 0
            else:
                # A queue that stands for a whole round and overflows: there is nothing to wait for.
                self._rounds_full += _ROUNDS_WITHOUT_GROWTH if is_crowded and self._round_lost else 1
        if not (is_crowded or self._is_proven) and self._round_lost_packets > max(_FEW, _SUSPICIOUS * tolerated):
            self._believed_for = limits.FIRST_MINIMUM_RTT_TIME
        if self._round_lost and is_crowded:
            self._ceiling = _YIELD * min(self._ceiling, self._window)
        else:
            self._ceiling += self.datagram_size
        self._shortest_of_round = inf
        self._round_ends = self._round_began = sample.delivered
        self._round_lost = self._round_lost_packets = 0

    def _measure_bursts(self, sample: Sample, now: float) -> None:
        expected = self._bandwidth.value * (now - self._burst_began_at)
        if self._burst <= expected:
            self._burst_began_at = now
            self._burst = 0
            expected = 0.0
        self._burst += sample.size
        self._extra.add(min(self._burst - expected, self._window), self._round)

    def _change_state(self, sample: Sample, is_round: bool, is_old: bool, now: float) -> None:
        if self.state == STARTUP and self._rounds_full >= _ROUNDS_WITHOUT_GROWTH:
            self._enter(DRAIN, 1 / _GAIN)
        if self.state == DRAIN and sample.in_flight <= self._product(1.0):
            self._enter_steady(now)
        if self.state == STEADY:
            self._cycle(sample, now)
        if is_old and self.state == STEADY:
            self._enter(EMPTYING, 1.0)
            self._emptied_at = None
            self._believed_for = limits.MINIMUM_RTT_TIME
            self._is_proven = True
        if self.state == EMPTYING:
            self._empty(sample, is_round, now)

    def _enter(self, state: str, gain: float) -> None:
        self.state = state
        self._gain = gain

    def _enter_steady(self, now: float) -> None:
        self._enter(STEADY, _CYCLE[self._phase])
        self._began_phase_at = now

    def _cycle(self, sample: Sample, now: float) -> None:
        gain = _CYCLE[self._phase]
        is_over = now - self._began_phase_at > self._shortest
        if gain > 1:
            # Until there is more on the way than the path holds, nothing was tried; a loss says that there is.
            is_over = is_over and (self._round_lost > 0 or sample.in_flight >= self._product(gain))
        elif gain < 1:
            is_over = is_over or sample.in_flight <= self._product(1.0)
        if is_over:
            self._phase = (self._phase + 1) % len(_CYCLE)
            if self._phase == _AFTER_PROBE and self._bandwidth.value >= _AGAIN * self._tried_from:
                # There was more: what little is believed of a path must not take minutes to rise.
                self._phase = 0
            if self._phase == 0:
                self._tried_from = self._bandwidth.value
            self._enter_steady(now)

    def _empty(self, sample: Sample, is_round: bool, now: float) -> None:
        if self._emptied_at is None:
            if sample.in_flight <= self._least(_EMPTY_WINDOW):
                self._emptied_at = now
                self._emptied_round = self._round
        elif now - self._emptied_at >= limits.PROBE_RTT_TIME and self._round > self._emptied_round:
            self._shortest_at = now
            self._enter_steady(now)

    def _product(self, gain: float) -> float:
        """Bytes that the path holds, so many times."""
        return gain * self._bandwidth.value * self._shortest

    def _least(self, gain: float) -> int:
        return max(_LEAST_PACKETS * self.datagram_size, int(self._product(gain)))

    def _set_window(self, sample: Sample) -> None:
        if not self._bandwidth.value or not self._shortest:
            self._window += sample.size
        elif self.state == EMPTYING:
            self._window = self._least(_EMPTY_WINDOW)
        else:
            gain = _STEADY_WINDOW if self.state == STEADY else _GAIN
            target = min(self._least(gain) + int(self._extra.value), max(self._ceiling, self._least(1.0)))
            if self.state == STARTUP:
                # Rates of the first packets are too low, and a window must not follow them down.
                target = max(target, self._window)
            # As much more as was acknowledged, so that one wrong rate lets nothing burst out.
            self._window = int(min(target, self._window + sample.size))
