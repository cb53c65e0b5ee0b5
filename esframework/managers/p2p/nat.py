"""What is known of the NAT that a client is behind, and what can be expected of two of them. Pure; asks nobody.

Two ends find each other by UDP unless one gives each of its peers another address (a symmetric NAT) and the other lets
in only who was written to at the very port. By TCP both must have one address for everybody, and routers that drop what
they do not know. Where one end can be reached from outside as it is, or both are in one network, everything works.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from esframework.rudp.candidates import is_near
from esframework.rudp.paths import Address
from esframework.rudp.rendezvous.discovery import Behaviour, Findings


class NatKind(Enum):
    """How what is between a client and the rest behaves, by its old names (RFC 3489), whether it translates addresses
    or only guards them."""

    FULL_CONE = "full cone"
    """One address for everybody, and everybody is let in. So is who has no NAT and no firewall."""
    RESTRICTED = "restricted cone"
    """One address for everybody; whoever was written to is let in, from any port."""
    PORT_RESTRICTED = "port-restricted cone"
    """One address for everybody; whoever was written to is let in, from the port that was written to. Most homes."""
    SYMMETRIC = "symmetric"
    """Another address for each peer."""
    CONE = "cone"
    """One address for everybody; nobody has found out who is let in."""
    BLOCKED = "no UDP"
    """UDP does not come back, and TCP does."""
    UNKNOWN = "unknown"
    """There was nobody to ask, or too little was answered."""


class Prospect(Enum):
    """What to expect of a channel."""

    DIRECT = "direct"
    MAYBE = "depends on the routers"
    BY_SERVER = "by the server"


@dataclass(frozen=True, slots=True)
class NatReport:
    """What `client.p2p.examine_nat` found out.

    `addresses` are those of this machine's own cards. `udp_address` is how a P2P server sees this client by UDP, None:
    UDP does not come back; `tcp_address` the same by TCP. Where both are None no P2P server answered at all, and `kind`
    is UNKNOWN. `is_translated`: whether these differ from the machine's own; None when nothing was seen. `is_near`: the
    P2P server that was asked is in this machine's own network, or on it, and sees nothing of a NAT behind that; `kind`
    is UNKNOWN then. `mapped`: where a router lets others in because it was asked to. `findings` has everything, of each
    P2P server that was asked by UDP.
    """

    kind: NatKind
    is_near: bool
    addresses: tuple[str, ...]
    udp_address: Address | None
    tcp_address: Address | None
    is_translated: bool | None
    round_trip: float | None
    mapped: tuple[Address, ...]
    findings: tuple[Findings, ...]

    @property
    def ipv6_addresses(self) -> tuple[str, ...]:
        """Those of IPv6 by which this machine has a part in the internet, or in a private network."""
        return tuple(address for address in self.addresses if ":" in address)


def report_of(
    findings: tuple[Findings, ...], tcp_address: Address | None, addresses: tuple[str, ...], mapped: tuple[Address, ...]
) -> NatReport:
    """What the answers mean together."""
    told = best(findings)
    udp_address = None if told is None else told.reflexive
    seen = udp_address or tcp_address
    is_translated = None if seen is None else seen[0] not in (*addresses, "127.0.0.1", "::1")
    is_nearby = told is not None and is_translated is False and is_near(told.server[0])
    # Who answers in no way may not be there at all, or not know the token: that says nothing of UDP.
    return NatReport(
        kind=NatKind.UNKNOWN if is_nearby or seen is None else kind_of(told),
        is_near=is_nearby,
        addresses=addresses,
        udp_address=udp_address,
        tcp_address=tcp_address,
        is_translated=is_translated,
        round_trip=None if told is None else told.round_trip,
        mapped=mapped,
        findings=findings,
    )


def kind_of(findings: Findings | None) -> NatKind:
    """The kind that the answers of one P2P server mean; None: there was none to ask."""
    if findings is None:
        return NatKind.UNKNOWN
    if not findings.works:
        return NatKind.BLOCKED
    if findings.mapping in (Behaviour.ADDRESS_DEPENDENT, Behaviour.ADDRESS_AND_PORT_DEPENDENT):
        return NatKind.SYMMETRIC
    if findings.mapping is Behaviour.UNKNOWN:
        return NatKind.UNKNOWN
    return _BY_FILTERING[findings.filtering]


_BY_FILTERING = {
    Behaviour.ENDPOINT_INDEPENDENT: NatKind.FULL_CONE,
    Behaviour.ADDRESS_DEPENDENT: NatKind.RESTRICTED,
    Behaviour.ADDRESS_AND_PORT_DEPENDENT: NatKind.PORT_RESTRICTED,
    Behaviour.UNKNOWN: NatKind.CONE,
}


def best(findings: tuple[Findings, ...]) -> Findings | None:
    """That which says most: from a server that answered, with two addresses if there is one."""
    ranked = sorted(findings, key=lambda each: (each.works, each.has_two_addresses), reverse=True)
    return ranked[0] if ranked else None


def by_udp(one: NatKind, other: NatKind) -> Prospect:
    """What to expect by UDP of two that are in different networks."""
    kinds = {one, other}
    if NatKind.BLOCKED in kinds:
        return Prospect.BY_SERVER
    if NatKind.UNKNOWN in kinds:
        return Prospect.MAYBE
    if NatKind.SYMMETRIC not in kinds:
        return Prospect.DIRECT
    if kinds & {NatKind.FULL_CONE, NatKind.RESTRICTED}:
        return Prospect.DIRECT
    return Prospect.MAYBE if NatKind.CONE in kinds else Prospect.BY_SERVER


def by_tcp(one: NatKind, other: NatKind) -> Prospect:
    """What to expect by TCP of two that are in different networks, neither of which can be reached as it is."""
    return Prospect.BY_SERVER if NatKind.SYMMETRIC in (one, other) else Prospect.MAYBE
