"""A sender with recovery, a controller and a pacer on a tiny model of a path: one bottleneck, its queue, and losses.

Everything follows from the seed. Without datagrams, keys and streams, so that what is seen is the controller's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random

from esframework.rudp.congestion import Congestion
from esframework.rudp.pacing import Pacer
from esframework.rudp.ranges import RangeSet
from esframework.rudp.recovery import Recovery
from esframework.rudp.rtt import Rtt

SIZE = 1200


@dataclass(frozen=True)
class Path:
    """Bytes a second, seconds there and back, bytes of the queue, share lost in each direction."""

    rate: float = 2_500_000.0
    rtt: float = 0.05
    queue: float = 187_500.0
    loss: float = 0.0


class Flow:
    """A sender that always has something to send, and its receiver."""

    def __init__(self, controller: Callable[[Rtt], Congestion], begins_at: float = 0.0) -> None:
        rtt = Rtt()
        self.recovery = Recovery(rtt, controller(rtt), 0.0)
        self.pacer = Pacer(0.0)
        self.received = RangeSet(256)
        self.arrived = 0
        self.number = 0
        self.unacknowledged = 0
        self.wake_at = begins_at


class Bottleneck:
    """Flows that share one path, in virtual time; each begins so much later than the one before it."""

    def __init__(self, path: Path, seed: int, *controllers: Callable[[Rtt], Congestion], apart: float = 0.0) -> None:
        self.path = path
        self.now = 0.0
        self.dropped = 0
        self.flows = [Flow(controller, index * apart) for index, controller in enumerate(controllers)]
        self._random = Random(seed).random
        self._free_at = 0.0
        self._events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._count = 0
        for flow in self.flows:
            self._later(flow.wake_at, self._wake, flow)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, act, arguments = heappop(self._events)
            act(*arguments)
        self.now = end

    def share(self, seconds: float) -> list[float]:
        """The share of the bottleneck that each flow gets from now on, for so long."""
        before = [flow.arrived for flow in self.flows]
        self.run(seconds)
        most = self.path.rate * seconds
        return [(flow.arrived - start) / most for flow, start in zip(self.flows, before, strict=True)]

    def _later(self, at: float, act: Callable[..., None], *arguments: object) -> None:
        self._count += 1
        heappush(self._events, (at, self._count, act, arguments))

    def _wake(self, flow: Flow) -> None:
        if self.now < flow.wake_at:
            return
        probes = flow.recovery.on_timer(self.now).probes
        for _ in range(probes):
            self._send(flow)
        self._send_all(flow)

    def _send_all(self, flow: Flow) -> None:
        recovery, pacer = flow.recovery, flow.pacer
        rate = recovery.congestion.rate
        packets = min(recovery.room, pacer.budget(rate, SIZE, self.now)) // SIZE
        for _ in range(packets):
            self._send(flow)
        wake_at = recovery.timer() or self.now + 1
        if recovery.room >= SIZE:
            wake_at = min(wake_at, pacer.next_at(rate, SIZE, self.now))
        # One timer: it is set anew, and what was set before finds that it is not its time.
        wake_at = max(wake_at, self.now + 0.001)
        if wake_at < flow.wake_at or flow.wake_at <= self.now:
            self._later(wake_at, self._wake, flow)
            flow.wake_at = wake_at

    def _send(self, flow: Flow) -> None:
        flow.recovery.sent(flow.number, SIZE, None, self.now)
        flow.pacer.sent(SIZE, SIZE)
        number = flow.number
        flow.number += 1
        path = self.path
        if (self._free_at - self.now) * path.rate > path.queue:
            self.dropped += 1
            return
        self._free_at = max(self._free_at, self.now) + SIZE / path.rate
        if self._random() >= path.loss:
            self._later(self._free_at + path.rtt / 2, self._arrive, flow, number)

    def _arrive(self, flow: Flow, number: int) -> None:
        is_gap = number != flow.received.stop
        flow.received.add(number, number + 1)
        flow.arrived += SIZE
        flow.unacknowledged += 1
        if flow.unacknowledged < 2 and not is_gap:
            return
        flow.unacknowledged = 0
        if self._random() >= self.path.loss:
            self._later(self.now + self.path.rtt / 2, self._acknowledge, flow, flow.received.newest(32))

    def _acknowledge(self, flow: Flow, ranges: list[tuple[int, int]]) -> None:
        flow.recovery.acked(ranges, 0.0, self.now)
        self._send_all(flow)
