"""The server's factory and its listening ports: accepting, stopping at the maximum, going on below it.

Knows connections only as something to make, count and sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IProtocolFactory, IReactorTime, IStreamServerEndpoint
from twisted.logger import Logger
from zope.interface import implementer

from esframework.net.stream import host_of
from esframework.server.admission import Admission
from esframework.server.connection import ServerConnection
from esframework.server.refusals import Refusals

_log = Logger()


@dataclass(frozen=True, slots=True)
class ListenerState:
    """What the listening ports are doing (manual, experience 01). `last_accept` is monotonic seconds, None if never."""

    is_listening: bool
    is_at_maximum: bool
    last_accept: float | None
    connections: int


@implementer(IProtocolFactory)
class ServerFactory:
    """Makes a `ServerConnection` for each accepted connection; may be given to any Twisted endpoint."""

    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        make: Callable[[], ServerConnection],
        admission: Admission,
        refusals: Refusals,
        count_changed: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._make = make
        self._admission = admission
        self._refusals = refusals
        self._count_changed = count_changed
        self.connections: dict[ServerConnection, str] = {}
        self.last_accept: float | None = None

    def doStart(self) -> None:
        """Part of IProtocolFactory; nothing to do."""

    def doStop(self) -> None:
        """Part of IProtocolFactory; nothing to do."""

    def buildProtocol(self, addr: IAddress) -> ServerConnection | None:
        host = host_of(addr)
        self.last_accept = self._clock.seconds()
        refusal = self._admission.enter(host)
        if refusal is not None:
            self._admission.leave(host)
            self._refusals.add(refusal)
            return None
        connection = self._make()
        self.connections[connection] = host
        self._count_changed()
        return connection

    def lost(self, connection: ServerConnection) -> None:
        """A connection's transport is gone."""
        host = self.connections.pop(connection, None)
        if host is not None:
            self._admission.leave(host)
            self._count_changed()


class Listeners:
    """The ports of one engine."""

    def __init__(self, reactor: Any, factory: ServerFactory, admission: Admission) -> None:
        self._reactor = reactor
        self._factory = factory
        self._admission = admission
        self._ports: list[Any] = []
        self._is_paused = False

    @inlineCallbacks
    def open(self, endpoint: str | IStreamServerEndpoint) -> Any:
        """Listen at an endpoint (a string of Twisted's, or an object); fires with the listening port."""
        opened = serverFromString(self._reactor, endpoint) if isinstance(endpoint, str) else endpoint
        port = yield opened.listen(self._factory)
        self._accept_no_more_than_fit(port)
        self._ports.append(port)
        if self._is_paused:
            port.stopReading()
        return port

    def addresses(self) -> list[IAddress]:
        """Where the ports listen, in the order in which they were opened."""
        return [port.getHost() for port in self._ports]

    def state(self) -> ListenerState:
        """A snapshot."""
        return ListenerState(
            is_listening=bool(self._ports) and not self._is_paused,
            is_at_maximum=self._admission.is_full,
            last_accept=self._factory.last_accept,
            connections=self._admission.count,
        )

    def count_changed(self) -> None:
        """Stop accepting at the maximum of connections, and go on below it; those who wait stay in the kernel's
        queue."""
        full = self._admission.is_full
        if full == self._is_paused:
            return
        self._is_paused = full
        if full:
            _log.warn("at the maximum of {count} connections: accepting stops", count=self._admission.count)
        else:
            _log.info("accepting connections again")
        for port in self._ports:
            if full:
                port.stopReading()
            else:
                port.startReading()

    def _accept_no_more_than_fit(self, port: Any) -> None:
        # Twisted accepts a hundred at a time, and closes at once those for whom there is no room any more; nor does
        # `stopReading` reach a port that has been found readable already. Other ports accept one at a time.
        if self._admission.room is None or not hasattr(port, "numberAccepts"):
            return
        accept = port.doRead

        def accept_who_fits() -> None:
            room = self._admission.room
            if room:
                port.numberAccepts = min(port.numberAccepts, room)
                accept()

        port.doRead = accept_who_fits

    def close(self) -> Deferred[Any]:
        """Stop listening; fires when all ports are closed."""
        ports, self._ports = self._ports, []
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])
