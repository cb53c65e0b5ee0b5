"""Tells groupmates what happened, each change by the notices that the protocol has for it. Knows frames, no rule.

Everybody hears of a change but the connection that made it, which is answered; its user's other devices hear of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from esframework import limits
from esframework.interfaces import IServerContext
from esframework.managers.groups.contracts import (
    GROUP_MEMBERS,
    GROUP_OPERATOR,
    GROUP_OWNER,
    GROUP_TAG_NOTICE,
    GROUP_USER,
    GroupMembersBody,
    GroupOperatorBody,
    GroupOwnerBody,
    GroupTagNoticeBody,
    GroupUserBody,
)
from esframework.managers.groups.machine import Change, GroupEvent
from esframework.managers.groups.slices import Slices
from esframework.wire.types import MessageType


class Notices:
    """Sends notices; each body is made once, whatever the number of groupmates."""

    def __init__(self, server: IServerContext) -> None:
        self._server = server
        self._slices = Slices(server.clock)
        self._tellers: dict[Change, Callable[[GroupEvent, Any], None]] = {
            Change.CREATED: self._created,
            Change.JOINED: self._joined,
            Change.QUIT: self._quit,
            Change.PULLED_IN: self._pulled_in,
            Change.REMOVED: self._removed,
            Change.TAG_CHANGED: self._tag_changed,
            Change.OWNER_CHANGED: self._owner_changed,
            Change.DISSOLVED: self._dissolved,
        }

    def tell(self, event: GroupEvent, author: Any = None) -> None:
        """Tell all whom it concerns, at once or, when very many are told much, some turns later; `author` is the
        connection that did it, None when none did."""
        size = len(event.users) + len(event.others)
        self._slices.do(size, lambda: self._tell(event, author))

    def close(self) -> None:
        """The server has closed: tell nobody any more."""
        self._slices.close()

    def _tell(self, event: GroupEvent, author: Any) -> None:
        self._server.router.gathered(lambda: self._tellers[event.change](event, author))

    def invite(self, group_id: str, users: list[str], operator: str | None) -> None:
        """Tell users that they are invited."""
        body = GROUP_MEMBERS.encode(GroupMembersBody(group_id, users, operator))
        self._send(MessageType.INVITE_TO_GROUP, body, users, None)

    def presence(self, group_id: str, user_id: str, is_online: bool, others: Iterable[str]) -> None:
        """Tell groupmates that somebody is online now, or is not."""
        notice = MessageType.GROUPMATE_ONLINE if is_online else MessageType.GROUPMATE_OFFLINE
        body = GROUP_USER.encode(GroupUserBody(group_id, user_id))
        self._server.router.gathered(lambda: self._send(notice, body, others, None))

    # --- one kind of change each --------------------------------------------------------------------------------------
    def _created(self, event: GroupEvent, author: Any) -> None:
        if event.operator in event.users:
            body = GROUP_USER.encode(GroupUserBody(event.group_id, event.users[0]))
            self._send(MessageType.SELF_JOINED_GROUP, body, event.users, author)
        else:
            self._members(MessageType.PULLED_INTO_GROUP, event, event.users, author)

    def _joined(self, event: GroupEvent, author: Any) -> None:
        body = GROUP_USER.encode(GroupUserBody(event.group_id, event.users[0]))
        self._send(MessageType.SOMEONE_JOINED_GROUP, body, event.others, author)
        self._send(MessageType.SELF_JOINED_GROUP, body, event.users, author)

    def _quit(self, event: GroupEvent, author: Any) -> None:
        body = GROUP_USER.encode(GroupUserBody(event.group_id, event.users[0]))
        self._send(MessageType.SOMEONE_QUIT_GROUP, body, (*event.others, *event.users), author)

    def _pulled_in(self, event: GroupEvent, author: Any) -> None:
        self._members(MessageType.PULLED_INTO_GROUP, event, event.users, author)
        self._members(MessageType.SOMEONE_PULLED_IN, event, event.others, author)

    def _removed(self, event: GroupEvent, author: Any) -> None:
        self._members(MessageType.REMOVED_FROM_GROUP, event, event.users, author)
        self._members(MessageType.SOMEONE_REMOVED, event, event.others, author)

    def _tag_changed(self, event: GroupEvent, author: Any) -> None:
        body = GROUP_TAG_NOTICE.encode(GroupTagNoticeBody(event.group_id, event.operator, event.text))
        self._send(MessageType.GROUP_TAG_CHANGED, body, event.others, author)

    def _owner_changed(self, event: GroupEvent, author: Any) -> None:
        body = GROUP_OWNER.encode(GroupOwnerBody(event.group_id, event.text))
        self._send(MessageType.GROUP_OWNER_CHANGED, body, event.others, author)

    def _dissolved(self, event: GroupEvent, author: Any) -> None:
        body = GROUP_OPERATOR.encode(GroupOperatorBody(event.group_id, event.operator))
        # Clients of another make know no dissolving: to them, each was removed.
        removed = GROUP_MEMBERS.encode(GroupMembersBody(event.group_id, [], event.operator))
        self._send(MessageType.GROUP_DISSOLVED, body, event.users, author, (MessageType.REMOVED_FROM_GROUP, removed))

    # --- sending ------------------------------------------------------------------------------------------------------
    def _members(self, notice: MessageType, event: GroupEvent, receivers: Iterable[str], author: Any) -> None:
        # A list of thousands for each of thousands would be a gigabyte; whoever wants to know them all may ask.
        named = list(event.users) if len(event.users) <= limits.MAX_NAMED_MEMBERS else []
        body = GROUP_MEMBERS.encode(GroupMembersBody(event.group_id, named, event.operator))
        self._send(notice, body, receivers, author)

    def _send(
        self,
        notice: MessageType,
        body: bytes,
        receivers: Iterable[str],
        author: Any,
        to_foreigners: tuple[int, bytes] | None = None,
    ) -> None:
        """To all devices of the receivers but the author's own connection; foreign clients see none of our types."""
        ours = (int(notice), body)
        theirs = ours if notice < MessageType.FEATURES else to_foreigners

        def message_for(generation: int, is_ours: bool) -> tuple[int, bytes] | None:
            return ours if is_ours else theirs

        own = None if author is None else author.name
        self._server.router.notify([name for name in receivers if name != own], message_for)
        if own is not None and own in receivers:
            for connection in self._server.users.find_all(own):
                message = ours if connection.is_ours else theirs
                if connection is not author and message is not None:
                    connection.send(*message)
