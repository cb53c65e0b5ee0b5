"""Where this client can be reached, as far as it can find out: its cards, P2P servers, its router.

A P2P server is asked by UDP and by TCP, each from the port that channels use; what it said is good for a while. Refuses
to know other users.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.managers.p2p.forwarding import Forwarding
from esframework.managers.p2p.ports import Ports
from esframework.net.own_addresses import own_addresses
from esframework.rudp.candidates import Candidate, Kind, Protocol, Rules, to_offer
from esframework.rudp.paths import Address
from esframework.rudp.rendezvous.discovery import Discovery, Findings

_log = Logger()


class Gathering:
    """What is known of one client's own addresses; `found(candidate)` is told of each that others are to be told of."""

    def __init__(
        self, reactor: Any, options: ClientP2POptions, ports: Ports, found: Callable[[Candidate], None]
    ) -> None:
        self._reactor = reactor
        self._ports = ports
        self._found = found
        self._discoveries: list[Discovery] = []
        self._seen: dict[Candidate, float] = {}
        self._forwarding = Forwarding(reactor, options, found)
        self._timer: IDelayedCall | None = None
        # What is still to be heard, who waits for it, and until when.
        self._waiting: list[tuple[set[Protocol], Deferred[None], IDelayedCall]] = []
        self._known: dict[Discovery, Deferred[Findings]] = {}
        self.findings: dict[Address, Findings] = {}
        """What P2P servers said, by their address."""
        ports.on_rendezvous = self._datagram_came

    def candidates(self, is_local: bool) -> list[Candidate]:
        """What is known now and worth telling, best first. `is_local`: whoever is on this machine itself may be told of
        loopback, too."""
        found: list[Candidate] = []
        hosts = [(Kind.HOST, host) for host in own_addresses(self._reactor)]
        if is_local:
            hosts += [(Kind.LOOPBACK, "127.0.0.1"), (Kind.LOOPBACK, "::1")]
        for kind, host in hosts:
            for protocol, port in self._ports.local(host):
                found.append(Candidate(kind, protocol, host, port))
        return to_offer([*found, *self._fresh(), *self._forwarding.candidates], Rules(loopback=is_local))

    def forget_tcp(self) -> None:
        """The TCP port is another one now."""
        self._seen = {each: at for each, at in self._seen.items() if each.protocol is not Protocol.TCP}

    @property
    def forwarded(self) -> tuple[Address, ...]:
        """Where the router lets others in now, because it was asked to."""
        return tuple(dict.fromkeys((each.host, each.port) for each in self._forwarding.candidates))

    def forward(self) -> None:
        """Have the router asked to let others in; nobody waits for it."""
        self._forwarding.want(self._ports)

    def forget(self) -> None:
        """This machine is in another network: what P2P servers said is wrong now, and so is its router."""
        self._forwarding.close()
        self._seen.clear()
        self.findings.clear()

    # --- asking P2P servers -----------------------------------------------------------------------------------------
    def ask(self, servers: list[Address], token: bytes, is_local: bool) -> Deferred[None]:
        """Ask how this client is seen, unless that is known; fires when everything is said that can be expected, after
        `limits.P2P_GATHERING` seconds at the latest."""
        if not is_local:
            # Whoever logs on at this machine itself comes from it, or through it: no router is to let them in.
            self.forward()
        wanted = {Protocol.UDP, Protocol.TCP} - {each.protocol for each in self._fresh()}
        asked: set[Protocol] = set()
        for server in servers:
            if Protocol.UDP in wanted and self._ports.reaches_by_udp(server[0]):
                self.discover(server, token)
                asked.add(Protocol.UDP)
            if Protocol.TCP in wanted and self._ports.reaches_by_tcp(server[0]):
                self._observe(server, token)
                asked.add(Protocol.TCP)
        enough: Deferred[None] = Deferred()
        late = self._reactor.callLater(limits.P2P_GATHERING if asked else 0.0, enough.callback, None)
        self._waiting.append((asked, enough, late))
        return enough

    def _fresh(self) -> list[Candidate]:
        now = self._reactor.seconds()
        return [each for each, seen_at in self._seen.items() if now - seen_at <= limits.P2P_REFLEXIVE_FRESH]

    def discover(self, server: Address, token: bytes, tests_filtering: bool = False) -> Deferred[Findings]:
        """Ask one server by UDP; fires when everything is known of the NAT that can be."""
        now = self._reactor.seconds()
        discovery = Discovery(server, token, os.urandom, now, tests_filtering=tests_filtering)
        self._discoveries.append(discovery)
        known: Deferred[Findings] = Deferred()
        self._known[discovery] = known
        self._go_on()
        return known

    def _datagram_came(self, datagram: bytes, address: Address) -> None:
        now = self._reactor.seconds()
        for discovery in self._discoveries:
            if discovery.receive(datagram, now):
                if discovery.reflexive is not None:
                    self._see(Protocol.UDP, discovery.reflexive)
                break
        self._go_on()

    def _go_on(self) -> None:
        now = self._reactor.seconds()
        for discovery in tuple(self._discoveries):
            for datagram, address in discovery.datagrams_to_send(now):
                self._ports.send(datagram, address)
            if discovery.findings is not None:
                self._discoveries.remove(discovery)
                self.findings[discovery.server] = discovery.findings
                self._known.pop(discovery).callback(discovery.findings)
        deadlines = [when for each in self._discoveries if (when := each.next_timer()) is not None]
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if deadlines:
            self._timer = self._reactor.callLater(max(0.0, min(deadlines) - now), self._go_on)

    def _observe(self, server: Address, token: bytes) -> None:
        def failed(failure: Failure) -> None:
            _log.debug("the P2P server {server} did not answer by TCP: {why}", server=server, why=failure.value)

        self._ports.observe(server, token).addCallbacks(lambda seen: self._see(Protocol.TCP, seen), failed)

    def _see(self, protocol: Protocol, seen: Address) -> None:
        candidate = Candidate(Kind.REFLEXIVE, protocol, *seen)
        is_new = candidate not in self._seen
        # The latest of each family: what a NAT made for IPv4 is not outdated by what IPv6 says.
        family = protocol, candidate.is_ipv6
        self._seen = {each: at for each, at in self._seen.items() if (each.protocol, each.is_ipv6) != family}
        self._seen[candidate] = self._reactor.seconds()
        if is_new:
            self._found(candidate)
        for asked, enough, late in tuple(self._waiting):
            asked.discard(protocol)
            if not asked and late.active():
                late.cancel()
                enough.callback(None)
        self._waiting = [each for each in self._waiting if each[2].active()]

    def close(self) -> Deferred[None]:
        """Ask no more; fires when the router has taken its ports back."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        for _, enough, late in self._waiting:
            if late.active():
                late.cancel()
                enough.cancel()
        self._waiting.clear()
        self._discoveries.clear()
        self._known.clear()
        return self._forwarding.close()
