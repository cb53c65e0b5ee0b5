"""Contacts that users make themselves: asking, accepting, refusing, removing, blocking; kept in the store.

Serves clients of ours only: the protocol has no messages for it. Who is told what is decided here, what is possible by
the store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import (
    ComeBackLater,
    ContactBlocked,
    ContactsFull,
    InvalidUserId,
    NoSuchRelation,
    StoreError,
    StoreRefusal,
)
from esframework.interfaces import IServerContext, Relation, RelationState
from esframework.managers.contacts.blocking import Blocking
from esframework.managers.contacts.contracts import (
    CHANGE_CONTACT,
    CONTACT_CHANGED,
    CONTACT_NEWS,
    RELATIONS,
    ChangeContactBody,
    ContactAction,
    ContactChangedBody,
    ContactNews,
    ContactNewsBody,
    RelationBody,
)
from esframework.managers.contacts.directory import Directory
from esframework.managers.contacts.machine import Rates
from esframework.managers.contacts.presence import Presence
from esframework.plugins.quiet import Quiet
from esframework.wire.types import MessageType, RequestFailure

_log = Logger()
_REASONS: tuple[tuple[type[Exception], RequestFailure], ...] = (
    (ContactBlocked, RequestFailure.NOT_ALLOWED),
    (ContactsFull, RequestFailure.QUOTA_EXCEEDED),
    (NoSuchRelation, RequestFailure.NO_SUCH_THING),
    (StoreRefusal, RequestFailure.INVALID),
    (InvalidUserId, RequestFailure.INVALID),
    (ComeBackLater, RequestFailure.BUSY),
    (StoreError, RequestFailure.STORE_FAILED),
)
_CHANGED = tuple[bool, int]


class Relations:
    """The server's half of requests about contacts."""

    def __init__(
        self, server: IServerContext, directory: Directory, presence: Presence, blocking: Blocking
    ) -> None:
        self._server = server
        self._clock = server.clock
        self._directory = directory
        self._presence = presence
        self._blocking = blocking
        self._rates = Rates(limits.MAX_CONTACT_CHANGES_PER_SECOND)
        self._quiet = Quiet(server.clock)
        # By LoginID, so that a store that hangs collects no more of them than are online.
        self._arrived: dict[str, Any] = {}
        self._lookups = 0

    def sweep(self, now: float) -> None:
        """Forget who has not asked for anything lately."""
        self._rates.sweep(now)

    # --- requests ---------------------------------------------------------------------------------------------------
    def relations(self, sender: Any, message_id: int, body: bytes) -> None:
        """1020: how the sender stands to others."""
        if self._serves(sender, message_id):
            asked = self._server.stores.contacts.relations(str(sender.name))
            self._answer(sender, message_id, asked, lambda found: self._tell_relations(sender, message_id, found))

    def change(self, sender: Any, message_id: int, body: bytes) -> None:
        """1021: the sender does something about a contact."""
        wanted = CHANGE_CONTACT.decode(body)
        if not self._serves(sender, message_id):
            return
        try:
            act = self._actions[ContactAction(wanted.action)]
        except ValueError:
            sender.request_failed(message_id, RequestFailure.INVALID, f"there is no action {wanted.action}")
            return

        def done(result: _CHANGED) -> None:
            sender.reply(MessageType.CHANGE_CONTACT, CONTACT_CHANGED.encode(ContactChangedBody(*result)), message_id)

        self._answer(sender, message_id, Deferred.fromCoroutine(act(self, str(sender.name), wanted)), done)

    def _serves(self, sender: Any, message_id: int) -> bool:
        if not sender.is_ours:
            self._server.refuse("own_type_of_foreign_client")
            return False
        if not self._directory.is_stored:
            text = "this server's contacts are not made by its users: its application says who they are"
            sender.request_failed(message_id, RequestFailure.INVALID, text)
            return False
        wait = self._rates.wait(sender.name, 1, self._clock.seconds())
        if wait > 0:
            self._server.refuse("contact_changes_too_fast")
            text = f"too many requests about contacts; try again in {wait:.3f} s"
            sender.request_failed(message_id, RequestFailure.TOO_FAST, text)
            return False
        self._rates.use(sender.name, 1)
        return True

    def _answer(self, sender: Any, message_id: int, asked: Deferred[Any], done: Callable[[Any], None]) -> None:
        asked.addCallback(done)
        asked.addErrback(lambda failure: self._say_why(sender, message_id, failure))

    def _say_why(self, sender: Any, message_id: int, failure: Failure) -> None:
        for kind, reason in _REASONS:
            if isinstance(failure.value, kind):
                text = str(failure.value)
                if reason is RequestFailure.STORE_FAILED:
                    # What a store says of its file or database is for the log alone.
                    self._complain(text)
                    text = "contacts cannot be stored or read now"
                if isinstance(failure.value, ContactBlocked) and failure.value.by != sender.name:
                    text = f"{failure.value.by!r} takes no requests"
                sender.request_failed(message_id, reason, text)
                return
        _log.failure("a request about contacts failed", failure)
        sender.request_failed(message_id, RequestFailure.STORE_FAILED, "the server could not do it")

    def _complain(self, text: str) -> None:
        passed_over = self._quiet.admits("store")
        if passed_over is not None:
            _log.error(
                "contacts cannot be stored or read: {error} ({passed_over} more failures since the last entry)",
                error=text,
                passed_over=passed_over,
            )

    def _tell_relations(self, sender: Any, message_id: int, relations: list[Relation]) -> None:
        items = [RelationBody(each.other, int(each.since * 1000), each.state, each.text) for each in relations]
        sender.reply(MessageType.CONTACT_RELATIONS, RELATIONS.encode(items), message_id)

    # --- what is done -----------------------------------------------------------------------------------------------
    async def _add(self, owner: str, wanted: ChangeContactBody) -> _CHANGED:
        were_contacts = await self._are_contacts(owner, wanted.other)
        state = await self._server.stores.contacts.ask(owner, wanted.other, wanted.text)
        if state is not RelationState.ACCEPTED:
            self._tell(wanted.other, ContactNews.REQUESTED, owner, wanted.text)
        elif not were_contacts:
            self._became_contacts(owner, wanted.other)
        return not were_contacts, state

    async def _accept(self, owner: str, wanted: ChangeContactBody) -> _CHANGED:
        changed = await self._server.stores.contacts.accept(owner, wanted.other)
        if changed:
            self._became_contacts(owner, wanted.other)
        return changed, RelationState.ACCEPTED

    async def _refuse(self, owner: str, wanted: ChangeContactBody) -> _CHANGED:
        await self._server.stores.contacts.refuse(owner, wanted.other)
        self._tell(wanted.other, ContactNews.REFUSED, owner, wanted.text)
        return True, 0

    async def _remove(self, owner: str, wanted: ChangeContactBody) -> _CHANGED:
        were_contacts = await self._are_contacts(owner, wanted.other)
        changed = await self._server.stores.contacts.remove(owner, wanted.other)
        if changed:
            self._are_none_any_more(owner, wanted.other, were_contacts)
        return changed, 0

    async def _block(self, owner: str, wanted: ChangeContactBody) -> _CHANGED:
        were_contacts = await self._are_contacts(owner, wanted.other)
        changed = await self._server.stores.contacts.block(owner, wanted.other)
        self._blocking.block(owner, wanted.other)
        if changed and were_contacts:
            self._are_none_any_more(owner, wanted.other, True)
        return changed, RelationState.BLOCKED

    async def _unblock(self, owner: str, wanted: ChangeContactBody) -> _CHANGED:
        changed = await self._server.stores.contacts.unblock(owner, wanted.other)
        self._blocking.unblock(owner, wanted.other)
        return changed, 0

    _actions = {
        ContactAction.ADD: _add,
        ContactAction.ACCEPT: _accept,
        ContactAction.REFUSE: _refuse,
        ContactAction.REMOVE: _remove,
        ContactAction.BLOCK: _block,
        ContactAction.UNBLOCK: _unblock,
    }

    async def _are_contacts(self, one: str, other: str) -> bool:
        return other in await self._server.stores.contacts.contacts_of(one)

    def _became_contacts(self, one: str, other: str) -> None:
        self._changed(one, other)
        self._tell(other, ContactNews.ACCEPTED, one)
        self._presence.introduce(one, other)

    def _are_none_any_more(self, one: str, other: str, were_contacts: bool) -> None:
        self._changed(one, other)
        self._tell(other, ContactNews.REMOVED, one)
        if were_contacts:
            self._presence.part(one, other)

    def _changed(self, one: str, other: str) -> None:
        self._directory.contacts_changed(one)
        self._directory.contacts_changed(other)

    def _tell(self, receiver: str, news: ContactNews, about: str, text: str = "") -> None:
        message = MessageType.CONTACT_NEWS, CONTACT_NEWS.encode(ContactNewsBody(news, about, text))
        self._server.router.notify([receiver], lambda generation, is_ours: message if is_ours else None)

    # --- requests that waited ---------------------------------------------------------------------------------------
    def arrived(self, sender: Any) -> None:
        """A client is there: what those send whom its user has blocked is refused from now on, and one of ours hears
        of the requests that wait for its user's answer."""
        # A manager that heard of it before may have ended it.
        if self._directory.is_stored and not sender.has_ended:
            self._arrived[sender.login_id] = sender
            self._look_up()

    def left(self, login_id: str) -> None:
        """A client is gone, and waits for nothing."""
        self._arrived.pop(login_id, None)

    def _look_up(self) -> None:
        while self._arrived and self._lookups < limits.LOOKUPS_AT_ONCE:
            sender = self._arrived.pop(next(iter(self._arrived)))
            self._lookups += 1
            asked = self._server.stores.contacts.relations(str(sender.name))
            asked.addCallback(self._tell_waiting, sender)
            asked.addErrback(self._not_told, sender)
            asked.addBoth(self._looked_up)

    def _looked_up(self, _: None) -> None:
        self._lookups -= 1
        if self._arrived and self._lookups == limits.LOOKUPS_AT_ONCE - 1:
            # In a turn of its own: a store that answers at once must not make this call itself.
            self._clock.callLater(0, self._look_up)

    def _tell_waiting(self, relations: list[Relation], sender: Any) -> None:
        blocked = [each.other for each in relations if each.state is RelationState.BLOCKED]
        self._blocking.known(str(sender.name), blocked)
        for each in relations:
            if each.state is RelationState.ASKED_BY and sender.is_ours:
                news = CONTACT_NEWS.encode(ContactNewsBody(ContactNews.REQUESTED, each.other, each.text))
                sender.reply(MessageType.CONTACT_NEWS, news, 0)

    def _not_told(self, failure: Failure, sender: Any) -> None:
        if self._quiet.admits("arrived") is not None:
            _log.warn(
                "{name} does not hear of requests that wait for it: {error}",
                name=sender.name,
                error=failure.getErrorMessage(),
            )
