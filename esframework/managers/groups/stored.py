"""Stored groups: the same operations as `machine.DynamicGroups`, done by the store.

Knows no frames. Who may do what is the law's; what fits, and what is remembered of groups, is the store's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from esframework.errors import NoSuchGroup, NotAMember
from esframework.managers.groups.invitations import Invitations
from esframework.managers.groups.machine import Act, Change, Group, GroupEvent, Law, check_tag


class StoredGroups:
    """The stored groups of one server. Every operation gives what happened, in order, and fails with what the store
    fails with, or with `Forbidden`.

    `store` gives the `IGroupStore`.
    """

    def __init__(self, store: Callable[[], Any], law: Law, invitations: Invitations) -> None:
        self._store = store
        self._law = law
        self._invitations = invitations

    # --- questions ----------------------------------------------------------------------------------------------------
    async def get(self, group_id: str) -> Group | None:
        """A group, None when there is none of that id."""
        stored = await self._store().group(group_id)
        if stored is None:
            return None
        return Group(group_id, stored.owner, stored.tag, dict.fromkeys(stored.members), is_stored=True)

    async def known(self, group_id: str) -> Group:
        """A group; raises `NoSuchGroup`."""
        group = await self.get(group_id)
        if group is None:
            raise NoSuchGroup(group_id)
        return group

    async def groups_of(self, user_id: str) -> list[str]:
        """Ids of the groups that a user is in, sorted."""
        groups: list[str] = await self._store().groups_of(user_id)
        return groups

    # --- operations ---------------------------------------------------------------------------------------------------
    async def create(
        self, user_id: str | None, group_id: str, owner: str, tag: str = "", members: Iterable[str] = ()
    ) -> list[GroupEvent]:
        """Make a group of the owner and the members, whether they are online or not."""
        self._law.check_new(user_id, group_id, is_stored=True)
        wanted = [name for name in dict.fromkeys(members) if name != owner]
        await self._store().create(group_id, owner, check_tag(tag), wanted)
        events = [GroupEvent(Change.CREATED, group_id, user_id, (owner,))]
        if wanted:
            events.append(GroupEvent(Change.PULLED_IN, group_id, user_id, tuple(wanted), (owner,)))
        return events

    async def join(self, user_id: str, group_id: str) -> list[GroupEvent]:
        """Become a member; nothing happens when one is."""
        group = await self.known(group_id)
        if user_id in group.members:
            return []
        self._law.check(Act.JOIN, user_id, group, (group_id, user_id) in self._invitations)
        return await self._admit(Change.JOINED, group, user_id, [user_id])

    async def quit(self, user_id: str, group_id: str) -> list[GroupEvent]:
        """Be a member no more. Raises `NotAMember`."""
        group = await self.known(group_id)
        if user_id not in group.members:
            raise NotAMember(group_id, user_id)
        return await self._dismiss(Change.QUIT, group, user_id, [user_id])

    async def pull_in(self, operator: str | None, group_id: str, names: Iterable[str]) -> list[GroupEvent]:
        """Make members of those who are none yet."""
        group = await self.known(group_id)
        self._law.check(Act.PULL_IN, operator, group)
        return await self._admit(Change.PULLED_IN, group, operator, names)

    async def remove(self, operator: str | None, group_id: str, names: Iterable[str]) -> list[GroupEvent]:
        """Take members out; nothing happens to others."""
        group = await self.known(group_id)
        self._law.check(Act.REMOVE, operator, group)
        return await self._dismiss(Change.REMOVED, group, operator, names)

    async def set_tag(self, operator: str | None, group_id: str, tag: str) -> list[GroupEvent]:
        """Give the group another tag."""
        group = await self.known(group_id)
        self._law.check(Act.SET_TAG, operator, group)
        await self._store().set_tag(group_id, check_tag(tag))
        return [GroupEvent(Change.TAG_CHANGED, group_id, operator, (), tuple(group.members), tag)]

    async def set_owner(self, operator: str | None, group_id: str, owner: str) -> list[GroupEvent]:
        """Give the group another owner, who must be a member."""
        group = await self.known(group_id)
        self._law.check(Act.SET_OWNER, operator, group)
        if owner == group.owner:
            return []
        await self._store().set_owner(group_id, owner)
        return [GroupEvent(Change.OWNER_CHANGED, group_id, operator, (owner,), tuple(group.members), owner)]

    async def dissolve(self, operator: str | None, group_id: str) -> list[GroupEvent]:
        """End the group."""
        group = await self.known(group_id)
        self._law.check(Act.DISSOLVE, operator, group)
        members = await self._store().dissolve(group_id)
        self._invitations.drop_group(group_id)
        return [GroupEvent(Change.DISSOLVED, group_id, operator, tuple(members))]

    # --- inside -------------------------------------------------------------------------------------------------------
    async def _admit(
        self, change: Change, group: Group, operator: str | None, names: Iterable[str]
    ) -> list[GroupEvent]:
        wanted = [name for name in dict.fromkeys(names) if name not in group.members]
        if not wanted:
            return []
        added = await self._store().add_members(group.group_id, wanted)
        for name in added:
            self._invitations.drop(group.group_id, name)
        return [GroupEvent(change, group.group_id, operator, tuple(added), group.without(added))] if added else []

    async def _dismiss(
        self, change: Change, group: Group, operator: str | None, names: Iterable[str]
    ) -> list[GroupEvent]:
        group_id = group.group_id
        leaving = [name for name in dict.fromkeys(names) if name in group.members]
        if not leaving:
            return []
        removed = await self._store().remove_members(group_id, leaving)
        if not removed:
            return []
        left = group.without(removed)
        events = [GroupEvent(change, group_id, operator, tuple(removed), left)]
        if not left:
            self._invitations.drop_group(group_id)
            events.append(GroupEvent(Change.DISSOLVED, group_id, None))
        elif group.owner in removed:
            # As the store promises; to ask it again might fail, after all has been done.
            events.append(GroupEvent(Change.OWNER_CHANGED, group_id, None, left[:1], left, left[0]))
        return events
