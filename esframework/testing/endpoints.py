"""Endpoints and listening ports of a network in memory. Knows ports by number, and who is connected to what."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError, ConnectionRefusedError
from twisted.internet.error import TimeoutError as ConnectionTimedOut
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from esframework.testing.reactor import VirtualReactor
from esframework.testing.transport import MemoryTransport
from esframework.testing.wires import Conditions, Wire


class MemoryConnection:
    """Both ends of one connection."""

    def __init__(self, reactor: VirtualReactor, conditions: Conditions, random: Random, host: Any, peer: Any) -> None:
        self._wires = (Wire(reactor, conditions, random), Wire(reactor, conditions, random))
        there, back = self._wires
        self.client = MemoryTransport(reactor, back, there, peer, host)
        self.server = MemoryTransport(reactor, there, back, host, peer)

    @property
    def is_open(self) -> bool:
        """Whether one of the ends still stands."""
        return self.client.connected or self.server.connected

    def cut(self) -> None:
        """Both ends lose the connection now."""
        self.client.cut()
        self.server.cut()

    def unplug(self, is_unplugged: bool) -> None:
        """Nothing arrives any more, either way, and nobody is told; False plugs it in again."""
        for wire in self._wires:
            wire.unplug(is_unplugged)


class Backbone:
    """What all endpoints of one network share: ports, connections, conditions."""

    def __init__(self, reactor: VirtualReactor, conditions: Conditions, random: Random) -> None:
        self.reactor = reactor
        self.conditions = conditions
        self.random = random
        self.is_down = False
        self.swallows_connects = False
        self.ports: dict[int, MemoryPort] = {}
        self.connections: list[MemoryConnection] = []
        self._next_client_port = 49152

    def connection(self, port: int, client_host: str) -> MemoryConnection:
        """A new connection to a port, its server's end not accepted yet."""
        self.connections = [connection for connection in self.connections if connection.is_open]
        peer = IPv4Address("TCP", client_host, self._next_client_port)
        self._next_client_port += 1
        host = self.ports[port].getHost()
        connection = MemoryConnection(self.reactor, self.conditions, self.random, host, peer)
        self.connections.append(connection)
        return connection


@implementer(IListeningPort)
class MemoryPort:
    """A listening port: `stopReading` leaves newcomers waiting, as a kernel's queue does."""

    def __init__(self, backbone: Backbone, number: int, factory: IProtocolFactory) -> None:
        self._backbone = backbone
        self._number = number
        self._factory = factory
        self._waiting: deque[MemoryConnection] = deque()
        self._is_accepting = True
        self._turn: IDelayedCall | None = None

    def startListening(self) -> None:
        """Part of IListeningPort; raises CannotListenError when the number is taken."""
        if self._number in self._backbone.ports:
            raise CannotListenError("", self._number, OSError("address already in use"))
        self._backbone.ports[self._number] = self
        self._factory.doStart()

    def stopListening(self) -> Deferred[None]:
        """Part of IListeningPort; who waits is reset."""
        if self._backbone.ports.get(self._number) is self:
            del self._backbone.ports[self._number]
            self._factory.doStop()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        while self._waiting:
            self._waiting.popleft().server.abortConnection()
        return succeed(None)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", self._number)

    def stopReading(self) -> None:
        """Accept nobody for now."""
        self._is_accepting = False

    def startReading(self) -> None:
        """Accept again, those who wait first."""
        self._is_accepting = True
        self._want_turn()

    def knock(self, connection: MemoryConnection) -> None:
        """Somebody connected; accepted in a turn of its own."""
        self._waiting.append(connection)
        self._want_turn()

    def _want_turn(self) -> None:
        if self._turn is None and self._waiting and self._is_accepting:
            self._turn = self._backbone.reactor.callLater(0, self._accept)

    def _accept(self) -> None:
        self._turn = None
        if not self._waiting or not self._is_accepting:
            return
        connection = self._waiting.popleft()
        if connection.server.connected:
            protocol = self._factory.buildProtocol(connection.server.getPeer())
            if protocol is None:
                connection.server.loseConnection()
            else:
                connection.server.attach(protocol)
        self._want_turn()


@implementer(IStreamServerEndpoint)
class MemoryServerEndpoint:
    """Where a server of a `MemoryNetwork` listens: port `number`."""

    def __init__(self, backbone: Backbone, number: int) -> None:
        self._backbone = backbone
        self._number = number

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Part of IStreamServerEndpoint; fails with CannotListenError when the number is taken."""
        port = MemoryPort(self._backbone, self._number, protocolFactory)
        try:
            port.startListening()
        except CannotListenError as error:
            return fail(error)
        return succeed(port)


@implementer(IStreamClientEndpoint)
class MemoryClientEndpoint:
    """A client's way to port `number`; `host` is the client's own address.

    `connections` are those made through it, the newest last.
    """

    def __init__(self, backbone: Backbone, number: int, host: str, timeout: float) -> None:
        self._backbone = backbone
        self._number = number
        self._host = host
        self._timeout = timeout
        self.connections: list[MemoryConnection] = []
        self.tries = 0

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """Part of IStreamClientEndpoint; fails as Twisted's does when nobody listens or nobody answers."""
        backbone = self._backbone
        self.tries += 1
        delay = backbone.conditions.draw_delay(backbone.random) + backbone.conditions.draw_delay(backbone.random)
        finish: Callable[..., None] = self._connect
        if backbone.swallows_connects:
            delay, finish = self._timeout, _time_out
        connected: Deferred[Any] = Deferred(lambda _: call.cancel())
        call = backbone.reactor.callLater(delay, lambda: finish(protocolFactory, connected))
        return connected

    def _connect(self, factory: IProtocolFactory, connected: Deferred[Any]) -> None:
        port = self._backbone.ports.get(self._number)
        if port is None or self._backbone.is_down:
            connected.errback(ConnectionRefusedError())
            return
        connection = self._backbone.connection(self._number, self._host)
        self.connections.append(connection)
        factory.doStart()
        protocol = factory.buildProtocol(connection.server.getHost())
        assert protocol is not None
        connection.client.attach(protocol)
        port.knock(connection)
        connected.callback(protocol)


def _time_out(factory: IProtocolFactory, connected: Deferred[Any]) -> None:
    connected.errback(ConnectionTimedOut())
