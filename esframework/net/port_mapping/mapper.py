"""Has ports of this machine forwarded by its router, as long as they are wanted. Nobody waits for it: what a router
gives is told whenever it comes.

Joins `machines.port_mapping` to one UDP socket, which hears nobody but the router, and one timer; UPnP, if it is
wanted, is asked where the others gave nothing. Knows no candidate and no attempt.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from esframework import limits
from esframework.machines.pcp import ANY_ADDRESS
from esframework.machines.port_mapping import Mapped, PortMappings, Unmapped
from esframework.net.alarm import Alarm
from esframework.net.port_mapping.gateway import default_gateway
from esframework.net.port_mapping.upnp import Upnp, require_library
from esframework.net.port_mapping.upnp_ports import UpnpPorts

_log = Logger()


class PortMapper:
    """Asks one router. `on_mapped` is told of each outer address, and again of one that has changed; `on_unmapped` of
    each port that was not forwarded, or no longer is. Both come in later turns of the reactor.

    :param gateway: the router's IPv4 address; None: that of the default route. Where there is none, nothing is asked
        and nothing told.
    :param upnp: whether to ask by UPnP as well. Raises MissingExtra without the extra.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        on_mapped: Callable[[Mapped], object],
        on_unmapped: Callable[[Unmapped], object] = lambda unmapped: None,
        gateway: str | None = None,
        gateway_port: int = limits.MAPPING_PORT,
        upnp: bool = False,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        library = require_library() if upnp else None
        self.gateway = gateway or default_gateway()
        self._reactor = reactor
        self._on_mapped = on_mapped
        self._on_unmapped = on_unmapped
        self._gateway_port = gateway_port
        self._random = random
        self._wanted: set[tuple[str, int]] = set()
        self._mappings: PortMappings | None = None
        self._socket: _RouterSocket | None = None
        self._alarm = Alarm(reactor, self._on_alarm)
        self._upnp: UpnpPorts | None = None
        if library is not None and self.gateway is not None:
            self._upnp = UpnpPorts(reactor, Upnp(self.gateway, library), on_mapped, on_unmapped)

    # --- the user ---------------------------------------------------------------------------------------------------
    def map(self, protocol: str, port: int) -> None:
        """Have a port ("udp" or "tcp") of this machine forwarded from now on. Harmless for one that is already.

        :raises LocalError: for what is no port, and for one too many.
        """
        if self.gateway is None:
            return
        if self._mappings is None:
            self._socket = _RouterSocket(self._received, (self.gateway, self._gateway_port))
            self._mappings = PortMappings(self._socket.local_host, self._random)
        self._find_way()
        self._mappings.want(protocol, port, self._reactor.seconds())
        self._wanted.add((protocol, port))
        self._go_on()

    def unmap(self, protocol: str, port: int) -> None:
        """Give a port back. Harmless for one that is not forwarded."""
        self._wanted.discard((protocol, port))
        if self._mappings is not None:
            self._mappings.drop(protocol, port)
            self._go_on()
        if self._upnp is not None:
            self._upnp.drop(protocol, port)

    def close(self) -> Deferred[None]:
        """Give everything back and ask no more; fires when that is said."""
        self._alarm.cancel()
        self._wanted.clear()
        done: list[Deferred[Any]] = []
        if self._mappings is not None and self._socket is not None:
            self._mappings.drop_all()
            self._socket.send(self._mappings.datagrams_to_send())
            done.append(self._socket.close())
            self._mappings = self._socket = None
        if self._upnp is not None:
            done.append(self._upnp.close())
        return DeferredList(done).addCallback(lambda _: None)

    # --- the router -------------------------------------------------------------------------------------------------
    def _find_way(self) -> None:
        """Have the socket that the system may have taken away, or not given: no route, or no network for a while."""
        if self._socket is not None and self._mappings is not None and self._socket.open(self._reactor):
            self._mappings.client = self._socket.local_host

    def _received(self, datagram: bytes) -> None:
        if self._mappings is not None:
            self._mappings.receive(datagram, self._reactor.seconds())
            self._go_on()

    def _on_alarm(self, now: float) -> None:
        if self._mappings is not None:
            self._find_way()
            self._mappings.on_timer(now)
            self._go_on()

    def _go_on(self) -> None:
        mappings = self._mappings
        if mappings is None or self._socket is None:
            return
        self._socket.send(mappings.datagrams_to_send())
        self._alarm.set(mappings.deadline)
        for event in mappings.events():
            self._reactor.callLater(0, self._tell, event)

    def _tell(self, event: Mapped | Unmapped) -> None:
        if event[:2] not in self._wanted:
            return
        if isinstance(event, Mapped):
            self._on_mapped(event)
        elif self._upnp is not None:
            self._upnp.want(event.protocol, event.port)
        else:
            self._on_unmapped(event)


class _RouterSocket(DatagramProtocol):
    """Hears nobody but the router: the system drops what comes from elsewhere, and so does this."""

    noisy = False
    transport: Any = None

    def __init__(self, received: Callable[[bytes], None], router: tuple[str, int]) -> None:
        self.local_host = ANY_ADDRESS
        self.is_open = False
        self._received = received
        self._router = router

    def open(self, reactor: Any) -> bool:
        """Have the system make it, if that has not; whether there is a way to the router."""
        if self.is_open:
            return True
        try:
            if self.transport is None:
                reactor.listenUDP(0, self)
            self.transport.connect(*self._router)
        except (OSError, CannotListenError) as error:
            _log.debug("there is no way to the router now: {error}", error=error)
            return False
        self.local_host = self.transport.getHost().host
        self.is_open = True
        return True

    def stopProtocol(self) -> None:
        self.is_open = False

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        if tuple(addr) == self._router:
            self._received(datagram)

    def connectionRefused(self) -> None:
        # The router knows none of this. It is asked a few times more, which costs nothing, and then not for long.
        _log.debug("no service for forwarding ports at {host} port {port}", host=self._router[0], port=self._router[1])

    def send(self, datagrams: list[bytes]) -> None:
        """Ask the router."""
        for datagram in datagrams if self.is_open else ():
            try:
                self.transport.write(datagram)
            except OSError as error:
                # The network is away: asked again in time.
                _log.debug("the router cannot be asked: {error}", error=error)

    def close(self) -> Deferred[None]:
        """Fires when the socket is closed."""
        if self.transport is None:
            return succeed(None)
        closed: Deferred[Any] = maybeDeferred(self.transport.stopListening)
        return closed
