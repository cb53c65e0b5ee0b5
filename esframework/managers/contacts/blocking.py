"""Whom the users who are online have blocked: the router lets nothing through that those begin.

Knows no store; whoever reads one says what is blocked.
"""

from __future__ import annotations

from collections.abc import Iterable

from esframework.interfaces import IServerContext


class Blocking:
    """Blocked users by the user who has blocked them; of users who are online only."""

    def __init__(self, server: IServerContext) -> None:
        self._server = server
        self._blocked: dict[str, frozenset[str]] = {}

    def known(self, user_id: str, blocked: Iterable[str]) -> None:
        """These are all whom a user has blocked."""
        now = frozenset(blocked)
        if now == self._blocked.get(user_id, frozenset()) or not self._server.users.is_online(user_id):
            return
        if now:
            self._blocked[user_id] = now
        else:
            del self._blocked[user_id]
        self._server.router.refuse_from(user_id, now)

    def block(self, user_id: str, other: str) -> None:
        """A user has blocked another one."""
        self.known(user_id, self._blocked.get(user_id, frozenset()) | {other})

    def unblock(self, user_id: str, other: str) -> None:
        """A user has taken that back."""
        self.known(user_id, self._blocked.get(user_id, frozenset()) - {other})

    def left(self, user_id: str) -> None:
        """A device of the user is gone; with the last, there is nobody to be kept from."""
        if user_id in self._blocked and not self._server.users.is_online(user_id):
            del self._blocked[user_id]
            self._server.router.refuse_from(user_id, frozenset())
