"""The manager `files`, as the plugin system finds it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.files.client import ClientFiles
from esframework.managers.files.server import ServerFiles


@implementer(IPlugin, IManager)
class FilesManager:
    """Files and folders. `now` gives seconds UTC, by which what is half received expires."""

    name = "files"
    # `custom` ends what is asked of a user who leaves; an offer is such a request.
    requires: tuple[str, ...] = ("basic", "custom")

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now

    def server_half(self, server: Any) -> Registrations:
        """`server.files`"""
        return ServerFiles(server, self._now).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.files`"""
        return ClientFiles(client, self._now).registrations()
