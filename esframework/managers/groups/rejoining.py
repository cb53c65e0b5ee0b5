"""Comes back into the groups that a client was in, after each reconnect; asks again while the server is too busy.

Knows the groups by name, and neither frames nor connections: `join` asks the server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from esframework.errors import ConnectionInterrupted, NotDelivered, NotLoggedOn, NotPermitted, RequestError
from esframework.wire.types import RequestFailure

_log = Logger()

JOINED_AT_ONCE: Final = 50
"""Groups asked for together: one round trip for nearly everybody."""

ASK_AGAIN: Final = 2.0
"""Seconds before groups are asked for again for which the server was too busy."""

_ONLY_FOR_NOW: Final = frozenset({RequestFailure.TOO_FAST, RequestFailure.BUSY, RequestFailure.STORE_FAILED})


class Rejoining:
    """`groups` are those that the account is in, in the order of joining.

    `done(rejoined, lost)` is told when all have been asked for: those that the server refused are in `groups` no more.
    One that was not answered in time stays there for the next reconnect, and is in neither list.
    """

    def __init__(
        self,
        clock: IReactorTime,
        join: Callable[[str], Deferred[Any]],
        done: Callable[[list[str], list[str]], None],
    ) -> None:
        self.groups: dict[str, None] = {}
        self._clock = clock
        self._join = join
        self._done = done
        self._pause: tuple[IDelayedCall, Deferred[bool]] | None = None

    def begin(self) -> None:
        """Logged on: come back into all groups."""
        if self.groups:
            done = Deferred.fromCoroutine(self._rejoin(list(self.groups)))
            done.addErrback(lambda failure: _log.failure("coming back into groups failed", failure))

    def interrupt(self) -> None:
        """The connection is lost; the next one begins again."""
        if self._pause is not None:
            (timer, pause), self._pause = self._pause, None
            timer.cancel()
            pause.callback(False)

    async def _rejoin(self, waiting: list[str]) -> None:
        rejoined: list[str] = []
        lost: list[str] = []
        while waiting:
            # The session may have ended after the last answer: then to ask fails at once.
            asked = [(group_id, maybeDeferred(self._join, group_id)) for group_id in waiting[:JOINED_AT_ONCE]]
            later = waiting[JOINED_AT_ONCE:]
            is_refused_for_now = is_interrupted = False
            for group_id, answer in asked:
                try:
                    await answer
                    rejoined.append(group_id)
                except (ConnectionInterrupted, NotLoggedOn):
                    is_interrupted = True
                except RequestError as error:
                    if getattr(error, "reason", None) in _ONLY_FOR_NOW:
                        is_refused_for_now = True
                        later.append(group_id)
                    elif isinstance(error, (NotPermitted, NotDelivered)):
                        self.groups.pop(group_id, None)
                        lost.append(group_id)
                    else:
                        _log.warn("group {group} was not joined again: {error}", group=group_id, error=str(error))
            if is_interrupted or (is_refused_for_now and not await self._wait()):
                return
            waiting = [group_id for group_id in later if group_id in self.groups]
        self._done(rejoined, lost)

    def _wait(self) -> Deferred[bool]:
        """Fires True after a while, False when the connection is lost before."""
        pause: Deferred[bool] = Deferred()

        def go_on() -> None:
            self._pause = None
            pause.callback(True)

        self._pause = (self._clock.callLater(ASK_AGAIN, go_on), pause)
        return pause
