"""A way through a SOCKS5 proxy as a Twisted client endpoint, for any protocol and under TLS as well.

Joins `machines.socks` to a transport and knows nothing of the handshake's bytes. It does not know either
what runs through the tunnel: `wrapClientTLS(options, Socks5Endpoint(...))` gives TLS to the target, not to
the proxy.
"""

from __future__ import annotations

from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import NoProtocol
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer

from esframework.machines.socks import SocksError, SocksHandshake

HANDSHAKE_TIMEOUT: Final = 30.0
"""Seconds from the connection to the proxy to the proxy's final reply; it may have to resolve and connect."""


class SocksTimeout(SocksError, TimeoutError):
    """The proxy did not end the handshake in time; names the target and the seconds."""


@implementer(IStreamClientEndpoint)
class Socks5Endpoint:
    """Connects to `host`:`port` through the proxy behind `proxy_endpoint`; the proxy resolves the name.

    `username` and `password` (RFC 1929) go together. `timeout` is in seconds, for the handshake alone (the
    proxy's endpoint has its own); 0 or less means none. Raises `SocksArgumentError` at once for what SOCKS5
    cannot carry.
    """

    def __init__(
        self,
        proxy_endpoint: IStreamClientEndpoint,
        host: str,
        port: int,
        username: str | None = None,
        password: str | None = None,
        *,
        timeout: float = HANDSHAKE_TIMEOUT,
        reactor: IReactorTime | None = None,
    ) -> None:
        SocksHandshake(host, port, username, password)
        self._proxy = proxy_endpoint
        self._target = (host, port, username, password)
        self._timeout = timeout
        self._reactor = reactor

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Fire with the protocol that `protocolFactory` built, once the proxy has reached the target.

        Fails with a `SocksError` that says what the proxy said, or with what the proxy's endpoint fails with;
        nothing is left open then. Cancelling closes the connection. The protocol's transport is the one to
        the proxy, so its `getPeer()` is the proxy's address.
        """
        tunnel = _Tunnel(SocksHandshake(*self._target), protocolFactory, self._clock(), self._timeout)
        connecting: Deferred[Any] = self._proxy.connect(_TunnelFactory(tunnel, protocolFactory))
        connecting.addCallback(lambda _: tunnel.opened)
        return connecting

    def _clock(self) -> IReactorTime:
        if self._reactor is not None:
            return self._reactor
        from twisted.internet import reactor

        clock: IReactorTime = IReactorTime(reactor)
        return clock


class _TunnelFactory(Factory):
    """Builds the one protocol of one attempt and passes the factory's start and stop through."""

    noisy = False

    def __init__(self, tunnel: _Tunnel, wrapped: IProtocolFactory) -> None:
        self._tunnel = tunnel
        self._wrapped = wrapped

    def doStart(self) -> None:
        self._wrapped.doStart()

    def doStop(self) -> None:
        self._wrapped.doStop()

    def buildProtocol(self, addr: IAddress | None) -> _Tunnel:
        self._tunnel.address = cast(IAddress, addr)
        return self._tunnel


class _Tunnel(Protocol):
    """Plays the handshake, then hands everything to the wrapped protocol.

    The wrapped protocol gets the real transport, so that whatever asks for its type is told the truth.
    """

    def __init__(
        self, handshake: SocksHandshake, factory: IProtocolFactory, clock: IReactorTime, seconds: float
    ) -> None:
        self.opened: Deferred[IProtocol] = Deferred(lambda _: self._abort())
        self.address: IAddress
        self._handshake = handshake
        self._factory = factory
        self._clock = clock
        self._seconds = seconds
        self._time_out: IDelayedCall | None = None
        self._wrapped: IProtocol | None = None
        self._settled = False

    def connectionMade(self) -> None:
        if self._seconds > 0:
            self._time_out = self._clock.callLater(self._seconds, self._timed_out)
        self._write(self._handshake.start())

    def dataReceived(self, data: bytes) -> None:
        if self._wrapped is not None:
            self._wrapped.dataReceived(data)
            return
        if self._settled:
            return
        try:
            self._write(self._handshake.receive(data))
        except SocksError as error:
            self._fail(error)
            return
        if self._handshake.opened:
            self._hand_over()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._wrapped is not None:
            wrapped, self._wrapped = self._wrapped, None
            wrapped.connectionLost(reason)
            return
        target, state = self._handshake.target, self._handshake.state.value
        self._fail(SocksError(f"the SOCKS5 proxy closed the connection to {target} in the state {state}"))

    def readConnectionLost(self) -> None:
        """The target will say no more; only called where the wrapped protocol can be told so."""
        half = IHalfCloseableProtocol(self._wrapped, None)
        if half is not None:
            half.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """The target will hear no more."""
        half = IHalfCloseableProtocol(self._wrapped, None)
        if half is not None:
            half.writeConnectionLost()

    def _hand_over(self) -> None:
        """The way is open: build the protocol, connect it, and give it what has already come for it."""
        try:
            protocol = self._factory.buildProtocol(self.address)
            if protocol is None:
                raise NoProtocol
        except Exception as error:
            self._fail(error)
            return
        self._settle()
        self._wrapped = protocol
        if IHalfCloseableProtocol.providedBy(protocol):
            alsoProvides(self, IHalfCloseableProtocol)
        protocol.makeConnection(cast(ITransport, self.transport))
        self.opened.callback(protocol)
        surplus, self._handshake.surplus = self._handshake.surplus, b""
        if surplus and self._wrapped is not None:
            self._wrapped.dataReceived(surplus)

    def _timed_out(self) -> None:
        self._time_out = None
        seconds, target = self._seconds, self._handshake.target
        self._fail(SocksTimeout(f"the SOCKS5 proxy did not reach {target} within {seconds:g} s"))

    def _fail(self, reason: Exception) -> None:
        if not self._settled:
            self._abort()
            self.opened.errback(reason)

    def _abort(self) -> None:
        self._settle()
        if self.transport is not None:
            cast(ITCPTransport, self.transport).abortConnection()

    def _settle(self) -> None:
        """The attempt has its result: no time-out, and no second result."""
        self._settled = True
        if self._time_out is not None:
            self._time_out.cancel()
            self._time_out = None

    def _write(self, data: bytes) -> None:
        if data and self.transport is not None:
            self.transport.write(data)
