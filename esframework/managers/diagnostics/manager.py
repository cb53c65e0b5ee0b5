"""The manager `diagnostics`, as the plugin system finds it."""

from __future__ import annotations

from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.diagnostics.facade import Diagnostics


@implementer(IPlugin, IManager)
class DiagnosticsManager:
    """What handlers do."""

    name = "diagnostics"
    requires: tuple[str, ...] = ()

    def server_half(self, server: Any) -> Registrations:
        """`server.diagnostics`"""
        return Diagnostics(server).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.diagnostics`"""
        return Diagnostics(client).registrations()
