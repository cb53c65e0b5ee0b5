"""Contacts, requests and blocks in dictionaries: owner -> other -> relation."""

from __future__ import annotations

from collections.abc import Callable

from esframework.interfaces import Relation, RelationState
from esframework.stores.contact_rows import ACCEPTED, ASKED_BY, ContactRows


class MemoryContactRows(ContactRows):
    """Relations by owner, then by the other."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self._relations: dict[str, dict[str, Relation]] = {}

    def state(self, owner: str, other: str) -> RelationState | None:
        """As `ContactRows.state`."""
        relation = self._of(owner).get(other)
        return None if relation is None else relation.state

    def put(self, relation: Relation) -> None:
        """As `ContactRows.put`."""
        self._relations.setdefault(relation.owner, {})[relation.other] = relation

    def delete(self, owner: str, other: str) -> None:
        """As `ContactRows.delete`."""
        others = self._relations[owner]
        del others[other]
        if not others:
            del self._relations[owner]

    def count(self, owner: str, *, asked_by: bool) -> int:
        """As `ContactRows.count`."""
        return sum((relation.state == ASKED_BY) == asked_by for relation in self._of(owner).values())

    def contacts_of(self, owner: str) -> list[str]:
        """As `ContactRows.contacts_of`."""
        return sorted(other for other, relation in self._of(owner).items() if relation.state == ACCEPTED)

    def relations(self, owner: str) -> list[Relation]:
        """As `ContactRows.relations`."""
        return [relation for _, relation in sorted(self._of(owner).items())]

    def forget(self, user_id: str) -> None:
        """As `ContactRows.forget`."""
        self._relations.pop(user_id, None)
        for owner in [owner for owner, others in self._relations.items() if user_id in others]:
            self.delete(owner, user_id)

    def _of(self, owner: str) -> dict[str, Relation]:
        return self._relations.get(owner, {})
