"""Who has left which group for good, so that a client that was away meanwhile does not bring its user back in.

In memory only, and pure: `now` is passed in. Whose time away is over is no departure, and may come back by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from esframework import limits
from esframework.errors import LocalError
from esframework.managers.groups.machine import Change, GroupEvent


class HasLeft(LocalError):
    """A client wants to come back by itself into a group that its user quit, or was taken out of; names both."""

    def __init__(self, group_id: str, user_id: str) -> None:
        super().__init__(
            f"{user_id!r} has quit the group {group_id!r} meanwhile, or was taken out of it; join it to be a member"
        )


class Departures:
    """At most `most` in all and `most_of_user` for one user, the oldest go first; each is remembered for `seconds`."""

    def __init__(
        self,
        most: int = limits.MAX_DEPARTURES,
        most_of_user: int = limits.MAX_DEPARTURES_PER_USER,
        seconds: float = limits.DEPARTURE_TIME,
    ) -> None:
        self._most = most
        self._most_of_user = most_of_user
        self._seconds = seconds
        # (group, user) -> until when, which is the order of the table; and the groups by user, the oldest first, so
        # that nobody who comes and goes in a loop takes more than his own memory away.
        self._all: dict[tuple[str, str], float] = {}
        self._of_user: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, departure: tuple[str, str]) -> bool:
        """Whether (group, user) is remembered."""
        return departure in self._all

    def note(self, events: Iterable[GroupEvent], now: float) -> None:
        """Somebody did this to a group: those who left are remembered, those who came in are not any more."""
        for event in events:
            match event.change:
                case Change.QUIT | Change.REMOVED | Change.DISSOLVED:
                    # Whoever comes back into a dissolved group would make it anew.
                    for user_id in event.users:
                        self._add(event.group_id, user_id, now)
                case Change.CREATED | Change.JOINED | Change.PULLED_IN:
                    for user_id in event.users:
                        self.drop(event.group_id, user_id)

    def drop(self, group_id: str, user_id: str) -> None:
        """The user joined deliberately; harmless when nothing is remembered."""
        if self._all.pop((group_id, user_id), None) is None:
            return
        groups = self._of_user[user_id]
        del groups[group_id]
        if not groups:
            del self._of_user[user_id]

    def sweep(self, now: float) -> None:
        """Forget what is too long ago."""
        for group_id, user_id in [pair for pair, _ in takewhile(lambda each: each[1] <= now, self._all.items())]:
            self.drop(group_id, user_id)

    def _add(self, group_id: str, user_id: str, now: float) -> None:
        self.drop(group_id, user_id)
        self._all[group_id, user_id] = now + self._seconds
        groups = self._of_user.setdefault(user_id, {})
        groups[group_id] = None
        if len(groups) > self._most_of_user:
            self.drop(next(iter(groups)), user_id)
        if len(self._all) > self._most:
            self.drop(*next(iter(self._all)))
