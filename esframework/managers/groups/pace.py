"""How fast one user may ask for things, and in which turn what was asked is done. Knows no group.

Nothing here keeps time: `now` is passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from twisted.internet.defer import Deferred

from esframework import limits
from esframework.errors import ComeBackLater

T = TypeVar("T")


class Pace:
    """Each user has `at_once` requests, which grow back by `per_second`; with 0 a second there is no limit.

    A request is let in while anything is left, and pays afterwards what it cost, which may be more than there was.
    """

    def __init__(self, per_second: float, at_once: float = limits.GROUP_OPERATIONS_AT_ONCE) -> None:
        self._rate = per_second
        self._most = at_once
        # user -> (what was left, when); users who may do all again are not remembered.
        self._left: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._left)

    def wait(self, user_id: str, now: float) -> float:
        """Seconds until this user's next request is let in, 0.0 when it is now."""
        if self._rate <= 0:
            return 0.0
        missing = 1.0 - self._of(user_id, now)
        return missing / self._rate if missing > 1e-9 else 0.0

    def charge(self, user_id: str, cost: float, now: float) -> None:
        """Take the price of a request that was let in."""
        if self._rate > 0:
            self._left[user_id] = (self._of(user_id, now) - cost, now)

    def sweep(self, now: float) -> None:
        """Forget those who may do all again."""
        for user_id in [name for name in self._left if self._of(name, now) >= self._most]:
            del self._left[user_id]

    def _of(self, user_id: str, now: float) -> float:
        left, since = self._left.get(user_id, (self._most, now))
        return min(self._most, left + (now - since) * self._rate)


class Turns:
    """One after another for each key, in the order in which they came; different keys do not wait for each other."""

    def __init__(self, most: int = limits.MAX_GROUP_OPERATIONS_WAITING) -> None:
        self._most = most
        self._queues: dict[str, deque[Deferred[None]]] = {}
        self._left: list[str] = []
        self.waiting = 0

    async def take(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """What `work()` gives, when it is its turn. Raises ComeBackLater when too many wait already."""
        queue = self._queues.get(key)
        if queue is None:
            self._queues[key] = deque()
        else:
            if self.waiting >= self._most:
                raise ComeBackLater(f"{self.waiting} requests about groups wait already", 10.0)
            # Whoever gives up gives up its place: a turn that nobody takes would be the last one.
            turn: Deferred[None] = Deferred(queue.remove)
            queue.append(turn)
            self.waiting += 1
            try:
                await turn
            finally:
                self.waiting -= 1
        try:
            return await work()
        finally:
            self._leave(key)

    def _leave(self, key: str) -> None:
        # Whoever is next may be done before `callback` returns: a loop, where a call for each would fill the stack.
        self._left.append(key)
        if len(self._left) > 1:
            return
        while self._left:
            key = self._left[0]
            queue = self._queues[key]
            if queue:
                queue.popleft().callback(None)
            else:
                del self._queues[key]
            self._left.pop(0)
