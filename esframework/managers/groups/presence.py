"""Tells groupmates who is online and who is not any more, a slice at a time and not while somebody logs on.

Who comes and goes before it was told is not told at all. Knows no frames.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from esframework.managers.groups.machine import Group

_log = Logger()

SLICE: Final = 2000
"""Groupmates who are told in one turn of the reactor: some milliseconds' work."""

PAUSE: Final = 0.01
"""Seconds between two slices, in which everything else goes on."""


class Presence:
    """`groups_of(user)` gives the groups whose members hear of a user, `tell(group, user, is_online)` tells them.

    Groups of more than `most_members` are passed over; 0 is no limit.
    """

    def __init__(
        self,
        clock: IReactorTime,
        groups_of: Callable[[str], Awaitable[list[Group]]],
        tell: Callable[[Group, str, bool], None],
        most_members: int,
    ) -> None:
        self._clock = clock
        self._groups_of = groups_of
        self._tell = tell
        self._most_members = most_members
        self._waiting: dict[str, bool] = {}
        self._timer: IDelayedCall | None = None
        self._is_working = False

    def __len__(self) -> int:
        """How many users' coming or going is still to be told."""
        return len(self._waiting)

    def changed(self, user_id: str, is_online: bool) -> None:
        """A user's first device came, or its last went."""
        if self._waiting.pop(user_id, is_online) is not is_online:
            return
        self._waiting[user_id] = is_online
        if not self._is_working:
            self._is_working = True
            self._timer = self._clock.callLater(0, self._begin)

    def close(self) -> None:
        """Tell nothing more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._is_working = False

    def _begin(self) -> None:
        self._timer = None
        Deferred.fromCoroutine(self._work())

    async def _work(self) -> None:
        told = 0
        try:
            while self._waiting:
                user_id = next(iter(self._waiting))
                is_online = self._waiting.pop(user_id)
                groups = await self._groups(user_id)
                if self._waiting.pop(user_id, is_online) is not is_online:
                    # The other way round again while the groups were looked up: there is nothing to tell.
                    continue
                for group in groups:
                    if 0 < self._most_members < len(group.members):
                        continue
                    self._tell(group, user_id, is_online)
                    told += len(group.members)
                    if told >= SLICE:
                        told = 0
                        await self._pause()
        finally:
            self._is_working = False

    async def _groups(self, user_id: str) -> list[Group]:
        try:
            return await self._groups_of(user_id)
        except Exception:
            _log.failure("the groupmates of {user_id!r} are not told of it", user_id=user_id)
            return []

    async def _pause(self) -> None:
        turn: Deferred[None] = Deferred()

        def go_on() -> None:
            self._timer = None
            turn.callback(None)

        self._timer = self._clock.callLater(PAUSE, go_on)
        await turn
