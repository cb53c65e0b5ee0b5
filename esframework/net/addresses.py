"""What a peer's address counts as, and in which networks it lies. Reads texts and opens nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def network_of(host: str) -> str:
    """What a host is counted as: an IPv6 address as its /64 (one mapped from IPv4 as that), all else as itself.

    Whoever has one IPv6 address has the 2^64 around it, too.
    """
    if ":" not in host:
        return host
    address = _address(host)
    if not isinstance(address, IPv6Address):
        return host if address is None else str(address)
    return f"{IPv6Address(address.packed[:8] + bytes(8))}/64"


def networks_of(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks and single addresses from their texts; one of IPv6 that is mapped from IPv4 is that.

    Raises ValueError, which names the text that is no network.
    """
    return tuple(map(_network, texts))


def is_in(host: str, networks: Collection[Network]) -> bool:
    """Whether a host lies in one of the networks; what is no address (a UNIX socket) lies in none."""
    if not networks:
        return False
    address = _address(host)
    return address is not None and any(address in network for network in networks)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The host as an address, one mapped from IPv4 as that; None for what is none."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no network such as 10.0.0.0/8 or 2001:db8::/32: {error}") from None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is not None and network.prefixlen >= 96:
        return IPv4Network((mapped, network.prefixlen - 96))
    return network
