"""Contacts, requests and blocks as a table: one row a direction."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Column, ColumnElement, Connection, Integer, Table, Text, and_, delete, func, insert, or_, select
from sqlalchemy import update as update_of

from esframework.interfaces import Relation, RelationState
from esframework.stores.contact_rows import ACCEPTED, ASKED_BY, ContactRows
from esframework.stores.sql.schema import Name, Seconds, metadata, whole
from esframework.wire.identity import is_possible

relations = Table(
    "contact_relations",
    metadata,
    Column("owner", Name, primary_key=True),
    Column("other", Name, primary_key=True, index=True),
    Column("state", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("since", Seconds, nullable=False),
)


class SqlContactRows(ContactRows):
    """The table within one transaction of `connection`."""

    def __init__(self, connection: Connection, now: Callable[[], float]) -> None:
        super().__init__(now)
        self._connection = connection

    def state(self, owner: str, other: str) -> RelationState | None:
        """As `ContactRows.state`."""
        if not (is_possible(owner) and is_possible(other)):
            return None
        query = select(relations.c.state).where(_is(owner, other))
        state = self._connection.execute(query).scalar_one_or_none()
        return None if state is None else RelationState(state)

    def put(self, relation: Relation) -> None:
        """As `ContactRows.put`."""
        values = {"state": int(relation.state), "text": relation.text, "since": relation.since}
        change = update_of(relations).where(_is(relation.owner, relation.other)).values(values)
        if not self._connection.execute(change).rowcount:
            new = insert(relations).values(owner=relation.owner, other=relation.other, **values)
            self._connection.execute(new)

    def delete(self, owner: str, other: str) -> None:
        """As `ContactRows.delete`."""
        self._connection.execute(delete(relations).where(_is(owner, other)))

    def count(self, owner: str, *, asked_by: bool) -> int:
        """As `ContactRows.count`."""
        state = relations.c.state == int(ASKED_BY) if asked_by else relations.c.state != int(ASKED_BY)
        query = select(func.count()).select_from(relations).where(relations.c.owner == owner, state)
        return whole(self._connection.execute(query).scalar_one())

    def contacts_of(self, owner: str) -> list[str]:
        """As `ContactRows.contacts_of`."""
        if not is_possible(owner):
            return []
        accepted = and_(relations.c.owner == owner, relations.c.state == int(ACCEPTED))
        query = select(relations.c.other).where(accepted).order_by(relations.c.other)
        return list(self._connection.execute(query).scalars())

    def relations(self, owner: str) -> list[Relation]:
        """As `ContactRows.relations`."""
        if not is_possible(owner):
            return []
        query = select(relations).where(relations.c.owner == owner).order_by(relations.c.other)
        rows = self._connection.execute(query)
        return [Relation(row.owner, row.other, RelationState(row.state), row.text, row.since) for row in rows]

    def forget(self, user_id: str) -> None:
        """As `ContactRows.forget`."""
        theirs = or_(relations.c.owner == user_id, relations.c.other == user_id)
        self._connection.execute(delete(relations).where(theirs))


def _is(owner: str, other: str) -> ColumnElement[bool]:
    return and_(relations.c.owner == owner, relations.c.other == other)
