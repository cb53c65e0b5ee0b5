"""What may become of the relation between two users: asking, accepting, blocking, and the limits of all that.

The rules are here, once; where the rows lie is a subclass's. Blocking, as each runs within one transaction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from esframework import limits
from esframework.errors import ContactBlocked, ContactsFull, NoSuchRelation
from esframework.interfaces import Relation, RelationState
from esframework.stores.rules import check_pair, check_text

ASKED, ASKED_BY, ACCEPTED, BLOCKED = RelationState


class ContactRows(ABC):
    """Relations of all users; `now` gives seconds UTC."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    @abstractmethod
    def state(self, owner: str, other: str) -> RelationState | None:
        """How `owner` stands to `other`, None for strangers."""

    @abstractmethod
    def put(self, relation: Relation) -> None:
        """Write one direction, new or changed."""

    @abstractmethod
    def delete(self, owner: str, other: str) -> None:
        """Take one direction away."""

    @abstractmethod
    def count(self, owner: str, *, asked_by: bool) -> int:
        """How many have asked the owner, or else how many the owner has asked, accepted and blocked."""

    @abstractmethod
    def contacts_of(self, owner: str) -> list[str]:
        """Whom the owner has as contacts, sorted."""

    @abstractmethod
    def relations(self, owner: str) -> list[Relation]:
        """All that the owner stands in, sorted."""

    @abstractmethod
    def forget(self, user_id: str) -> None:
        """Drop all that the user stands in, and all that stand in it."""

    def ask(self, owner: str, other: str, text: str) -> RelationState:
        """As `IContactStore.ask`."""
        check_pair(owner, other)
        check_text(text, "the text of a request")
        for by, whom in ((owner, other), (other, owner)):
            if self.state(by, whom) == BLOCKED:
                raise ContactBlocked(by, whom)
        state = self.state(owner, other)
        if state in (ACCEPTED, ASKED_BY):
            self.accept(owner, other)
            return ACCEPTED
        if state is None:
            self._check_room(owner)
            waiting = self.count(other, asked_by=True)
            if waiting >= limits.MAX_CONTACT_REQUESTS:
                raise ContactsFull(other, "unanswered requests", waiting)
        self._put_both(owner, other, ASKED, ASKED_BY, text)
        return ASKED

    def accept(self, owner: str, other: str) -> bool:
        """As `IContactStore.accept`."""
        check_pair(owner, other)
        state = self.state(owner, other)
        if state == ACCEPTED:
            return False
        if state != ASKED_BY:
            raise NoSuchRelation(owner, other)
        self._check_room(owner)
        self._put_both(owner, other, ACCEPTED, ACCEPTED)
        return True

    def refuse(self, owner: str, other: str) -> None:
        """As `IContactStore.refuse`."""
        check_pair(owner, other)
        if self.state(owner, other) != ASKED_BY:
            raise NoSuchRelation(owner, other)
        self.remove(owner, other)

    def remove(self, owner: str, other: str) -> bool:
        """As `IContactStore.remove`."""
        check_pair(owner, other)
        here, there = self._end(owner, other), self._end(other, owner)
        return here or there

    def block(self, owner: str, other: str) -> bool:
        """As `IContactStore.block`."""
        check_pair(owner, other)
        state = self.state(owner, other)
        if state == BLOCKED:
            return False
        if state in (None, ASKED_BY):
            self._check_room(owner)
        self._end(other, owner)
        self.put(Relation(owner, other, BLOCKED, "", self._now()))
        return True

    def unblock(self, owner: str, other: str) -> bool:
        """As `IContactStore.unblock`."""
        check_pair(owner, other)
        if self.state(owner, other) != BLOCKED:
            return False
        self.delete(owner, other)
        return True

    def _put_both(self, owner: str, other: str, here: RelationState, there: RelationState, text: str = "") -> None:
        now = self._now()
        self.put(Relation(owner, other, here, text, now))
        self.put(Relation(other, owner, there, text, now))

    def _end(self, owner: str, other: str) -> bool:
        """Take one direction away unless it is a block; whether there was one."""
        if self.state(owner, other) in (None, BLOCKED):
            return False
        self.delete(owner, other)
        return True

    def _check_room(self, owner: str) -> None:
        count = self.count(owner, asked_by=False)
        if count >= limits.MAX_CONTACTS:
            raise ContactsFull(owner, "contacts", count)
