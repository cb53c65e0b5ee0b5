"""Addresses at which an end may be reached: their kinds and order, and which of a stranger's are tried at all.

What the other end offers is hostile until shown otherwise: a list of addresses that this end is asked to send to. So it
is bounded in number, in ports of one host, and in the kinds of networks that it may point into; and nothing but IP
literals is taken, so that nobody makes this end ask a name server. Refuses to know how candidates are found, how they
travel, and what is sent to them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, NamedTuple, TypeAlias

from esframework.limits import rudp as limits
from esframework.rudp.paths import Address


class Kind(StrEnum):
    """How an end knows of an address of its own."""

    LOOPBACK = "loopback"
    HOST = "host"
    """Of one of its network cards."""

    MAPPED = "mapped"
    """A router was asked to forward it (NAT-PMP, PCP, UPnP)."""

    PEER = "peer"
    """An authentic probe came from it, though nobody had offered it."""

    REFLEXIVE = "reflexive"
    """The rendezvous saw it."""


class Protocol(StrEnum):
    """What is spoken at an address."""

    UDP = "udp"
    TCP = "tcp"


class Candidate(NamedTuple):
    """An address at which an end may be reached. `host` is an IP literal in its canonical form, `port` 1 to 65535."""

    kind: Kind
    protocol: Protocol
    host: str
    port: int

    @property
    def address(self) -> Address:
        """(host, port)."""
        return self.host, self.port

    @property
    def is_ipv6(self) -> bool:
        """Of which family it is."""
        return ":" in self.host

    @property
    def is_near(self) -> bool:
        """Whether no NAT lies on the way to it, if there is a way: an address of this machine or a private one."""
        return is_near(self.host)


Offered: TypeAlias = tuple[str, str, str, int]
"""A candidate as it came from somebody else: kind, protocol, host, port, nothing of it checked. A Candidate is one."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Into which networks an offer may point. `loopback`: this machine, right only when both ends logged on from it.
    `private`: private networks and what is local to a link; not needed where every peer has an address of its own."""

    loopback: bool = False
    private: bool = True


class RemoteCandidates:
    """What the other end offered so far, and may be tried. `refused` counts what was not taken, by reason:

    kind, protocol, port         no such thing; or a port of services (`limits.LOWEST_PORT`)
    host                         no IP literal
    target                       no single host can have it: unspecified, multicast, broadcast, reserved
    scope                        local to a link of IPv6, which has no name that both ends know
    loopback, private            the rules say no
    ports, many                  too many of one host, or in all
    """

    def __init__(self, rules: Rules) -> None:
        self.refused: dict[str, int] = {}
        self._rules = rules
        self._known: set[tuple[Protocol, Address]] = set()
        self._ports: dict[tuple[Protocol, str], int] = {}

    def add(self, offered: Iterable[Offered]) -> list[Candidate]:
        """The new ones of an offer that may be tried, best first; a repetition is not new, and no offence.

        What is refused is counted and raises nothing. An offer is read no further than there may be candidates.
        """
        added = []
        for read, one in enumerate(offered):
            if read >= limits.MAX_CANDIDATES or len(self._known) >= limits.MAX_CANDIDATES:
                self._refuse("many")
                break
            candidate = self._admitted(*one)
            if isinstance(candidate, str):
                self._refuse(candidate)
            elif self._is_new(candidate):
                added.append(candidate)
        return sorted(added, key=precedence)

    def _admitted(self, kind: str, protocol: str, host: str, port: int) -> Candidate | str:
        """The candidate, or why it is none."""
        if kind not in _KINDS_OFFERED:
            return "kind"
        if protocol not in _PROTOCOLS:
            return "protocol"
        if not limits.LOWEST_PORT <= port <= 65535:
            return "port"
        ip = parse_host(host)
        if ip is None:
            return "host"
        return refusal(ip, self._rules) or Candidate(Kind(kind), Protocol(protocol), str(ip), port)

    def _is_new(self, candidate: Candidate) -> bool:
        """Whether it was not offered before; it counts as offered from now on, if its host may have one more port."""
        place = candidate.protocol, candidate.host
        if (candidate.protocol, candidate.address) in self._known:
            return False
        if self._ports.get(place, 0) >= limits.MAX_PORTS_OF_HOST:
            self._refuse("ports")
            return False
        self._ports[place] = self._ports.get(place, 0) + 1
        self._known.add((candidate.protocol, candidate.address))
        return True

    def _refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1


def to_offer(found: Iterable[Candidate], rules: Rules) -> list[Candidate]:
    """Which of this end's own addresses are told to the other one: what the same rules admit there, best first.

    Of one address with several kinds the best stays. Where there are more than the other end takes, network cards' own
    are left out: there may be dozens of them, and one of what a NAT or a router made is worth more.
    """
    best: dict[tuple[Protocol, Address], Candidate] = {}
    for candidate in sorted(found, key=precedence):
        ip = parse_host(candidate.host)
        if ip is not None and limits.LOWEST_PORT <= candidate.port <= 65535 and refusal(ip, rules) is None:
            candidate = candidate._replace(host=str(ip))
            best.setdefault((candidate.protocol, candidate.address), candidate)
    kept = sorted(best.values(), key=lambda one: one.kind is Kind.HOST)[: limits.MAX_CANDIDATES]
    return sorted(kept, key=precedence)


def precedence(candidate: Candidate) -> tuple[int, int]:
    """The smaller, the earlier it is tried: this machine, the LAN, IPv6, then the rest by how direct it is."""
    if is_near(candidate.host):
        return (0 if candidate.kind is Kind.LOOPBACK else 1), 0 if candidate.is_ipv6 else 1
    return 2 if candidate.is_ipv6 else 3, _KINDS.index(candidate.kind)


def parse_host(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a text is; one of IPv4 in IPv6's clothes is one of IPv4. None of any other text."""
    if len(host) > _LONGEST_LITERAL:
        return None
    try:
        ip = ip_address(host)
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return mapped or ip


def refusal(ip: IPv4Address | IPv6Address, rules: Rules) -> str | None:
    """Why an address is not to be tried, as in `RemoteCandidates`; None of one that may be."""
    if ip.is_loopback:
        return None if rules.loopback else "loopback"
    if ip.is_unspecified or ip.is_multicast or ip.is_reserved or (ip.version == 4 and ip in _THIS_NETWORK):
        return "target"
    if ip.version == 6 and (ip.is_link_local or ip.scope_id is not None):
        return "scope"
    if _is_private(ip) and not rules.private:
        return "private"
    return None


def is_near(host: str) -> bool:
    """Whether an IP literal is of this machine or a private network."""
    ip = parse_host(host)
    return ip is not None and (ip.is_loopback or _is_private(ip))


def _is_private(ip: IPv4Address | IPv6Address) -> bool:
    # Not `is_private`, which counts networks of documentation and of tests, and neither counts a carrier's own one
    # (100.64.0.0/10): between two of its customers lie their own NATs.
    return any(ip.version == network.version and ip in network for network in _PRIVATE)


_KINDS: Final = tuple(Kind)
_KINDS_OFFERED: Final = frozenset(kind.value for kind in Kind if kind is not Kind.PEER)
_PROTOCOLS: Final = frozenset(protocol.value for protocol in Protocol)
_LONGEST_LITERAL: Final = 45
_THIS_NETWORK: Final = IPv4Network("0.0.0.0/8")
_PRIVATE: Final = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("169.254.0.0/16"),
    IPv6Network("fc00::/7"),
    IPv6Network("fe80::/10"),
    IPv6Network("fec0::/10"),
)
