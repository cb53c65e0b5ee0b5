"""UPnP: the router's own service for forwarding ports, by the library miniupnpc, which blocks: calls are for a thread.

Only the router of the default route is believed: any device of the network can answer a search. Knows no reactor.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from esframework import limits
from esframework.errors import MissingExtra, PortNotMapped

_TRIES: Final = 3
"""Outer ports that are tried: the first may be another machine's."""


def require_library() -> Any:
    """The library. Raises MissingExtra without the extra `upnp`."""
    try:
        import miniupnpc
    except ImportError:
        raise MissingExtra("UPnP", "upnp") from None
    return miniupnpc


class Upnp:
    """One router; `library` is miniupnpc. One call at a time."""

    def __init__(self, gateway: str, library: Any) -> None:
        self._gateway = gateway
        self._library = library
        self._device: Any = None

    def map(self, protocol: str, port: int) -> tuple[str, int]:
        """Have a port forwarded for `limits.MAPPING_LIFETIME` seconds, or until it is given back where the router can
        do nothing else; blocks for a few seconds. Gives (outer host, outer port). Raises PortNotMapped."""
        self._device = self._find()
        for outer_port in range(port, min(port + _TRIES, 65536)):
            try:
                self._add(protocol, port, outer_port)
                return str(self._device.externalipaddress()), outer_port
            except Exception as error:
                # The library has no exceptions of its own: only their words tell them apart.
                problem = error
                if "Conflict" not in str(error):
                    break
        raise PortNotMapped(f"UPnP: the router does not forward {protocol} port {port}: {problem}") from problem

    def unmap(self, protocol: str, outer_port: int) -> None:
        """Give a port back; blocks. Raises PortNotMapped when the router says no."""
        try:
            self._device.deleteportmapping(outer_port, protocol.upper())
        except Exception as error:
            raise PortNotMapped(f"UPnP: {protocol} port {outer_port} is not given back: {error}") from error

    def _add(self, protocol: str, port: int, outer_port: int) -> None:
        device = self._device
        what = (outer_port, protocol.upper(), device.lanaddr, port, limits.UPNP_DESCRIPTION, "")
        try:
            device.addportmapping(*what, int(limits.MAPPING_LIFETIME))
        except Exception as error:
            if "OnlyPermanentLeasesSupported" not in str(error):
                raise
            device.addportmapping(*what, 0)

    def _find(self) -> Any:
        device = self._library.UPnP()
        device.discoverdelay = int(limits.UPNP_DISCOVERY * 1000)
        try:
            device.discover()
            url = device.selectigd()
        except Exception as error:
            raise PortNotMapped(f"UPnP: no router has answered: {error}") from error
        host = urlsplit(str(url)).hostname
        if host != self._gateway:
            raise PortNotMapped(f"UPnP: {host} says that it is the router, and {self._gateway} is")
        return device
