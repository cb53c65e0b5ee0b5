"""The manager `contacts`, as the plugin system finds it."""

from __future__ import annotations

from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from esframework.interfaces import IManager, Registrations
from esframework.managers.contacts.client import ClientContacts
from esframework.managers.contacts.server import ServerContacts


@implementer(IPlugin, IManager)
class ContactsManager:
    """Contacts and broadcasts."""

    name = "contacts"
    requires: tuple[str, ...] = ("basic",)

    def server_half(self, server: Any) -> Registrations:
        """`server.contacts`"""
        return ServerContacts(server).registrations()

    def client_half(self, client: Any) -> Registrations:
        """`client.contacts`"""
        return ClientContacts(client).registrations()
