"""Contacts, requests and blocks in dictionaries: owner -> other -> relation."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from zope.interface import implementer

from esframework import limits
from esframework.errors import ContactBlocked, ContactsFull, NoSuchRelation
from esframework.interfaces import IContactStore, Relation, RelationState
from esframework.stores.memory.opening import Opening
from esframework.stores.rules import check_pair, check_text

ASKED, ASKED_BY, ACCEPTED, BLOCKED = RelationState


@implementer(IContactStore)
class MemoryContacts:
    """An `IContactStore` in memory."""

    def __init__(self, opening: Opening, now: Callable[[], float]) -> None:
        self._opening = opening
        self._now = now
        self._relations: dict[str, dict[str, Relation]] = {}

    def ask(self, owner: str, other: str, text: str = "") -> Deferred[RelationState]:
        """As `IContactStore.ask`."""
        return self._opening.run(self._ask, owner, other, text)

    def accept(self, owner: str, other: str) -> Deferred[bool]:
        """As `IContactStore.accept`."""
        return self._opening.run(self._accept, owner, other)

    def refuse(self, owner: str, other: str) -> Deferred[None]:
        """As `IContactStore.refuse`."""
        return self._opening.run(self._refuse, owner, other)

    def remove(self, owner: str, other: str) -> Deferred[bool]:
        """As `IContactStore.remove`."""
        return self._opening.run(self._remove, owner, other)

    def block(self, owner: str, other: str) -> Deferred[bool]:
        """As `IContactStore.block`."""
        return self._opening.run(self._block, owner, other)

    def unblock(self, owner: str, other: str) -> Deferred[bool]:
        """As `IContactStore.unblock`."""
        return self._opening.run(self._unblock, owner, other)

    def contacts_of(self, owner: str) -> Deferred[list[str]]:
        """As `IContactStore.contacts_of`."""
        return self._opening.run(
            lambda: sorted(other for other, one in self._of(owner).items() if one.state is ACCEPTED)
        )

    def relations(self, owner: str) -> Deferred[list[Relation]]:
        """As `IContactStore.relations`."""
        return self._opening.run(lambda: [one for _, one in sorted(self._of(owner).items())])

    def is_blocked(self, owner: str, by: str) -> Deferred[bool]:
        """As `IContactStore.is_blocked`."""
        return self._opening.run(lambda: self._state(by, owner) is BLOCKED)

    def forget(self, user_id: str) -> None:
        """Drop all that the user stands in, and all that stand in it."""
        self._relations.pop(user_id, None)
        for others in self._relations.values():
            others.pop(user_id, None)

    def _ask(self, owner: str, other: str, text: str) -> RelationState:
        check_pair(owner, other)
        check_text(text, "the text of a request")
        for by, whom in ((owner, other), (other, owner)):
            if self._state(by, whom) is BLOCKED:
                raise ContactBlocked(by, whom)
        state = self._state(owner, other)
        if state is ACCEPTED:
            return ACCEPTED
        if state is ASKED_BY:
            self._accept(owner, other)
            return ACCEPTED
        if state is None:
            self._check_room(owner)
            waiting = sum(one.state is ASKED_BY for one in self._of(other).values())
            if waiting >= limits.MAX_CONTACT_REQUESTS:
                raise ContactsFull(other, "unanswered requests", waiting)
        self._set_both(owner, other, ASKED, ASKED_BY, text)
        return ASKED

    def _accept(self, owner: str, other: str) -> bool:
        check_pair(owner, other)
        state = self._state(owner, other)
        if state is ACCEPTED:
            return False
        if state is not ASKED_BY:
            raise NoSuchRelation(owner, other)
        self._check_room(owner)
        self._set_both(owner, other, ACCEPTED, ACCEPTED)
        return True

    def _refuse(self, owner: str, other: str) -> None:
        check_pair(owner, other)
        if self._state(owner, other) is not ASKED_BY:
            raise NoSuchRelation(owner, other)
        self._remove(owner, other)

    def _remove(self, owner: str, other: str) -> bool:
        check_pair(owner, other)
        return self._end(owner, other) | self._end(other, owner)

    def _block(self, owner: str, other: str) -> bool:
        check_pair(owner, other)
        state = self._state(owner, other)
        if state is BLOCKED:
            return False
        if state in (None, ASKED_BY):
            self._check_room(owner)
        self._end(other, owner)
        self._relations.setdefault(owner, {})[other] = Relation(owner, other, BLOCKED, "", self._now())
        return True

    def _unblock(self, owner: str, other: str) -> bool:
        check_pair(owner, other)
        if self._state(owner, other) is not BLOCKED:
            return False
        del self._relations[owner][other]
        return True

    def _of(self, owner: str) -> dict[str, Relation]:
        return self._relations.get(owner, {})

    def _state(self, owner: str, other: str) -> RelationState | None:
        one = self._of(owner).get(other)
        return None if one is None else one.state

    def _set_both(self, owner: str, other: str, here: RelationState, there: RelationState, text: str = "") -> None:
        now = self._now()
        self._relations.setdefault(owner, {})[other] = Relation(owner, other, here, text, now)
        self._relations.setdefault(other, {})[owner] = Relation(other, owner, there, text, now)

    def _end(self, owner: str, other: str) -> bool:
        """Take one direction away unless it is a block; whether there was one."""
        if self._state(owner, other) in (None, BLOCKED):
            return False
        del self._relations[owner][other]
        return True

    def _check_room(self, owner: str) -> None:
        count = sum(one.state is not ASKED_BY for one in self._of(owner).values())
        if count >= limits.MAX_CONTACTS:
            raise ContactsFull(owner, "contacts", count)
