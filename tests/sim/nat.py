"""A NAT of any kind that RFC 4787 describes, between two realms; NATs may stand behind NATs.

What a kind is: which destinations share a mapping (`mapping`), and from whom a mapping lets datagrams in (`filtering`).
Both are keyed by nothing, by the other's address, or by its address and port.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from math import inf

from tests.sim.network import Address, Datagram, Realm, SimNet


class Keyed(IntEnum):
    """How many parts of the other end's address a NAT looks at."""

    BY_NOTHING = 0
    BY_ADDRESS = 1
    BY_ADDRESS_AND_PORT = 2


@dataclass(frozen=True)
class NatKind:
    """How a NAT maps and filters.

    `lifetime`: seconds for which an unused mapping lives. `keeps_port`: the inner port is used outside too where it is
    free, else a random one. `hairpin`: the inside can reach its own outer addresses. `is_poisonable`: a datagram of a
    stranger that came before the first one to that stranger makes the NAT take another port for it (as Linux does
    that does not drop what is new from outside).
    """

    mapping: Keyed
    filtering: Keyed
    lifetime: float = 120.0
    keeps_port: bool = True
    hairpin: bool = False
    is_poisonable: bool = False


FULL_CONE = NatKind(Keyed.BY_NOTHING, Keyed.BY_NOTHING)
ADDRESS_RESTRICTED = NatKind(Keyed.BY_NOTHING, Keyed.BY_ADDRESS)
PORT_RESTRICTED = NatKind(Keyed.BY_NOTHING, Keyed.BY_ADDRESS_AND_PORT)
SYMMETRIC = NatKind(Keyed.BY_ADDRESS_AND_PORT, Keyed.BY_ADDRESS_AND_PORT, keeps_port=False)
POISONABLE = NatKind(Keyed.BY_NOTHING, Keyed.BY_ADDRESS_AND_PORT, is_poisonable=True)


@dataclass
class _Mapping:
    inner: Address
    port: int
    used_at: float
    # Whom it lets in, and when it last sent there; everybody, if the router was told to forward the port.
    permitted: dict[Address, float] = field(default_factory=dict)
    is_forwarded: bool = False


class Nat:
    """Joins an inner realm to an outer one under one outer address."""

    def __init__(self, outer: Realm, ip: str, kind: NatKind) -> None:
        self.kind = kind
        self.ip = ip
        self.net: SimNet = outer.net
        self.inner = Realm(outer.net)
        self.inner.gateway = self._leave
        self._outer = outer
        self._mappings: dict[tuple[Address, Address], _Mapping] = {}
        self._by_port: dict[int, _Mapping] = {}
        # Flows that strangers began: the port they came to, and from where. And ports of before a restart.
        self._strays: set[tuple[int, Address]] = set()
        self._spoilt_ports: set[int] = set()
        outer.attach(ip, self)

    def forward(self, port: int, inner: Address) -> None:
        """Let everybody in at a port, as a router does that was asked to (NAT-PMP, UPnP)."""
        self._by_port[port] = _Mapping(inner, port, inf, is_forwarded=True)

    def rebind(self) -> None:
        """Forget everything, as after a restart, and take new ports from now on."""
        self._spoilt_ports.update(self._by_port)
        self._mappings.clear()
        self._by_port.clear()

    def arrive(self, datagram: Datagram) -> None:
        """Let a datagram from outside in to whom it is for, or not."""
        mapping = self._by_port.get(datagram.destination[1])
        if mapping is None or self._is_old(mapping.used_at) or not self._lets_in(mapping, datagram.source):
            if self.kind.is_poisonable:
                self._strays.add((datagram.destination[1], datagram.source))
            return
        if mapping.is_forwarded:
            # What goes back to who came this way leaves by the same port.
            self._mappings.setdefault((mapping.inner, datagram.source), mapping)
        else:
            mapping.used_at = self.net.now
            mapping.permitted[_part(datagram.source, self.kind.filtering)] = self.net.now
        if datagram.ttl > 1:
            self.inner.route(datagram._replace(destination=mapping.inner, ttl=datagram.ttl - 1))

    def _leave(self, datagram: Datagram) -> None:
        if datagram.ttl <= 1:
            return
        mapping = self._mapping_for(datagram.source, datagram.destination)
        if not mapping.is_forwarded:
            mapping.used_at = self.net.now
            mapping.permitted[_part(datagram.destination, self.kind.filtering)] = self.net.now
        datagram = datagram._replace(source=(self.ip, mapping.port), ttl=datagram.ttl - 1)
        if datagram.destination[0] != self.ip:
            self._outer.route(datagram)
        elif self.kind.hairpin:
            self.arrive(datagram)

    def _mapping_for(self, inner: Address, destination: Address) -> _Mapping:
        forwarded = self._mappings.get((inner, destination))
        if forwarded is not None and forwarded.is_forwarded:
            return forwarded
        key = inner, self._key_of(inner, destination)
        mapping = self._mappings.get(key)
        if mapping is None or self._is_old(mapping.used_at):
            if mapping is not None:
                self._by_port.pop(mapping.port, None)
            mapping = _Mapping(inner, self._free_port(inner[1], destination), self.net.now)
            self._mappings[key] = mapping
            self._by_port[mapping.port] = mapping
        return mapping

    def _key_of(self, inner: Address, destination: Address) -> Address:
        """A poisoned flow has a mapping of its own, whatever the kind."""
        if (inner[1], destination) in self._strays:
            return destination
        return _part(destination, self.kind.mapping)

    def _free_port(self, wanted: int, destination: Address) -> int:
        is_spoilt = wanted in self._spoilt_ports or (wanted, destination) in self._strays
        if self.kind.keeps_port and wanted not in self._by_port and not is_spoilt:
            return wanted
        while True:
            port = self.net.random.randrange(1024, 65536)
            if port not in self._by_port:
                return port

    def _lets_in(self, mapping: _Mapping, source: Address) -> bool:
        if self.kind.filtering is Keyed.BY_NOTHING or mapping.is_forwarded:
            return True
        permitted_at = mapping.permitted.get(_part(source, self.kind.filtering))
        return permitted_at is not None and not self._is_old(permitted_at)

    def _is_old(self, used_at: float) -> bool:
        return self.net.now - used_at > self.kind.lifetime


def _part(address: Address, keyed: Keyed) -> Address:
    if keyed is Keyed.BY_NOTHING:
        return "", 0
    return address if keyed is Keyed.BY_ADDRESS_AND_PORT else (address[0], 0)
