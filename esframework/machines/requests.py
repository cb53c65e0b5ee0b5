"""Requests that wait for an answer: ids, who may answer, deadlines. Knows no Deferred and no connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from esframework import limits
from esframework.errors import TooManyRequests
from esframework.wire.login_id import bare_id

Waiter = TypeVar("Waiter")
_LARGEST_ID = 2**31 - 1


@dataclass(slots=True)
class Request(Generic[Waiter]):
    """One unanswered request; `target` None is the server, `timeout` <= 0 waits for ever.

    With a LoginID as its target, one device was asked; the user's bare id answers for it. What `survives` does not hang
    on the engine's connection.
    """

    target: str | None
    request_type: int
    answer_type: int
    timeout: float
    deadline: float
    waiter: Waiter
    survives: bool = False


class Requests(Generic[Waiter]):
    """The open requests of one engine, oldest first within each time-out.

    `last_id` is the message id before the first: where several engines are one user, each begins somewhere else, so
    that an answer that reaches all of them is nobody else's by accident.
    """

    def __init__(self, limit: int = limits.MAX_OPEN_REQUESTS, last_id: int = 0) -> None:
        self._limit = limit
        self._last_id = last_id
        self._open: dict[int, Request[Waiter]] = {}
        self._by_target: dict[str | None, set[int]] = {}
        # All requests with one time-out expire in the order in which they were opened.
        self._by_timeout: dict[float, dict[int, Request[Waiter]]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(
        self,
        target: str | None,
        request_type: int,
        answer_type: int,
        timeout: float,
        now: float,
        waiter: Waiter,
        survives: bool = False,
    ) -> int:
        """Remember a request and return its message id; raises TooManyRequests at the limit."""
        if len(self._open) >= self._limit:
            raise TooManyRequests(f"{len(self._open)} requests are unanswered, the most allowed")
        message_id = self._next_id()
        request = Request(target, request_type, answer_type, timeout, now + timeout, waiter, survives)
        self._open[message_id] = request
        self._by_target.setdefault(target, set()).add(message_id)
        if timeout > 0:
            self._by_timeout.setdefault(timeout, {})[message_id] = request
        return message_id

    def answered(self, message_id: int, source: str | None, answer_type: int) -> Request[Waiter] | None:
        """The request that this answers, which is then closed; None for an answer nobody waits for from that source."""
        request = self._open.get(message_id)
        if request is None or request.answer_type != answer_type:
            return None
        if request.target != source and (request.target is None or bare_id(request.target) != source):
            return None
        return self.close(message_id)

    def close(self, message_id: int) -> Request[Waiter] | None:
        """Forget a request whatever it waits for; returns it if it was open."""
        request = self._open.pop(message_id, None)
        if request is None:
            return None
        asked = self._by_target[request.target]
        asked.discard(message_id)
        if not asked:
            del self._by_target[request.target]
        if request.timeout > 0:
            bucket = self._by_timeout[request.timeout]
            del bucket[message_id]
            if not bucket and len(self._by_timeout) > 1:
                del self._by_timeout[request.timeout]
        return request

    def next_deadline(self) -> float | None:
        """When `expired` has something to give, at the earliest."""
        firsts = [next(iter(bucket.values())).deadline for bucket in self._by_timeout.values() if bucket]
        return min(firsts, default=None)

    def expired(self, now: float) -> list[Request[Waiter]]:
        """Close and return the requests whose time is over."""
        due: list[int] = []
        for bucket in self._by_timeout.values():
            for message_id, request in bucket.items():
                if request.deadline > now:
                    break
                due.append(message_id)
        return self._close_all(due)

    def close_target(self, target: str | None) -> list[Request[Waiter]]:
        """Close and return what was asked of one target by this name, which is gone; costs no more than that."""
        return self._close_all(sorted(self._by_target.get(target, ())))

    def close_bound(self) -> list[Request[Waiter]]:
        """Close and return all requests that do not survive the loss of the connection."""
        return self._close_all([number for number, request in self._open.items() if not request.survives])

    def close_everything(self) -> list[Request[Waiter]]:
        """Close and return all requests."""
        return self._close_all(list(self._open))

    def _close_all(self, ids: list[int]) -> list[Request[Waiter]]:
        return [request for message_id in ids if (request := self.close(message_id)) is not None]

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % _LARGEST_ID + 1
            if self._last_id not in self._open:
                return self._last_id
