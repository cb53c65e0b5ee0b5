"""The addresses of this machine's network cards, as others may reach them. Knows nothing of NATs."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import ifaddr

from esframework.net.datagrams import IMachine
from esframework.rudp.candidates import parse_host


def own_addresses(reactor: Any) -> list[str]:
    """IPv4 and IPv6 addresses of all cards, without loopback and without what means something on one link only."""
    if IMachine.providedBy(reactor):
        return list(reactor.addresses())
    found: list[str] = []
    for adapter in ifaddr.get_adapters():
        for address in adapter.ips:
            host = address.ip if isinstance(address.ip, str) else address.ip[0]
            ip = ip_address(host)
            if not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified):
                found.append(str(ip))
    return found


def has_lost(reactor: Any, host: str) -> bool:
    """Whether an address is this machine's no more, which had it when it made a connection. Not said of what
    `own_addresses` leaves out, nor of a text that is no address."""
    ip = parse_host(host)
    if ip is None or ip.is_loopback or ip.is_link_local:
        return False
    return str(ip) not in own_addresses(reactor)
