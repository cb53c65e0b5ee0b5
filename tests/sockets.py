"""A reactor whose UDP and TCP ports are played by hand: what is listened to, what was sent, and nothing leaves."""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorTCP, IReactorUDP
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from esframework.testing import VirtualReactor

Address = tuple[str, int]


class Port:
    """A listening port of either kind, and the transport of a UDP one."""

    def __init__(self, reactor: SocketReactor, kind: str, interface: str, number: int, protocol: Any) -> None:
        self.reactor, self.kind, self.interface, self.number, self.protocol = reactor, kind, interface, number, protocol
        self.sent: list[tuple[bytes, Address]] = []
        self.error: OSError | None = None

    def getHost(self) -> IPv4Address | IPv6Address:
        kind = IPv6Address if ":" in self.interface else IPv4Address
        return kind(self.kind, self.interface, self.number)  # type: ignore[arg-type]

    def write(self, datagram: bytes, address: Address) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append((datagram, address))

    def take(self) -> list[tuple[bytes, Address]]:
        """What was sent since the last call."""
        sent, self.sent = self.sent, []
        return sent

    def stopListening(self) -> Deferred[None]:
        stopped: Deferred[None] = Deferred()
        self.reactor.callLater(0, self._stop, stopped)
        return stopped

    def _stop(self, stopped: Deferred[None]) -> None:
        del self.reactor.ports[self.kind, self.interface, self.number]
        stopped.callback(None)


@implementer(IReactorUDP, IReactorTCP)
class SocketReactor(VirtualReactor):
    """Virtual time and such ports. Those in `taken`, (kind, number), are somebody else's; 0 is the next from 50000."""

    def __init__(self, taken: set[tuple[str, int]] | None = None) -> None:
        super().__init__()
        self.taken = taken or set()
        self.ports: dict[tuple[str, str, int], Port] = {}
        self._next = 50000

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> Port:
        opened = self._listen("UDP", interface, port, protocol)
        protocol.makeConnection(opened)
        return opened

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Port:
        return self._listen("TCP", interface, port, factory)

    def connectTCP(self, *arguments: Any, **more: Any) -> Any:
        """Part of IReactorTCP; nobody here connects."""
        raise NotImplementedError

    def _listen(self, kind: str, interface: str, number: int, protocol: Any) -> Port:
        if not number:
            number, self._next = self._next, self._next + 1
        if (kind, number) in self.taken or (kind, interface, number) in self.ports:
            raise CannotListenError(interface, number, OSError(errno.EADDRINUSE, "Address already in use"))
        opened = self.ports[kind, interface, number] = Port(self, kind, interface, number, protocol)
        return opened

    # --- what comes -------------------------------------------------------------------------------------------------
    def deliver(self, datagram: bytes, source: Address, port: Address) -> list[tuple[bytes, Address]]:
        """A datagram comes in at a UDP port; what that port sends thereupon."""
        opened = self.ports["UDP", port[0], port[1]]
        opened.protocol.datagramReceived(datagram, source)
        return opened.take()

    def connect(self, source: Address, port: Address) -> StreamPeer | None:
        """A TCP connection comes in; None when it is not taken."""
        host, number = source
        address = (IPv6Address if ":" in host else IPv4Address)("TCP", host, number)
        protocol = self.ports["TCP", port[0], port[1]].protocol.buildProtocol(address)
        return None if protocol is None else StreamPeer(protocol)


class StreamPeer:
    """The other end of a connection that came in."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._transport = StringTransport()
        self._transport.abortConnection = self._lost  # type: ignore[method-assign]
        self.is_open = True
        protocol.makeConnection(self._transport)

    def write(self, data: bytes) -> bytes:
        """Send; what comes back."""
        self._protocol.dataReceived(data)
        answer = self._transport.value()
        self._transport.clear()
        return answer

    def close(self) -> None:
        """End the connection from here."""
        self._lost()

    def _lost(self) -> None:
        if self.is_open:
            self.is_open = False
            self._protocol.connectionLost(None)
