"""A TCP connection by which a P2P server says how this client's port is seen (see `rudp.rendezvous.messages`).

It stays for as long as the server lets it, so that the NAT keeps the mapping meanwhile. Knows no attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from esframework.errors import RendezvousRefused
from esframework.rudp.paths import Address
from esframework.rudp.rendezvous.messages import ANSWER_SIZE, TRANSACTION_SIZE, Request, decode_answer


class Observer(Protocol):
    """`seen` fires with the address, or fails when the server has said none and the connection is gone. It is one of
    the `observers` while it is connected."""

    transport: Any

    def __init__(self, token: bytes, random: Callable[[int], bytes], observers: set[Observer]) -> None:
        self._observers = observers
        self.seen: Deferred[Address] = Deferred()
        self._request = Request(random(TRANSACTION_SIZE), token)
        self._heard = b""

    def connectionMade(self) -> None:
        self._observers.add(self)
        self.transport.write(self._request.encode())

    def close(self) -> None:
        """The NAT may forget it."""
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        self._heard += data
        if len(self._heard) < ANSWER_SIZE:
            return
        try:
            answer = decode_answer(self._heard)
        except RendezvousRefused:
            self.transport.loseConnection()
            return
        if answer.transaction == self._request.transaction and not self.seen.called:
            self.seen.callback(answer.seen)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._observers.discard(self)
        if not self.seen.called:
            self.seen.errback(reason)
