"""Ports that are forwarded by UPnP: asked for in a thread, one after the other, renewed at half their life, given back.

Knows what a router is asked by another module, and no other protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList, DeferredLock, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import PortNotMapped
from esframework.machines.port_mapping import Mapped, Unmapped
from esframework.net.port_mapping.upnp import Upnp

_log = Logger()

UPNP: Final = "upnp"

_Port = tuple[str, int]


class UpnpPorts:
    """All ports of one `PortMapper`."""

    def __init__(
        self,
        reactor: Any,
        upnp: Upnp,
        on_mapped: Callable[[Mapped], object],
        on_unmapped: Callable[[Unmapped], object],
    ) -> None:
        self._reactor = reactor
        self._upnp = upnp
        self._on_mapped = on_mapped
        self._on_unmapped = on_unmapped
        self._lock = DeferredLock()
        # Those that are wanted, each with its outer port once it is known.
        self._outer_ports: dict[_Port, int | None] = {}
        self._renewals: dict[_Port, Any] = {}

    def want(self, protocol: str, port: int) -> None:
        """Ask for a port, or ask again; what comes of it is told."""
        self._outer_ports.setdefault((protocol, port), None)
        self._cancel_renewal((protocol, port))
        asked = self._in_thread(self._upnp.map, protocol, port)
        asked.addCallbacks(self._given, self._refused, (protocol, port), {}, (protocol, port), {})
        asked.addErrback(lambda failure: _log.failure("UPnP: what was told of a port failed", failure))

    def drop(self, protocol: str, port: int) -> Deferred[None]:
        """Give a port back; fires when that is done. Harmless for one that is not wanted."""
        self._cancel_renewal((protocol, port))
        outer_port = self._outer_ports.pop((protocol, port), None)
        return succeed(None) if outer_port is None else self._give_back(protocol, outer_port)

    def close(self) -> Deferred[Any]:
        """Give everything back; fires when that is done."""
        return DeferredList([self.drop(*port) for port in list(self._outer_ports)])

    def _given(self, outer: tuple[str, int], protocol: str, port: int) -> None:
        if (protocol, port) not in self._outer_ports:
            # No longer wanted.
            self._give_back(protocol, outer[1])
            return
        self._outer_ports[protocol, port] = outer[1]
        self._renewals[protocol, port] = self._reactor.callLater(limits.MAPPING_LIFETIME / 2, self.want, protocol, port)
        self._on_mapped(Mapped(protocol, port, *outer, UPNP))

    def _refused(self, failure: Failure, protocol: str, port: int) -> None:
        failure.trap(PortNotMapped)
        if (protocol, port) in self._outer_ports:
            self._outer_ports[protocol, port] = None
            self._on_unmapped(Unmapped(protocol, port, failure.getErrorMessage()))

    def _give_back(self, protocol: str, outer_port: int) -> Deferred[None]:
        given = self._in_thread(self._upnp.unmap, protocol, outer_port)
        return given.addErrback(lambda failure: _log.debug("{error}", error=failure.getErrorMessage()))

    def _in_thread(self, call: Callable[..., Any], *arguments: object) -> Deferred[Any]:
        return self._lock.run(deferToThreadPool, self._reactor, self._reactor.getThreadPool(), call, *arguments)

    def _cancel_renewal(self, port: _Port) -> None:
        renewal = self._renewals.pop(port, None)
        if renewal is not None and renewal.active():
            renewal.cancel()
