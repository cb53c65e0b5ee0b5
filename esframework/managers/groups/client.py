"""The client's half of groups: what happens in them, and that one comes back into them after a reconnect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from esframework.interfaces import Registrations
from esframework.managers.groups.asking import GroupCalls
from esframework.managers.groups.contracts import (
    GROUP_BROADCAST,
    GROUP_MEMBERS,
    GROUP_OPERATOR,
    GROUP_OWNER,
    GROUP_TAG_NOTICE,
    GROUP_USER,
)
from esframework.managers.groups.rejoining import Rejoining
from esframework.plugins.asking import from_server
from esframework.plugins.hooks import Event
from esframework.wire.types import MessageType


class ClientGroups(GroupCalls):
    """`client.groups` (manual: dynamic-group demo); its calls are `GroupCalls`.

    Groups that this account is in, as far as this client has seen it come into them, are joined again after every
    reconnect: `groups_rejoined(rejoined, lost)` says which came back, and which the server refused. A server of ours
    refuses those that the account quit meanwhile by another device, or was taken out of.

    About others: `groupmate_joined(group_id, user_id)`, `groupmate_quit`, `groupmate_online`, `groupmate_offline`,
    `groupmates_pulled_in(group_id, users, operator)`, `groupmates_removed`.
    About this account: `pulled_into(group_id, operator)`, `removed_from(group_id, operator)`, `invited(group_id,
    operator)`, which `join` accepts; and by another of its devices `joined_elsewhere(group_id)`,
    `quit_elsewhere(group_id)`.
    About the group: `tag_changed(group_id, tag, operator)`, `owner_changed(group_id, owner)`, `dissolved(group_id,
    operator)`. An operator None is the server.

    To talk to a group use `client.contacts.broadcast`, whose `broadcast_received` tells what others say.
    """

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self._declare_events()
        self._rejoining = Rejoining(client.clock, self._join_again, self.groups_rejoined.fire)

    def _declare_events(self) -> None:
        self.groupmate_joined: Event[str, str] = Event("groups.groupmate_joined")
        self.groupmate_quit: Event[str, str] = Event("groups.groupmate_quit")
        self.groupmate_online: Event[str, str] = Event("groups.groupmate_online")
        self.groupmate_offline: Event[str, str] = Event("groups.groupmate_offline")
        self.groupmates_pulled_in: Event[str, list[str], str | None] = Event("groups.groupmates_pulled_in")
        self.groupmates_removed: Event[str, list[str], str | None] = Event("groups.groupmates_removed")
        self.pulled_into: Event[str, str | None] = Event("groups.pulled_into")
        self.removed_from: Event[str, str | None] = Event("groups.removed_from")
        self.invited: Event[str, str | None] = Event("groups.invited")
        self.joined_elsewhere: Event[str] = Event("groups.joined_elsewhere")
        self.quit_elsewhere: Event[str] = Event("groups.quit_elsewhere")
        self.tag_changed: Event[str, str, str | None] = Event("groups.tag_changed")
        self.owner_changed: Event[str, str] = Event("groups.owner_changed")
        self.dissolved: Event[str, str | None] = Event("groups.dissolved")
        self.groups_rejoined: Event[list[str], list[str]] = Event("groups.groups_rejoined")

    # --- what this account is in --------------------------------------------------------------------------------------
    def _joined(self, group_id: str) -> None:
        self._rejoining.groups[group_id] = None

    def _left(self, group_id: str) -> None:
        self._rejoining.groups.pop(group_id, None)

    def _join_again(self, group_id: str) -> Any:
        # Not `join`: who quits while the answer is under way must not be in again by it.
        return self._ask_to_join(group_id, MessageType.REJOIN_GROUP if self._is_served else MessageType.JOIN_GROUP)

    def _forget(self) -> None:
        """The session is over for good; whoever logs on next may be another account."""
        self._rejoining.forget()

    # --- what comes in ------------------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        answers = (
            MessageType.GROUP_INFORMATION,
            MessageType.JOIN_GROUP,
            MessageType.QUIT_GROUP,
            MessageType.PULL_INTO_GROUP,
            MessageType.REMOVE_FROM_GROUP,
            MessageType.MY_GROUPS,
            MessageType.SET_GROUP_TAG,
            MessageType.ONLINE_GROUPMATES,
            MessageType.CREATE_GROUP,
            MessageType.DISSOLVE_GROUP,
            MessageType.LIST_GROUPS,
            MessageType.SET_GROUP_OWNER,
            MessageType.REJOIN_GROUP,
        )
        return Registrations(
            facade=self,
            handlers={
                **self._answerers(answers),
                **{notice: from_server(handle) for notice, handle in self._notices().items()},
                MessageType.INVITE_TO_GROUP: self._invitation,
                MessageType.GROUP_BROADCAST: self._broadcast,
            },
            logged_on=lambda server: self._rejoining.begin(),
            logged_off=lambda source: self._rejoining.interrupt(),
            stop=self._forget,
        )

    def _notices(self) -> dict[int, Callable[[bytes], None]]:
        return {
            MessageType.SOMEONE_JOINED_GROUP: lambda body: self.groupmate_joined.fire(*_user(body)),
            MessageType.SOMEONE_QUIT_GROUP: self._somebody_quit,
            MessageType.PULLED_INTO_GROUP: self._pulled_into,
            MessageType.REMOVED_FROM_GROUP: self._removed_from,
            MessageType.SOMEONE_PULLED_IN: lambda body: self.groupmates_pulled_in.fire(*_members(body)),
            MessageType.SOMEONE_REMOVED: lambda body: self.groupmates_removed.fire(*_members(body)),
            MessageType.GROUPMATE_OFFLINE: lambda body: self.groupmate_offline.fire(*_user(body)),
            MessageType.GROUPMATE_ONLINE: lambda body: self.groupmate_online.fire(*_user(body)),
            MessageType.GROUP_TAG_CHANGED: self._tag_changed,
            MessageType.SELF_JOINED_GROUP: self._joined_elsewhere,
            MessageType.GROUP_DISSOLVED: self._dissolved,
            MessageType.GROUP_OWNER_CHANGED: self._owner_changed,
        }

    def _somebody_quit(self, body: bytes) -> None:
        group_id, user_id = _user(body)
        if user_id == self._client.current_user_id:
            self._left(group_id)
            self.quit_elsewhere.fire(group_id)
        else:
            self.groupmate_quit.fire(group_id, user_id)

    def _pulled_into(self, body: bytes) -> None:
        group_id, _, operator = _members(body)
        self._joined(group_id)
        self.pulled_into.fire(group_id, operator)

    def _removed_from(self, body: bytes) -> None:
        group_id, _, operator = _members(body)
        self._left(group_id)
        self.removed_from.fire(group_id, operator)

    def _joined_elsewhere(self, body: bytes) -> None:
        group_id, _ = _user(body)
        self._joined(group_id)
        self.joined_elsewhere.fire(group_id)

    def _tag_changed(self, body: bytes) -> None:
        notice = GROUP_TAG_NOTICE.decode(body)
        self.tag_changed.fire(notice.group_id, notice.tag or "", notice.operator_id)

    def _dissolved(self, body: bytes) -> None:
        notice = GROUP_OPERATOR.decode(body)
        self._left(notice.group_id)
        self.dissolved.fire(notice.group_id, notice.operator_id)

    def _owner_changed(self, body: bytes) -> None:
        notice = GROUP_OWNER.decode(body)
        self.owner_changed.fire(notice.group_id, notice.owner)

    def _invitation(self, sender: Any, message_id: int, body: bytes) -> None:
        """817 is both: what confirms our own request, and an invitation."""
        if sender.name is None and not self._client.calls.answer(message_id, None, MessageType.INVITE_TO_GROUP, body):
            group_id, _, operator = _members(body)
            self.invited.fire(group_id, operator)

    def _broadcast(self, sender: Any, message_id: int, body: bytes) -> None:
        """819, as clients of another make send it; programs hear of it as of any broadcast."""
        said = GROUP_BROADCAST.decode(body)
        received = self._client.manager("contacts").broadcast_received
        received.fire(sender.name, said.group_id or "", said.information_type, said.content, said.tag)


def _user(body: bytes) -> tuple[str, str]:
    notice = GROUP_USER.decode(body)
    return notice.group_id, notice.user_id


def _members(body: bytes) -> tuple[str, list[str], str | None]:
    notice = GROUP_MEMBERS.decode(body)
    return notice.group_id or "", notice.members or [], notice.operator_id
