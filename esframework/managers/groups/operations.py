"""All groups together: which kind a group is of, and one change of it after the other. Knows no frames.

A name belongs to one group, dynamic or stored. `changed` is told what happened, in order, in the turn in which it
happened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from esframework.errors import GroupExists, NoSuchGroup, NotLoggedOn
from esframework.managers.groups.departures import Departures, HasLeft
from esframework.managers.groups.invitations import Invitations
from esframework.managers.groups.machine import Act, DynamicGroups, Group, GroupEvent, Law, check_group_id
from esframework.managers.groups.pace import Turns
from esframework.managers.groups.stored import StoredGroups
from esframework.wire.identity import LONGEST_NAME, check_account_name
from esframework.wire.login_id import bare_id
from esframework.wire.types import EVERYBODY


class Actor(NamedTuple):
    """Who does something: a user by one of its connections, or the server, which is neither."""

    user_id: str | None = None
    connection: Any = None


THE_SERVER = Actor()

Changed = Callable[[list[GroupEvent], Actor], None]


class GroupOperations:
    """What one can do to groups of either kind.

    Everything fails with the errors of the stores (`NoSuchGroup`, `GroupFull`, `TooManyGroups`, `InvalidText`,
    `StoreError`, …), with `Forbidden`, and with `ComeBackLater` when too much waits already.
    """

    def __init__(
        self,
        dynamic: DynamicGroups,
        stored: StoredGroups,
        invitations: Invitations,
        departures: Departures,
        law: Law,
        is_online: Callable[[str], bool],
        longest_name: int,
        changed: Changed,
    ) -> None:
        self._dynamic = dynamic
        self._stored = stored
        self._invitations = invitations
        self._departures = departures
        self._law = law
        self._is_online = is_online
        self._longest_name = longest_name
        # Headers address a group by `_` and its id.
        self._longest_id = min(longest_name, LONGEST_NAME - 1)
        self._turns = Turns()
        self._changed = changed

    # --- questions ----------------------------------------------------------------------------------------------------
    async def get(self, group_id: str) -> Group | None:
        """A group of either kind, None when there is none."""
        return self._dynamic.get(group_id) or await self._stored.get(group_id)

    async def known(self, group_id: str) -> Group:
        """A group of either kind; raises `NoSuchGroup`."""
        group = await self.get(group_id)
        if group is None:
            raise NoSuchGroup(group_id)
        return group

    async def groups_of(self, user_id: str) -> list[str]:
        """Ids of the groups that a user is in, dynamic ones first."""
        return [*self._dynamic.groups_of(user_id), *await self._stored.groups_of(user_id)]

    def dynamic_ids(self, actor: Actor) -> list[str]:
        """Ids of all dynamic groups, for somebody who may see them."""
        self._law.check(Act.LIST, actor.user_id, Group(EVERYBODY, ""))
        return self._dynamic.ids()

    async def permitted(self, act: Act, actor: Actor, group_id: str) -> Group:
        """A group, for somebody who may do this to it."""
        group = await self.known(group_id)
        self._law.check(act, actor.user_id, group)
        return group

    # --- operations ---------------------------------------------------------------------------------------------------
    async def create(
        self, actor: Actor, group_id: str, owner: str, tag: str, members: Iterable[str], is_stored: bool
    ) -> Group:
        """Make a group of the owner and the members; a dynamic one has only members who are online."""
        check_group_id(group_id, self._longest_id)
        wanted = self._accounts(members)
        groups: Any = self._stored if is_stored else self._dynamic

        async def create() -> Group:
            if await self.get(group_id) is not None:
                raise GroupExists(group_id)
            await self._tell(groups.create(actor.user_id, group_id, owner, tag, wanted), actor)
            return await self.known(group_id)

        return await self._turns.take(group_id, create)

    async def join(self, actor: Actor, user_id: str, group_id: str, *, is_again: bool = False) -> Group:
        """Become a member. A group that is there in neither kind is made, or there is `NoSuchGroup`.

        `is_again`: a client comes back by itself, which fails with `HasLeft` where its user quit or was taken out.
        """
        check_group_id(group_id, self._longest_id)

        async def join() -> Group:
            if is_again and (group_id, user_id) in self._departures:
                raise HasLeft(group_id, user_id)
            if self._dynamic.get(group_id) is None and await self._stored.get(group_id) is not None:
                await self._tell(self._stored.join(user_id, group_id), actor)
            elif self._is_online(user_id):
                await self._tell(self._dynamic.join(user_id, group_id), actor)
            else:
                # Gone while the store was asked: nobody would ever take it out of the group again.
                raise NotLoggedOn(f"{user_id!r} is not online, and cannot be in a dynamic group")
            self._departures.drop(group_id, user_id)
            return await self.known(group_id)

        return await self._turns.take(group_id, join)

    async def quit(self, actor: Actor, user_id: str, group_id: str) -> None:
        """Be a member no more."""
        await self._do(actor, group_id, lambda groups: groups.quit(user_id, group_id))

    async def pull_in(self, actor: Actor, group_id: str, names: Iterable[str]) -> list[str]:
        """Make others members; gives those who were none before."""
        wanted = self._accounts(names)
        return _users(await self._do(actor, group_id, lambda groups: groups.pull_in(actor.user_id, group_id, wanted)))

    async def remove(self, actor: Actor, group_id: str, names: Iterable[str]) -> list[str]:
        """Take members out; gives those who were."""
        leaving = [bare_id(name) for name in names]
        return _users(await self._do(actor, group_id, lambda groups: groups.remove(actor.user_id, group_id, leaving)))

    async def invite(self, actor: Actor, group_id: str, names: Iterable[str]) -> list[str]:
        """Let those who are online and no members join; gives them. Somebody has to tell them."""
        group = await self.permitted(Act.INVITE, actor, group_id)
        wanted = dict.fromkeys(bare_id(name) for name in names)
        invited = [name for name in wanted if name not in group.members and self._is_online(name)]
        if group.is_stored:
            self._invitations.add(group_id, invited)
        return invited

    async def set_tag(self, actor: Actor, group_id: str, tag: str) -> None:
        """Give the group another tag."""
        await self._do(actor, group_id, lambda groups: groups.set_tag(actor.user_id, group_id, tag))

    async def set_owner(self, actor: Actor, group_id: str, owner: str) -> None:
        """Give the group another owner."""
        await self._do(actor, group_id, lambda groups: groups.set_owner(actor.user_id, group_id, owner))

    async def dissolve(self, actor: Actor, group_id: str) -> None:
        """End the group."""
        await self._do(actor, group_id, lambda groups: groups.dissolve(actor.user_id, group_id))

    # --- inside -------------------------------------------------------------------------------------------------------
    async def _do(self, actor: Actor, group_id: str, operation: Callable[[Any], Any]) -> list[GroupEvent]:
        """Do something to a group of whichever kind, when it is the group's turn."""

        async def do() -> list[GroupEvent]:
            groups: Any = self._dynamic if self._dynamic.get(group_id) is not None else self._stored
            return await self._tell(operation(groups), actor)

        return await self._turns.take(group_id, do)

    async def _tell(self, done: Any, actor: Actor) -> list[GroupEvent]:
        events: list[GroupEvent] = await done if isinstance(done, Awaitable) else done
        if events:
            self._changed(events, actor)
        return events

    def _accounts(self, names: Iterable[str]) -> list[str]:
        """Bare ids, each once. Raises InvalidUserId for one that no account can have."""
        return list(dict.fromkeys(check_account_name(bare_id(name), self._longest_name) for name in names))


def _users(events: list[GroupEvent]) -> list[str]:
    return list(events[0].users) if events else []
