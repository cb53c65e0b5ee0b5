"""The manager `offline`, as the plugin system finds it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.offline.client import ClientOffline
from esframework.managers.offline.server import ServerOffline


@implementer(IPlugin, IManager)
class OfflineManager:
    """Messages to users who are away. `now` gives seconds UTC."""

    name = "offline"
    requires: tuple[str, ...] = ("basic", "custom")

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now

    def server_half(self, server: Any) -> Registrations:
        """`server.offline`"""
        return ServerOffline(server, self._now).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.offline`"""
        return ClientOffline(client).registrations()
