"""Contacts and groups with their frequent questions answered from memory: they are asked at every log-on and broadcast.

Each is the same interface over another store of that kind, so that nobody who asks need know. Only what passes here is
noticed at once; what another program changes in the same database is seen within `cache.LIFETIME`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework.interfaces import IContactStore, IGroupStore, Relation, RelationState, StoredGroup
from esframework.stores.cache import Cache

T = TypeVar("T")
Names = tuple[str, ...]


def _names_in(names: Names) -> int:
    return 1 + len(names)


def _names_in_group(group: StoredGroup | None) -> int:
    return 1 if group is None else 2 + len(group.members)


def _then(changing: Deferred[T], forget: Callable[[T | Failure], None]) -> Deferred[T]:
    """Forget when a change is over, failed or not: a commit whose answer was lost may have been made."""

    def over(outcome: T | Failure) -> T | Failure:
        forget(outcome)
        return outcome

    return changing.addBoth(over)


@implementer(IContactStore)
class CachedContacts:
    """An `IContactStore` that remembers whose contacts are who."""

    def __init__(self, store: IContactStore, cache: Cache[str, Names] | None = None) -> None:
        self._store = store
        self._contacts = cache or Cache(_names_in)

    def clear(self) -> None:
        """Forget everything."""
        self._contacts.clear()

    def contacts_of(self, owner: str) -> Deferred[list[str]]:
        """As `IContactStore.contacts_of`."""
        return self._contacts.get(owner, lambda: self._store.contacts_of(owner).addCallback(tuple)).addCallback(list)

    def relations(self, owner: str) -> Deferred[list[Relation]]:
        """As `IContactStore.relations`."""
        return self._store.relations(owner)

    def is_blocked(self, owner: str, by: str) -> Deferred[bool]:
        """As `IContactStore.is_blocked`."""
        return self._store.is_blocked(owner, by)

    def ask(self, owner: str, other: str, text: str = "") -> Deferred[RelationState]:
        """As `IContactStore.ask`."""
        return self._changed(self._store.ask(owner, other, text), owner, other)

    def accept(self, owner: str, other: str) -> Deferred[bool]:
        """As `IContactStore.accept`."""
        return self._changed(self._store.accept(owner, other), owner, other)

    def refuse(self, owner: str, other: str) -> Deferred[None]:
        """As `IContactStore.refuse`."""
        return self._changed(self._store.refuse(owner, other), owner, other)

    def remove(self, owner: str, other: str) -> Deferred[bool]:
        """As `IContactStore.remove`."""
        return self._changed(self._store.remove(owner, other), owner, other)

    def block(self, owner: str, other: str) -> Deferred[bool]:
        """As `IContactStore.block`."""
        return self._changed(self._store.block(owner, other), owner, other)

    def unblock(self, owner: str, other: str) -> Deferred[bool]:
        """As `IContactStore.unblock`."""
        return self._changed(self._store.unblock(owner, other), owner, other)

    def _changed(self, changing: Deferred[T], owner: str, other: str) -> Deferred[T]:
        return _then(changing, lambda _: self._contacts.forget(owner, other))


@implementer(IGroupStore)
class CachedGroups:
    """An `IGroupStore` that remembers groups, and who is in which."""

    def __init__(
        self,
        store: IGroupStore,
        groups: Cache[str, StoredGroup | None] | None = None,
        of_users: Cache[str, Names] | None = None,
    ) -> None:
        self._store = store
        self._groups = groups or Cache(_names_in_group)
        self._of_users = of_users or Cache(_names_in)

    def clear(self) -> None:
        """Forget everything."""
        self._groups.clear()
        self._of_users.clear()

    def group(self, group_id: str) -> Deferred[StoredGroup | None]:
        """As `IGroupStore.group`."""
        return self._groups.get(group_id, lambda: self._store.group(group_id))

    def groups_of(self, user_id: str) -> Deferred[list[str]]:
        """As `IGroupStore.groups_of`."""
        loaded = self._of_users.get(user_id, lambda: self._store.groups_of(user_id).addCallback(tuple))
        return loaded.addCallback(list)

    def create(
        self, group_id: str, owner: str, tag: str = "", members: Iterable[str] = ()
    ) -> Deferred[StoredGroup]:
        """As `IGroupStore.create`."""
        users = tuple(members)
        return self._changed(self._store.create(group_id, owner, tag, users), group_id, owner, *users)

    def add_members(self, group_id: str, members: Iterable[str]) -> Deferred[list[str]]:
        """As `IGroupStore.add_members`."""
        users = tuple(members)
        return self._changed(self._store.add_members(group_id, users), group_id, *users)

    def remove_members(self, group_id: str, members: Iterable[str]) -> Deferred[list[str]]:
        """As `IGroupStore.remove_members`."""
        users = tuple(members)
        return self._changed(self._store.remove_members(group_id, users), group_id, *users)

    def set_owner(self, group_id: str, owner: str) -> Deferred[None]:
        """As `IGroupStore.set_owner`."""
        return self._changed(self._store.set_owner(group_id, owner), group_id)

    def set_tag(self, group_id: str, tag: str) -> Deferred[None]:
        """As `IGroupStore.set_tag`."""
        return self._changed(self._store.set_tag(group_id, tag), group_id)

    def dissolve(self, group_id: str) -> Deferred[list[str]]:
        """As `IGroupStore.dissolve`."""

        def forget(outcome: list[str] | Failure) -> None:
            self._groups.forget(group_id)
            if isinstance(outcome, Failure):
                # Who was in it is not known, if it is gone after all.
                self._of_users.clear()
            else:
                self._of_users.forget(*outcome)

        return _then(self._store.dissolve(group_id), forget)

    def _changed(self, changing: Deferred[T], group_id: str, *users: str) -> Deferred[T]:
        def forget(_: object) -> None:
            self._groups.forget(group_id)
            self._of_users.forget(*users)

        return _then(changing, forget)
