"""Requests as Deferreds: the pure table of `machines.requests` joined to a clock.

Knows no message type: callers say which answer they wait for, and managers hand in the answers that arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from esframework.errors import RequestError, RequestTimeout, request_label
from esframework.machines.requests import Request, Requests
from esframework.net.alarm import Alarm


class Calls:
    """The unanswered requests of one engine; `last_id` as for `Requests`."""

    def __init__(self, clock: IReactorTime, last_id: int = 0) -> None:
        self._clock = clock
        self._requests: Requests[Deferred[Any]] = Requests(last_id=last_id)
        self._alarm = Alarm(clock, self._expire)

    def __len__(self) -> int:
        return len(self._requests)

    def open(
        self, target: str | None, request_type: int, answer_type: int, timeout: float, *, survives: bool = False
    ) -> tuple[int, Deferred[Any]]:
        """(message id, the Deferred of the answer). `timeout` in seconds, <= 0 waits for ever. With `survives`, the
        loss of the connection is not its end: it went by another way, or who asks looks after it.

        The Deferred fails with a `RequestError`. Cancelling it forgets the request; a late answer is then ignored.
        """

        def forget(_: Deferred[Any]) -> None:
            self._requests.close(message_id)

        answer: Deferred[Any] = Deferred(forget)
        now = self._clock.seconds()
        message_id = self._requests.open(target, request_type, answer_type, timeout, now, answer, survives)
        if timeout > 0:
            self._alarm.set(now + timeout)
        return message_id, answer

    def ask(
        self,
        send: Callable[[int], None],
        target: str | None,
        request_type: int,
        answer_type: int,
        timeout: float,
        *,
        survives: bool = False,
    ) -> Deferred[Any]:
        """Open a request, send it by `send(message_id)`, and give the Deferred of its answer, as `open` does.

        What `send` raises is raised, and nobody waits for an answer then.
        """
        message_id, answer = self.open(target, request_type, answer_type, timeout, survives=survives)
        try:
            send(message_id)
        except Exception:
            self._requests.close(message_id)
            raise
        return answer

    def answer(self, message_id: int, source: str | None, answer_type: int, value: object) -> bool:
        """Hand in an answer; False when nobody waits for it from that source (protocol, section 5, rule 5)."""
        request = self._requests.answered(message_id, source, answer_type)
        if request is None:
            return False
        request.waiter.callback(value)
        return True

    def fail(self, message_id: int, source: str | None, answer_type: int, why: Callable[..., RequestError]) -> bool:
        """Fail a request as its answerer says; `why(target, request_type)` makes the error."""
        request = self._requests.answered(message_id, source, answer_type)
        return request is not None and self._fail(request, why)

    def refuse(self, message_id: int, why: Callable[..., RequestError]) -> bool:
        """Fail a request, whoever was asked: only for what our own server says."""
        request = self._requests.close(message_id)
        return request is not None and self._fail(request, why)

    def connection_lost(self, why: Callable[..., RequestError]) -> None:
        """The connection is gone: fail what does not survive that."""
        for request in self._requests.close_bound():
            self._fail(request, why)

    def fail_all(self, why: Callable[..., RequestError]) -> None:
        """There will be no connection any more: fail everything."""
        for request in self._requests.close_everything():
            self._fail(request, why)

    def fail_target(self, target: str, why: Callable[..., RequestError]) -> None:
        """A user, or with a LoginID one device, is gone: fail what was asked of it by that name."""
        for request in self._requests.close_target(target):
            self._fail(request, why)

    def close(self) -> None:
        """Stop the clock; nothing may be open any more."""
        self._alarm.cancel()

    @staticmethod
    def _fail(request: Request[Deferred[Any]], why: Callable[..., RequestError]) -> bool:
        request.waiter.errback(why(request.target, request.request_type))
        return True

    def _expire(self, now: float) -> None:
        for request in self._requests.expired(now):
            request.waiter.errback(timed_out(request.target, request.request_type, request.timeout))
        self._alarm.set(self._requests.next_deadline())


def timed_out(target: str | None, request_type: int, seconds: float) -> RequestTimeout:
    """The error of a request that nobody answered in time."""
    who = "the server" if target is None else repr(target)
    return RequestTimeout(
        f"{who} did not answer {request_label(request_type)} within {seconds:g} s", target, request_type
    )
