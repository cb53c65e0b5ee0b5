"""Whether there is such a user: asked of whoever knows, and remembered for a while.

Knows neither messages nor stores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from esframework import limits
from esframework.plugins.models import as_deferred


class KnownUsers:
    """Asks `has_user(user_id)`, which may be awaited, and once for all who want to know at the same time."""

    def __init__(self, clock: IReactorTime, has_user: Callable[[str], Any]) -> None:
        self._clock = clock
        self._has_user = has_user
        self._known: dict[str, tuple[bool, float]] = {}
        self._asking: dict[str, list[Deferred[bool]]] = {}
        self._changed: set[str] = set()

    def ask(self, user_id: str) -> Deferred[bool]:
        """Whether there is such a user; fails as the answerer does. Answers come in the order of the questions."""
        exists, until = self._known.get(user_id, (False, 0.0))
        if self._clock.seconds() < until:
            return succeed(exists)
        answer: Deferred[bool] = Deferred()
        asking = self._asking.setdefault(user_id, [])
        asking.append(answer)
        if len(asking) == 1:
            maybeDeferred(self._ask, user_id).addBoth(self._answered, user_id)
        return answer

    def forget(self, user_id: str) -> None:
        """What is known of a user, or being found out, is not to be remembered: it may be otherwise now."""
        self._known.pop(user_id, None)
        if user_id in self._asking:
            self._changed.add(user_id)

    def _ask(self, user_id: str) -> Any:
        answer = self._has_user(user_id)
        deferred = as_deferred(answer)
        return answer if deferred is None else deferred

    def _answered(self, answer: Any, user_id: str) -> None:
        waiting = self._asking.pop(user_id)
        has_changed = user_id in self._changed
        self._changed.discard(user_id)
        if isinstance(answer, Failure):
            for each in waiting:
                each.errback(Failure(answer.value))
            return
        exists = answer is True
        if not has_changed:
            self._remember(user_id, exists)
        for each in waiting:
            each.callback(exists)

    def _remember(self, user_id: str, exists: bool) -> None:
        if len(self._known) >= limits.KNOWN_USERS:
            self._known.clear()
        remembered = limits.KNOWN_USER_FOR if exists else limits.UNKNOWN_USER_FOR
        self._known[user_id] = (exists, self._clock.seconds() + remembered)
