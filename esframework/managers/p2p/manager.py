"""The manager `p2p`, as the plugin system finds it."""

from __future__ import annotations

from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.p2p.server import ServerP2P


@implementer(IPlugin, IManager)
class P2PManager:
    """Channels from one client to the other."""

    name = "p2p"
    requires: tuple[str, ...] = ()

    def server_half(self, server: Any) -> Registrations:
        """`server.p2p`"""
        return ServerP2P(server).registrations()

    def client_half(self, client: Any) -> None:
        """None: this half is not there yet."""
