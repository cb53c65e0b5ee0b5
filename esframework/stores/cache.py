"""Answers kept for a while: bounded in size, forgotten on change, and asked for once however many wait for them.

Knows no stores: keys and values are the caller's, and when something has changed is said by the caller.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LIFETIME: Final = 15.0
"""Seconds after which an answer is asked for anew: by then changes of other programs on the same database are seen.
A server's managers remember what they were told for as long again (`limits.STORED_REMEMBER_TIME`)."""

MAX_WEIGHT: Final = 500_000
"""Names in all answers of one cache: about 50 MB when they are as long as names may be here by default."""


class Cache(Generic[K, V]):
    """At most `maximum` of `weight(value)` in all; what was not asked for longest goes first. `now` is monotonic."""

    def __init__(
        self,
        weight: Callable[[V], int],
        *,
        maximum: int = MAX_WEIGHT,
        lifetime: float = LIFETIME,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._weight_of = weight
        self._maximum = maximum
        self._lifetime = lifetime
        self._now = now
        self._kept: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._weight = 0
        self._loading: dict[K, list[Deferred[V]]] = {}

    def get(self, key: K, load: Callable[[], Deferred[V]]) -> Deferred[V]:
        """The answer to `key`: as it is kept, or as `load` brings it, which is called once for all who wait.

        The value is shared: nobody may change it. A failure is told to all who wait and is not kept.
        """
        kept = self._kept.get(key)
        if kept is not None and self._now() < kept[1]:
            self._kept.move_to_end(key)
            return succeed(kept[0])
        answer: Deferred[V] = Deferred(lambda cancelled: None)
        waiting = self._loading.get(key)
        if waiting is not None:
            waiting.append(answer)
            return answer
        waiting = self._loading[key] = [answer]
        load().addBoth(self._loaded, key, waiting)
        return answer

    def forget(self, *keys: K) -> None:
        """These have changed: what is kept of them goes, and what is being loaded will not be kept."""
        for key in keys:
            self._loading.pop(key, None)
            self._drop(key)

    def clear(self) -> None:
        """Everything may have changed."""
        self._loading.clear()
        self._kept.clear()
        self._weight = 0

    def _loaded(self, outcome: V | Failure, key: K, waiting: list[Deferred[V]]) -> None:
        is_current = self._loading.get(key) is waiting
        if is_current:
            del self._loading[key]
        if not isinstance(outcome, Failure) and is_current:
            self._keep(key, outcome)
        for answer in waiting:
            if answer.called:
                continue  # given up by whoever asked
            if isinstance(outcome, Failure):
                answer.errback(Failure(outcome.value))
            else:
                answer.callback(outcome)

    def _keep(self, key: K, value: V) -> None:
        self._drop(key)
        self._kept[key] = (value, self._now() + self._lifetime)
        self._weight += self._weight_of(value)
        while self._weight > self._maximum:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: K) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._weight -= self._weight_of(kept[0])
