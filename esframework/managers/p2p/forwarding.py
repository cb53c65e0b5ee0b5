"""Ports that this client's router forwards, as candidates. Nobody waits for a router. Knows no other user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed

from esframework.machines.port_mapping import Mapped, Unmapped
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.managers.p2p.ports import Ports
from esframework.net.datagrams import IMachine
from esframework.net.port_mapping.mapper import PortMapper
from esframework.net.port_mapping.upnp import require_library
from esframework.rudp.candidates import Candidate, Kind, Protocol


class Forwarding:
    """`found(candidate)` is told of each. Raises MissingExtra where options want UPnP and its library is missing."""

    def __init__(self, reactor: Any, options: ClientP2POptions, found: Callable[[Candidate], None]) -> None:
        if options.upnp:
            require_library()
        self._reactor = reactor
        self._options = options
        self._found = found
        self._mapper: PortMapper | None = None
        self._mapped: dict[tuple[str, int], Candidate] = {}
        self._wanted: set[tuple[str, int]] = set()

    @property
    def candidates(self) -> list[Candidate]:
        """What the router forwards now."""
        return list(self._mapped.values())

    def want(self, ports: Ports) -> None:
        """Have these ports forwarded and no others, if options say so. A network in memory has no router."""
        if not self._options.map_ports or IMachine.providedBy(self._reactor):
            return
        if self._mapper is None:
            self._mapper = PortMapper(
                self._reactor,
                on_mapped=self._on_mapped,
                on_unmapped=self._on_unmapped,
                gateway=self._options.router,
                upnp=self._options.upnp,
            )
        wanted: set[tuple[str, int]] = set()
        if ports.has_udp:
            wanted.add((Protocol.UDP.value, ports.udp.port))
        if ports.tcp_port is not None:
            wanted.add((Protocol.TCP.value, ports.tcp_port))
        for protocol, port in sorted(self._wanted - wanted):
            self._mapper.unmap(protocol, port)
            self._mapped.pop((protocol, port), None)
        for protocol, port in sorted(wanted, reverse=True):
            self._mapper.map(protocol, port)
        self._wanted = wanted

    def _on_mapped(self, mapped: Mapped) -> None:
        candidate = Candidate(Kind.MAPPED, Protocol(mapped.protocol), mapped.host, mapped.outer_port)
        self._mapped[mapped.protocol, mapped.port] = candidate
        self._found(candidate)

    def _on_unmapped(self, unmapped: Unmapped) -> None:
        self._mapped.pop((unmapped.protocol, unmapped.port), None)

    def close(self) -> Deferred[None]:
        """Give everything back; fires when the router has been told."""
        mapper, self._mapper = self._mapper, None
        self._mapped.clear()
        self._wanted.clear()
        return succeed(None) if mapper is None else mapper.close()
