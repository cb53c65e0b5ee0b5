"""The manager `custom`, as the plugin system finds it."""

from __future__ import annotations

from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.custom.client import ClientCustom
from esframework.managers.custom.server import ServerCustom


@implementer(IPlugin, IManager)
class CustomManager:
    """Custom information."""

    name = "custom"
    requires: tuple[str, ...] = ()

    def server_half(self, server: Any) -> Registrations:
        """`server.custom`"""
        return ServerCustom(server).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.custom`"""
        return ClientCustom(client).registrations()
