"""Messages to those who are away, as managers see them: every call a Deferred, and many keeps in one transaction.

A disk syncs some hundreds of times a second, whatever is written. So while one transaction is under way, the keeps that
come meanwhile wait, and the next transaction takes them all. Knows no tables; what is allowed is `offline_rows.py`'s.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Final

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework import limits
from esframework.errors import ComeBackLater, StoreRefusal
from esframework.interfaces import IOfflineStore, Mailbox, MessageSummary, Quota, StoredMessage
from esframework.stores.offline_rows import Keep, OfflineRows
from esframework.stores.rules import bounded, check_message, size_of
from esframework.stores.shelf import Shelf
from esframework.wire.retry import with_retry

LARGEST_BATCH: Final = 1000
"""Keeps in one transaction: some ten milliseconds' work, after which their senders hear of it."""

LARGEST_BATCH_BYTES: Final = 8 * 1024 * 1024
"""The same in bytes of content."""

SHORTEST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 5.0
"""Seconds between which those who came at a bad time are told to come back."""

Waiting = tuple[Keep, "Deferred[int]"]


@implementer(IOfflineStore)
class Offline:
    """An `IOfflineStore` on any backend. `jitter` gives numbers from 0 to 1."""

    def __init__(self, shelf: Shelf[OfflineRows], jitter: Callable[[], float] = random.random) -> None:
        self._shelf = shelf
        self._jitter = jitter
        self._queue: list[Waiting] = []
        self._open_keeps = 0
        self._open_bytes = 0
        self._is_writing = False
        self._settling: list[Deferred[None]] = []

    def settled(self) -> Deferred[None]:
        """Fires when no keep waits; to be asked before the backend is closed."""
        if not self._is_writing:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._settling.append(waiting)
        return waiting

    def keep(self, message: StoredMessage, quota: Quota) -> Deferred[int]:
        """As `IOfflineStore.keep`."""
        try:
            check_message(message)
        except ValueError:
            return fail(Failure())
        size = size_of(message.content)
        if (
            self._open_keeps >= limits.MAX_KEEPS_WAITING
            or self._open_bytes + size > limits.MAX_KEEP_BYTES_WAITING
        ):
            delay = SHORTEST_DELAY + (LONGEST_DELAY - SHORTEST_DELAY) * self._jitter()
            return fail(ComeBackLater(with_retry("the offline store is busy", delay), delay))
        # Whoever gives the answer up must not make the whole batch fail.
        answer: Deferred[int] = Deferred(lambda cancelled: None)
        self._open_keeps += 1
        self._open_bytes += size
        self._queue.append(((message, quota), answer))
        if not self._is_writing:
            self._write_next()
        return answer

    def waiting(
        self, target: str, after_number: int, max_messages: int, max_bytes: int
    ) -> Deferred[list[StoredMessage]]:
        """As `IOfflineStore.waiting`."""
        return self._shelf.read(lambda rows: rows.waiting(target, after_number, bounded(max_messages), max_bytes))

    def summaries(self, target: str, after_number: int, limit: int) -> Deferred[list[MessageSummary]]:
        """As `IOfflineStore.summaries`."""
        return self._shelf.read(lambda rows: rows.summaries(target, after_number, bounded(limit)))

    def handed_out(self, target: str, numbers: Iterable[int]) -> Deferred[None]:
        """As `IOfflineStore.handed_out`."""
        wanted = set(numbers)
        return self._shelf.write(lambda rows: rows.handed_out(target, wanted))

    def acknowledge(self, target: str, numbers: Iterable[int]) -> Deferred[int]:
        """As `IOfflineStore.acknowledge`."""
        wanted = set(numbers)
        return self._shelf.write(lambda rows: rows.acknowledge(target, wanted))

    def usage(self, target: str) -> Deferred[tuple[int, int]]:
        """As `IOfflineStore.usage`."""
        return self._shelf.read(lambda rows: rows.usage(target))

    def totals(self) -> Deferred[tuple[int, int]]:
        """As `IOfflineStore.totals`."""
        return self._shelf.read(lambda rows: rows.totals())

    def mailboxes(self, after: str | None, limit: int) -> Deferred[list[Mailbox]]:
        """As `IOfflineStore.mailboxes`."""
        return self._shelf.read(lambda rows: rows.mailboxes(after, bounded(limit)))

    def purge(self, target: str | None, older_than: float | None) -> Deferred[int]:
        """As `IOfflineStore.purge`."""
        return Deferred.fromCoroutine(self._delete(lambda rows: rows.purge(target, older_than)))

    def expire(self, now: float) -> Deferred[int]:
        """As `IOfflineStore.expire`."""
        return Deferred.fromCoroutine(self._delete(lambda rows: rows.expire(now)))

    async def _delete(self, some: Callable[[OfflineRows], int]) -> int:
        """Delete one portion after another; keeps come in between."""
        deleted = 0
        while portion := await self._shelf.write(some):
            deleted += portion
        return deleted

    def _write_next(self) -> None:
        """Begin the next transaction, if somebody waits for one."""
        while self._queue and not self._is_writing:
            batch = self._take_batch()
            self._is_writing = True
            self._write([keep for keep, _ in batch]).addBoth(self._written, batch)

    def _write(self, keeps: list[Keep]) -> Deferred[list[int | StoreRefusal]]:
        return self._shelf.write(lambda rows: rows.keep_all(keeps))

    def _take_batch(self) -> list[Waiting]:
        size = count = 0
        for (message, _), _ in self._queue[:LARGEST_BATCH]:
            size += size_of(message.content)
            if count and size > LARGEST_BATCH_BYTES:
                break
            count += 1
        batch, self._queue = self._queue[:count], self._queue[count:]
        return batch

    def _written(self, outcome: list[int | StoreRefusal] | Failure, batch: list[Waiting]) -> None:
        self._is_writing = False
        self._open_keeps -= len(batch)
        self._open_bytes -= sum(size_of(message.content) for (message, _), _ in batch)
        # First the next transaction: those who now hear may keep more, which goes with the one after it.
        self._write_next()
        results = [outcome.value] * len(batch) if isinstance(outcome, Failure) else outcome
        for (_, answer), result in zip(batch, results, strict=True):
            if answer.called:
                continue  # given up by whoever asked; the message is kept all the same
            if isinstance(result, int):
                answer.callback(result)
            else:
                answer.errback(Failure(result))
        if not self._is_writing:
            settling, self._settling = self._settling, []
            for waiting in settling:
                waiting.callback(None)
