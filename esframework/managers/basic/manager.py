"""The manager `basic`, as the plugin system finds it."""

from __future__ import annotations

from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.basic.client import ClientBasic
from esframework.managers.basic.server import ServerBasic


@implementer(IPlugin, IManager)
class BasicManager:
    """The basic functions."""

    name = "basic"
    requires: tuple[str, ...] = ()

    def server_half(self, server: Any) -> Registrations:
        """`server.basic`"""
        return ServerBasic(server).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.basic`"""
        return ClientBasic(client).registrations()
