"""Comes back into the groups that a client was in, after each reconnect; asks again while the server is too busy.

Knows the groups by name, and neither frames nor connections: `join` asks the server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

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
    One that was not answered in time stays there for the next reconnect, and is in neither list. What is lost is told
    even when the connection is, at the next time.
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
        self._lost: list[str] = []

    def begin(self) -> None:
        """Logged on: come back into all groups."""
        if self.groups or self._lost:
            done = Deferred.fromCoroutine(self._rejoin(list(self.groups)))
            done.addErrback(lambda failure: _log.failure("coming back into groups failed", failure))

    def interrupt(self) -> None:
        """The connection is lost; the next one begins again."""
        if self._pause is not None:
            (timer, pause), self._pause = self._pause, None
            timer.cancel()
            pause.callback(False)

    def forget(self) -> None:
        """The account is in no group any more that this is to come back into."""
        self.groups.clear()
        self._lost.clear()

    def _ask(self, group_id: str) -> Deferred[Any]:
        # The session may have ended after the last answer: then to ask fails at once.
        return maybeDeferred(self._join, group_id).addErrback(self._refused, group_id)

    def _refused(self, failure: Failure, group_id: str) -> Failure:
        # At once: the program may join it deliberately while other answers are awaited.
        if _is_final(failure.value):
            self.groups.pop(group_id, None)
            self._lost.append(group_id)
        return failure

    async def _rejoin(self, waiting: list[str]) -> None:
        rejoined: list[str] = []
        while waiting:
            asked = [(group_id, self._ask(group_id)) for group_id in waiting[:JOINED_AT_ONCE]]
            later = waiting[JOINED_AT_ONCE:]
            is_refused_for_now = is_interrupted = False
            for group_id, answer in asked:
                try:
                    await answer
                    rejoined.append(group_id)
                except (ConnectionInterrupted, NotLoggedOn):
                    is_interrupted = True
                except RequestError as error:
                    if _is_for_now(error):
                        is_refused_for_now = True
                        later.append(group_id)
                    elif not _is_final(error):
                        _log.warn("group {group} was not joined again: {error}", group=group_id, error=str(error))
            if is_interrupted or (is_refused_for_now and not await self._wait()):
                return
            waiting = [group_id for group_id in later if group_id in self.groups]
        lost = [group_id for group_id in self._lost if group_id not in self.groups]
        self._lost.clear()
        self._done(rejoined, lost)

    def _wait(self) -> Deferred[bool]:
        """Fires True after a while, False when the connection is lost before."""
        pause: Deferred[bool] = Deferred()

        def go_on() -> None:
            self._pause = None
            pause.callback(True)

        self._pause = (self._clock.callLater(ASK_AGAIN, go_on), pause)
        return pause


def _is_for_now(error: BaseException | None) -> bool:
    return getattr(error, "reason", None) in _ONLY_FOR_NOW


def _is_final(error: BaseException | None) -> bool:
    return isinstance(error, (NotPermitted, NotDelivered)) and not _is_for_now(error)
