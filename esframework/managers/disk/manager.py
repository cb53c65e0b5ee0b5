"""The manager `disk`, as the plugin system finds it."""

from __future__ import annotations

from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.disk.client import ClientDisk
from esframework.managers.disk.folders import DiskFolder
from esframework.managers.disk.options import DiskOptions
from esframework.managers.disk.server import ServerDisk


@implementer(IPlugin, IManager)
class DiskManager:
    """The network disk."""

    name = "disk"
    requires: tuple[str, ...] = ("basic", "files")

    def server_half(self, server: Any) -> Registrations | None:
        """`server.disk`, where the options name a folder."""
        options: DiskOptions = server.options.disk
        if options.folder is None:
            return None
        return ServerDisk(server, options, DiskFolder(options.folder)).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.disk`"""
        return ClientDisk(client).registrations()
