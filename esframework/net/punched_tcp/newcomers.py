"""Connections that have not said yet for which session they are: counted, timed, and answered nothing.

Knows the form of a hello, and asks its owner what it is worth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework.errors import DialFailed
from esframework.limits import sealed as limits
from esframework.net.addresses import network_of
from esframework.net.stream import host_of
from esframework.sealed.hello import HELLO_SIZE, may_become_hello


class Host(Protocol):
    """Whose connections these are."""

    def greeted(self, newcomer: Newcomer, hello: bytes, rest: bytes) -> None:
        """A whole hello came, and perhaps what follows it; the newcomer is to be taken over, or dropped."""

    def refuse(self, reason: str) -> None:
        """Count what was refused."""


@implementer(IProtocol)
class Newcomer:
    """A connection before its hello. `dialled_for`: the session for which this end dialled, None if it was dialled;
    `answered` fires with the hello, and fails without one, for whoever waits for that."""

    __slots__ = ("transport", "network", "deadline", "dialled_for", "nonce", "answered", "_waiting_room", "_heard")

    def __init__(self, waiting_room: WaitingRoom, network: str, deadline: float, dialled_for: bytes | None) -> None:
        self.transport: Any = None
        self.network = network
        self.deadline = deadline
        self.dialled_for = dialled_for
        self.nonce = b""
        self.answered: Deferred[None] | None = None
        self._waiting_room = waiting_room
        self._heard = b""

    def makeConnection(self, transport: Any) -> None:
        """Part of IProtocol."""
        self.transport = transport

    def connectionMade(self) -> None:
        """Part of IProtocol; nothing is said before the other end's hello, or by whoever dialled."""

    def dataReceived(self, data: bytes) -> None:
        """Part of IProtocol."""
        heard = self._heard + data
        if len(heard) >= HELLO_SIZE:
            self._waiting_room.greeted(self, heard[:HELLO_SIZE], heard[HELLO_SIZE:])
        elif may_become_hello(heard):
            self._heard = heard
        else:
            self._waiting_room.drop(self, "no_hello")

    def connectionLost(self, reason: Failure) -> None:
        """Part of IProtocol."""
        self._waiting_room.leave(self, DialFailed("the connection was cut before the other end had said hello", True))


class WaitingRoom:
    """All newcomers of one port, `limits.UNKNOWN_CONNECTIONS` of them at most."""

    def __init__(self, host: Host, seconds: Callable[[], float]) -> None:
        self._host = host
        self._seconds = seconds
        # In the order in which they came, and so in that of their deadlines.
        self._newcomers: dict[Newcomer, None] = {}
        self._networks: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._newcomers)

    def admit(self, address: IAddress) -> Newcomer | None:
        """Somebody has connected; None when there is no room."""
        network = network_of(host_of(address))
        if self._networks.total() >= limits.UNKNOWN_CONNECTIONS:
            self._host.refuse("too_many_unknown")
            return None
        if self._networks[network] >= limits.UNKNOWN_PER_NETWORK:
            self._host.refuse("too_many_unknown_of_one_address")
            return None
        newcomer = Newcomer(self, network, self._seconds() + limits.HELLO_TIME, None)
        self._networks[network] += 1
        self._newcomers[newcomer] = None
        return newcomer

    def expect(self, session: bytes) -> Newcomer:
        """A connection that this end is about to dial: it counts from `dialled` on."""
        return Newcomer(self, "", 0.0, session)

    def dialled(self, newcomer: Newcomer) -> Deferred[None]:
        """It has been made; fires when the other end has said hello. Fails with DialFailed when it is cut before."""
        answered = newcomer.answered = Deferred(lambda _: self._give_up(newcomer))
        newcomer.deadline = self._seconds() + limits.HELLO_TIME
        self._newcomers[newcomer] = None
        if not newcomer.transport.connected:
            newcomer.connectionLost(Failure(ConnectionDone()))
        return answered

    def _give_up(self, newcomer: Newcomer) -> None:
        newcomer.answered = None
        self.leave(newcomer, None)
        newcomer.transport.abortConnection()

    @property
    def deadline(self) -> float | None:
        """When the next one has had its time."""
        return next((one.deadline for one in self._newcomers), None)

    def on_timer(self, now: float) -> None:
        """Drop those that have had their time."""
        for newcomer in [one for one in self._newcomers if one.deadline <= now]:
            self.drop(newcomer, "no_hello_in_time")

    def greeted(self, newcomer: Newcomer, hello: bytes, rest: bytes) -> None:
        """A whole hello came."""
        self._host.greeted(newcomer, hello, rest)

    def drop(self, newcomer: Newcomer, reason: str) -> None:
        """Cut a connection without a word, and count why."""
        self._host.refuse(reason)
        self.leave(newcomer, DialFailed(f"who answered said no hello of the session: {reason}", False))
        newcomer.transport.abortConnection()

    def greet(self, newcomer: Newcomer) -> None:
        """It has become something else."""
        self.leave(newcomer, None)

    def leave(self, newcomer: Newcomer, error: DialFailed | None) -> None:
        """It is here no more; `error` says why it never will be anything."""
        answered, newcomer.answered = newcomer.answered, None
        if newcomer in self._newcomers:
            del self._newcomers[newcomer]
            if newcomer.network:
                self._networks[newcomer.network] -= 1
                if not self._networks[newcomer.network]:
                    del self._networks[newcomer.network]
        if answered is not None and error is None:
            answered.callback(None)
        elif answered is not None:
            answered.errback(error)

    def clear(self, session: bytes | None = None) -> None:
        """Cut all of them, or those that were dialled for a session."""
        for newcomer in [one for one in self._newcomers if session in (None, one.dialled_for)]:
            self.leave(newcomer, DialFailed("the session is not expected any more", False))
            newcomer.transport.abortConnection()
