"""The manager `offline_files`, as the plugin system finds it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.offline_files.client import ClientOfflineFiles
from esframework.managers.offline_files.server import ServerOfflineFiles


@implementer(IPlugin, IManager)
class OfflineFilesManager:
    """Files for users who are away. `now` gives seconds UTC."""

    name = "offline_files"
    requires: tuple[str, ...] = ("basic", "offline", "files")

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now

    def server_half(self, server: Any) -> Registrations:
        """`server.offline_files`"""
        return ServerOfflineFiles(server, self._now).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.offline_files`"""
        return ClientOfflineFiles(client).registrations()
