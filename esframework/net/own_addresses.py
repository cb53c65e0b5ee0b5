"""The addresses of this machine's network cards, as others may reach them. Knows nothing of NATs."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import ifaddr
from twisted.internet.task import LoopingCall

from esframework import limits
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


class AddressWatch:
    """Looks at them every `limits.P2P_LOOK_AROUND` seconds; `changed()` is called when they are others."""

    def __init__(self, reactor: Any, changed: Callable[[], object]) -> None:
        self._reactor = reactor
        self._changed = changed
        self._addresses: frozenset[str] = frozenset()
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor

    def start(self) -> None:
        """Harmless when it looks already."""
        if not self._loop.running:
            self._addresses = frozenset(own_addresses(self._reactor))
            self._loop.start(limits.P2P_LOOK_AROUND, now=False)

    def stop(self) -> None:
        """Look no more; harmless when it does not."""
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> None:
        addresses = frozenset(own_addresses(self._reactor))
        if addresses != self._addresses:
            self._addresses = addresses
            self._changed()
