"""The client's calls about contacts that users make themselves. A server of ours serves them, where it keeps contacts.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from esframework.interfaces import Relation, RelationState
from esframework.managers.contacts.contracts import (
    CHANGE_CONTACT,
    CONTACT_CHANGED,
    RELATIONS,
    ChangeContactBody,
    ContactAction,
    RelationBody,
)
from esframework.net.threads import hops_to_reactor
from esframework.plugins.asking import Asking
from esframework.wire.types import MessageType


class ContactCalls(Asking):
    """Every call fails with a `RequestError`.

    It is `NotPermitted` when one of the two has blocked the other, else `NotDelivered`, whose `reason` says what is in
    the way: NO_SUCH_THING (nobody asked), QUOTA_EXCEEDED, INVALID, TOO_FAST, BUSY, STORE_FAILED.
    """

    _feature = "contacts"

    @hops_to_reactor
    def relations(self) -> Deferred[list[Relation]]:
        """How this user stands to others: asked, asked by, accepted, blocked."""
        return self._ask_ours(MessageType.CONTACT_RELATIONS, b"").addCallback(self._relations)

    @hops_to_reactor
    def add(self, user_id: str, text: str = "") -> Deferred[RelationState]:
        """Ask somebody to be a contact; the other hears of it now, or when it comes back.

        Fires with how this user stands now: ACCEPTED when the other had asked already, or is a contact.
        """
        return self._change(ContactAction.ADD, user_id, text).addCallback(lambda body: RelationState(body.state))

    @hops_to_reactor
    def accept(self, user_id: str) -> Deferred[bool]:
        """Accept somebody's request; False when they were contacts already."""
        return self._change(ContactAction.ACCEPT, user_id).addCallback(_changed)

    @hops_to_reactor
    def refuse(self, user_id: str, text: str = "") -> Deferred[None]:
        """Refuse somebody's request; the other is told, with the text, if it is online."""
        return self._change(ContactAction.REFUSE, user_id, text).addCallback(lambda _: None)

    @hops_to_reactor
    def remove(self, user_id: str) -> Deferred[bool]:
        """End a contact, or take a request back, for both; False when there was none."""
        return self._change(ContactAction.REMOVE, user_id).addCallback(_changed)

    @hops_to_reactor
    def block(self, user_id: str) -> Deferred[bool]:
        """End a contact and have no more requests from the user; False when it was so already."""
        return self._change(ContactAction.BLOCK, user_id).addCallback(_changed)

    @hops_to_reactor
    def unblock(self, user_id: str) -> Deferred[bool]:
        """Take a block back; False when there was none. The two are strangers then."""
        return self._change(ContactAction.UNBLOCK, user_id).addCallback(_changed)

    def _change(self, action: ContactAction, user_id: str, text: str = "") -> Deferred[Any]:
        body = CHANGE_CONTACT.encode(ChangeContactBody(action, user_id, text))
        return self._ask_ours(MessageType.CHANGE_CONTACT, body).addCallback(CONTACT_CHANGED.decode)

    def _relations(self, body: bytes) -> list[Relation]:
        return [self._relation(each) for each in RELATIONS.decode(body)]

    def _relation(self, item: RelationBody) -> Relation:
        owner = self._client.current_user_id
        return Relation(owner or "", item.other, RelationState(item.state), item.text, item.since / 1000)


def _changed(body: Any) -> bool:
    return bool(body.changed)
