"""Where the P2P servers are that a client is to ask. Knows names and addresses, and asks nobody but for names."""

from __future__ import annotations

from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IReactorPluggableNameResolver
from twisted.logger import Logger

from esframework.errors import InvalidOption
from esframework.interfaces import IClientContext
from esframework.managers.p2p.client_options import host_and_port
from esframework.rudp.paths import Address

_log = Logger()


async def server_addresses(client: IClientContext, introduced: list[str]) -> list[Address]:
    """Addresses of the P2P server of the client's options, or else of those that the application server named.

    A name that cannot be found, or is none, is logged and left out.
    """
    own = client.options.p2p.server
    addresses: list[Address] = []
    for text in introduced if own is None else [own]:
        try:
            host, port = host_and_port(text)
        except InvalidOption as error:
            _log.info("the server named an impossible P2P server: {error}", error=error)
            continue
        found = await _address_of(client, host)
        if found:
            addresses.append((found, port))
    return addresses


async def _address_of(client: IClientContext, host: str) -> str:
    if not host:
        return client.server_host
    if isIPAddress(host) or isIPv6Address(host):
        return host
    reactor: Any = client.clock
    if IReactorPluggableNameResolver(reactor, None) is None:
        return ""
    try:
        found: str = await reactor.resolve(host)
    except DNSLookupError as error:
        _log.warn("the P2P server {host!r} cannot be found: {error}", host=host, error=error)
        return ""
    return found
