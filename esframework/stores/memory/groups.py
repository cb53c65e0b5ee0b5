"""Groups in a dictionary: id -> owner, tag and members."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from twisted.internet.defer import Deferred
from zope.interface import implementer

from esframework import limits
from esframework.errors import GroupExists, GroupFull, NoSuchGroup, NotAMember, TooManyGroups
from esframework.interfaces import IGroupStore, StoredGroup
from esframework.stores.memory.opening import Opening
from esframework.stores.rules import check_names, check_text
from esframework.wire.identity import check_account_name


@implementer(IGroupStore)
class MemoryGroups:
    """An `IGroupStore` in memory."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._groups: dict[str, StoredGroup] = {}
        self._of_user: dict[str, set[str]] = {}

    def create(
        self, group_id: str, owner: str, tag: str = "", members: Iterable[str] = ()
    ) -> Deferred[StoredGroup]:
        """As `IGroupStore.create`."""
        return self._opening.run(self._create, group_id, owner, tag, members)

    def group(self, group_id: str) -> Deferred[StoredGroup | None]:
        """As `IGroupStore.group`."""
        return self._opening.run(self._groups.get, group_id)

    def groups_of(self, user_id: str) -> Deferred[list[str]]:
        """As `IGroupStore.groups_of`."""
        return self._opening.run(lambda: sorted(self._of_user.get(user_id, ())))

    def add_members(self, group_id: str, members: Iterable[str]) -> Deferred[list[str]]:
        """As `IGroupStore.add_members`."""
        return self._opening.run(self._add_members, group_id, members)

    def remove_members(self, group_id: str, members: Iterable[str]) -> Deferred[list[str]]:
        """As `IGroupStore.remove_members`."""
        return self._opening.run(self._remove_members, group_id, members)

    def set_owner(self, group_id: str, owner: str) -> Deferred[None]:
        """As `IGroupStore.set_owner`."""
        return self._opening.run(self._set_owner, group_id, owner)

    def set_tag(self, group_id: str, tag: str) -> Deferred[None]:
        """As `IGroupStore.set_tag`."""
        return self._opening.run(self._set_tag, group_id, tag)

    def dissolve(self, group_id: str) -> Deferred[list[str]]:
        """As `IGroupStore.dissolve`."""
        return self._opening.run(self._dissolve, group_id)

    def forget(self, user_id: str) -> None:
        """Take the user out of all groups."""
        for group_id in list(self._of_user.get(user_id, ())):
            self._remove_members(group_id, [user_id])

    def _create(self, group_id: str, owner: str, tag: str, members: Iterable[str]) -> StoredGroup:
        check_account_name(group_id)
        everybody = check_names([owner, *members])
        check_text(tag, "a group's tag")
        if group_id in self._groups:
            raise GroupExists(group_id)
        self._check_room(group_id, len(everybody), everybody)
        return self._set(StoredGroup(group_id, owner, tag, tuple(everybody)))

    def _add_members(self, group_id: str, members: Iterable[str]) -> list[str]:
        group = self._known(group_id)
        added = [name for name in check_names(members) if name not in group.members]
        self._check_room(group_id, len(group.members) + len(added), added)
        self._set(replace(group, members=tuple(sorted({*group.members, *added}))))
        return added

    def _remove_members(self, group_id: str, members: Iterable[str]) -> list[str]:
        group = self._known(group_id)
        removed = [name for name in check_names(members) if name in group.members]
        left = tuple(name for name in group.members if name not in set(removed))
        if not left:
            return self._dissolve(group_id)
        for name in removed:
            self._of_user[name].discard(group_id)
        self._set(replace(group, members=left, owner=group.owner if group.owner in left else left[0]))
        return removed

    def _set_owner(self, group_id: str, owner: str) -> None:
        group = self._known(group_id)
        if owner not in group.members:
            raise NotAMember(group_id, owner)
        self._set(replace(group, owner=owner))

    def _set_tag(self, group_id: str, tag: str) -> None:
        self._set(replace(self._known(group_id), tag=check_text(tag, "a group's tag")))

    def _dissolve(self, group_id: str) -> list[str]:
        group = self._known(group_id)
        del self._groups[group_id]
        for name in group.members:
            self._of_user[name].discard(group_id)
        return list(group.members)

    def _known(self, group_id: str) -> StoredGroup:
        if group_id not in self._groups:
            raise NoSuchGroup(group_id)
        return self._groups[group_id]

    def _set(self, group: StoredGroup) -> StoredGroup:
        self._groups[group.group_id] = group
        for name in group.members:
            self._of_user.setdefault(name, set()).add(group.group_id)
        return group

    def _check_room(self, group_id: str, members: int, newcomers: Iterable[str]) -> None:
        if members > limits.MAX_GROUP_MEMBERS:
            raise GroupFull(group_id, limits.MAX_GROUP_MEMBERS)
        for name in newcomers:
            if len(self._of_user.get(name, ())) >= limits.MAX_GROUPS_PER_USER:
                raise TooManyGroups(name, limits.MAX_GROUPS_PER_USER)
