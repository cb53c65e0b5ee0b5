"""The manager `p2p`, as the plugin system finds it."""

from __future__ import annotations

from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.p2p.client import ClientP2P
from esframework.managers.p2p.server import ServerP2P
from esframework.wire.frames import default_layout
from esframework.wire.profile import GENERATION_6, GENERATION_7


@implementer(IPlugin, IManager)
class P2PManager:
    """Channels from one client to the other."""

    name = "p2p"
    requires: tuple[str, ...] = ()

    def server_half(self, server: Any) -> Registrations:
        """`server.p2p`"""
        return ServerP2P(server).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.p2p`"""
        options = client.options
        profile = GENERATION_7 if options.generation == 7 else GENERATION_6
        header = default_layout(profile, options.max_user_id).header_size
        return ClientP2P(client, options.max_message - header).registrations()
