"""The P2P server as a service: answers at its ports who shows a token, and counts and logs whom it does not answer.

    UDP     one datagram, one answer or none, from where the request wants it
    TCP     a connection shows its token within 5 s, hears how it is seen, and may stay for a minute, so that NATs keep
            its mapping; it is closed when more comes, or when there are too many

What is no request may be for somebody else (`foreign`). Refuses to know users, and what clients do with the answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorTCP, IReactorUDP

from esframework import limits
from esframework.errors import LocalError, RendezvousRefused
from esframework.net.addresses import network_of
from esframework.net.rendezvous_ports import Site
from esframework.rudp.paths import Address
from esframework.rudp.rendezvous.answering import Answering
from esframework.rudp.rendezvous.messages import REQUEST

Foreign: TypeAlias = Callable[[bytes, Address], bytes]
"""`(datagram, source)`: the answer to what is no request of ours; raises RendezvousRefused for what gets none. It
may be longer than what came only where the source is known to be who the datagram says."""

_REQUEST_BYTE: Final = bytes([REQUEST])


class RendezvousService:
    """One P2P server at any number of interfaces.

    `time()` is the clock of the tokens. `requests` and `answers` count, by UDP and TCP; `refused` says why the others
    got none, and `refused_hook(reason, source)`, if there is one, is told of each. `connections` are open by TCP now,
    `connections_told` counts those that heard how they are seen.
    """

    def __init__(self, reactor: Any, answering: Answering, time: Callable[[], float]) -> None:
        self.answering = answering
        self.foreign: Foreign | None = None
        self.refused_hook: Callable[[str, Address], object] | None = None
        self.requests = 0
        self.answers = 0
        self.refused: Counter[str] = Counter()
        self.connections = 0
        self.connections_told = 0
        self._reactor = reactor
        self._time = time
        self._sites: list[Site] = []
        self._by_network: Counter[str] = Counter()

    # --- ports ------------------------------------------------------------------------------------------------------
    def open(self, interface: str, port: int, second_interface: str = "") -> int:
        """Listen at an address ("" and "::" are all) by UDP and TCP; returns the port's number, chosen for `port` 0.

        `second_interface` is another address of this machine, by which clients learn more of their NATs; `interface`
        must be a single address then. Raises CannotListenError, or OverflowError for a number above 65535, with
        nothing left open, and LocalError where the reactor has no UDP.
        """
        if IReactorUDP(self._reactor, None) is None or IReactorTCP(self._reactor, None) is None:
            raise LocalError(f"{type(self._reactor).__name__} has no UDP, which P2P needs")
        site = Site(self._reactor, self)
        try:
            site.open(interface, port, second_interface)
        except (CannotListenError, OverflowError):
            site.close()
            raise
        self._sites.append(site)
        return site.address[1]

    @property
    def addresses(self) -> list[Address]:
        """Where it listens."""
        return [site.address for site in self._sites]

    def close(self) -> Deferred[Any]:
        """Close all ports and connections; fires when they are closed."""
        sites, self._sites = self._sites, []
        return DeferredList([site.close() for site in sites])

    # --- for the ports (Receiver) -------------------------------------------------------------------------------------
    def received(self, site: Site, datagram: bytes, source: Address, which: int) -> None:
        """A datagram came in."""
        self.requests += 1
        try:
            if self.foreign is not None and datagram[:1] != _REQUEST_BYTE:
                answer = self.foreign(datagram, source)
                self.answering.admit(source[0], self._reactor.seconds())
            else:
                answer, wanted = self._answer(site, datagram, source)
                which = wanted or which
        except RendezvousRefused as error:
            self.refuse(error.args[0], source)
        else:
            self.answers += 1
            site.send(answer, source, which)

    def asked(self, site: Site, request: bytes, source: Address) -> bytes | None:
        """A request came by TCP; None closes the connection."""
        self.requests += 1
        try:
            answer, _ = self._answer(site, request, source)
        except RendezvousRefused as error:
            self.refuse(error.args[0], source)
            return None
        self.answers += 1
        self.connections_told += 1
        return answer

    def _answer(self, site: Site, request: bytes, source: Address) -> tuple[bytes, int]:
        return self.answering.answer(request, source, site.place, self._reactor.seconds(), self._time())

    def enter(self, source: Address) -> bool:
        """Count a connection; whether it may stay."""
        network = network_of(source[0])
        self.connections += 1
        self._by_network[network] += 1
        if self.connections > limits.P2P_TCP_CONNECTIONS:
            self.refuse("too_many_connections", source)
        elif self._by_network[network] > limits.P2P_TCP_CONNECTIONS_PER_ADDRESS:
            self.refuse("too_many_connections_of_address", source)
        else:
            return True
        return False

    def leave(self, source: Address) -> None:
        """A connection is gone."""
        network = network_of(source[0])
        self.connections -= 1
        self._by_network[network] -= 1
        if self._by_network[network] <= 0:
            del self._by_network[network]

    def refuse(self, reason: str, source: Address) -> None:
        """Count something that gets no answer."""
        self.refused[reason] += 1
        if self.refused_hook is not None:
            self.refused_hook(reason, source)
