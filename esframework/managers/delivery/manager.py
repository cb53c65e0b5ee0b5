"""The manager `delivery`, as the plugin system finds it."""

from __future__ import annotations

from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.delivery.client import ClientDelivery
from esframework.managers.delivery.server import ServerDelivery


@implementer(IPlugin, IManager)
class DeliveryManager:
    """Nothing lost on reconnect."""

    name = "delivery"
    requires: tuple[str, ...] = ("basic", "custom")

    def server_half(self, server: Any) -> Registrations:
        """`server.delivery`"""
        return ServerDelivery(server).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.delivery`"""
        return ClientDelivery(client).registrations()
