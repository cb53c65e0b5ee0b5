"""Who was invited into which stored group, until the invitation is used or forgotten. In memory only; pure."""

from __future__ import annotations

from collections.abc import Iterable

from esframework import limits


class Invitations:
    """At most `most` in all; beyond it the oldest go. A restart of the server forgets them all."""

    def __init__(self, most: int = limits.MAX_INVITATIONS) -> None:
        self._most = most
        # (group, user), the oldest first; and the users by group, since a group is dissolved as a whole.
        self._all: dict[tuple[str, str], None] = {}
        self._of_group: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, invitation: tuple[str, str]) -> bool:
        """Whether (group, user) is invited."""
        return invitation in self._all

    def add(self, group_id: str, users: Iterable[str]) -> None:
        """These are invited."""
        for user_id in users:
            self._all.pop((group_id, user_id), None)
            self._all[group_id, user_id] = None
            self._of_group.setdefault(group_id, set()).add(user_id)
        while len(self._all) > self._most:
            self.drop(*next(iter(self._all)))

    def drop(self, group_id: str, user_id: str) -> None:
        """The invitation was used, or is taken back; harmless when there is none."""
        if (group_id, user_id) not in self._all:
            return
        del self._all[group_id, user_id]
        users = self._of_group[group_id]
        users.discard(user_id)
        if not users:
            del self._of_group[group_id]

    def drop_group(self, group_id: str) -> None:
        """The group is no more: who makes another of that name has invited nobody."""
        for user_id in list(self._of_group.get(group_id, ())):
            self.drop(group_id, user_id)
