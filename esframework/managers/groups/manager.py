"""The manager `groups`, as the plugin system finds it."""

from __future__ import annotations

from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.groups.client import ClientGroups
from esframework.managers.groups.server import ServerGroups


@implementer(IPlugin, IManager)
class GroupsManager:
    """Groups that users make and join."""

    name = "groups"
    requires: tuple[str, ...] = ("contacts",)

    def server_half(self, server: Any) -> Registrations:
        """`server.groups`"""
        return ServerGroups(server).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.groups`"""
        return ClientGroups(client).registrations()
