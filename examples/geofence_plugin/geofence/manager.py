"""The manager, as the plugin system finds it: a name, what it needs, and one half for each side."""

from __future__ import annotations

from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from geofence.client import ClientGeofence
from geofence.server import ServerGeofence


@implementer(IPlugin, IManager)
class Geofence:
    """Fences on the map."""

    name = "geofence"
    requires: tuple[str, ...] = ("basic",)

    def server_half(self, server: Any) -> Registrations:
        """`server.geofence`"""
        return ServerGeofence(server).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.geofence`"""
        return ClientGeofence(client).registrations()
