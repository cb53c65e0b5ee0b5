"""The threads in which a database's work runs, and its rows behind the `Shelf` that every store's face expects.

One thread writes, the others read: writers would only wait for each other within the database, and readers wait for
nobody. Knows no tables.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, fail

from esframework.errors import StoreBusy, StoreClosed
from esframework.stores.sql.database import Database, Part
from esframework.stores.sqlite import CONNECTIONS
from esframework.stores.threads import BoundedPool

R = TypeVar("R")
T = TypeVar("T")

READS: Final = 4096
"""Questions that run or wait: one takes a tenth of a millisecond."""

WRITES: Final = 2048
"""Changes that run or wait: one takes a few milliseconds, most of which the disk needs."""


class DatabaseThreads:
    """A `database` and the pools for it; nothing runs before `open`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.is_open = False
        self._readers = BoundedPool("the database", CONNECTIONS - 1, READS)
        self._writer = BoundedPool("the database's writer", 1, WRITES)
        self._last_busy: tuple[float, str] | None = None

    def open(self, prepare: Callable[[Database], None]) -> Deferred[None]:
        """Call `prepare` in a thread; when it returns, the database is open."""

        def opened(_: None) -> None:
            self.is_open = True

        return self._writer.run(prepare, self.database).addCallback(opened)

    def close(self) -> Deferred[None]:
        """Let what was begun end, close the connections, end the threads; then fire."""
        self.is_open = False
        return Deferred.fromCoroutine(self._close())

    def read(self, work: Callable[[], T]) -> Deferred[T]:
        """Run `work` in a reader's thread."""
        return self._run(self._readers, work)

    def write(self, work: Callable[[], T]) -> Deferred[T]:
        """Run `work` in the writer's thread, behind all writes that were asked for before.

        Fails with `StoreBusy` at once when it has waited while another write found the database locked for too long:
        otherwise everybody would wait for everybody's time-out, and closing for all of them.
        """
        return self._run(self._writer, partial(self._attempt, time.monotonic(), work))

    def _attempt(self, asked_at: float, work: Callable[[], T]) -> T:
        if self._last_busy is not None and asked_at <= self._last_busy[0]:
            raise StoreBusy(self._last_busy[1])
        try:
            return work()
        except StoreBusy as error:
            self._last_busy = time.monotonic(), str(error)
            raise

    async def _close(self) -> None:
        await self._readers.close()
        await self._writer.close(last=self.database.close)

    def _run(self, pool: BoundedPool, work: Callable[[], T]) -> Deferred[T]:
        if not self.is_open:
            return fail(StoreClosed(f"{self.database.name}: the stores are not open"))
        return pool.run(work)


class SqlShelf(Generic[R]):
    """A `Shelf`: each work is one transaction, for which `rows` makes the rows; writes change `parts`."""

    def __init__(self, threads: DatabaseThreads, rows: Callable[[Connection], R], *parts: Part) -> None:
        self._threads = threads
        self._rows = rows
        self._parts = parts

    def read(self, work: Callable[[R], T]) -> Deferred[T]:
        """As `Shelf.read`."""

        def transaction() -> T:
            with self._threads.database.reading() as connection:
                return work(self._rows(connection))

        return self._threads.read(transaction)

    def write(self, work: Callable[[R], T]) -> Deferred[T]:
        """As `Shelf.write`."""

        def transaction() -> T:
            with self._threads.database.writing(*self._parts) as connection:
                return work(self._rows(connection))

        return self._threads.write(transaction)
