"""What clients ask of groups: each message type, what is done for it, and how it is answered.

A client of ours gets every request confirmed, or refused with a reason. Others get the answers that the protocol has:
to 800 and 801 a body, without members when it is refused; to 814 and 818 a list; to the rest nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from heapq import nsmallest
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework import limits
from esframework.errors import EsError, InvalidText, MalformedBody, StoreError
from esframework.interfaces import Handler, IServerContext
from esframework.managers.groups.answers import StoreComplaints, detail_of, reason_of
from esframework.managers.groups.contracts import (
    CREATE_GROUP,
    GROUP,
    GROUP_BROADCAST,
    GROUP_INFORMATION,
    GROUP_LIST,
    GROUP_MEMBERS,
    GROUP_OPERATOR,
    GROUP_OWNER,
    GROUP_TAG,
    GROUP_TAG_NOTICE,
    GROUP_USER,
    LIST_GROUPS,
    NAMES,
    GroupInformationBody,
    GroupListBody,
    GroupMembersBody,
    GroupOperatorBody,
    GroupOwnerBody,
    GroupRow,
    GroupTagNoticeBody,
    GroupUserBody,
)
from esframework.managers.groups.machine import Act, Group
from esframework.managers.groups.notices import Notices
from esframework.managers.groups.operations import Actor, GroupOperations
from esframework.managers.groups.pace import Pace
from esframework.wire.types import MessageType, RequestFailure

_log = Logger()
Answer = Awaitable["bytes | None"]
Ask = Callable[[Actor, bytes], Answer]


class GroupRequests:
    """`handlers` serves the protocol's types and ours."""

    def __init__(
        self,
        server: IServerContext,
        operations: GroupOperations,
        notices: Notices,
        pace: Pace,
        complaints: StoreComplaints,
    ) -> None:
        self._server = server
        self._operations = operations
        self._notices = notices
        self._pace = pace
        self._complaints = complaints

    def handlers(self) -> dict[int, Handler]:
        """The handler of each message type."""
        for_all: dict[MessageType, Ask] = {
            MessageType.GROUP_INFORMATION: self._information,
            MessageType.JOIN_GROUP: self._join,
            MessageType.QUIT_GROUP: self._quit,
            MessageType.PULL_INTO_GROUP: self._pull_in,
            MessageType.REMOVE_FROM_GROUP: self._remove,
            MessageType.INVITE_TO_GROUP: self._invite,
            MessageType.MY_GROUPS: self._my_groups,
            MessageType.SET_GROUP_TAG: self._set_tag,
            MessageType.ONLINE_GROUPMATES: self._online_groupmates,
        }
        for_ours: dict[MessageType, Ask] = {
            MessageType.CREATE_GROUP: self._create,
            MessageType.DISSOLVE_GROUP: self._dissolve,
            MessageType.LIST_GROUPS: self._list,
            MessageType.SET_GROUP_OWNER: self._set_owner,
            MessageType.REJOIN_GROUP: self._rejoin,
        }
        return {
            **{each: self._handler(each, ask) for each, ask in for_all.items()},
            **{each: self._handler(each, ask) for each, ask in for_ours.items()},
            MessageType.GROUP_BROADCAST: self._broadcast,
        }

    # --- from a request to its answer ---------------------------------------------------------------------------------
    def _handler(self, message_type: MessageType, ask: Ask) -> Handler:
        def handle(sender: Any, message_id: int, body: bytes) -> None:
            if message_type >= MessageType.FEATURES and not sender.is_ours:
                self._server.refuse("own_type_of_foreign_client")
            elif self._admits(sender, message_type, message_id, body):
                self._run(self._serve(sender, message_type, message_id, body, ask))

        return handle

    def _admits(self, sender: Any, message_type: MessageType, message_id: int, body: bytes) -> bool:
        now = self._server.clock.seconds()
        wait = self._pace.wait(str(sender.name), now)
        if wait > 0:
            text = f"requests about groups come too fast; try again in {wait:.3f} s"
            self._refuse(sender, message_type, message_id, body, RequestFailure.TOO_FAST, text)
            return False
        self._pace.charge(str(sender.name), 1, now)
        return True

    def _run(self, serving: Coroutine[Any, Any, None]) -> None:
        done = Deferred.fromCoroutine(serving)
        done.addErrback(lambda failure: _log.failure("a request about groups failed", failure))

    async def _serve(self, sender: Any, message_type: MessageType, message_id: int, body: bytes, ask: Ask) -> None:
        try:
            answer = await ask(Actor(str(sender.name), sender), body)
            # Foreign clients know answers to their questions, and no confirmations.
            if answer is not None and (sender.is_ours or message_type in _ANSWERED):
                sender.reply(message_type, answer, message_id)
        except MalformedBody as error:
            sender.refuse_body(error)
        except EsError as error:
            reason = reason_of(error)
            if reason is None:
                raise
            if isinstance(error, StoreError):
                self._complaints.add(error)
            self._refuse(sender, message_type, message_id, body, reason, detail_of(error))

    def _refuse(
        self,
        sender: Any,
        message_type: MessageType,
        message_id: int,
        body: bytes,
        reason: RequestFailure,
        detail: str,
    ) -> None:
        self._server.refuse(f"group_{reason.name.lower()}")
        if sender.request_failed(message_id, reason, detail):
            return
        if message_type in _REFUSED_WITHOUT_MEMBERS:
            group_id = GROUP.decode(body).group_id
            sender.reply(message_type, GROUP_INFORMATION.encode(GroupInformationBody(group_id, None, None)), message_id)
        elif message_type in _ANSWERED:
            sender.reply(message_type, NAMES.encode([]), message_id)

    # --- what the protocol has ----------------------------------------------------------------------------------------
    async def _information(self, actor: Actor, body: bytes) -> bytes:
        group_id = GROUP.decode(body).group_id or ""
        return self._information_of(actor, await self._operations.permitted(Act.INFORMATION, actor, group_id))

    async def _join(self, actor: Actor, body: bytes) -> bytes:
        group_id = GROUP.decode(body).group_id or ""
        return self._information_of(actor, await self._operations.join(actor, str(actor.user_id), group_id))

    async def _quit(self, actor: Actor, body: bytes) -> bytes:
        group_id = GROUP.decode(body).group_id or ""
        await self._operations.quit(actor, str(actor.user_id), group_id)
        return GROUP_USER.encode(GroupUserBody(group_id, str(actor.user_id)))

    async def _pull_in(self, actor: Actor, body: bytes) -> bytes:
        group_id, names = _named(body)
        return _members(group_id, await self._operations.pull_in(actor, group_id, names), actor)

    async def _remove(self, actor: Actor, body: bytes) -> bytes:
        group_id, names = _named(body)
        return _members(group_id, await self._operations.remove(actor, group_id, names), actor)

    async def _invite(self, actor: Actor, body: bytes) -> bytes:
        group_id, names = _named(body)
        invited = await self._operations.invite(actor, group_id, names)
        self._notices.invite(group_id, invited, actor.user_id)
        self._charge(actor, len(invited))
        return _members(group_id, invited, actor)

    async def _my_groups(self, actor: Actor, body: bytes) -> bytes:
        return NAMES.encode(await self._operations.groups_of(str(actor.user_id)))

    async def _set_tag(self, actor: Actor, body: bytes) -> bytes:
        asked = GROUP_TAG.decode(body)
        group_id, tag = asked.group_id or "", asked.tag or ""
        await self._operations.set_tag(actor, group_id, tag)
        return GROUP_TAG_NOTICE.encode(GroupTagNoticeBody(group_id, actor.user_id, tag))

    async def _online_groupmates(self, actor: Actor, body: bytes) -> bytes:
        """Of one group, or, as an empty body may mean, of all of one's own."""
        if body:
            group_ids = [GROUP.decode(body).group_id or ""]
        else:
            group_ids = await self._operations.groups_of(str(actor.user_id))
        mates: dict[str, None] = {}
        for group_id in group_ids:
            group = await self._operations.permitted(Act.INFORMATION, actor, group_id)
            self._charge(actor, len(group.members))
            mates.update(dict.fromkeys(self._server.users.select_online(group.members)))
        mates.pop(str(actor.user_id), None)
        return NAMES.encode(list(mates))

    def _broadcast(self, sender: Any, message_id: int, body: bytes) -> None:
        """819: as a 704, by the same code, to members who understand it the same."""
        asked = GROUP_BROADCAST.decode(body)
        contacts = self._server.manager("contacts")
        if not self._admits(sender, MessageType.GROUP_BROADCAST, message_id, body):
            return
        if not contacts.broadcasting.hold(len(body)):
            text = "too many broadcasts wait for the store of groups; try again in some seconds"
            self._refuse(sender, MessageType.GROUP_BROADCAST, message_id, body, RequestFailure.BUSY, text)
            return

        async def permitted(actor: Actor, body: bytes) -> bytes | None:
            group_id = asked.group_id or ""
            try:
                await self._operations.permitted(Act.BROADCAST, actor, group_id)
            finally:
                contacts.broadcasting.let_go(len(body))
            # What is passed on is limited as every broadcast is; only what asked the store for nothing is paid for.
            self._pace.charge(str(actor.user_id), -1, self._server.clock.seconds())
            contacts.relay_broadcast(
                sender,
                message_id,
                MessageType.GROUP_BROADCAST,
                body,
                group_id,
                asked.information_type,
                asked.content,
                asked.tag,
            )
            return None

        self._run(self._serve(sender, MessageType.GROUP_BROADCAST, message_id, body, permitted))

    # --- ours ---------------------------------------------------------------------------------------------------------
    async def _create(self, actor: Actor, body: bytes) -> bytes:
        asked = CREATE_GROUP.decode(body)
        _check_number(asked.members)
        group = await self._operations.create(
            actor, asked.group_id, str(actor.user_id), asked.tag, asked.members, asked.is_stored
        )
        return self._information_of(actor, group)

    async def _dissolve(self, actor: Actor, body: bytes) -> bytes:
        group_id = GROUP.decode(body).group_id or ""
        await self._operations.dissolve(actor, group_id)
        return GROUP_OPERATOR.encode(GroupOperatorBody(group_id, actor.user_id))

    async def _rejoin(self, actor: Actor, body: bytes) -> bytes:
        group_id = GROUP.decode(body).group_id or ""
        group = await self._operations.join(actor, str(actor.user_id), group_id, is_again=True)
        return self._information_of(actor, group)

    async def _set_owner(self, actor: Actor, body: bytes) -> bytes:
        asked = GROUP_OWNER.decode(body)
        await self._operations.set_owner(actor, asked.group_id, asked.owner)
        return GROUP_OWNER.encode(GroupOwnerBody(asked.group_id, asked.owner))

    async def _list(self, actor: Actor, body: bytes) -> bytes:
        asked = LIST_GROUPS.decode(body)
        user_id = str(actor.user_id)
        if asked.only_mine:
            ids = await self._operations.groups_of(user_id)
        else:
            ids = self._operations.dynamic_ids(actor)
        limit = max(1, min(asked.limit, limits.MAX_GROUP_LIST))
        after = asked.after or ""
        page = nsmallest(limit + 1, (each for each in ids if each > after and each.startswith(asked.prefix)))
        self._charge(actor, len(page))
        found = [await self._operations.get(group_id) for group_id in page[:limit]]
        rows = [_row(group) for group in found if group is not None]
        return GROUP_LIST.encode(GroupListBody(rows, len(page) > limit))

    def _information_of(self, actor: Actor, group: Group) -> bytes:
        self._charge(actor, len(group.members))
        return GROUP_INFORMATION.encode(GroupInformationBody(group.group_id, list(group.members), group.tag))

    def _charge(self, actor: Actor, names: int) -> None:
        """What is told to many, or names many, costs more than one request."""
        cost = names / limits.NAMES_PER_OPERATION
        self._pace.charge(str(actor.user_id), cost, self._server.clock.seconds())


_REFUSED_WITHOUT_MEMBERS = frozenset({MessageType.GROUP_INFORMATION, MessageType.JOIN_GROUP})
_ANSWERED = _REFUSED_WITHOUT_MEMBERS | {MessageType.MY_GROUPS, MessageType.ONLINE_GROUPMATES}


def _members(group_id: str, users: list[str], actor: Actor) -> bytes:
    return GROUP_MEMBERS.encode(GroupMembersBody(group_id, users, actor.user_id))


def _named(body: bytes) -> tuple[str, list[str]]:
    """The group and the users of a request about others; who asks is known, whatever the body says of it."""
    asked = GROUP_MEMBERS.decode(body)
    names = asked.members or []
    _check_number(names)
    return asked.group_id or "", names


def _check_number(names: list[str]) -> None:
    if len(names) > limits.MAX_NAMED_MEMBERS:
        raise InvalidText(f"{len(names)} users are named, at most {limits.MAX_NAMED_MEMBERS} may be at once")


def _row(group: Group) -> GroupRow:
    return GroupRow(group.group_id, group.is_stored, len(group.members), group.owner, group.tag)
