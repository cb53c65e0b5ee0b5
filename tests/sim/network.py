"""SimNet: datagrams between hosts in virtual time, the same for the same seed.

Knows addresses, hosts, realms (a realm is one space of addresses: the Internet, or what is behind a NAT) and a clock;
what happens to a datagram on its way is `nodes`, what a NAT does is `nat`, and what hosts say is no business of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import NamedTuple, Protocol

Address = tuple[str, int]

HOPS = 4
"""Routers between two access lines of the Internet, each of which lowers the time to live."""


class Datagram(NamedTuple):
    """One datagram under way."""

    source: Address
    destination: Address
    payload: bytes
    ttl: int = 64


Forward = Callable[[Datagram], None]


class Node(Protocol):
    """Something on the way of datagrams: passes on what it is given, or not, or later, or changed."""

    def put(self, datagram: Datagram, forward: Forward, net: SimNet) -> None:
        """Take a datagram; `forward` gives it to whatever comes behind this node."""


class Attachment(Protocol):
    """What has an address in a realm: a host, or a NAT's outer side."""

    def arrive(self, datagram: Datagram) -> None:
        """Take a datagram that was sent to this address."""


class SimNet:
    """The clock, the Internet, and everything that waits for its time.

    Time stands still except in `run` and `run_until`; what is due at one moment happens in the order in which it was
    asked for.
    """

    def __init__(self, seed: int = 0) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.internet = Realm(self, hops=HOPS)

    def call_at(self, when: float, callback: Callable[[], None]) -> None:
        """Have something called when its time comes; a time that is past is now."""
        heappush(self._waiting, (max(when, self.now), next(self._order), callback))

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        self.run_until(lambda: False, seconds)

    def run_until(self, is_enough: Callable[[], bool], seconds: float) -> bool:
        """Let time pass until something is so, at most so much; whether it is so."""
        end = self.now + seconds
        while not is_enough():
            if not self._waiting or self._waiting[0][0] > end:
                self.now = end
                return is_enough()
            self.now, _, callback = heappop(self._waiting)
            callback()
        return True


class Realm:
    """A space of addresses; what is unknown goes to the gateway, if there is one, and nowhere otherwise."""

    def __init__(self, net: SimNet, hops: int = 0) -> None:
        self.net = net
        self.gateway: Callable[[Datagram], None] | None = None
        self._hops = hops
        self._attached: dict[str, Attachment] = {}

    def attach(self, ip: str, attachment: Attachment) -> None:
        """Give an address to something."""
        assert ip not in self._attached, f"{ip} is taken"
        self._attached[ip] = attachment

    def detach(self, ip: str) -> None:
        """Take an address away: what is sent to it goes nowhere from now on."""
        del self._attached[ip]

    def route(self, datagram: Datagram) -> None:
        """Bring a datagram to whom it is for."""
        if datagram.ttl <= self._hops:
            return
        there = self._attached.get(datagram.destination[0])
        if there is not None:
            there.arrive(datagram._replace(ttl=datagram.ttl - self._hops) if self._hops else datagram)
        elif self.gateway is not None:
            self.gateway(datagram)


class Host:
    """A machine with an address in a realm, and the nodes of its access line, each way.

    Datagrams that come within `reading` seconds of one another are read together, as a busy reactor does.
    """

    def __init__(
        self, realm: Realm, ip: str, up: Sequence[Node] = (), down: Sequence[Node] = (), reading: float = 0.0
    ) -> None:
        self.net = realm.net
        self.ip = ip
        self.sent = 0
        self.sent_bytes = 0
        self._realm = realm
        self._up = up
        self._down = down
        self._reading = reading
        self._sockets: dict[int, Callable[[list[Datagram]], None]] = {}
        self._read: dict[int, list[Datagram]] = {}
        realm.attach(ip, self)
        self._send_up = chain(up, realm.route, self.net)
        self._come_down = chain(down, self._queue, self.net)

    def bind(self, port: int, received: Callable[[list[Datagram]], None]) -> Address:
        """Have what comes to a port given to a callback, a batch at a time; the port's address."""
        self._sockets[port] = received
        return self.ip, port

    def move(self, realm: Realm, ip: str) -> None:
        """Go elsewhere, as a telephone from one network to another: sockets stay, the address does not."""
        self._realm.detach(self.ip)
        self._realm, self.ip = realm, ip
        realm.attach(ip, self)
        self._send_up = chain(self._up, realm.route, self.net)

    def send(self, port: int, destination: Address, payload: bytes, ttl: int = 64) -> None:
        """Send one datagram from a port of this host."""
        self.sent += 1
        self.sent_bytes += len(payload)
        self._send_up(Datagram((self.ip, port), destination, payload, ttl))

    def arrive(self, datagram: Datagram) -> None:
        """Take what the realm brings, by way of the access line."""
        self._come_down(datagram)

    def _queue(self, datagram: Datagram) -> None:
        port = datagram.destination[1]
        if port not in self._sockets:
            return
        batch = self._read.get(port)
        if batch is not None:
            batch.append(datagram)
            return
        self._read[port] = [datagram]
        self.net.call_at(self.net.now + self._reading, lambda: self._sockets[port](self._read.pop(port)))


def chain(nodes: Sequence[Node], last: Forward, net: SimNet) -> Forward:
    """One way through several nodes, in their order, ending at `last`."""
    forward = last
    for node in reversed(nodes):
        forward = _through(node, forward, net)
    return forward


def _through(node: Node, forward: Forward, net: SimNet) -> Forward:
    return lambda datagram: node.put(datagram, forward, net)
