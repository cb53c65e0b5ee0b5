"""What happens to datagrams on their way: each node does one thing.

Rates are chances from 0 to 1, times are seconds, sizes are bytes of UDP payload (headers below it count as HEADERS).
Every node may be changed while the network runs.
"""

from __future__ import annotations

from tests.sim.network import Datagram, Forward, SimNet

HEADERS = 28
"""Bytes of the IPv4 and UDP headers of each datagram: a line and a queue carry them too."""


class Delay:
    """Everything comes later."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def put(self, datagram: Datagram, forward: Forward, net: SimNet) -> None:
        """Pass a datagram on after the delay."""
        net.call_at(net.now + self.seconds, lambda: forward(datagram))


class Jitter:
    """Each comes up to so much later than the one before, so they overtake one another."""

    def __init__(self, most: float) -> None:
        self.most = most

    def put(self, datagram: Datagram, forward: Forward, net: SimNet) -> None:
        """Pass a datagram on after a random delay."""
        net.call_at(net.now + net.random.uniform(0.0, self.most), lambda: forward(datagram))


class Drop:
    """Each is lost with the same chance; a rate of 1 is a cut cable."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.dropped = 0

    def put(self, datagram: Datagram, forward: Forward, net: SimNet) -> None:
        """Pass a datagram on, or not."""
        if self.rate and net.random.random() < self.rate:
            self.dropped += 1
        else:
            forward(datagram)


class BurstDrop:
    """Losses come in bursts (Gilbert-Elliott): two states, of which the bad one loses most.

    `to_bad` and `to_good` are the chances of a change at each datagram; a burst lasts 1 / to_good datagrams on average.
    """

    def __init__(self, to_bad: float, to_good: float, loss_when_bad: float = 1.0, loss_when_good: float = 0.0) -> None:
        self.to_bad = to_bad
        self.to_good = to_good
        self.loss = {True: loss_when_bad, False: loss_when_good}
        self.is_bad = False
        self.dropped = 0

    def put(self, datagram: Datagram, forward: Forward, net: SimNet) -> None:
        """Pass a datagram on, or not."""
        if net.random.random() < (self.to_good if self.is_bad else self.to_bad):
            self.is_bad = not self.is_bad
        if net.random.random() < self.loss[self.is_bad]:
            self.dropped += 1
        else:
            forward(datagram)


class TailDrop:
    """A line of a rate (bytes/s) behind a queue (bytes); what finds the queue full is lost."""

    def __init__(self, rate: float, queue: float) -> None:
        self.rate = rate
        self.queue = queue
        self.dropped = 0
        self.longest = 0.0
        self._free_at = 0.0

    def put(self, datagram: Datagram, forward: Forward, net: SimNet) -> None:
        """Pass a datagram on when those before it are through."""
        begins = max(self._free_at, net.now)
        waiting = (begins - net.now) * self.rate
        size = len(datagram.payload) + HEADERS
        if waiting + size > self.queue:
            self.dropped += 1
            return
        self.longest = max(self.longest, waiting + size)
        self._free_at = begins + size / self.rate
        net.call_at(self._free_at, lambda: forward(datagram))


class Duplicate:
    """Some come twice, the second one up to `later` seconds after the first."""

    def __init__(self, rate: float, later: float = 0.05) -> None:
        self.rate = rate
        self.later = later

    def put(self, datagram: Datagram, forward: Forward, net: SimNet) -> None:
        """Pass a datagram on, once or twice."""
        forward(datagram)
        if net.random.random() < self.rate:
            net.call_at(net.now + net.random.uniform(0.0, self.later), lambda: forward(datagram))


class Corrupt:
    """Some have a bit flipped, or come cut short."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.corrupted = 0

    def put(self, datagram: Datagram, forward: Forward, net: SimNet) -> None:
        """Pass a datagram on, as it is or not."""
        if datagram.payload and net.random.random() < self.rate:
            self.corrupted += 1
            payload = bytearray(datagram.payload)
            place = net.random.randrange(len(payload))
            if net.random.random() < 0.5:
                payload[place] ^= 1 << net.random.randrange(8)
            else:
                del payload[place:]
            datagram = datagram._replace(payload=bytes(payload))
        forward(datagram)


class Reorder:
    """Some come so much later than those that were sent after them."""

    def __init__(self, rate: float, later: float = 0.02) -> None:
        self.rate = rate
        self.later = later

    def put(self, datagram: Datagram, forward: Forward, net: SimNet) -> None:
        """Pass a datagram on, now or later."""
        if net.random.random() < self.rate:
            net.call_at(net.now + self.later, lambda: forward(datagram))
        else:
            forward(datagram)


class Mtu:
    """A black hole: what is longer vanishes without a word. `most` is bytes of UDP payload."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.dropped = 0

    def put(self, datagram: Datagram, forward: Forward, net: SimNet) -> None:
        """Pass a datagram on if it fits."""
        if len(datagram.payload) <= self.most:
            forward(datagram)
        else:
            self.dropped += 1


class Tap:
    """Keeps what passes, for a test that wants to look at it or to play it again."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, Datagram]] = []

    def put(self, datagram: Datagram, forward: Forward, net: SimNet) -> None:
        """Note a datagram and pass it on."""
        self.seen.append((net.now, datagram))
        forward(datagram)
