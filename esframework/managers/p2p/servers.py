"""Where the P2P servers are that a client is to ask. Knows names and addresses, and asks nobody but for names."""

from __future__ import annotations

from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHostResolution, IReactorPluggableNameResolver, IResolutionReceiver
from twisted.logger import Logger
from zope.interface import implementer

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
        addresses += [(found, port) for found in await _hosts_of(client, host)]
    return addresses


async def _hosts_of(client: IClientContext, host: str) -> list[str]:
    """One address of each family, as far as there are any."""
    if not host:
        # Nothing is known of it behind a proxy, or by a UNIX socket.
        return [client.server_host] if client.server_host else []
    if isIPAddress(host) or isIPv6Address(host):
        return [host]
    reactor: Any = client.clock
    if IReactorPluggableNameResolver(reactor, None) is None:
        return []
    resolution = _Resolution()
    reactor.nameResolver.resolveHostName(resolution, host, addressTypes=[IPv6Address, IPv4Address])
    found = await resolution.complete
    if not found:
        _log.warn("the P2P server {host!r} cannot be found: nobody knows an address of it", host=host)
    return found


@implementer(IResolutionReceiver)
class _Resolution:
    """`complete` fires with the first address of each family."""

    def __init__(self) -> None:
        self.complete: Deferred[list[str]] = Deferred()
        self._found: dict[type[Any], str] = {}

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        """Part of IResolutionReceiver."""

    def addressResolved(self, address: Any) -> None:
        """Part of IResolutionReceiver."""
        self._found.setdefault(type(address), address.host)

    def resolutionComplete(self) -> None:
        """Part of IResolutionReceiver."""
        self.complete.callback(list(self._found.values()))
