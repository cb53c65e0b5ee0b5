"""The manager `accounts`, as the plugin system finds it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.accounts.client import ClientAccounts
from esframework.managers.accounts.server import ServerAccounts


@implementer(IPlugin, IManager)
class AccountsManager:
    """Accounts. `wall()` gives seconds UTC, by which session tokens end."""

    name = "accounts"
    requires: tuple[str, ...] = ("basic",)

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall

    def server_half(self, server: Any) -> Registrations:
        """`server.accounts`"""
        return ServerAccounts(server, self._wall).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.accounts`"""
        return ClientAccounts(client).registrations()
