"""The sockets of a P2P server at one interface: UDP and TCP on one number, a second UDP port, and a second address.

Bytes come in and go out here; what they mean is the receiver's. Knows no token.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.net.stream import host_of, port_of
from esframework.rudp.paths import Address
from esframework.rudp.rendezvous.answering import Place
from esframework.rudp.rendezvous.messages import FROM_SECOND_ADDRESS, FROM_SECOND_PORT, REQUEST_SIZE

_log = Logger()

_LONGEST_READ = 1024
"""Bytes that are read of a datagram: more than the longest that is looked into, so that it is seen to be too long."""

_TRIES = 20
"""How often a number is chosen that must be free for UDP and TCP."""


class Receiver(Protocol):
    """What a `Site` gives what comes to."""

    def received(self, site: Site, datagram: bytes, source: Address, which: int) -> None:
        """A datagram came in at the port that a flag means (0: the first)."""

    def asked(self, site: Site, request: bytes, source: Address) -> bytes | None:
        """A request came by TCP; None closes the connection."""

    def enter(self, source: Address) -> bool:
        """Count a connection; whether it may stay. `leave` follows either way."""

    def leave(self, source: Address) -> None:
        """A connection is gone."""

    def refuse(self, reason: str, source: Address) -> None:
        """Something came that gets no answer."""


class Site:
    """The ports at one interface, and at a second one if there is one."""

    def __init__(self, reactor: Any, receiver: Receiver) -> None:
        self.place = Place()
        self.address: Address = ("", 0)
        self._reactor = reactor
        self._receiver = receiver
        self._ports: list[Any] = []
        self._datagrams: dict[int, P2PDatagrams] = {}
        self._connections: set[P2PConnection] = set()

    def open(self, interface: str, port: int, second_interface: str) -> None:
        """Open everything; raises CannotListenError, and may leave some open then. `place` and `address` say where."""
        number = self._open_pair(interface, port)
        self.address = (interface, number)
        self._open_second_port(interface, number)
        if second_interface:
            self._open_datagrams(FROM_SECOND_ADDRESS, second_interface, number)
            self.place.second = (second_interface, number)

    def send(self, datagram: bytes, target: Address, which: int) -> None:
        """Send from the port that a flag means. What the system does not take is lost, as on any network."""
        self._datagrams[which].send(datagram, target)

    def close(self) -> Deferred[Any]:
        """Close ports and connections; fires when the ports are closed."""
        for connection in list(self._connections):
            connection.abort()
        ports, self._ports = self._ports, []
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])

    def _open_pair(self, interface: str, port: int) -> int:
        """UDP and TCP on one number; 0 has the system choose one."""
        tries = 1 if port else _TRIES
        while True:
            tries -= 1
            datagrams = self._open_datagrams(0, interface, port)
            number = int(datagrams.getHost().port)
            try:
                stream = self._reactor.listenTCP(number, P2PConnections(self), interface=interface)
            except CannotListenError:
                if not tries:
                    raise
                self._ports.remove(datagrams)
                datagrams.stopListening()
            else:
                self._ports.append(stream)
                return number

    def _open_second_port(self, interface: str, number: int) -> None:
        # The next one, so that a firewall can be told of it beforehand; else any.
        for port in (number + 1, 0):
            try:
                opened = self._open_datagrams(FROM_SECOND_PORT, interface, port)
            except (CannotListenError, OverflowError) as error:
                _log.debug("no second port for P2P: {error}", error=error)
            else:
                self.place.second_port = int(opened.getHost().port)
                return

    def _open_datagrams(self, which: int, interface: str, port: int) -> Any:
        protocol = P2PDatagrams(self, self._receiver, which, ":" in interface)
        opened = self._reactor.listenUDP(port, protocol, interface=interface, maxPacketSize=_LONGEST_READ)
        self._datagrams[which] = protocol
        self._ports.append(opened)
        return opened

    # --- connections ------------------------------------------------------------------------------------------------
    def connection_for(self, address: IAddress | None) -> P2PConnection | None:
        """A protocol for a connection that was accepted; None closes it."""
        source = (host_of(address), port_of(address))
        if not self._receiver.enter(source):
            self._receiver.leave(source)
            return None
        return P2PConnection(self._reactor, self, self._receiver, source)

    def connected(self, connection: P2PConnection) -> None:
        """A connection is to be closed with the rest."""
        self._connections.add(connection)

    def lost(self, connection: P2PConnection, source: Address) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        self._receiver.leave(source)


class P2PDatagrams(DatagramProtocol):
    """One UDP port. Addresses of IPv4 that came in through an IPv6 socket are those of IPv4 to everybody else."""

    noisy = False

    def __init__(self, site: Site, receiver: Receiver, which: int, is_ipv6: bool) -> None:
        self._site = site
        self._receiver = receiver
        self._which = which
        self._is_ipv6 = is_ipv6

    def datagramReceived(self, datagram: bytes, address: tuple[Any, ...]) -> None:
        host = str(address[0])
        if "." in host:
            host = host.removeprefix("::ffff:")
        self._receiver.received(self._site, datagram, (host, address[1]), self._which)

    def send(self, datagram: bytes, target: Address) -> None:
        """Send, unless the system does not take it."""
        host, port = target
        if self._is_ipv6 and ":" not in host:
            host = f"::ffff:{host}"
        try:
            self.transport.write(datagram, (host, port))  # type: ignore[union-attr]
        except OSError as error:
            # A full queue, or no way there: as if it were lost, and the client asks again.
            _log.debug("an answer to {host} was not sent: {error}", host=host, error=error)
            self._receiver.refuse("not_sent", target)


class P2PConnections(Factory):
    """Makes a protocol for each TCP connection."""

    noisy = False

    def __init__(self, site: Site) -> None:
        self._site = site

    def buildProtocol(self, addr: IAddress | None) -> StreamProtocol | None:
        return self._site.connection_for(addr)


class P2PConnection(StreamProtocol):
    """Waits for one request, answers it, and stays open for a while without taking more."""

    def __init__(self, reactor: Any, site: Site, receiver: Receiver, source: Address) -> None:
        self._reactor = reactor
        self._site = site
        self._receiver = receiver
        self._source = source
        self._received = b""
        self._timer: Any = None
        self._is_answered = False

    def connectionMade(self) -> None:
        self._site.connected(self)
        self._timer = self._reactor.callLater(limits.P2P_TCP_TOKEN_TIMEOUT, self._time_is_up)

    def dataReceived(self, data: bytes) -> None:
        self._received += data[: REQUEST_SIZE + 1]
        if self._is_answered or len(self._received) > REQUEST_SIZE:
            self._refuse("more_than_a_request")
        elif len(self._received) == REQUEST_SIZE:
            self._ask(self._received)

    def _ask(self, request: bytes) -> None:
        answer = self._receiver.asked(self._site, request, self._source)
        if answer is None:
            self.abort()
            return
        self._received = b""
        self._is_answered = True
        self.transport.write(answer)  # type: ignore[union-attr]
        self._timer.reset(limits.P2P_TCP_CONNECTION_LIFE)

    def _time_is_up(self) -> None:
        if self._is_answered:
            self.abort()
        else:
            self._refuse("no_token_in_time")

    def _refuse(self, reason: str) -> None:
        self._receiver.refuse(reason, self._source)
        self.abort()

    def abort(self) -> None:
        """Cut the connection, whatever is on its way."""
        self.transport.abortConnection()  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure | None = None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._site.lost(self, self._source)
