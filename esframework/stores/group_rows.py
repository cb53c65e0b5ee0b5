"""What may become of a group: who owns it, who is in it, and how large it may be.

The rules are here, once; where the rows lie is a subclass's. Blocking, as each runs within one transaction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from esframework import limits
from esframework.errors import GroupExists, GroupFull, NoSuchGroup, NotAMember, TooManyGroups
from esframework.interfaces import StoredGroup
from esframework.stores.rules import check_names, check_text
from esframework.wire.identity import check_account_name


class GroupRows(ABC):
    """All groups and their members."""

    @abstractmethod
    def group(self, group_id: str) -> StoredGroup | None:
        """The group, or None."""

    @abstractmethod
    def put(self, group_id: str, owner: str, tag: str) -> None:
        """Write owner and tag of a group, new or changed."""

    @abstractmethod
    def delete(self, group_id: str) -> None:
        """Take a group and its members away."""

    @abstractmethod
    def put_members(self, group_id: str, users: Sequence[str]) -> None:
        """Add those who are none yet."""

    @abstractmethod
    def delete_members(self, group_id: str, users: Sequence[str]) -> None:
        """Take members away."""

    @abstractmethod
    def groups_of(self, user_id: str) -> list[str]:
        """Ids of the user's groups, sorted."""

    @abstractmethod
    def first_in_too_many(self, users: Sequence[str], maximum: int) -> str | None:
        """The first of `users` who is in `maximum` groups or more."""

    def create(self, group_id: str, owner: str, tag: str, members: Iterable[str]) -> StoredGroup:
        """As `IGroupStore.create`."""
        check_account_name(group_id)
        everybody = check_names([owner, *members])
        check_text(tag, "a group's tag")
        if self.group(group_id) is not None:
            raise GroupExists(group_id)
        self._check_room(group_id, len(everybody), everybody)
        self.put(group_id, owner, tag)
        self.put_members(group_id, everybody)
        return StoredGroup(group_id, owner, tag, tuple(everybody))

    def add_members(self, group_id: str, members: Iterable[str]) -> list[str]:
        """As `IGroupStore.add_members`."""
        group = self._known(group_id)
        present = set(group.members)
        added = [name for name in check_names(members) if name not in present]
        self._check_room(group_id, len(present) + len(added), added)
        self.put_members(group_id, added)
        return added

    def remove_members(self, group_id: str, members: Iterable[str]) -> list[str]:
        """As `IGroupStore.remove_members`."""
        group = self._known(group_id)
        leaving = set(check_names(members)).intersection(group.members)
        left = [name for name in group.members if name not in leaving]
        removed = sorted(leaving)
        if not left:
            self.delete(group_id)
            return removed
        self.delete_members(group_id, removed)
        if group.owner in leaving:
            self.put(group_id, left[0], group.tag)
        return removed

    def set_owner(self, group_id: str, owner: str) -> None:
        """As `IGroupStore.set_owner`."""
        group = self._known(group_id)
        if owner not in group.members:
            raise NotAMember(group_id, owner)
        self.put(group_id, owner, group.tag)

    def set_tag(self, group_id: str, tag: str) -> None:
        """As `IGroupStore.set_tag`."""
        self.put(group_id, self._known(group_id).owner, check_text(tag, "a group's tag"))

    def dissolve(self, group_id: str) -> list[str]:
        """As `IGroupStore.dissolve`."""
        members = list(self._known(group_id).members)
        self.delete(group_id)
        return members

    def forget(self, user_id: str) -> None:
        """Take the user out of all groups."""
        for group_id in self.groups_of(user_id):
            self.remove_members(group_id, [user_id])

    def _known(self, group_id: str) -> StoredGroup:
        group = self.group(group_id)
        if group is None:
            raise NoSuchGroup(group_id)
        return group

    def _check_room(self, group_id: str, members: int, newcomers: Sequence[str]) -> None:
        if members > limits.MAX_GROUP_MEMBERS:
            raise GroupFull(group_id, limits.MAX_GROUP_MEMBERS)
        full = self.first_in_too_many(newcomers, limits.MAX_GROUPS_PER_USER)
        if full is not None:
            raise TooManyGroups(full, limits.MAX_GROUPS_PER_USER)
