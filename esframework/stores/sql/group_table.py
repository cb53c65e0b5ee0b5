"""Groups and their members as two tables."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, Connection, Table, Text, delete, func, insert, select, update

from esframework.interfaces import StoredGroup
from esframework.stores.group_rows import GroupRows
from esframework.stores.sql.schema import Name, metadata, portions
from esframework.wire.identity import is_possible

groups = Table(
    "stored_groups",
    metadata,
    Column("group_id", Name, primary_key=True),
    Column("owner", Name, nullable=False),
    Column("tag", Text, nullable=False),
)
members = Table(
    "group_members",
    metadata,
    Column("group_id", Name, primary_key=True),
    Column("user_id", Name, primary_key=True, index=True),
)


class SqlGroupRows(GroupRows):
    """The tables within one transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def group(self, group_id: str) -> StoredGroup | None:
        """As `GroupRows.group`."""
        if not is_possible(group_id):
            return None
        row = self._connection.execute(select(groups).where(groups.c.group_id == group_id)).one_or_none()
        if row is None:
            return None
        query = select(members.c.user_id).where(members.c.group_id == group_id).order_by(members.c.user_id)
        return StoredGroup(group_id, row.owner, row.tag, tuple(self._connection.execute(query).scalars()))

    def put(self, group_id: str, owner: str, tag: str) -> None:
        """As `GroupRows.put`."""
        change = update(groups).where(groups.c.group_id == group_id).values(owner=owner, tag=tag)
        if not self._connection.execute(change).rowcount:
            self._connection.execute(insert(groups).values(group_id=group_id, owner=owner, tag=tag))

    def delete(self, group_id: str) -> None:
        """As `GroupRows.delete`."""
        self._connection.execute(delete(members).where(members.c.group_id == group_id))
        self._connection.execute(delete(groups).where(groups.c.group_id == group_id))

    def put_members(self, group_id: str, users: Sequence[str]) -> None:
        """As `GroupRows.put_members`."""
        if users:
            rows = [{"group_id": group_id, "user_id": name} for name in users]
            self._connection.execute(insert(members), rows)

    def delete_members(self, group_id: str, users: Sequence[str]) -> None:
        """As `GroupRows.delete_members`."""
        for portion in portions(users):
            theirs = delete(members).where(members.c.group_id == group_id, members.c.user_id.in_(portion))
            self._connection.execute(theirs)

    def groups_of(self, user_id: str) -> list[str]:
        """As `GroupRows.groups_of`."""
        if not is_possible(user_id):
            return []
        query = select(members.c.group_id).where(members.c.user_id == user_id).order_by(members.c.group_id)
        return list(self._connection.execute(query).scalars())

    def first_in_too_many(self, users: Sequence[str], maximum: int) -> str | None:
        """As `GroupRows.first_in_too_many`."""
        for portion in portions(users):
            query = (
                select(members.c.user_id)
                .where(members.c.user_id.in_(portion))
                .group_by(members.c.user_id)
                .having(func.count() >= maximum)
                .order_by(members.c.user_id)
                .limit(1)
            )
            found = self._connection.execute(query).scalar_one_or_none()
            if found is not None:
                return str(found)
        return None
