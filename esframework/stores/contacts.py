"""Contacts as managers see them: every call a Deferred. What is allowed is `contact_rows.py`'s."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from esframework.interfaces import IContactStore, Relation, RelationState
from esframework.stores.contact_rows import BLOCKED, ContactRows
from esframework.stores.shelf import Shelf


@implementer(IContactStore)
class Contacts:
    """An `IContactStore` on any backend."""

    def __init__(self, shelf: Shelf[ContactRows]) -> None:
        self._shelf = shelf

    def ask(self, owner: str, other: str, text: str = "") -> Deferred[RelationState]:
        """As `IContactStore.ask`."""
        return self._shelf.write(lambda rows: rows.ask(owner, other, text))

    def accept(self, owner: str, other: str) -> Deferred[bool]:
        """As `IContactStore.accept`."""
        return self._shelf.write(lambda rows: rows.accept(owner, other))

    def refuse(self, owner: str, other: str) -> Deferred[None]:
        """As `IContactStore.refuse`."""
        return self._shelf.write(lambda rows: rows.refuse(owner, other))

    def remove(self, owner: str, other: str) -> Deferred[bool]:
        """As `IContactStore.remove`."""
        return self._shelf.write(lambda rows: rows.remove(owner, other))

    def block(self, owner: str, other: str) -> Deferred[bool]:
        """As `IContactStore.block`."""
        return self._shelf.write(lambda rows: rows.block(owner, other))

    def unblock(self, owner: str, other: str) -> Deferred[bool]:
        """As `IContactStore.unblock`."""
        return self._shelf.write(lambda rows: rows.unblock(owner, other))

    def contacts_of(self, owner: str) -> Deferred[list[str]]:
        """As `IContactStore.contacts_of`."""
        return self._shelf.read(lambda rows: rows.contacts_of(owner))

    def relations(self, owner: str) -> Deferred[list[Relation]]:
        """As `IContactStore.relations`."""
        return self._shelf.read(lambda rows: rows.relations(owner))

    def is_blocked(self, owner: str, by: str) -> Deferred[bool]:
        """As `IContactStore.is_blocked`."""
        return self._shelf.read(lambda rows: rows.state(by, owner) == BLOCKED)
