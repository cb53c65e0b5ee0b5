"""Stored groups as managers see them: every call a Deferred. What is allowed is `group_rows.py`'s."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred
from zope.interface import implementer

from esframework.interfaces import IGroupStore, StoredGroup
from esframework.stores.group_rows import GroupRows
from esframework.stores.shelf import Shelf


@implementer(IGroupStore)
class Groups:
    """An `IGroupStore` on any backend."""

    def __init__(self, shelf: Shelf[GroupRows]) -> None:
        self._shelf = shelf

    def create(
        self, group_id: str, owner: str, tag: str = "", members: Iterable[str] = ()
    ) -> Deferred[StoredGroup]:
        """As `IGroupStore.create`."""
        wanted = tuple(members)
        return self._shelf.write(lambda rows: rows.create(group_id, owner, tag, wanted))

    def group(self, group_id: str) -> Deferred[StoredGroup | None]:
        """As `IGroupStore.group`."""
        return self._shelf.read(lambda rows: rows.group(group_id))

    def groups_of(self, user_id: str) -> Deferred[list[str]]:
        """As `IGroupStore.groups_of`."""
        return self._shelf.read(lambda rows: rows.groups_of(user_id))

    def add_members(self, group_id: str, members: Iterable[str]) -> Deferred[list[str]]:
        """As `IGroupStore.add_members`."""
        wanted = tuple(members)
        return self._shelf.write(lambda rows: rows.add_members(group_id, wanted))

    def remove_members(self, group_id: str, members: Iterable[str]) -> Deferred[list[str]]:
        """As `IGroupStore.remove_members`."""
        wanted = tuple(members)
        return self._shelf.write(lambda rows: rows.remove_members(group_id, wanted))

    def set_owner(self, group_id: str, owner: str) -> Deferred[None]:
        """As `IGroupStore.set_owner`."""
        return self._shelf.write(lambda rows: rows.set_owner(group_id, owner))

    def set_tag(self, group_id: str, tag: str) -> Deferred[None]:
        """As `IGroupStore.set_tag`."""
        return self._shelf.write(lambda rows: rows.set_tag(group_id, tag))

    def dissolve(self, group_id: str) -> Deferred[list[str]]:
        """As `IGroupStore.dissolve`."""
        return self._shelf.write(lambda rows: rows.dissolve(group_id))
