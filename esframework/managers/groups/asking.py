"""A client's calls about groups: what is asked, and what the answers mean.

A server that is not ours answers 800, 801, 814 and 818, and confirms nothing: calls that change something fire there as
soon as they are sent, and what only ours can do fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred, succeed

from esframework import limits
from esframework.errors import MalformedBody, NotPermitted, request_label
from esframework.managers.groups.contracts import (
    CREATE_GROUP,
    GROUP,
    GROUP_INFORMATION,
    GROUP_LIST,
    GROUP_MEMBERS,
    GROUP_OWNER,
    GROUP_TAG,
    LIST_GROUPS,
    NAMES,
    CreateGroupBody,
    GroupBody,
    GroupInformation,
    GroupListBody,
    GroupMembersBody,
    GroupOwnerBody,
    GroupTagBody,
    ListGroupsBody,
)
from esframework.net.threads import hops_to_reactor
from esframework.plugins.asking import Asking
from esframework.wire.identity import name_list
from esframework.wire.types import MessageType


class GroupCalls(Asking):
    """What `ClientGroups` asks. `_joined` and `_left` are told of groups that this account is in, or is not any more.

    Every call fails with a `RequestError`: `NotPermitted`; `NotDelivered`, whose `reason` says NO_SUCH_THING (no such
    group or member), CONFLICT (the name is taken), QUOTA_EXCEEDED, INVALID, TOO_FAST, BUSY or STORE_FAILED; time-out,
    connection lost. A text instead of a list of names raises `InvalidUserId`.
    """

    _feature = "groups"

    # --- being a member -----------------------------------------------------------------------------------------------
    @hops_to_reactor
    def create(
        self, group_id: str, tag: str = "", members: Iterable[str] = (), *, stored: bool = False
    ) -> Deferred[GroupInformation]:
        """Make a group and be its owner. A dynamic one is in the server's memory, has members who are online, and is
        gone with the last; a stored one stays until it is dissolved."""
        body = CREATE_GROUP.encode(CreateGroupBody(group_id, stored, name_list(members, "members"), tag))
        return (
            self._ask_ours(MessageType.CREATE_GROUP, body)
            .addCallback(_information, MessageType.CREATE_GROUP)
            .addCallback(self._is_in)
        )

    @hops_to_reactor
    def join(self, group_id: str) -> Deferred[GroupInformation]:
        """Become a member, and again after each reconnect until `quit`. Joining twice is harmless.

        A group that is not there is made, unless the server is set to refuse that.
        """
        return self._ask_to_join(group_id).addCallback(self._is_in)

    @hops_to_reactor
    def quit(self, group_id: str) -> Deferred[None]:
        """Be a member no more."""
        return self._change(MessageType.QUIT_GROUP, _group(group_id)).addCallback(lambda _: self._left(group_id))

    @hops_to_reactor
    def my_groups(self) -> Deferred[list[str]]:
        """Ids of the groups that this account is in."""
        return self._ask(MessageType.MY_GROUPS, b"").addCallback(NAMES.decode)

    # --- others -------------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def pull_in(self, group_id: str, users: Iterable[str]) -> Deferred[list[str]]:
        """Make others members; fires with those who were none before, and in a dynamic group are online."""
        return self._change_members(MessageType.PULL_INTO_GROUP, group_id, users)

    @hops_to_reactor
    def remove(self, group_id: str, users: Iterable[str]) -> Deferred[list[str]]:
        """Take members out of the group; fires with those who were some."""
        return self._change_members(MessageType.REMOVE_FROM_GROUP, group_id, users)

    @hops_to_reactor
    def invite(self, group_id: str, users: Iterable[str]) -> Deferred[list[str]]:
        """Invite others, who are told and may join; fires with those who are online and were no members."""
        return self._change_members(MessageType.INVITE_TO_GROUP, group_id, users)

    # --- the group ----------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def information(self, group_id: str) -> Deferred[GroupInformation]:
        """A group's members and tag."""
        asked = self._ask(MessageType.GROUP_INFORMATION, _group(group_id))
        return asked.addCallback(_information, MessageType.GROUP_INFORMATION)

    @hops_to_reactor
    def online_groupmates(self, group_id: str) -> Deferred[list[str]]:
        """The other members who are online."""
        return self._ask(MessageType.ONLINE_GROUPMATES, _group(group_id)).addCallback(NAMES.decode)

    @hops_to_reactor
    def set_tag(self, group_id: str, tag: str) -> Deferred[None]:
        """Give the group another tag: a short text of the application's, such as a title."""
        return self._change(MessageType.SET_GROUP_TAG, GROUP_TAG.encode(GroupTagBody(group_id, tag))).addCallback(
            lambda _: None
        )

    @hops_to_reactor
    def set_owner(self, group_id: str, owner: str) -> Deferred[None]:
        """Give the group another owner, one of its members. Only on servers of ours."""
        body = GROUP_OWNER.encode(GroupOwnerBody(group_id, owner))
        return self._ask_ours(MessageType.SET_GROUP_OWNER, body).addCallback(lambda _: None)

    @hops_to_reactor
    def dissolve(self, group_id: str) -> Deferred[None]:
        """End the group. Only on servers of ours."""
        asked = self._ask_ours(MessageType.DISSOLVE_GROUP, _group(group_id))
        return asked.addCallback(lambda _: self._left(group_id))

    @hops_to_reactor
    def list_groups(
        self, after: str | None = None, limit: int = limits.MAX_GROUP_LIST, *, only_mine: bool = True, prefix: str = ""
    ) -> Deferred[GroupListBody]:
        """A page of groups in the order of their ids, behind `after`: one's own, or all dynamic ones (administrators).

        Go on with the last one's id while `has_more`. Only on servers of ours.
        """
        body = LIST_GROUPS.encode(ListGroupsBody(after, limit, only_mine, prefix))
        return self._ask_ours(MessageType.LIST_GROUPS, body).addCallback(GROUP_LIST.decode)

    # --- for the class that has these calls ---------------------------------------------------------------------------
    def _joined(self, group_id: str) -> None:
        raise NotImplementedError

    def _left(self, group_id: str) -> None:
        raise NotImplementedError

    # --- asking -------------------------------------------------------------------------------------------------------
    def _change(self, request: MessageType, body: bytes) -> Deferred[Any]:
        """A request that only a server of ours confirms: fires with its answer, or None at once."""
        if self._is_served:
            return self._ask(request, body)
        self._client.channel(None).send(request, body)
        return succeed(None)

    def _change_members(self, request: MessageType, group_id: str, users: Iterable[str]) -> Deferred[list[str]]:
        named = name_list(users, "users")
        body = GROUP_MEMBERS.encode(GroupMembersBody(group_id, named, self._client.current_user_id))

        def changed(body: bytes | None) -> list[str]:
            # What is not confirmed is taken for done.
            return named if body is None else GROUP_MEMBERS.decode(body).members or []

        return self._change(request, body).addCallback(changed)

    def _ask_to_join(
        self, group_id: str, request: MessageType = MessageType.JOIN_GROUP
    ) -> Deferred[GroupInformation]:
        return self._ask(request, _group(group_id)).addCallback(_information, request)

    def _is_in(self, information: GroupInformation) -> GroupInformation:
        self._joined(information.group_id)
        return information


def _group(group_id: str) -> bytes:
    return GROUP.encode(GroupBody(group_id))


def _information(body: bytes, request: MessageType) -> GroupInformation:
    answer = GROUP_INFORMATION.decode(body)
    if answer.members is None:
        # How servers of another make, and ours towards clients of another make, refuse.
        raise NotPermitted(f"the server refused {request_label(request)} of {answer.id!r}", None, request)
    if answer.id is None:
        raise MalformedBody(f"the answer to {request_label(request)} names no group")
    return GroupInformation(answer.id, answer.members, answer.tag or "")
