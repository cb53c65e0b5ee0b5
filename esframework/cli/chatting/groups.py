"""Groups in a chat: being in them, asking others in, and what happens there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from esframework.cli.chatting.lines import GROUP_SIGN
from esframework.cli.chatting.screen import Screen
from esframework.cli.chatting.wishes import DissolveGroup, Invite, JoinGroup, ListGroups, QuitGroup
from esframework.cli.information import name_of, printable


class Groups:
    """One user's groups through a client engine."""

    def __init__(self, client: Any, screen: Screen) -> None:
        self._client = client
        self._screen = screen
        groups = client.groups
        self.subscriptions = [
            client.contacts.broadcast_received.subscribe(self._said),
            groups.groupmate_joined.subscribe(lambda group, user: self._told(group, [user], "joined")),
            groups.groupmate_quit.subscribe(lambda group, user: self._told(group, [user], "left")),
            groups.groupmate_online.subscribe(lambda group, user: self._told(group, [user], "is online")),
            groups.groupmate_offline.subscribe(lambda group, user: self._told(group, [user], "is offline")),
            groups.groupmates_pulled_in.subscribe(lambda group, users, by: self._told(group, users, "joined", by)),
            groups.groupmates_removed.subscribe(lambda group, users, by: self._told(group, users, "was removed", by)),
            groups.pulled_into.subscribe(lambda group, by: self._told(group, ["you"], "joined", by)),
            groups.removed_from.subscribe(lambda group, by: self._told(group, ["you"], "were removed", by)),
            groups.dissolved.subscribe(lambda group, by: self._told(group, ["the group"], "is dissolved", by)),
            groups.invited.subscribe(self._invited),
            groups.groups_rejoined.subscribe(self._rejoined),
        ]
        self.wishes = {
            JoinGroup: self._join,
            QuitGroup: self._quit,
            Invite: self._invite,
            ListGroups: self._list,
            DissolveGroup: self._dissolve,
        }

    async def members(self, group: str) -> None:
        """Show who is in a group."""
        mates = await self._client.contacts.group_members(group)
        shown = [printable(user) for user in mates.online]
        shown += [f"{printable(user)} (offline)" for user in mates.offline]
        self._screen.answer(
            f"in {_shown(group)}: {', '.join(shown) or 'nobody'}",
            group=group,
            online=list(mates.online),
            offline=list(mates.offline),
        )

    # --- what is asked for --------------------------------------------------------------------------------------------
    async def _join(self, wish: JoinGroup) -> None:
        group = await self._client.groups.join(wish.group)
        members = ", ".join(printable(user) for user in group.members)
        self._screen.answer(f"you are in {_shown(wish.group)} with: {members}", group=wish.group, members=group.members)

    async def _quit(self, wish: QuitGroup) -> None:
        await self._client.groups.quit(wish.group)
        self._screen.answer(f"you left {_shown(wish.group)}", group=wish.group, joined=False)

    async def _invite(self, wish: Invite) -> None:
        invited = await self._client.groups.invite(wish.group, wish.users)
        others = [user for user in wish.users if user not in invited]
        text = f"invited: {_names(invited)}"
        if others:
            text += f"; not online, or in {_shown(wish.group)} already: {_names(others)}"
        self._screen.answer(text, group=wish.group, invited=list(invited), not_invited=others)

    async def _list(self, wish: ListGroups) -> None:
        groups = await self._client.groups.my_groups()
        shown = ", ".join(_shown(group) for group in groups)
        self._screen.answer(f"you are in: {shown or 'no group; /join GROUP makes one'}", groups=groups)

    async def _dissolve(self, wish: DissolveGroup) -> None:
        await self._client.groups.dissolve(wish.group)
        self._screen.answer(f"{_shown(wish.group)} is dissolved", group=wish.group, dissolved=True)

    # --- what happens -------------------------------------------------------------------------------------------------
    def _said(self, source: str | None, group: str, information_type: int, content: bytes | None, tag: str) -> None:
        self._screen.information(source, information_type, content, group=group)

    def _told(self, group: str, users: Sequence[str], word: str, operator: str | None = None) -> None:
        by = f", by {name_of(operator)}" if operator else ""
        self._screen.note(f"{_shown(group)}: {_names(users)} {word}{by}", group=group, users=list(users), event=word)

    def _invited(self, group: str, operator: str | None) -> None:
        text = f"{name_of(operator)} asks you into {_shown(group)} (/join {printable(group)})"
        self._screen.note(text, group=group, invited_by=operator)

    def _rejoined(self, rejoined: list[str], lost: list[str]) -> None:
        if lost:
            shown = ", ".join(_shown(group) for group in lost)
            self._screen.complaint(f"no longer in: {shown}", groups=lost, event="groups_lost")


def _shown(group: str) -> str:
    return f"{GROUP_SIGN}{printable(group)}"


def _names(users: Sequence[str]) -> str:
    return ", ".join(printable(user) for user in users) or "nobody"
