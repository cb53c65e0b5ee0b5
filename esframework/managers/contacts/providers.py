"""The two `IContacts` that are built in: everybody, for demos, and those that users make, in a store."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from esframework.interfaces import IContacts, IContactStore


@implementer(IContacts)
class EverybodyContacts:
    """Everybody online is everybody's contact, as in the manual's demos; there are no groups."""

    def __init__(self, users: Any) -> None:
        self._users = users

    def contacts_of(self, user_id: str) -> list[str]:
        """Everybody online but the user."""
        return [other for other in self._users.online if other != user_id]

    def members_of(self, group_id: str) -> list[str]:
        """Nobody: groups are other managers'."""
        return []


@implementer(IContacts)
class StoredContacts:
    """Whom a user has accepted, or was accepted by; there are no groups."""

    def __init__(self, store: IContactStore) -> None:
        self._store = store

    def contacts_of(self, user_id: str) -> Any:
        """The accepted contacts, in a Deferred."""
        return self._store.contacts_of(user_id)

    def members_of(self, group_id: str) -> list[str]:
        """Nobody: groups are other managers'."""
        return []
