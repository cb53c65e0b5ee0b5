"""Groups in dictionaries: id -> owner and tag, id -> members, and user -> ids."""

from __future__ import annotations

from collections.abc import Sequence

from esframework.interfaces import StoredGroup
from esframework.stores.group_rows import GroupRows


class MemoryGroupRows(GroupRows):
    """Groups by id; who is in which is kept both ways."""

    def __init__(self) -> None:
        self._groups: dict[str, tuple[str, str]] = {}
        self._members: dict[str, set[str]] = {}
        self._of_user: dict[str, set[str]] = {}

    def group(self, group_id: str) -> StoredGroup | None:
        """As `GroupRows.group`."""
        if group_id not in self._groups:
            return None
        owner, tag = self._groups[group_id]
        return StoredGroup(group_id, owner, tag, tuple(sorted(self._members.get(group_id, ()))))

    def put(self, group_id: str, owner: str, tag: str) -> None:
        """As `GroupRows.put`."""
        self._groups[group_id] = (owner, tag)

    def delete(self, group_id: str) -> None:
        """As `GroupRows.delete`."""
        self.delete_members(group_id, list(self._members.get(group_id, ())))
        self._members.pop(group_id, None)
        del self._groups[group_id]

    def put_members(self, group_id: str, users: Sequence[str]) -> None:
        """As `GroupRows.put_members`."""
        self._members.setdefault(group_id, set()).update(users)
        for name in users:
            self._of_user.setdefault(name, set()).add(group_id)

    def delete_members(self, group_id: str, users: Sequence[str]) -> None:
        """As `GroupRows.delete_members`."""
        for name in users:
            self._members[group_id].discard(name)
            self._of_user[name].discard(group_id)
            if not self._of_user[name]:
                del self._of_user[name]

    def groups_of(self, user_id: str) -> list[str]:
        """As `GroupRows.groups_of`."""
        return sorted(self._of_user.get(user_id, ()))

    def first_in_too_many(self, users: Sequence[str], maximum: int) -> str | None:
        """As `GroupRows.first_in_too_many`."""
        return next((name for name in users if len(self._of_user.get(name, ())) >= maximum), None)
