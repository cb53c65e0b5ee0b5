"""Asks P2P servers how this end is seen: by UDP from a socket that others use as well, by TCP from a local port.

    UDP     `Discoverer`: `received` is for what comes that begins with 0 to 3 (`UdpDriver.on_rendezvous`)
    TCP     `TcpQuestion`: a protocol for the connection that is to be observed; while it is open, NATs keep its mapping

What the answers say is `rudp.rendezvous.discovery`'s. Refuses to know who gives tokens, and what the answers are for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from esframework.errors import ConnectionFailed, RendezvousRefused
from esframework.rudp.paths import Address
from esframework.rudp.rendezvous.discovery import Discovery, Findings
from esframework.rudp.rendezvous.messages import ANSWER_SIZE, TRANSACTION_SIZE, Request, decode_answer

OnReflexive = Callable[[Address], object]


class Discoverer:
    """All questions that are asked from one UDP socket. `send(datagram, address)` sends from it.

    What `send` raises as an OSError (no way there) is as if the datagram were lost.
    """

    def __init__(
        self, reactor: Any, send: Callable[[bytes, Address], object], random: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._reactor = reactor
        self._send = send
        self._random = random
        self._asking: dict[Discovery, tuple[Deferred[Findings], OnReflexive | None]] = {}
        self._timer: IDelayedCall | None = None

    def ask(
        self,
        server: Address,
        token: bytes,
        *,
        tests_filtering: bool = False,
        on_reflexive: OnReflexive | None = None,
    ) -> Deferred[Findings]:
        """Ask one server; fires with everything, within seven seconds at most, and never fails. Cancelling it is
        allowed.

        `on_reflexive(address)` is told how this end is seen as soon as that is known, a round trip from now.
        `tests_filtering` is of use only for a socket from which nothing was sent to that server before.
        """
        discovery = Discovery(server, token, self._random, self._reactor.seconds(), tests_filtering=tests_filtering)
        found: Deferred[Findings] = Deferred(lambda _: self._forget(discovery))
        self._asking[discovery] = (found, on_reflexive)
        self._go_on(discovery)
        self._set_timer()
        return found

    def received(self, datagram: bytes, address: Address) -> None:
        """A datagram came that is for the rendezvous; what is no answer to a question of these is ignored."""
        now = self._reactor.seconds()
        for discovery, (_, on_reflexive) in list(self._asking.items()):
            knew = discovery.reflexive
            if discovery.receive(datagram, now):
                if knew is None and discovery.reflexive is not None and on_reflexive is not None:
                    on_reflexive(discovery.reflexive)
                self._go_on(discovery)
                self._set_timer()
                return

    def stop(self) -> None:
        """Forget all questions; their Deferreds fail with CancelledError."""
        for found, _ in list(self._asking.values()):
            found.cancel()

    def _go_on(self, discovery: Discovery) -> None:
        for datagram, target in discovery.datagrams_to_send(self._reactor.seconds()):
            try:
                self._send(datagram, target)
            except OSError:
                # No way there, for now or for ever: it is asked again, and silence says the same.
                continue
        if discovery.findings is not None and discovery in self._asking:
            self._asking.pop(discovery)[0].callback(discovery.findings)

    def _forget(self, discovery: Discovery) -> None:
        self._asking.pop(discovery, None)
        self._set_timer()

    def _set_timer(self) -> None:
        times = [when for discovery in self._asking if (when := discovery.next_timer()) is not None]
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        delay = max(0.0, min(times, default=0.0) - self._reactor.seconds())
        self._timer = self._reactor.callLater(delay, self._time_has_come) if times else None

    def _time_has_come(self) -> None:
        self._timer = None
        for discovery in list(self._asking):
            self._go_on(discovery)
        self._set_timer()


class TcpQuestion(Protocol):
    """On a connection to a P2P server: asks how its local port is seen. `seen` fires with the address, or fails with
    ConnectionFailed. The connection stays open until `leave`, or until the server closes it after a minute.

    Cancelling `seen` closes the connection.
    """

    def __init__(self, token: bytes, random: Callable[[int], bytes] = os.urandom) -> None:
        self.seen: Deferred[Address] = Deferred(lambda _: self.leave())
        self._request = Request(random(TRANSACTION_SIZE), token)
        self._received = b""

    def connectionMade(self) -> None:
        self._transport.write(self._request.encode())

    def dataReceived(self, data: bytes) -> None:
        self._received += data[:ANSWER_SIZE]
        if self.seen.called or len(self._received) < ANSWER_SIZE:
            return
        try:
            answer = decode_answer(self._received)
            if answer.transaction != self._request.transaction:
                raise RendezvousRefused("transaction")
        except RendezvousRefused as error:
            peer = self._transport.getPeer()
            self.seen.errback(ConnectionFailed(f"what answers at {peer} is no P2P server: {error}"))
            self.leave()
        else:
            self.seen.callback(answer.seen)

    def connectionLost(self, reason: Failure | None = None) -> None:
        if not self.seen.called:
            self.seen.errback(ConnectionFailed("the P2P server closed the connection without an answer"))

    def leave(self) -> None:
        """Close the connection; its mapping may be forgotten by the NAT from now on."""
        if self.transport is not None:
            self._transport.abortConnection()

    @property
    def _transport(self) -> Any:
        return self.transport
